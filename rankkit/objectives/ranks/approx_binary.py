"""Metrics of relevant and other documents with soft ranks: ApproxMRR, ApproxAP, approximate precision."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.options import check_number
from rankkit.objectives.ranks.metric_terms import check_cutoff
from rankkit.objectives.ranks.soft_ranks import approx_ranks
from rankkit.objectives.reductions import sum_over_docs
from rankkit.ranking import Reduction, list_sizes, prepare_lists


def approx_mrr_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 0.1,
    relevant_from: float = 1.0,
    first_only: bool = False,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""ApproxMRR: minus the mean reciprocal soft rank of the relevant documents.

    .. math::
        -\frac{1}{|R|} \sum_{i \in R} \frac{1}{r_i}, \quad R = \{i : y_i \ge \tau\},
        \quad r_i = 1 + \sum_{j \ne i} \frac{1}{1 + e^{-(s_j - s_i) / T}}

    With several relevant documents the mean is at most the reciprocal rank of the first; ``first_only=True`` takes that
    one, ``max 1 / r_i``: the metric itself, which teaches nothing about the others. Equal scores share the mean of
    their ranks, tied first ones the gradient. Scores many temperatures apart saturate: their gradient vanishes.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        temperature: The score difference T that makes a step of a rank, above 0.
        relevant_from: The least label τ that is relevant.
        first_only: True counts only the relevant document that is ranked best.
        weights: ``[query]`` or ``[query, list]``, importance of terms; ranks and counts are taken without them.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: ``[query]``.

    Returns:
        From -1 to 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> approx_mrr_loss(scores, labels, torch.tensor([[True, True, False]]))  # tied at rank 1.5
        tensor(-0.6667)

    References:
        Qin, Liu, Li, "A General Approximation Framework for Direct Optimization of Information Retrieval Measures",
        Information Retrieval 13, 2010 (ranks); TF-Ranking's ``ApproxMRRLoss`` for binary labels (KDD 2019).
    """
    where = "approx_mrr_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_number(where, "temperature", temperature, above=0.0)
    relevant, informative = _relevant(labels, mask, relevant_from)
    terms = relevant / approx_ranks(scores, mask, temperature=temperature)
    counted = relevant
    if first_only and terms.shape[1]:
        counted = relevant & (terms == terms.amax(dim=1, keepdim=True))
    terms = terms * counted / list_sizes(counted).clamp(min=1)[:, None]
    return sum_over_docs(where, -terms, informative, mask, weights, reduction)


def approx_map_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 0.1,
    rank_temperature: float = 1.0,
    relevant_from: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""ApproxAP: minus average precision, with soft ranks and a soft count of the relevant documents ahead.

    .. math::
        -\frac{1}{|R|} \sum_{i \in R} \frac{h_i}{r_i},
        \quad h_i = 1 + \sum_{j \in R, j \ne i} \frac{1}{1 + e^{-(r_i - r_j) / T_r}},
        \quad r_i = 1 + \sum_{j \ne i} \frac{1}{1 + e^{-(s_j - s_i) / T}}

    R holds the documents with :math:`y_i \ge \tau`; the count h is itself a soft rank, among them by their soft ranks.
    Equal scores share the mean of their ranks. Scores many temperatures apart saturate: their gradient vanishes.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        temperature: The score difference T that makes a step of a rank, above 0.
        rank_temperature: The rank difference T_r that makes a step of the count, above 0; 0.1 counts nearly exactly.
        relevant_from: The least label τ that is relevant.
        weights: ``[query]`` or ``[query, list]``, importance of terms; ranks and counts are taken without them.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: ``[query]``.

    Returns:
        From about -1 to 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> approx_map_loss(scores, labels, torch.tensor([[True, True, False]]))  # precision at rank 1.5: 1 / 1.5
        tensor(-0.6667)

    References:
        Qin, Liu, Li, "A General Approximation Framework for Direct Optimization of Information Retrieval Measures",
        Information Retrieval 13, 2010 (ApproxAP; alpha and beta are 1 / T and 1 / T_r).
    """
    where = "approx_map_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_number(where, "temperature", temperature, above=0.0)
    check_number(where, "rank_temperature", rank_temperature, above=0.0)
    relevant, informative = _relevant(labels, mask, relevant_from)
    ranks = approx_ranks(scores, mask, temperature=temperature)
    hits = approx_ranks(-ranks, relevant, temperature=rank_temperature)
    terms = relevant * hits / ranks / list_sizes(relevant).clamp(min=1)[:, None]
    return sum_over_docs(where, -terms, informative, mask, weights, reduction)


def approx_precision_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int = 10,
    temperature: float = 0.1,
    rank_temperature: float = 1.0,
    relevant_from: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Approximate precision at k: minus the soft count of relevant documents whose soft rank is within k.

    .. math::
        -\frac{1}{k} \sum_{i \in R} \frac{1}{1 + e^{-(k + 1/2 - r_i) / T_r}}, \quad R = \{i : y_i \ge \tau\},
        \quad r_i = 1 + \sum_{j \ne i} \frac{1}{1 + e^{-(s_j - s_i) / T}}

    The soft cut stands halfway between ranks k and k + 1; k may exceed the list and still divides. Equal scores share
    the mean of their ranks. Scores many temperatures apart, and ranks many rank temperatures from k, saturate.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: The cut, at least 1.
        temperature: The score difference T that makes a step of a rank, above 0.
        rank_temperature: How many ranks T_r the cut is soft over, above 0.
        relevant_from: The least label τ that is relevant.
        weights: ``[query]`` or ``[query, list]``, importance of terms; ranks are computed without them.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: ``[query]``.

    Returns:
        From -1 to 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> approx_precision_loss(scores, labels, torch.tensor([[True, True, False]]), k=1)  # rank 1.5 is on the cut
        tensor(-0.5000)

    References:
        Qin, Liu, Li, "A General Approximation Framework for Direct Optimization of Information Retrieval Measures",
        Information Retrieval 13, 2010 (position and truncation functions).
    """
    where = "approx_precision_loss"
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    check_cutoff(where, k)
    check_number(where, "temperature", temperature, above=0.0)
    check_number(where, "rank_temperature", rank_temperature, above=0.0)
    relevant, informative = _relevant(labels, mask, relevant_from)
    ranks = approx_ranks(scores, mask, temperature=temperature)
    terms = relevant * torch.sigmoid((k + 0.5 - ranks) / rank_temperature) / k
    return sum_over_docs(where, -terms, informative, mask, weights, reduction)


def _relevant(labels: Tensor, mask: Tensor, relevant_from: float) -> tuple[Tensor, Tensor]:
    """Relevant documents ``[query, list]``, and which lists have both relevant and other ones ``[query]``."""
    relevant = (labels >= relevant_from) & mask
    return relevant, relevant.any(dim=1) & (mask & ~relevant).any(dim=1)
