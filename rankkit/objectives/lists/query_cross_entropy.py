"""query_cross_entropy_loss: cross entropy of log odds that are known but for one number a list."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from rankkit.errors import ConfigError
from rankkit.objectives.curvature import recorded
from rankkit.objectives.documents.targets import chances_wanted
from rankkit.objectives.marks import marked
from rankkit.objectives.reductions import reduce_weighted
from rankkit.ranking import Reduction, list_sizes, prepare_lists, split_weights

_N_STEPS = 60  # as many halvings leave nothing of any interval of float64 scores; a few of Newton's are enough


@marked(learns_from="documents", curvature="core")
def query_cross_entropy_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    alpha: float = 0.95,
    relevant_from: float = 1.0,
    max_label: float | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""QueryCrossEntropy: binary cross entropy, in part of scores that are shifted as suits each list best.

    .. math::
        (1 - \alpha) \ell(s) + \alpha \min_c \ell(s + c),
        \quad \ell(s) = \frac{1}{n} \sum_i \log(1 + e^{s_i}) - t_i s_i

    with t as in :func:`bce_loss`. Some queries have more relevant documents than others, for reasons that no feature of
    a document tells: the shift c takes that up, and only differences within the list are learnt. At the best c the
    chances of a list sum to its targets; a list without relevant documents, or without others, has none, and its second
    term is 0, which it comes near to. CatBoost means over all documents, this over those of a list, then over lists.

    Args:
        scores: ``[query, list]``, log odds, one a document.
        labels: ``[query, list]``, grades; from 0 to ``max_label`` where that is given.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        alpha: Share of the shifted part, from 0 (that is :func:`bce_loss`) to 1.
        relevant_from: The least label that is relevant, where ``max_label`` is None.
        max_label: The top of the label scale, above 0: the target is then ``y / max_label``.
        weights: ``[query]`` or ``[query, list]``, importance; multiplies the term of its list or document, before the
            best shift is looked for.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[5.0, 5.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> mask = torch.tensor([[True, True, False]])
        >>> query_cross_entropy_loss(scores, labels, mask, alpha=1.0)  # shifted to log odds of 0: log 2
        tensor(0.6931)

    References:
        CatBoost's documentation, "QueryCrossEntropy".
    """
    where = "query_cross_entropy_loss"
    if not 0 <= alpha <= 1:
        raise ConfigError(f"{where}: expected alpha from 0 to 1; got {alpha!r}. Pass a share.")
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    targets = chances_wanted(where, labels, mask, relevant_from, max_label)
    each = mask.to(scores.dtype) if doc_weights is None else doc_weights
    shifts, settled = _best_shifts(scores, targets, each)
    shifted = torch.where(settled, scores + shifts, 0)
    terms = [
        functional.binary_cross_entropy_with_logits(logits, targets, reduction="none") for logits in (scores, shifted)
    ]
    sums = (each * ((1 - alpha) * terms[0] + torch.where(settled, alpha * terms[1], 0))).sum(dim=1)
    bends = (1 - alpha) * _bends(scores.detach(), each)
    of_shifted = _bends(shifted.detach(), each)
    total = of_shifted.sum(dim=1, keepdim=True).clamp(min=torch.finfo(scores.dtype).tiny)
    bends = bends + torch.where(settled, alpha * of_shifted * (1 - of_shifted / total), 0)
    sums = recorded(scores, sums, lambda grads: bends * grads[:, None])
    n_docs = list_sizes(mask)
    return reduce_weighted(sums / n_docs.clamp(min=1), query_weights, n_docs > 0, reduction)


def _bends(scores: Tensor, weights: Tensor) -> Tensor:
    chances = scores.sigmoid()
    return weights * chances * (1 - chances)


def _best_shifts(scores: Tensor, targets: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """What is added to the scores of each list ``[query, 1]``, with its slope in them, and whether there is a best."""
    graph, scores = scores, scores.detach()
    counted = weights > 0
    total = weights.sum(dim=1, keepdim=True)
    wanted = (weights * targets).sum(dim=1, keepdim=True)
    settled = (wanted > 0) & (wanted < total)
    if not scores.shape[1]:
        return wanted, settled
    level = torch.logit(torch.where(settled, wanted / total.where(settled, 1), 0.5))
    high = level - scores.where(counted, torch.inf).amin(dim=1, keepdim=True)
    low = level - scores.where(counted, -torch.inf).amax(dim=1, keepdim=True)
    high, low = high.where(settled, 0), low.where(settled, 0)
    shifts = (low + high) / 2
    for _ in range(_N_STEPS):
        excess = (weights * (scores + shifts).sigmoid()).sum(dim=1, keepdim=True) - wanted
        slope = _bends(scores + shifts, weights).sum(dim=1, keepdim=True)
        high, low = torch.where(excess > 0, shifts, high), torch.where(excess > 0, low, shifts)
        step = shifts - excess / slope.clamp(min=torch.finfo(scores.dtype).tiny)
        shifts = torch.where((step > low) & (step < high), step, (low + high) / 2)
    # One more step, of which only the slope is taken: the loss has none in the best shift, but its slopes have one.
    bends = _bends(scores + shifts, weights).sum(dim=1, keepdim=True).clamp(min=torch.finfo(scores.dtype).tiny)
    excess = (weights * (graph + shifts).sigmoid()).sum(dim=1, keepdim=True)
    return shifts - (excess - excess.detach()) / bends, settled
