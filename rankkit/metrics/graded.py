"""Metrics of graded relevance: DCG, NDCG, expected reciprocal rank."""

from collections.abc import Mapping
from typing import get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Real
from numpy.typing import NDArray
from torch import Tensor

from rankkit.errors import ConfigError, DataError
from rankkit.metrics.engine import (
    Discount,
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
from rankkit.ranking import Gain, discounts

GREATEST_EXP_LABEL = 1000
"""2^label is no float64 a little above this."""


def _check_gain(where: str, gain: str, max_label: float) -> None:
    if gain not in get_args(Gain):
        raise ConfigError(
            f"{where}: expected gain 'exp', 'linear' or a table of whole labels to gains; got {gain!r}. "
            "Pass one of them."
        )
    if gain == "exp":
        _check_finite(where, max_label, "Pass gain='linear', or make grades of the labels.")


def _check_finite(where: str, max_label: float, action: str) -> None:
    if max_label > GREATEST_EXP_LABEL:
        raise DataError(
            f"{where}: expected labels up to {GREATEST_EXP_LABEL}, so that the gain 2^label - 1 is finite; "
            f"got {max_label:g}. {action}"
        )


def _gain_table(where: str, gain: Mapping[int, float | int], labels: NDArray[np.float64]) -> NDArray[np.float64]:
    """The gain of each label from 0 to the greatest in the table; NaN where the table has none."""
    known = sorted(gain)
    values = [float(gain[label]) for label in known]
    if not known or known[0] < 0 or values != sorted(values) or not 0 <= values[0] <= values[-1] < np.inf:
        raise ConfigError(
            f"{where}: expected gains of 0 or more that do not fall as labels rise from 0; got {dict(gain)}. "
            "Mend the table."
        )
    table = np.full(known[-1] + 1, np.nan)
    table[known] = values
    unknown = labels[~np.isin(labels, known)]
    if len(unknown):
        raise DataError(
            f"{where}: expected labels that the table of gains has, {', '.join(map(str, known))}; got {unknown[0]:g}. "
            "Add it to the table."
        )
    return table


def _by_rank(n_ranks: int, discount: str) -> NDArray[np.float64]:
    ranks = torch.arange(1, n_ranks + 1, dtype=torch.float64)
    # LETOR's scripts leave rank 2 undiscounted and have each later rank worth what others give the one above it.
    return discounts(ranks if discount == "log2" else (ranks - 1).clamp(min=1)).numpy()


def _dcg(
    where: str,
    ranking: Ranking,
    lists: tuple[NDArray[np.float64], NDArray[np.bool_]],
    k: int | None,
    gain: str | Mapping[int, float | int],
    discount: str,
) -> NDArray[np.float64]:
    from rankkit.metrics import kernels

    check_choice(where, "discount", discount, Discount)
    table = np.empty(0)
    if isinstance(gain, Mapping):
        table = _gain_table(where, gain, ranking.labels)
    else:
        _check_gain(where, gain, ranking.max_label)
    n_ranks = cutoff(where, k)
    by_rank = _by_rank(min(n_ranks, int(np.diff(ranking.offsets).max(initial=0))), discount)
    out = np.empty(ranking.n_queries)
    on_lists(kernels.dcg_lists, ranking.offsets, *lists, n_ranks, gain == "exp", table, by_rank, out)
    return out


def dcg_of(
    ranking: Ranking,
    *,
    k: int | None = None,
    gain: str | Mapping[int, float | int] = "exp",
    discount: str = "log2",
) -> NDArray[np.float64]:
    """:func:`dcg` of a ranking."""
    return _dcg("dcg", ranking, (ranking.labels, ranking.tied), k, gain, discount)


def ndcg_of(
    ranking: Ranking,
    *,
    k: int | None = None,
    gain: str | Mapping[int, float | int] = "exp",
    discount: str = "log2",
    short_list: str = "pad",
) -> NDArray[np.float64]:
    """:func:`ndcg` of a ranking."""
    check_choice("ndcg", "short_list", short_list, ShortList)
    reached = _dcg("ndcg", ranking, (ranking.labels, ranking.tied), k, gain, discount)
    best = (ranking.ideal_labels, np.zeros(len(ranking.tied), np.bool_))
    ideal = _dcg("ndcg", ranking, best, k, gain, discount)
    if short_list == "zero":
        reached = np.where(short_lists(ranking, k), 0.0, reached)
    return np.divide(reached, ideal, out=np.full_like(reached, np.nan), where=ideal > 0)


def err_of(ranking: Ranking, *, k: int | None = None, max_label: float | int | None = None) -> NDArray[np.float64]:
    """:func:`err` of a ranking."""
    from rankkit.metrics import kernels

    n_ranks = cutoff("err", k)
    if max_label is None:
        max_label = ranking.max_label
    elif not max_label > 0:
        raise ConfigError(f"err: expected max_label above 0; got {max_label!r}. Pass the greatest grade of the scale.")
    elif ranking.max_label > max_label:
        raise DataError(
            f"err: expected labels up to max_label = {max_label:g}; got {ranking.max_label:g}. "
            "Pass the greatest grade of the scale as max_label."
        )
    _check_finite("err", float(max_label), "Map the labels to grades, such as 0 to 4.")
    out = np.empty(ranking.n_queries)
    on_lists(kernels.err_lists, ranking.offsets, ranking.labels, ranking.tied, n_ranks, float(max_label), out)
    return out


@measured_by(dcg_of)
def dcg(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    gain: Gain | Mapping[int, float | int] = "exp",
    discount: Discount = "log2",
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Discounted cumulative gain: the gain of each document, worth less the further down it stands.

    .. math:: \mathrm{DCG@k} = \sum_{i: r_i \le k} \frac{2^{y_i} - 1}{\log_2(1 + r_i)}

    where :math:`r_i` is the rank of document i by falling score :math:`s_i`, from 1, and :math:`y_i` its label.

    *Ties*: least relevant first; ``"expected"`` gives the mean over all orders of the tied documents, ``"stable"``
    keeps the order of the list. *Padding*: never read. *No relevant document*: 0; NaN for a list without documents.

    Args:
        scores: One score a document, any scale.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count; None, or more than the list holds: all.
        gain: What a label y is worth: ``"exp"`` :math:`2^y - 1`, ``"linear"`` y, or a table such as
            ``{0: 0, 1: 1, 2: 5}`` for whole labels, whose gains do not fall as labels rise.
        discount: What a rank r is worth: ``"log2"`` :math:`1 / \log_2(1 + r)`, or ``"letor"`` as in the scripts of
            LETOR: 1 at ranks 1 and 2, then :math:`1 / \log_2 r`.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        float64, 0 or more, one a query.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a score is NaN, or a label NaN, infinite or negative.
        ConfigError: If k, gain, discount or ties is not one of the above.

    Example:
        The best document (label 1, gain 1) at rank 2: 1 / log2(3). The third place is padding.

        >>> import torch
        >>> scores = torch.tensor([[2.0, 1.0, 9.0]])
        >>> labels = torch.tensor([[0.0, 1.0, 4.0]])
        >>> dcg(scores, labels, torch.tensor([[True, True, False]]))
        tensor([0.6309], dtype=torch.float64)

    References:
        Järvelin, Kekäläinen: Cumulated gain-based evaluation of IR techniques. ACM TOIS 20(4), 2002. The exponential
        gain: Burges et al.: Learning to rank using gradient descent. ICML 2005.
    """
    return on_padded_lists("dcg", dcg_of, scores, labels, mask, ties, k=k, gain=gain, discount=discount)


@measured_by(ndcg_of)
def ndcg(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    gain: Gain | Mapping[int, float | int] = "exp",
    discount: Discount = "log2",
    short_list: ShortList = "pad",
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Normalised discounted cumulative gain: DCG over that of the best order.

    .. math:: \mathrm{NDCG@k} = \frac{1}{Z_k} \sum_{i: r_i \le k} \frac{2^{y_i} - 1}{\log_2(1 + r_i)}

    where :math:`r_i` is the rank of document i by falling score :math:`s_i`, from 1, :math:`y_i` its label, and
    :math:`Z_k` the same sum with the whole list in order of falling label.

    *Ties*: least relevant first, so that a constant scorer does not win by row order; ``"expected"`` gives the mean
    over all orders of the tied documents, ``"stable"`` keeps the order of the list. *Padding*: never read.
    *No relevant document* (no label above 0): NaN.

    Args:
        scores: One score a document, any scale.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count; None, or more than the list holds: all.
        gain: What a label y is worth: ``"exp"`` :math:`2^y - 1`, ``"linear"`` y, or a table such as
            ``{0: 0, 1: 1, 2: 5}`` for whole labels, whose gains do not fall as labels rise.
        discount: What a rank r is worth: ``"log2"`` :math:`1 / \log_2(1 + r)`, or ``"letor"`` as in the scripts of
            LETOR: 1 at ranks 1 and 2, then :math:`1 / \log_2 r`.
        short_list: A list of fewer than k documents: ``"pad"`` and ``"cut"`` have the places that it leaves empty gain
            nothing; ``"zero"`` gives 0, as the scripts of LETOR count it.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        float64 in [0, 1], one a query.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a score is NaN, or a label NaN, infinite or negative.
        ConfigError: If k, gain, discount, short_list or ties is not one of the above.

    Example:
        The only relevant document (grade 3) among three tied: rank 3 at worst, where the discount is 1 / log2(4).
        The fourth place is padding.

        >>> import torch
        >>> scores = torch.tensor([[1.0, 1.0, 1.0, 9.0]])
        >>> labels = torch.tensor([[3.0, 0.0, 0.0, 4.0]])
        >>> mask = torch.tensor([[True, True, True, False]])
        >>> ndcg(scores, labels, mask)
        tensor([0.5000], dtype=torch.float64)
        >>> ndcg(scores, labels, mask, ties="expected")
        tensor([0.7103], dtype=torch.float64)

    References:
        Järvelin, Kekäläinen: Cumulated gain-based evaluation of IR techniques. ACM TOIS 20(4), 2002. The exponential
        gain: Burges et al.: Learning to rank using gradient descent. ICML 2005. The mean over tied orders:
        McSherry, Najork: Computing information retrieval performance measures efficiently in the presence of tied
        scores. ECIR 2008.
    """
    options = {"k": k, "gain": gain, "discount": discount, "short_list": short_list}
    return on_padded_lists("ndcg", ndcg_of, scores, labels, mask, ties, **options)


@measured_by(err_of)
def err(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    max_label: float | int | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Expected reciprocal rank at which a user who reads downwards is satisfied.

    .. math:: \mathrm{ERR@k} = \sum_{r=1}^{k} \frac{R_r}{r} \prod_{t<r} (1 - R_t),
        \qquad R = \frac{2^{y} - 1}{2^{y_\max}}

    where :math:`R_r` belongs to the document at rank r by falling score s.

    *Ties*: least relevant first; ``"expected"`` gives the mean over all orders of the tied documents, ``"stable"``
    keeps the order of the list. *Padding*: never read. *No relevant document* (no label above 0): NaN.

    Args:
        scores: One score a document, any scale.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count; None, or more than the list holds: all.
        max_label: The greatest grade of the scale, :math:`y_\max`. None: the greatest label of this call, which suits
            one data set; pass it (4 for MSLR and Yahoo) to compare values of several.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        float64 in [0, 1), one a query.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a score is NaN, a label NaN, infinite or negative, or above ``max_label``.
        ConfigError: If k, max_label or ties is not one of the above.

    Example:
        Grades 0, then 2 of 2: the user goes past the first and stops at rank 2 with chance 3/4. The third is padding.

        >>> import torch
        >>> scores = torch.tensor([[2.0, 1.0, 9.0]])
        >>> labels = torch.tensor([[0.0, 2.0, 2.0]])
        >>> err(scores, labels, torch.tensor([[True, True, False]]), max_label=2)
        tensor([0.3750], dtype=torch.float64)

    References:
        Chapelle, Metzler, Zhang, Grinspan: Expected reciprocal rank for graded relevance. CIKM 2009.
    """
    return on_padded_lists("err", err_of, scores, labels, mask, ties, k=k, max_label=max_label)
