"""Squared errors of score differences: against differences of labels, or of a teacher's scores."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.curvature import recorded
from rankkit.objectives.documents.limits import limited
from rankkit.objectives.marks import marked
from rankkit.objectives.pairs.factors import PairWeight
from rankkit.objectives.pairs.losses import Square
from rankkit.objectives.pairs.sums import pair_sums
from rankkit.objectives.reductions import reduce_weighted
from rankkit.ranking import Reduction, has_two_grades, list_sizes, prepare_lists, split_weights


@marked(curvature="core")
def pairwise_mse_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    pair_weight: PairWeight | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Squared error of the score difference of every two documents against their label difference.

    .. math:: \frac{2}{n (n - 1)} \sum_{i < j} \left((s_i - s_j) - (y_i - y_j)\right)^2

    All pairs count, those of equal labels too: they pull scores together. Without a lambda weight time is linear in the
    list, by the variance of ``s - y``. An error beyond 1.8e13 in float32 counts as that much.

    CatBoost's QueryRMSE is this: its square is the loss of a list times (n - 1) / 2, summed over lists and divided by
    all documents.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades, or any numbers whose differences mean something.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        pair_weight: A lambda weight such as :func:`rankkit.objectives.ndcg_delta`, 0 for equal labels, without
            ``normalize_distance``: the list costs the weighted *sum*, differentiable once.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[2.0, 1.0, 9.0]]), torch.tensor([[0.0, 1.0, 5.0]])
        >>> pairwise_mse_loss(scores, labels, torch.tensor([[True, True, False]]))  # (1 - -1)^2
        tensor(4.)

    References:
        Jagerman et al., "Rax: Composable Learning-to-Rank Using JAX", KDD 2022 (``pairwise_mse_loss``, with i < j).
    """
    where = "pairwise_mse_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    errors = limited(scores - labels)
    if pair_weight is not None and scores.numel():
        factors = pair_weight.factors(scores.detach(), labels, mask)
        if factors.by_distance:
            raise ConfigError(
                f"{where}: expected a pair_weight without normalize_distance, whose scale is made for losses that only "
                f"pull one way; got {pair_weight!r}. Leave normalize_distance out."
            )
        per_list, _ = pair_sums(Square(), errors, labels, mask, doc_weights, factors=factors)
        informative = has_two_grades(factors.gains, mask)
    else:
        real = mask.to(scores.dtype) if doc_weights is None else doc_weights
        total = real.sum(dim=1)
        mean = (real * errors).sum(dim=1) / total.clamp(min=torch.finfo(scores.dtype).tiny)
        sums = total * (real * (errors - mean[:, None]).square()).sum(dim=1)
        bends = 2 * real * (total[:, None] - real)  # of the squares of all pairs, each of them once
        sums = recorded(errors, sums, lambda grads: bends * grads[:, None])
        n_docs = list_sizes(mask)
        per_list = sums / (n_docs * (n_docs - 1) / 2).clamp(min=1)
        informative = has_two_grades(labels, mask)
    return reduce_weighted(per_list, query_weights, informative, reduction)


@marked(curvature="core")
def margin_mse_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Margin-MSE: squared error of the student's score margin against the teacher's, over pairs the teacher orders.

    .. math::
        \frac{1}{|P|} \sum_{(i, j) \in P} \left((s_i - s_j) - (y_i - y_j)\right)^2, \quad P = \{(i, j) : y_i > y_j\}

    The paper takes a relevant and another passage; here the document that the teacher prefers takes the part of the
    relevant one, each pair once (to learn from two documents only, mask the rest). Equal teacher scores make no pair
    (:func:`pairwise_mse_loss` counts them). An error beyond 1.8e13 in float32 counts as that much.

    Args:
        scores: ``[query, list]``, the student's, one a document.
        labels: ``[query, list]``, the teacher's scores, any real number.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two different teacher scores, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, teacher = torch.tensor([[2.0, 1.0, 9.0]]), torch.tensor([[4.0, 1.0, 5.0]])
        >>> margin_mse_loss(scores, teacher, torch.tensor([[True, True, False]]))  # margins of 1 and 3
        tensor(4.)

    References:
        Hofstätter et al., "Improving Efficient Neural Ranking Models with Cross-Architecture Knowledge Distillation",
        arXiv:2010.02666, 2020 (Margin-MSE).
    """
    where = "margin_mse_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    sums, n_pairs = pair_sums(Square(), limited(scores - labels), labels, mask, doc_weights)
    per_list = sums / n_pairs.clamp(min=1)
    return reduce_weighted(per_list, query_weights, n_pairs > 0, reduction)
