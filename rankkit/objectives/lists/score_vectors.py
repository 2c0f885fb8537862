"""Listwise objectives that compare whole score vectors: attention rank and RankCosine."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.lists.listwise import check_grades
from rankkit.objectives.lists.temperature import tempered_lists
from rankkit.objectives.reductions import reduce_weighted, sum_over_docs
from rankkit.ranking import Reduction, has_two_grades, list_sizes, masked_log_softmax, prepare_lists, split_weights


def attention_rank_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Attention rank: a binary cross entropy for each document between its share of attention and what it deserves.

    .. math::
        -\sum_i a_i \log q_i + (1 - a_i) \log(1 - q_i), \quad a_i = \frac{\psi(y_i)}{\sum_j \psi(y_j)},
        \quad q_i = \frac{e^{s_i / T}}{\sum_j e^{s_j / T}}

    Here :math:`\psi(y) = e^y` for a label above 0 and 0 otherwise.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0, on the scale of ``scores / temperature``; 0 deserves no
            attention.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        weights: ``[query]`` or ``[query, list]``, importance of terms; targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> attention_rank_loss(scores, labels, torch.tensor([[True, True, False]]))  # half too little, half too much
        tensor(1.3863)

    References:
        Ai, Bi, Guo, Croft, "Learning a Deep Listwise Context Model for Ranking Refinement", SIGIR 2018, section 4.3.
    """
    scores, labels, mask = tempered_lists("attention_rank_loss", scores, labels, mask, temperature)
    check_grades("attention_rank_loss", labels)
    deserving = labels > 0
    targets = masked_log_softmax(labels, deserving).exp() * deserving
    terms = -targets * masked_log_softmax(scores, mask) - (1 - targets) * _log_of_the_others(scores, mask)
    return sum_over_docs("attention_rank_loss", terms, has_two_grades(labels, mask), mask, weights, reduction)


def rank_cosine_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""RankCosine: half of one minus the cosine between the scores and the labels of a list.

    .. math:: \frac{1}{2} \left(1 - \frac{\sum_i y_i s_i}{\sqrt{\sum_i y_i^2} \sqrt{\sum_i s_i^2}}\right)

    Unchanged by scores times a positive number, not by scores plus a constant: a score of 0 is neutral. The labels
    stand for the paper's ground truth vector. Where all scores of a list are 0 the cosine counts as 0, with the slope
    of the inner product, so that training can leave that point.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades, or any number.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        weights: ``[query]`` or ``[query, list]``, at least 0; those of documents multiply their products in all three
            sums.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        From 0 (scores proportional to labels) to 1; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 4.0, 9.0]]), torch.tensor([[4.0, 3.0, 1.0]])
        >>> rank_cosine_loss(scores, labels, torch.tensor([[True, True, False]]))  # (1 - 24 / 25) / 2
        tensor(0.0200)

    References:
        Qin et al., "Query-level loss functions for information retrieval", Information Processing and Management 44,
        2008, equation 5.
    """
    scores, labels, mask = prepare_lists("rank_cosine_loss", scores, labels, mask)
    query_weights, doc_weights = split_weights("rank_cosine_loss", weights, scores, mask)
    root = mask.to(scores.dtype) if doc_weights is None else doc_weights.sqrt()
    per_list = (1 - (_unit(scores * root) * _unit(labels * root)).sum(dim=1)) / 2
    return reduce_weighted(per_list, query_weights, has_two_grades(labels, mask), reduction)


def _unit(vectors: Tensor) -> Tensor:
    """Each row divided by its length; a row of zeros stays, as if of length 1."""
    lengths = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    unit: Tensor = vectors / lengths.where(lengths > 0, 1)
    return unit


def _log_of_the_others(scores: Tensor, mask: Tensor) -> Tensor:
    """``log(1 - q)`` under the softmax q of each list, exact where q rounds to 1; 0 in padded places.

    It is 0 for a lone document too, which has no others.

    All but the best document have q of at most 1/2, where log1p(-q) is exact; the best one's is the share of the rest.
    """
    if scores.shape[1] == 0:
        return scores
    logits = scores.masked_fill(~mask, torch.finfo(scores.dtype).min)
    best = torch.zeros_like(mask).scatter(1, logits.argmax(dim=1, keepdim=True), True)
    log_q = masked_log_softmax(scores, mask)
    rest = logits.masked_fill(best, torch.finfo(scores.dtype).min).logsumexp(dim=1, keepdim=True)
    others = torch.log1p(-log_q.masked_fill(best | ~mask, -torch.inf).exp())
    has_others = list_sizes(mask)[:, None] > 1
    return torch.where(best & mask, torch.where(has_others, rest - logits.logsumexp(dim=1, keepdim=True), 0), others)
