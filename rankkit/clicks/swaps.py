"""Propensities by swaps: the first document of a list changes places with another, in some sessions at random."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankkit.clicks.log import shown_lists
from rankkit.clicks.propensity import positions
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError, check_given


class Swaps(NamedTuple):
    """Lists of which some are swapped.

    Attributes:
        lists: In the order in which they are to be shown.
        ranks: ``[query]``, the position that was to change places with the first one, from 2; 0: none, a list of one.
        swapped: ``[query]``, whether it did.
    """

    lists: RankingDataset
    ranks: NDArray[np.int64]
    swapped: NDArray[np.bool_]


def swap_first(shown: RankingDataset, *, max_rank: int | None = None, seed: int | np.random.Generator = 0) -> Swaps:
    """Lists in which the first document changes places with one at a random position, by the toss of a coin.

    Args:
        shown: Documents in shown order, a list a session: repeat lists by ``shown.select(numpy.repeat(...))``.
        max_rank: The lowest position that is tried, at least 2; None: any.
        seed: Of the positions and the coin.

    Raises:
        ConfigError: If ``max_rank`` is below 2.
        DataError: If ``shown`` was not read by rankkit.

    Example:
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> shown = from_arrays([[1], [2], [3], [1], [2], [3]], [1, 0, 0, 1, 0, 0], ["a"] * 3 + ["b"] * 3)
        >>> swaps = swap_first(shown, seed=1)
        >>> swaps.lists.features.ravel().tolist(), swaps.ranks.tolist(), swaps.swapped.tolist()
        ([1.0, 2.0, 3.0, 3.0, 2.0, 1.0], [2, 3], [False, True])
    """
    check_given("swap_first", "shown", shown, RankingDataset)
    if max_rank is not None and max_rank < 2:
        raise ConfigError(f"swap_first: expected max_rank of at least 2; got {max_rank}. Pass None for any.")
    rng = np.random.default_rng(seed)
    sizes = shown.list_sizes
    lowest = sizes if max_rank is None else np.minimum(sizes, max_rank)
    ranks = np.where(lowest >= 2, rng.integers(2, np.maximum(lowest, 2) + 1), 0)
    swapped = (rng.random(shown.n_queries) < 0.5) & (ranks > 0)
    places = positions(shown)
    firsts = shown.offsets[:-1][swapped]
    places[firsts], places[firsts + ranks[swapped] - 1] = ranks[swapped], 1
    return Swaps(shown_lists(replace(shown, rows=None), -places.astype(np.float64)), ranks, swapped)


def propensities_by_swaps(log: RankingDataset, ranks: ArrayLike, swapped: ArrayLike) -> NDArray[np.float64]:
    r"""Propensities relative to the first position, from lists whose first document changed places at random.

    .. math::
        p_r / p_1 = \frac{\bar c_r(\text{swapped with } r) + \bar c_r(\text{left})}
        {\bar c_1(\text{left}) + \bar c_1(\text{swapped with } r)}

    The means are over the sessions in which position r was to change places with the first one, and did or did not.
    The two documents stand at both positions in turn, so that what differs is the position: the ranking stays what it
    is but for two places, where :func:`estimate_propensities` needs lists in random order.

    Args:
        log: Clicks on such lists, a list a session (:func:`swap_first`, :func:`simulate_clicks`).
        ranks: ``[query]``, the position that was to change places with the first one, from 2; 0: none.
        swapped: ``[query]``, whether it did.

    Returns:
        ``[position]``, 1 first, up to the lowest position of ``ranks``; NaN where no session tried it.

    Raises:
        DataError: If the log has no clicks as labels, ``ranks`` or ``swapped`` do not fit, or a position was tried in
            swapped or unswapped sessions alone, or without a click at the first one.

    Example:
        Two clicks at the first position, one at the second.

        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> qids = [7, 7, 8, 8, 9, 9, 5, 5]
        >>> log = from_arrays([[1], [2], [2], [1], [1], [2], [2], [1]], [1, 0, 1, 0, 0, 1, 0, 0], qids)
        >>> propensities_by_swaps(log, [2, 2, 2, 2], [False, True, False, True])
        array([1. , 0.5])

    References:
        Joachims, Swaminathan, Schnabel, "Unbiased Learning-to-Rank with Biased Feedback", WSDM 2017 (swap
        interventions).
    """
    where = "propensities_by_swaps"
    check_given(where, "log", log, RankingDataset)
    tried, moved = np.asarray(ranks), np.asarray(swapped)
    if log.labels is None:
        raise DataError(f"{where}: expected a log with clicks as labels; got {log!r}. Make one with simulate_clicks.")
    fits = tried.shape == moved.shape == (log.n_queries,) and np.issubdtype(tried.dtype, np.integer)
    if not fits or moved.dtype != np.bool_ or ((tried != 0) & ((tried < 2) | (tried > log.list_sizes))).any():
        raise DataError(
            f"{where}: expected a rank from 2 to the length of its list, or 0, and True or False for each of "
            f"{log.n_queries} queries; got others. Pass what swap_first gave."
        )
    clicks, firsts = np.asarray(log.labels, np.float64), log.offsets[:-1]
    found = np.full(int(tried.max(initial=1)), np.nan)
    found[0] = 1
    for rank in np.unique(tried[tried > 0]).tolist():
        arms = [firsts[(tried == rank) & (moved == one)] for one in (False, True)]
        if not all(len(arm) for arm in arms):
            raise DataError(
                f"{where}: expected sessions in which the first document changed places with position {rank}, and such "
                "in which it did not; got those of one kind. Log more sessions."
            )
        at_first = sum(clicks[arm].mean() for arm in arms)
        if not at_first:
            raise DataError(
                f"{where}: expected clicks at the first position of the lists in which position {rank} was tried; got "
                "none. Log more sessions."
            )
        found[rank - 1] = sum(clicks[arm + rank - 1].mean() for arm in arms) / at_first
    return found
