"""Metrics of binary relevance: a document is relevant from label 1 on, or from another ``relevant_from``.

All of them are NaN for a query without a relevant document, also where a formula would give 0:
:class:`rankkit.Evaluation` counts such queries as 0 unless told otherwise, and says how many there are.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float, Real
from numpy.typing import NDArray
from torch import Tensor

from rankkit.metrics.engine import (
    Ideal,
    Ranking,
    ShortList,
    Ties,
    check_choice,
    cutoff,
    measured_by,
    on_lists,
    on_padded_lists,
    short_lists,
)


def mrr_of(ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1) -> NDArray[np.float64]:
    """:func:`mrr` of a ranking."""
    from rankkit.metrics import kernels

    return _read("mrr", kernels.mrr_lists, ranking, k, relevant_from)


def average_precision_of(
    ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1, ideal: str = "judged"
) -> NDArray[np.float64]:
    """:func:`average_precision` of a ranking."""
    from rankkit.metrics import kernels

    check_choice("average_precision", "ideal", ideal, Ideal)
    values = _read("average_precision", kernels.average_precision_lists, ranking, k, relevant_from)
    if ideal == "judged" or k is None:
        return values
    _, in_all = _count_relevant("average_precision", ranking, k, relevant_from)
    return values * np.maximum(in_all, k) / k


def hit_rate_of(ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1) -> NDArray[np.float64]:
    """:func:`hit_rate` of a ranking."""
    from rankkit.metrics import kernels

    return _read("hit_rate", kernels.hit_rate_lists, ranking, k, relevant_from)


def precision_of(
    ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1, short_list: str = "pad"
) -> NDArray[np.float64]:
    """:func:`precision` of a ranking."""
    check_choice("precision", "short_list", short_list, ShortList)
    within, in_all = _count_relevant("precision", ranking, k, relevant_from)
    n_ranks = np.diff(ranking.offsets) if k is None else np.full(ranking.n_queries, k)
    short = short_lists(ranking, k)
    if short_list == "cut":
        n_ranks = np.where(short, np.diff(ranking.offsets), n_ranks)
    elif short_list == "zero":
        within = np.where(short, 0.0, within)
    return np.divide(within, n_ranks, out=np.full_like(within, np.nan), where=in_all > 0)


def recall_of(ranking: Ranking, *, k: int | None = None, relevant_from: float | int = 1) -> NDArray[np.float64]:
    """:func:`recall` of a ranking."""
    within, in_all = _count_relevant("recall", ranking, k, relevant_from)
    return np.divide(within, in_all, out=np.full_like(within, np.nan), where=in_all > 0)


def _read(
    where: str, kernel: Callable[..., None], ranking: Ranking, k: int | None, relevant_from: float | int
) -> NDArray[np.float64]:
    out = np.empty(ranking.n_queries)
    on_lists(kernel, ranking.offsets, ranking.labels, ranking.tied, cutoff(where, k), float(relevant_from), out)
    return out


def _count_relevant(
    where: str, ranking: Ranking, k: int | None, relevant_from: float | int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    from rankkit.metrics import kernels

    within, in_all = np.empty(ranking.n_queries), np.empty(ranking.n_queries)
    read = (ranking.labels, ranking.tied, cutoff(where, k), float(relevant_from))
    on_lists(kernels.relevant_lists, ranking.offsets, *read, within, in_all)
    return within, in_all


@measured_by(mrr_of)
def mrr(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Reciprocal rank of the first relevant document; its mean over queries is the MRR.

    .. math:: \mathrm{RR@k} = \frac{1}{r_{\min}} \text{ if } r_{\min} \le k, \text{ else } 0,
        \qquad r_{\min} = \min_{i: y_i \ge \tau} r_i

    where :math:`r_i` is the rank of document i by falling score :math:`s_i`, from 1, :math:`y_i` its label and
    :math:`\tau` the label from which a document is relevant.

    *Ties*: least relevant first; ``"expected"`` gives the mean over all orders of the tied documents, ``"stable"``
    keeps the order of the list. *Padding*: never read. *No relevant document*: NaN.

    Args:
        scores: One score a document, any scale.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count: a first relevant document below rank k gives 0. None: all.
        relevant_from: The least label of a relevant document.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        float64 in [0, 1], one a query.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a score is NaN, or a label NaN, infinite or negative.
        ConfigError: If k or ties is not one of the above.

    Example:
        The relevant document stands at rank 2. The third place is padding.

        >>> import torch
        >>> scores = torch.tensor([[2.0, 1.0, 9.0]])
        >>> labels = torch.tensor([[0.0, 1.0, 1.0]])
        >>> mrr(scores, labels, torch.tensor([[True, True, False]]))
        tensor([0.5000], dtype=torch.float64)

    References:
        Voorhees: The TREC-8 question answering track report. TREC 1999. The mean over tied orders: McSherry, Najork:
        Computing information retrieval performance measures efficiently in the presence of tied scores. ECIR 2008.
    """
    return on_padded_lists("mrr", mrr_of, scores, labels, mask, ties, k=k, relevant_from=relevant_from)


@measured_by(average_precision_of)
def average_precision(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    ideal: Ideal = "judged",
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Mean over the relevant documents of the precision at their ranks; its mean over queries is the MAP.

    .. math:: \mathrm{AP@k} = \frac{1}{R} \sum_{i: y_i \ge \tau,\, r_i \le k}
        \frac{|\{j: y_j \ge \tau,\, r_j \le r_i\}|}{r_i}, \qquad R = |\{i: y_i \ge \tau\}|

    where :math:`r_i` is the rank of document i by falling score :math:`s_i`, from 1, :math:`y_i` its label and
    :math:`\tau` the label from which a document is relevant.

    *Ties*: least relevant first; ``"expected"`` gives the mean over all orders of the tied documents, ``"stable"``
    keeps the order of the list. *Padding*: never read. *No relevant document*: NaN.

    Args:
        scores: One score a document, any scale.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count; None: all.
        relevant_from: The least label of a relevant document.
        ideal: What AP@k is a share of where R is above k: ``"judged"`` R, as in trec_eval's map_cut, so that 1 is out
            of reach; ``"reachable"`` k, as in LightGBM, XGBoost and CatBoost.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        float64 in [0, 1], one a query.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a score is NaN, or a label NaN, infinite or negative.
        ConfigError: If k, ideal or ties is not one of the above.

    Example:
        Relevant at ranks 1 and 3: (1/1 + 2/3) / 2 = 5/6. The last place is padding.

        >>> import torch
        >>> scores = torch.tensor([[3.0, 2.0, 1.0, 9.0]])
        >>> labels = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
        >>> average_precision(scores, labels, torch.tensor([[True, True, True, False]]))
        tensor([0.8333], dtype=torch.float64)

    References:
        Buckley, Voorhees: Evaluating evaluation measure stability. SIGIR 2000. The mean over tied orders: McSherry,
        Najork: Computing information retrieval performance measures efficiently in the presence of tied scores.
        ECIR 2008.
    """
    return on_padded_lists(
        "average_precision",
        average_precision_of,
        scores,
        labels,
        mask,
        ties,
        k=k,
        relevant_from=relevant_from,
        ideal=ideal,
    )


@measured_by(precision_of)
def precision(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    short_list: ShortList = "pad",
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Share of relevant documents among the first k.

    .. math:: \mathrm{P@k} = \frac{1}{k} \, |\{i: y_i \ge \tau,\, r_i \le k\}|

    where :math:`r_i` is the rank of document i by falling score :math:`s_i`, from 1, :math:`y_i` its label and
    :math:`\tau` the label from which a document is relevant.

    *Ties*: least relevant first; ``"expected"`` gives the mean over all orders of the tied documents, ``"stable"``
    keeps the order of the list. *Padding*: never read. *No relevant document*: NaN.

    Args:
        scores: One score a document, any scale.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count; None: the list size.
        relevant_from: The least label of a relevant document.
        short_list: A list of fewer than k documents: ``"pad"`` is still divided by k, as in trec_eval, since the places
            that it leaves empty hold nothing relevant; ``"cut"`` is divided by its size; ``"zero"`` gives 0.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        float64 in [0, 1], one a query.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a score is NaN, or a label NaN, infinite or negative.
        ConfigError: If k, short_list or ties is not one of the above.

    Example:
        One of the first two is relevant. The last place is padding.

        >>> import torch
        >>> scores = torch.tensor([[3.0, 2.0, 1.0, 9.0]])
        >>> labels = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
        >>> precision(scores, labels, torch.tensor([[True, True, True, False]]), k=2)
        tensor([0.5000], dtype=torch.float64)

    References:
        Manning, Raghavan, Schütze: Introduction to Information Retrieval. Cambridge University Press, 2008,
        chapter 8.
    """
    options = {"k": k, "relevant_from": relevant_from, "short_list": short_list}
    return on_padded_lists("precision", precision_of, scores, labels, mask, ties, **options)


@measured_by(recall_of)
def recall(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Share of all relevant documents that stand among the first k.

    .. math:: \mathrm{R@k} = \frac{|\{i: y_i \ge \tau,\, r_i \le k\}|}{|\{i: y_i \ge \tau\}|}

    where :math:`r_i` is the rank of document i by falling score :math:`s_i`, from 1, :math:`y_i` its label and
    :math:`\tau` the label from which a document is relevant.

    *Ties*: least relevant first; ``"expected"`` gives the mean over all orders of the tied documents, ``"stable"``
    keeps the order of the list. *Padding*: never read. *No relevant document*: NaN.

    Args:
        scores: One score a document, any scale.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count; None, or more than the list holds: all, and then the value is 1.
        relevant_from: The least label of a relevant document.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        float64 in [0, 1], one a query.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a score is NaN, or a label NaN, infinite or negative.
        ConfigError: If k or ties is not one of the above.

    Example:
        One of the two relevant documents is among the first two. The last place is padding.

        >>> import torch
        >>> scores = torch.tensor([[3.0, 2.0, 1.0, 9.0]])
        >>> labels = torch.tensor([[1.0, 0.0, 1.0, 1.0]])
        >>> recall(scores, labels, torch.tensor([[True, True, True, False]]), k=2)
        tensor([0.5000], dtype=torch.float64)

    References:
        Manning, Raghavan, Schütze: Introduction to Information Retrieval. Cambridge University Press, 2008,
        chapter 8.
    """
    return on_padded_lists("recall", recall_of, scores, labels, mask, ties, k=k, relevant_from=relevant_from)


@measured_by(hit_rate_of)
def hit_rate(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Whether a relevant document stands among the first k; also called success@k.

    .. math:: \mathrm{Hit@k} = 1 \text{ if } \min_{i: y_i \ge \tau} r_i \le k, \text{ else } 0

    where :math:`r_i` is the rank of document i by falling score :math:`s_i`, from 1, :math:`y_i` its label and
    :math:`\tau` the label from which a document is relevant.

    *Ties*: least relevant first; ``"expected"`` gives the mean over all orders of the tied documents, ``"stable"``
    keeps the order of the list. *Padding*: never read. *No relevant document*: NaN.

    Args:
        scores: One score a document, any scale.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count; None, or more than the list holds: all, and then the value is 1.
        relevant_from: The least label of a relevant document.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        float64 in [0, 1], one a query.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a score is NaN, or a label NaN, infinite or negative.
        ConfigError: If k or ties is not one of the above.

    Example:
        The only relevant document stands at rank 2. The third place is padding.

        >>> import torch
        >>> scores = torch.tensor([[2.0, 1.0, 9.0]])
        >>> labels = torch.tensor([[0.0, 1.0, 1.0]])
        >>> mask = torch.tensor([[True, True, False]])
        >>> hit_rate(scores, labels, mask, k=1), hit_rate(scores, labels, mask, k=2)
        (tensor([0.], dtype=torch.float64), tensor([1.], dtype=torch.float64))

    References:
        Deshpande, Karypis: Item-based top-N recommendation algorithms. ACM TOIS 22(1), 2004.
    """
    return on_padded_lists("hit_rate", hit_rate_of, scores, labels, mask, ties, k=k, relevant_from=relevant_from)
