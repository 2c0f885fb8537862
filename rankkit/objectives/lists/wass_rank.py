"""WassRank: how far the softmax of the scores is to be carried to become the softmax of the labels.

Costs, targets and defaults are those of the code of its authors (wildltr/ptranking, cost type ``eg``, mode
``EOTLossSta``), but for the unit of ε, and for iterations that end early there.
"""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.options import check_labels, check_number
from rankkit.objectives.reductions import sum_over_docs
from rankkit.ranking import Reduction, has_two_grades, masked_log_softmax, prepare_lists

_LARGEST_LIST = 500


def wass_rank_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    gap: float = 100.0,
    same_grade: float = math.e,
    gain_base: float = 4.0,
    epsilon: float = 0.1,
    n_iterations: int = 20,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""WassRank: the cost of carrying mass between documents until the softmax of the scores is that of the labels.

    .. math::
        \sum_{ij} P_{ij} C_{ij}, \quad
        C_{ij} = \begin{cases} 0 & i = j \\ v & y_i = y_j \\
        |b^{y_i} - b^{y_j}| + \gamma [y_i = 0 \text{ or } y_j = 0] & \text{else} \end{cases}

    with P of the least :math:`\langle P, C \rangle + \epsilon \max C \langle P, \log P \rangle` whose rows sum to the
    softmax of s, and columns to that of y. Sinkhorn's iterations, a stated number, find it and are differentiated; they
    end with the columns. Time and memory are those times the square of the list: at most 500 documents. The authors
    take ε in units of the cost, where a γ of 100 keeps 20 iterations from carrying anything that far.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0; their differences are log odds.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        gap: The cost γ of being taken for relevant, or not, at least 0.
        same_grade: The cost v between documents of equal label, at least 0: it evens out their scores.
        gain_base: What b to the power of a label is a label's worth, above 1.
        epsilon: How much the plan P is spread, as a share of the greatest cost of the list, above 0.
        n_iterations: Of Sinkhorn, at least 1; a smaller ε needs more.
        weights: ``[query]`` or ``[query, list]``, importance of what a document sends away; P is made without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[9.0, -9.0, 9.0]]), torch.tensor([[0.0, 1.0, 2.0]])
        >>> wass_rank_loss(scores, labels, torch.tensor([[True, True, False]]))  # softmax(y) of .73 goes the gap and 3
        tensor(75.2990)

    References:
        Yu et al., "WassRank: Listwise Document Ranking Using Optimal Transport Theory", WSDM 2019.
    """
    where = "wass_rank_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    for name, value, bounds in (
        ("gap", gap, {"least": 0.0}),
        ("same_grade", same_grade, {"least": 0.0}),
        ("gain_base", gain_base, {"above": 1.0}),
        ("epsilon", epsilon, {"above": 0.0}),
    ):
        check_number(where, name, value, **bounds)
    if n_iterations < 1:
        raise ConfigError(f"{where}: expected n_iterations of at least 1; got {n_iterations!r}. Iterate at least once.")
    if scores.shape[1] > _LARGEST_LIST:
        raise ConfigError(
            f"{where}: expected lists of at most {_LARGEST_LIST} documents, as memory grows with their square; "
            f"got {scores.shape[1]:,}. Use softmax_loss."
        )
    worth = gain_base**labels
    good = (labels >= 0) & worth.isfinite()
    check_labels(where, labels, good, "labels of at least 0 whose gain is a number", "Shift the labels.")
    if not scores.shape[1]:
        return sum_over_docs(where, scores, mask.any(dim=1), mask, weights, reduction)
    costs = _costs(labels, worth, gap, same_grade)
    sent = _plan(masked_log_softmax(scores, mask), masked_log_softmax(labels, mask), costs, mask, epsilon, n_iterations)
    terms = (sent * costs).sum(dim=2)
    return sum_over_docs(where, terms, has_two_grades(labels, mask), mask, weights, reduction)


def _costs(
    labels: Float[Tensor, "query list"], worth: Float[Tensor, "query list"], gap: float, same_grade: float
) -> Float[Tensor, "query list list"]:
    """What it costs to carry one unit of mass from a document to another."""
    differing = (worth[:, :, None] - worth[:, None, :]).abs()
    differing = differing + gap * ((labels == 0)[:, :, None] | (labels == 0)[:, None, :])
    costs = torch.where(labels[:, :, None] == labels[:, None, :], same_grade, differing)
    itself = torch.eye(labels.shape[1], dtype=torch.bool, device=labels.device)
    return costs.masked_fill(itself, 0)


def _plan(
    log_from: Float[Tensor, "query list"],
    log_to: Float[Tensor, "query list"],
    costs: Float[Tensor, "query list list"],
    mask: Bool[Tensor, "query list"],
    epsilon: float,
    n_iterations: int,
) -> Float[Tensor, "query list list"]:
    """How much mass each document sends to each: Sinkhorn's iterations, in logarithms; 0 in padded places."""
    real = mask[:, :, None] & mask[:, None, :]
    greatest = torch.where(real, costs, 0).flatten(1).amax(dim=1)[:, None, None]
    kernel = -costs / (epsilon * greatest.where(greatest > 0, 1))
    lowest = torch.finfo(kernel.dtype).min

    def summed(logits: Tensor, dim: int) -> Tensor:
        return torch.where(mask, logits.masked_fill(~real, lowest).logsumexp(dim=dim), 0)

    to = torch.zeros_like(log_to)
    for _ in range(n_iterations):
        out = log_from - summed(kernel + to[:, None, :], 2)
        to = log_to - summed(kernel + out[:, :, None], 1)
    return torch.where(real, kernel + out[:, :, None] + to[:, None, :], lowest).exp()
