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
        -\frac{1}{|R|} \sum_{i \in R} \frac{1}{r_i}, \qquad R = \{i : y_i \ge \tau\},
        \quad r_i = 1 + \sum_{j \ne i} \frac{1}{1 + e^{-(s_j - s_i) / T}}

    With one relevant document a list this is its reciprocal rank. With several, the mean over all of them is at most
    the reciprocal rank of the first; ``first_only=True`` takes that one, ``max 1 / r_i``, which is the metric itself
    but teaches nothing about the others.

    *Ties*: documents with equal scores share the mean of their ranks; first documents that are tied share the gradient.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list without one, or with nothing else, costs 0 and stays out of the mean.

    Memory is linear in the list. The loss can be differentiated once. A score that is not finite makes the loss and
    the gradients of its list NaN. Scores many temperatures apart saturate: their gradient vanishes.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades.
        mask: True where a document is real; None: everywhere.
        temperature: The score difference T that makes a step of a rank, above 0.
        relevant_from: The least label τ that is relevant.
        first_only: True counts only the relevant document that is ranked best.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. Ranks and the number of relevant documents are counted without them.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: one value a list.

    Returns:
        From -1 to 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        The relevant document is tied with another, rank 1.5; the third is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> approx_mrr_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(-0.6667)

    References:
        Qin, Liu, Li, "A General Approximation Framework for Direct Optimization of Information Retrieval Measures",
        Information Retrieval 13, 2010 (the position function); the loss is TF-Ranking's ``ApproxMRRLoss``
        for binary labels (Pasumarthi et al., KDD 2019).
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
        \qquad h_i = 1 + \sum_{j \in R, j \ne i} \frac{1}{1 + e^{-(r_i - r_j) / T_r}},
        \quad r_i = 1 + \sum_{j \ne i} \frac{1}{1 + e^{-(s_j - s_i) / T}}

    R holds the documents with :math:`y_i \ge \tau`. The count h is itself a soft rank, among the relevant documents by
    their soft ranks, so both sums are streamed and memory is linear in the list.

    *Ties*: documents with equal scores share the mean of their ranks.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list without one, or with nothing else, costs 0 and stays out of the mean.

    The loss can be differentiated once. A score that is not finite makes the loss and the gradients of its list NaN.
    Scores many temperatures apart saturate: their gradient vanishes.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades.
        mask: True where a document is real; None: everywhere.
        temperature: The score difference T that makes a step of a rank, above 0.
        rank_temperature: The rank difference T_r that makes a step of the count, above 0. True ranks are 1 apart, so
            0.1 counts nearly exactly.
        relevant_from: The least label τ that is relevant.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. Ranks and counts are computed without them.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: one value a list.

    Returns:
        From about -1 to 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        The relevant document is tied with another, so precision at its rank is 1 / 1.5; the third is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> approx_map_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(-0.6667)

    References:
        Qin, Liu, Li, "A General Approximation Framework for Direct Optimization of Information Retrieval Measures",
        Information Retrieval 13, 2010 (ApproxAP; its constants alpha and beta are 1 / T and 1 / T_r).
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
        -\frac{1}{k} \sum_{i \in R} \frac{1}{1 + e^{-(k + 1/2 - r_i) / T_r}},
        \qquad R = \{i : y_i \ge \tau\}, \quad r_i = 1 + \sum_{j \ne i} \frac{1}{1 + e^{-(s_j - s_i) / T}}

    The soft cut stands halfway between ranks k and k + 1. As in the metric, k may exceed the list and still divides.

    *Ties*: documents with equal scores share the mean of their ranks.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list without one, or with nothing else, costs 0 and stays out of the mean.

    Memory is linear in the list. The loss can be differentiated once. A score that is not finite makes the loss and
    the gradients of its list NaN. Scores many temperatures apart, and ranks many rank temperatures from k, saturate:
    their gradient vanishes.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades.
        mask: True where a document is real; None: everywhere.
        k: The cut, at least 1.
        temperature: The score difference T that makes a step of a rank, above 0.
        rank_temperature: How many ranks T_r the cut is soft over, above 0.
        relevant_from: The least label τ that is relevant.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. Ranks are computed without them.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: one value a list.

    Returns:
        From -1 to 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        Rank 1.5 stands on the cut at k = 1, so the relevant document counts half; the third is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> approx_precision_loss(scores, labels, torch.tensor([[True, True, False]]), k=1)
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
