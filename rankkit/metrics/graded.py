"""Metrics of graded relevance: DCG, NDCG, average relevance position."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

import numpy as np
import torch
from jaxtyping import Bool, Float, Real
from numpy.typing import NDArray
from torch import Tensor

from rankkit.errors import ConfigError, DataError
from rankkit.metrics.engine import (
    BestOrder,
    Discount,
    Ranking,
    ShortList,
    Ties,
    check_choice,
    count_from,
    cutoff,
    measured_by,
    on_lists,
    short_lists,
)
from rankkit.metrics.padded import on_padded_lists
from rankkit.ranking import Gain, discounts

GREATEST_EXP_LABEL = 1000
"""2^label is no float64 a little above this."""

OfRanks = Callable[[Tensor], Tensor]
"""What ranks, float64 from 1, are worth."""


class _Worth(NamedTuple):
    """What labels are worth: by the formula ``2^label - 1`` or the label itself, or by a table of whole labels."""

    exponential: bool
    table: NDArray[np.float64]

    def of(self, labels: NDArray[np.float64]) -> NDArray[np.float64]:
        if len(self.table):
            return self.table[labels.astype(np.int64)]
        return np.exp2(labels) - 1 if self.exponential else labels


def _worth(where: str, ranking: Ranking, gain: str | Mapping[int, float | int]) -> _Worth:
    if isinstance(gain, Mapping):
        return _Worth(False, value_table(where, "gain", gain, ranking.judged.labels))
    if gain not in get_args(Gain):
        raise ConfigError(
            f"{where}: expected gain 'exp', 'linear' or a table of whole labels to gains; got {gain!r}. "
            "Pass one of them."
        )
    if gain == "exp":
        check_finite(where, ranking.max_label, "Pass gain='linear', or make grades of the labels.")
    return _Worth(gain == "exp", np.empty(0))


def check_finite(where: str, max_label: float, action: str) -> None:
    """Raise DataError if 2 to the power of the greatest label is no float64."""
    if max_label > GREATEST_EXP_LABEL:
        raise DataError(
            f"{where}: expected labels up to {GREATEST_EXP_LABEL}, so that the gain 2^label - 1 is finite; "
            f"got {max_label:g}. {action}"
        )


def value_table(
    where: str, what: str, given: Mapping[int, float | int], labels: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The value of each label from 0 to the greatest in the table; NaN where the table has none."""
    known = sorted(given)
    values = [float(given[label]) for label in known]
    if not known or known[0] < 0 or values != sorted(values) or not 0 <= values[0] <= values[-1] < np.inf:
        raise ConfigError(
            f"{where}: expected {what}s of 0 or more that do not fall as labels rise from 0; got {dict(given)}. "
            "Mend the table."
        )
    table = np.full(known[-1] + 1, np.nan)
    table[known] = values
    unknown = labels[~np.isin(labels, known)]
    if len(unknown):
        raise DataError(
            f"{where}: expected labels that the table of {what}s has, {', '.join(map(str, known))}; "
            f"got {unknown[0]:g}. Add it to the table."
        )
    return table


def _by_rank(where: str, n_ranks: int, discount: str | OfRanks) -> NDArray[np.float64]:
    ranks = torch.arange(1, n_ranks + 1, dtype=torch.float64)
    if callable(discount):
        return _checked_discounts(where, discount(ranks), n_ranks)
    if discount == "reciprocal":
        return (1 / ranks).numpy()
    # LETOR's scripts leave rank 2 undiscounted and have each later rank worth what others give the one above it.
    return discounts(ranks if discount == "log2" else (ranks - 1).clamp(min=1)).numpy()


def _checked_discounts(where: str, given: Any, n_ranks: int) -> NDArray[np.float64]:
    values = np.asarray(given, dtype=np.float64)
    if values.shape != (n_ranks,) or not (np.isfinite(values).all() and (values >= 0).all()):
        raise ConfigError(
            f"{where}: expected discount to give a finite number of 0 or more for each of {n_ranks} ranks; "
            f"got {values}. Mend the function."
        )
    if (np.diff(values) > 0).any():
        rank = int((np.diff(values) > 0).argmax()) + 1
        raise ConfigError(
            f"{where}: expected discounts that do not rise from rank to rank; got {values[rank - 1]:g} at rank {rank} "
            f"and {values[rank]:g} at the next. Mend the function."
        )
    return values


def _check_discount(where: str, discount: str | OfRanks) -> None:
    if not callable(discount):
        check_choice(where, "discount", discount, Discount)


def _summed(
    offsets: NDArray[np.int64],
    labels: NDArray[np.float64],
    tied: NDArray[np.bool_],
    worth: _Worth,
    n_ranks: int,
    of_ranks: Callable[[int], NDArray[np.float64]],
) -> NDArray[np.float64]:
    """What documents are worth times what their ranks are, summed over each list; NaN for one without documents."""
    from rankkit.metrics import kernels

    by_rank = of_ranks(min(n_ranks, int(np.diff(offsets).max(initial=0))))
    out = np.empty(len(offsets) - 1)
    on_lists(kernels.dcg_lists, offsets, labels, tied, n_ranks, worth.exponential, worth.table, by_rank, out)
    return out


_AS_IT_IS = _Worth(False, np.empty(0))


def _reached(
    where: str, ranking: Ranking, worth: _Worth, k: int | None, discount: str | OfRanks
) -> NDArray[np.float64]:
    """The DCG of each list."""

    def of_ranks(n_ranks: int) -> NDArray[np.float64]:
        return _by_rank(where, n_ranks, discount)

    _check_discount(where, discount)
    labels = ranking.labels
    if ranking.weights is not None:
        labels, worth = worth.of(labels) * ranking.weights, _AS_IT_IS
        labels = labels[ranking.worst_order(labels)]
    values = _summed(ranking.offsets, labels, ranking.tied, worth, cutoff(where, k), of_ranks)
    if ranking.beyond is None:
        return values
    return np.where((np.diff(ranking.offsets) == 0) & (np.diff(ranking.beyond.offsets) > 0), 0.0, values)


def _best(where: str, ranking: Ranking, worth: _Worth, k: int | None, discount: str | OfRanks) -> NDArray[np.float64]:
    """The DCG of the best order of all that was judged."""

    def of_ranks(n_ranks: int) -> NDArray[np.float64]:
        return _by_rank(where, n_ranks, discount)

    judged = ranking.all_judged(where)
    labels = ranking.ideal_labels
    if judged.weights is not None:
        labels, worth = judged.falling(worth.of(judged.labels) * judged.weights), _AS_IT_IS
    return _summed(judged.offsets, labels, np.zeros(len(labels), np.bool_), worth, cutoff(where, k), of_ranks)


def _filled(ranking: Ranking, worth: _Worth, k: int | None, discount: str | OfRanks) -> float:
    """The DCG of k documents of the greatest label of the data, whether any query has so many or not.

    Raises:
        ConfigError: If there is no k.
        DataError: If documents have weights.
    """
    if k is None:
        raise ConfigError(
            "ndcg: expected a k with best_order='filled', which has so many documents; got none. Ask for ndcg@10."
        )
    if ranking.weights is not None:
        raise DataError("ndcg: expected no weights of documents with best_order='filled'; got some. Leave them out.")
    greatest = worth.of(np.array([ranking.max_label]))[0]
    return float(greatest * _by_rank("ndcg", cutoff("ndcg", k), discount).sum())


def dcg_of(
    ranking: Ranking,
    *,
    k: int | None = None,
    gain: str | Mapping[int, float | int] = "exp",
    discount: str | OfRanks = "log2",
) -> NDArray[np.float64]:
    """:func:`dcg` of a ranking."""
    return _reached("dcg", ranking, _worth("dcg", ranking, gain), k, discount)


def ndcg_of(
    ranking: Ranking,
    *,
    k: int | None = None,
    gain: str | Mapping[int, float | int] = "exp",
    discount: str | OfRanks = "log2",
    short_list: str = "pad",
    best_order: str = "judged",
) -> NDArray[np.float64]:
    """:func:`ndcg` of a ranking."""
    check_choice("ndcg", "short_list", short_list, ShortList)
    check_choice("ndcg", "best_order", best_order, BestOrder)
    worth = _worth("ndcg", ranking, gain)
    reached = _reached("ndcg", ranking, worth, k, discount)
    ideal = _best("ndcg", ranking, worth, k, discount)
    if best_order == "filled":
        ideal = np.where(ideal > 0, _filled(ranking, worth, k, discount), ideal)
    if short_list == "zero":
        reached = np.where(short_lists(ranking, k), 0.0, reached)
    return np.divide(reached, ideal, out=np.full_like(reached, np.nan), where=ideal > 0)


def arp_of(ranking: Ranking, *, k: int | None = None) -> NDArray[np.float64]:
    """:func:`arp` of a ranking; ``k``, which only a protocol's ``default_k`` brings here, plays no part."""

    def ranks(n_ranks: int) -> NDArray[np.float64]:
        return np.arange(1.0, n_ranks + 1)

    judged, above = ranking.all_judged("arp"), np.nextafter(0.0, 1.0)
    if ranking.beyond is not None:
        n_lost = count_from(judged.labels, judged.offsets, above) - count_from(ranking.labels, ranking.offsets, above)
        if n_lost.any():
            raise DataError(
                "arp: expected a rank of each document with a label above 0; got "
                f"{int(n_lost.sum())} documents that were not retrieved. Rank them, or leave arp out."
            )
    labels = ranking.labels
    if ranking.weights is not None:
        labels = labels * ranking.weights
        labels = labels[ranking.worst_order(labels)]
    whole = cutoff("arp", None)
    reached = _summed(ranking.offsets, labels, ranking.tied, _AS_IT_IS, whole, ranks)
    total = _summed(ranking.offsets, labels, ranking.tied, _AS_IT_IS, whole, np.ones)
    return np.divide(reached, total, out=np.full_like(reached, np.nan), where=total > 0)


@measured_by(dcg_of)
def dcg(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    gain: Gain | Mapping[int, float | int] = "exp",
    discount: Discount | OfRanks = "log2",
    weights: Float[Tensor, "query list"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Discounted cumulative gain: the gain of each document, worth less the further down it stands.

    .. math:: \mathrm{DCG@k} = \sum_{i: r_i \le k} \frac{2^{y_i} - 1}{\log_2(1 + r_i)}

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        k: How many ranks count.
        gain: ``"exp"`` :math:`2^y - 1`, ``"linear"`` y, or a table as ``{0: 0, 1: 1, 2: 5}`` that does not fall.
        discount: ``"log2"``, ``"reciprocal"`` :math:`1 / r`, ``"letor"`` 1, 1, :math:`1 / \log_2 r`, or a function of
            the ranks ``[rank]`` that does not rise.
        weights: One a document, 0 or more: multiply the gains.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        0 or more; 0 without a relevant document, NaN for a list without documents.

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
    options: dict[str, Any] = {"k": k, "gain": gain, "discount": discount}
    return on_padded_lists("dcg", dcg_of, scores, labels, mask, ties, weights=weights, **options)


@measured_by(ndcg_of)
def ndcg(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    gain: Gain | Mapping[int, float | int] = "exp",
    discount: Discount | OfRanks = "log2",
    short_list: ShortList = "pad",
    best_order: BestOrder = "judged",
    judged_labels: Real[Tensor, "query judged"] | None = None,
    judged_mask: Bool[Tensor, "query judged"] | None = None,
    weights: Float[Tensor, "query list"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Normalised discounted cumulative gain: DCG over that of the best order of all that was judged, :math:`Z_k`.

    .. math:: \mathrm{NDCG@k} = \frac{1}{Z_k} \sum_{i: r_i \le k} \frac{2^{y_i} - 1}{\log_2(1 + r_i)}

    Args:
        scores: One a document.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        k: How many ranks count.
        gain: What a label is worth; see :func:`dcg`.
        discount: What a rank is worth; see :func:`dcg`.
        short_list: Of fewer than k documents: ``"zero"`` counts 0; ``"pad"``, ``"cut"``: empty places gain nothing.
        best_order: ``"judged"`` the best order of all that was judged; ``"filled"`` k documents of the greatest label,
            as in RecTools, so that a query with one relevant document cannot reach 1.
        judged_labels: Labels of all that was judged, the list's among them; None: the list's alone.
        judged_mask: True where a judged label is real.
        weights: One a document, 0 or more: multiply the gains, also those of the best order.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        In [0, 1]; NaN without a gain.

    Example:
        One relevant document among three tied: rank 3 at worst, 1 / log2(4). The fourth place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[1.0, 1.0, 1.0, 9.0]]), torch.tensor([[3.0, 0.0, 0.0, 4.0]])
        >>> mask = torch.tensor([[True, True, True, False]])
        >>> ndcg(scores, labels, mask), ndcg(scores, labels, mask, ties="expected")
        (tensor([0.5000], dtype=torch.float64), tensor([0.7103], dtype=torch.float64))

    References:
        Järvelin, Kekäläinen: Cumulated gain-based evaluation of IR techniques. ACM TOIS 20(4), 2002.
    """
    options: dict[str, Any] = {"k": k, "gain": gain, "discount": discount, "short_list": short_list}
    options["best_order"] = best_order
    judged = None if judged_labels is None else (judged_labels, judged_mask)
    return on_padded_lists("ndcg", ndcg_of, scores, labels, mask, ties, judged=judged, weights=weights, **options)


@measured_by(arp_of, falls=True)
def arp(
    scores: Float[Tensor, "query list"],
    labels: Real[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    weights: Float[Tensor, "query list"] | None = None,
    ties: Ties = "pessimistic",
) -> Float[Tensor, " query"]:
    r"""Average relevance position: the mean rank of the documents, by their labels; the lower the better.

    .. math:: \mathrm{ARP} = \frac{\sum_i y_i r_i}{\sum_i y_i}

    Args:
        scores: One a document; -inf is refused of a document with a label above 0, which would have no rank.
        labels: Graded relevance, 0 = not relevant.
        mask: True where a document is real.
        weights: One a document, 0 or more: multiply the labels.
        ties: ``"pessimistic"``, ``"expected"`` or ``"stable"``.

    Returns:
        1 or more; NaN without a relevant document.

    Example:
        Labels 0, 2, 1 at ranks 1, 2, 3: (2 * 2 + 1 * 3) / 3. The last place is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 2.0, 1.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0, 4.0]])
        >>> arp(scores, labels, torch.tensor([[True, True, True, False]]))
        tensor([2.3333], dtype=torch.float64)

    References:
        Wang, Li, Golbandi, Bendersky, Najork: The LambdaLoss framework for ranking metric optimization. CIKM 2018.
    """
    return on_padded_lists("arp", arp_of, scores, labels, mask, ties, weights=weights)
