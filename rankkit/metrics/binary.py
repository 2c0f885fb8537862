"""Metrics of binary relevance: a document is relevant from label 1 on, or from another ``relevant_from``."""

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Real
from numpy.typing import NDArray
from torch import Tensor

from rankkit.metrics.engine import (
    Ideal,
    Ranking,
    ShareOf,
    ShortList,
    Ties,
    check_choice,
    cutoff,
    measured_by,
    on_lists,
    short_lists,
)
from rankkit.metrics.padded import on_padded_lists


def mrr_of(ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1) -> NDArray[np.float64]:
    """:func:`mrr` of a ranking."""
    from rankkit.metrics import kernels

    return ranking.zero_if_missed("mrr", _read("mrr", kernels.mrr_lists, ranking, k, relevant_from), relevant_from)


def average_precision_of(
    ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1, ideal: str = "judged"
) -> NDArray[np.float64]:
    """:func:`average_precision` of a ranking."""
    from rankkit.metrics import precision_kernels

    where = "average_precision"
    check_choice(where, "ideal", ideal, Ideal)
    beside = ranking.relevant_beside(where, relevant_from)
    kernel = precision_kernels.found_precision_lists if ideal == "found" else precision_kernels.average_precision_lists
    values = _read(where, kernel, ranking, k, relevant_from, beside)
    if ideal != "reachable" or k is None:
        return values
    _, in_all = _count_relevant(where, ranking, k, relevant_from)
    return values * np.maximum(in_all, k) / k


def hit_rate_of(ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1) -> NDArray[np.float64]:
    """:func:`hit_rate` of a ranking."""
    from rankkit.metrics import kernels

    values = _read("hit_rate", kernels.hit_rate_lists, ranking, k, relevant_from)
    return ranking.zero_if_missed("hit_rate", values, relevant_from)


def precision_of(
    ranking: Ranking,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    short_list: str = "pad",
    share_of: str = "ranks",
) -> NDArray[np.float64]:
    """:func:`precision` of a ranking."""
    check_choice("precision", "share_of", share_of, ShareOf)
    within, in_all = _count_relevant("precision", ranking, k, relevant_from)
    n_ranks = _places("precision", ranking, k, short_list).astype(np.float64)
    if share_of == "reachable":
        n_ranks = np.minimum(n_ranks, in_all)
    if short_list == "zero":
        within = np.where(short_lists(ranking, k), 0.0, within)
    return np.divide(within, np.maximum(n_ranks, 1), out=np.full_like(within, np.nan), where=in_all > 0)


def recall_of(ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1) -> NDArray[np.float64]:
    """:func:`recall` of a ranking."""
    within, in_all = _count_relevant("recall", ranking, k, relevant_from)
    return np.divide(within, in_all, out=np.full_like(within, np.nan), where=in_all > 0)


def f1_of(
    ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1, short_list: str = "pad"
) -> NDArray[np.float64]:
    """:func:`f1` of a ranking."""
    within, in_all = _count_relevant("f1", ranking, k, relevant_from)
    n_ranks = _places("f1", ranking, k, short_list)
    if short_list == "zero":
        within = np.where(short_lists(ranking, k), 0.0, within)
    return np.divide(2 * within, n_ranks + in_all, out=np.full_like(within, np.nan), where=in_all > 0)


def _read(
    where: str,
    kernel: Callable[..., None],
    ranking: Ranking,
    k: int | None,
    relevant_from: float | int,
    *beside: NDArray[np.int64],
) -> NDArray[np.float64]:
    out = np.empty(ranking.n_queries)
    read = (ranking.labels, ranking.tied, cutoff(where, k), float(relevant_from), *beside)
    on_lists(kernel, ranking.offsets, *read, out)
    return out


def _count_relevant(
    where: str, ranking: Ranking, k: int | None, relevant_from: float | int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How many relevant documents stand among the first k, and how many there are, in the list or not."""
    from rankkit.metrics import kernels

    within, in_list = np.empty(ranking.n_queries), np.empty(ranking.n_queries)
    read = (ranking.labels, ranking.tied, cutoff(where, k), float(relevant_from))
    on_lists(kernels.relevant_lists, ranking.offsets, *read, within, in_list)
    return within, in_list if ranking.is_whole else in_list + ranking.relevant_beside(where, relevant_from)


def _places(where: str, ranking: Ranking, k: int | None, short_list: str) -> NDArray[np.int64]:
    """``[query]``: how many ranks count."""
    check_choice(where, "short_list", short_list, ShortList)
    sizes = np.diff(ranking.offsets)
    if k is None:
        return sizes
    return np.minimum(sizes, k) if short_list == "cut" else np.full(ranking.n_queries, k)


@measured_by(mrr_of)
def mrr(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    n_relevant: Real[Tensor, " query"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Reciprocal rank of the first relevant document; its mean over queries is the MRR.

    .. math:: \mathrm{RR@k} = \frac{1}{r_{\min}} \text{ if } r_{\min} \le k, \text{ else } 0,
        \qquad r_{\min} = \min_{i: y_i \ge \tau} r_i

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        k: How many ranks count.
        relevant_from: The least label of a relevant document.
        n_relevant: How many documents are relevant, in the list or not; None: those in the list.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a relevant document.

    Example:
        The relevant document stands at rank 2. The third place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[2.0, 1.0, 9.0]]), torch.tensor([[0.0, 1.0, 1.0]])
        >>> mrr(scores, labels, torch.tensor([[True, True, False]]))
        tensor([0.5000], dtype=torch.float64)

    References:
        Voorhees: The TREC-8 question answering track report. TREC 1999.
    """
    options: dict[str, Any] = {"k": k, "relevant_from": relevant_from}
    return on_padded_lists("mrr", mrr_of, scores, labels, mask, ties, n_relevant=n_relevant, **options)


@measured_by(average_precision_of)
def average_precision(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    ideal: Ideal = "judged",
    n_relevant: Real[Tensor, " query"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Mean over the relevant documents of the precision at their ranks; its mean over queries is the MAP.

    .. math:: \mathrm{AP@k} = \frac{1}{R} \sum_{i: y_i \ge \tau,\, r_i \le k}
        \frac{|\{j: y_j \ge \tau,\, r_j \le r_i\}|}{r_i}, \qquad R = |\{i: y_i \ge \tau\}|

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        k: How many ranks count.
        relevant_from: The least label of a relevant document.
        ideal: What it is a share of: ``"judged"`` R, as in trec_eval's map_cut, so that 1 may be out of reach;
            ``"reachable"`` the lesser of R and k, as in LightGBM, XGBoost and CatBoost; ``"found"`` the relevant
            documents among the first k, 0 without one.
        n_relevant: How many documents are relevant, in the list or not; None: those in the list.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a relevant document.

    Example:
        Relevant at ranks 1 and 3: (1/1 + 2/3) / 2 = 5/6. The last place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 2.0, 1.0, 9.0]]), torch.tensor([[1.0, 0.0, 1.0, 1.0]])
        >>> average_precision(scores, labels, torch.tensor([[True, True, True, False]]))
        tensor([0.8333], dtype=torch.float64)

    References:
        Buckley, Voorhees: Evaluating evaluation measure stability. SIGIR 2000.
    """
    options: dict[str, Any] = {"k": k, "relevant_from": relevant_from, "ideal": ideal}
    read = average_precision_of
    return on_padded_lists("average_precision", read, scores, labels, mask, ties, n_relevant=n_relevant, **options)


@measured_by(precision_of)
def precision(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    short_list: ShortList = "pad",
    share_of: ShareOf = "ranks",
    n_relevant: Real[Tensor, " query"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Share of relevant documents among the first k.

    .. math:: \mathrm{P@k} = \frac{1}{k} \, |\{i: y_i \ge \tau,\, r_i \le k\}|

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        k: How many ranks count; None: the list size.
        relevant_from: The least label of a relevant document.
        short_list: Of fewer than k documents: ``"pad"`` is still divided by k, as in trec_eval; ``"cut"`` by its size;
            ``"zero"`` counts 0.
        share_of: ``"ranks"`` the k ranks; ``"reachable"`` as many of them as there are relevant documents to fill
            them, as in implicit.
        n_relevant: How many documents are relevant, in the list or not; None: those in the list.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a relevant document.

    Example:
        One of the first two is relevant. The last place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 2.0, 1.0, 9.0]]), torch.tensor([[1.0, 0.0, 1.0, 1.0]])
        >>> precision(scores, labels, torch.tensor([[True, True, True, False]]), k=2)
        tensor([0.5000], dtype=torch.float64)

    References:
        Manning, Raghavan, Schütze: Introduction to Information Retrieval. Cambridge University Press, 2008, chapter 8.
    """
    options: dict[str, Any] = {"k": k, "relevant_from": relevant_from, "short_list": short_list, "share_of": share_of}
    return on_padded_lists("precision", precision_of, scores, labels, mask, ties, n_relevant=n_relevant, **options)


@measured_by(recall_of)
def recall(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    n_relevant: Real[Tensor, " query"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Share of all relevant documents that stand among the first k.

    .. math:: \mathrm{R@k} = \frac{|\{i: y_i \ge \tau,\, r_i \le k\}|}{|\{i: y_i \ge \tau\}|}

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        k: How many ranks count.
        relevant_from: The least label of a relevant document.
        n_relevant: How many documents are relevant, in the list or not; None: those in the list.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a relevant document.

    Example:
        One of two relevant documents is among the first two; one of five, if the list is the top of more.
        The last place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 2.0, 1.0, 9.0]]), torch.tensor([[1.0, 0.0, 1.0, 1.0]])
        >>> mask = torch.tensor([[True, True, True, False]])
        >>> recall(scores, labels, mask, k=2), recall(scores, labels, mask, k=2, n_relevant=torch.tensor([5]))
        (tensor([0.5000], dtype=torch.float64), tensor([0.2000], dtype=torch.float64))

    References:
        Manning, Raghavan, Schütze: Introduction to Information Retrieval. Cambridge University Press, 2008, chapter 8.
    """
    options: dict[str, Any] = {"k": k, "relevant_from": relevant_from}
    return on_padded_lists("recall", recall_of, scores, labels, mask, ties, n_relevant=n_relevant, **options)


@measured_by(hit_rate_of)
def hit_rate(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    n_relevant: Real[Tensor, " query"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Whether a relevant document stands among the first k; also called success@k.

    .. math:: \mathrm{Hit@k} = 1 \text{ if } \min_{i: y_i \ge \tau} r_i \le k, \text{ else } 0

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        k: How many ranks count.
        relevant_from: The least label of a relevant document.
        n_relevant: How many documents are relevant, in the list or not; None: those in the list.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a relevant document.

    Example:
        The only relevant document stands at rank 2. The third place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[2.0, 1.0, 9.0]]), torch.tensor([[0.0, 1.0, 1.0]])
        >>> mask = torch.tensor([[True, True, False]])
        >>> hit_rate(scores, labels, mask, k=1), hit_rate(scores, labels, mask, k=2)
        (tensor([0.], dtype=torch.float64), tensor([1.], dtype=torch.float64))

    References:
        Deshpande, Karypis: Item-based top-N recommendation algorithms. ACM TOIS 22(1), 2004.
    """
    options: dict[str, Any] = {"k": k, "relevant_from": relevant_from}
    return on_padded_lists("hit_rate", hit_rate_of, scores, labels, mask, ties, n_relevant=n_relevant, **options)


@measured_by(f1_of)
def f1(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    short_list: ShortList = "pad",
    n_relevant: Real[Tensor, " query"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Harmonic mean of precision and recall at k: twice the relevant documents found, over k and all relevant ones.

    .. math:: \mathrm{F1@k} = \frac{2 \, |\{i: y_i \ge \tau,\, r_i \le k\}|}{k + |\{i: y_i \ge \tau\}|}

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        k: How many ranks count; None: the list size.
        relevant_from: The least label of a relevant document.
        short_list: Of fewer than k documents: what k is to the precision; see :func:`precision`.
        n_relevant: How many documents are relevant, in the list or not; None: those in the list.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a relevant document.

    Example:
        One of two relevant documents is among the first two: precision and recall are 1/2. The last place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 2.0, 1.0, 9.0]]), torch.tensor([[1.0, 0.0, 1.0, 1.0]])
        >>> f1(scores, labels, torch.tensor([[True, True, True, False]]), k=2)
        tensor([0.5000], dtype=torch.float64)

    References:
        Manning, Raghavan, Schütze: Introduction to Information Retrieval. Cambridge University Press, 2008, chapter 8.
    """
    options: dict[str, Any] = {"k": k, "relevant_from": relevant_from, "short_list": short_list}
    return on_padded_lists("f1", f1_of, scores, labels, mask, ties, n_relevant=n_relevant, **options)
