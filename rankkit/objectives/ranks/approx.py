"""NDCG of ranks that can be differentiated: soft ones (ApproxNDCG), or upper bounds."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.options import check_number
from rankkit.objectives.ranks.metric_terms import ndcg_shares
from rankkit.objectives.ranks.soft_ranks import approx_ranks
from rankkit.objectives.reductions import sum_over_docs
from rankkit.ranking import Gain, Reduction, discounts, has_two_grades, prepare_lists


def approx_ndcg_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 0.1,
    gain: Gain = "exp",
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""ApproxNDCG: minus NDCG, with soft ranks in place of ranks.

    .. math::
        -\frac{1}{Z} \sum_i \frac{2^{y_i} - 1}{\log_2(1 + r_i)},
        \quad r_i = 1 + \sum_{j \ne i} \frac{1}{1 + e^{-(s_j - s_i) / T}}

    with Z the DCG of the best order. Documents with equal scores share the mean of their ranks. Scores many
    temperatures apart saturate: the loss is then the true metric and its gradient vanishes, so start from scores within
    a few temperatures (a fresh network) or raise the temperature.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        temperature: The score difference T that makes a step of a rank, above 0: 0.1 as in TF-Ranking.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        weights: ``[query]`` or ``[query, list]``, importance of terms; Z and the ranks are computed without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        From -1 to 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> approx_ndcg_loss(scores, labels, torch.tensor([[True, True, False]]))  # tied at rank 1.5: 1 / log2(2.5)
        tensor(-0.7565)

    References:
        Qin, Liu, Li, "A General Approximation Framework for Direct Optimization of Information Retrieval Measures",
        Information Retrieval 13, 2010 (alpha is 1 / T); Bruch et al., "Revisiting Approximate Metric Optimization in
        the Age of Deep Neural Networks", SIGIR 2019.
    """
    where = "approx_ndcg_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_number(where, "temperature", temperature, above=0.0)
    shares = ndcg_shares(where, labels, mask, gain)
    terms = shares * discounts(approx_ranks(scores, mask, temperature=temperature))
    return sum_over_docs(where, -terms, has_two_grades(labels, mask), mask, weights, reduction)


def bound_ndcg_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    margin: float = 1.0,
    gain: Gain = "exp",
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Hinge bound on NDCG: minus NDCG, with upper bounds of the ranks in place of ranks.

    .. math::
        -\frac{1}{Z} \sum_i \frac{2^{y_i} - 1}{\log_2(1 + r_i)},
        \quad r_i = 1 + \sum_{j \ne i} \max\left(0, 1 - \frac{s_i - s_j}{m}\right)

    with Z the DCG of the best order. Never below minus the NDCG of the list; unlike the sigmoid of ApproxNDCG the hinge
    keeps its slope for documents far from where they belong. Documents with equal scores count as ahead of each other.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        margin: The score difference m by which documents shall lead, above 0.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        weights: ``[query]`` or ``[query, list]``, importance of terms; Z and the ranks are computed without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        From -1 to 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> bound_ndcg_loss(scores, labels, torch.tensor([[True, True, False]]))  # tied, rank at most 2: 1 / log2(3)
        tensor(-0.6309)

    References:
        Jagerman et al., "Rax: Composable Learning-to-Rank using JAX", KDD 2022 (the bound transformation of metrics).
    """
    where = "bound_ndcg_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_number(where, "margin", margin, above=0.0)
    shares = ndcg_shares(where, labels, mask, gain)
    terms = shares * discounts(bound_ranks(scores, mask, margin=margin))
    return sum_over_docs(where, -terms, has_two_grades(labels, mask), mask, weights, reduction)


def bound_ranks(
    scores: Float[Tensor, "query list"], mask: Bool[Tensor, "query list"] | None = None, *, margin: float = 1.0
) -> Float[Tensor, "query list"]:
    r"""Upper bounds of ranks: one plus the hinge of every other document.

    .. math:: r_i \le 1 + \sum_{j \ne i} \max\left(0, 1 - \frac{s_i - s_j}{m}\right)

    Time is that of a sort and memory linear: the hinge of document i sums a run of the sorted scores. Tied documents
    count as ahead, so the bound is at least the pessimistic rank.

    Args:
        scores: ``[query, list]``, one a document.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        margin: The score difference m, above 0, from which on a document behind no longer counts.

    Returns:
        Numbers of at least the rank, ``[query, list]``; 1 in padded places.

    Example:
        >>> bound_ranks(torch.tensor([[2.0, 0.5, 9.0]]), torch.tensor([[True, True, False]]))  # 1 + (1 + 1.5)
        tensor([[1.0000, 3.5000, 1.0000]])

    References:
        Jagerman et al., "Rax: Composable Learning-to-Rank using JAX", KDD 2022 (the bound transformation of metrics).
    """
    check_number("bound_ranks", "margin", margin, above=0.0)
    scores, _, mask = prepare_lists("bound_ranks", scores, scores, mask)
    # The sums of a run of scores cancel, so they are taken in float64 and from the best score: its rank is exact.
    placed = scores.double() / margin
    if placed.shape[1]:
        placed = placed - torch.where(mask, placed.detach(), -torch.inf).amax(dim=1, keepdim=True).nan_to_num(neginf=0)
    behind = torch.where(mask, -placed, torch.inf).detach()
    falling, order = behind.sort(dim=1)
    sums = torch.where(mask.gather(1, order), placed.gather(1, order), 0).cumsum(dim=1)
    sums = torch.cat([sums.new_zeros(sums.shape[0], 1), sums], dim=1)
    n_near = torch.searchsorted(falling, 1 - placed.detach())  # documents with a score above s_i - margin, i included
    ranks = n_near * (1 - placed) + sums.gather(1, n_near)
    # A quarter of what the type holds, for what is computed with ranks.
    return torch.where(mask, ranks.clamp(max=torch.finfo(scores.dtype).max / 4), 1).to(scores.dtype)
