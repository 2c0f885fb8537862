"""When queries were asked, and how they are cut in order of time."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError
from rankkit.naming import named


def doc_times(where: str, data: RankingDataset, by: str) -> NDArray[Any]:
    """The time of each document.

    Args:
        where: For messages.
        data: Any data set.
        by: The column of times that was read with ``time=``, or a feature.

    Raises:
        ConfigError: If there is no such column.
        DataError: If a document has no time.
    """
    if "time" in data.beside and (by == "time" or (data.roles is not None and data.roles.time == by)):
        return np.asarray(data.beside["time"])
    names = named(data.feature_names, data.n_features)
    parts = [name for name in (by, f"{by}[seconds]", f"{by}[days]") if name in names]
    if not parts:
        raise ConfigError(
            f"{where}: expected the column of times; got by={by!r}. Read the data with time={by!r}, or name another."
        )
    times: NDArray[Any] = np.asarray(data.features[:, names.index(parts[0])])
    if np.isnan(times).any():
        raise DataError(f"{where}: expected a time of every document; got none in {by!r} of some. Drop these rows.")
    return times


def query_times(where: str, data: RankingDataset, by: str) -> NDArray[Any]:
    """When each query was asked: at the latest time of its documents, as :func:`doc_times` has them."""
    times = doc_times(where, data, by)
    sizes = data.list_sizes
    latest = np.full(data.n_queries, times.min() if times.size else 0, times.dtype)
    if (sizes > 0).any():
        latest[sizes > 0] = np.maximum.reduceat(times, data.offsets[:-1][sizes > 0])
    return latest


def cut_in_time(where: str, times: NDArray[Any], wanted: NDArray[np.int64], by: str) -> list[NDArray[np.int64]]:
    """Positions of queries in parts that follow each other in time, rising within each part.

    Queries of one time stay together: a part ends where the time changes nearest to where it was wanted.

    Args:
        where: For messages.
        times: Of the queries, as :func:`query_times` gives them.
        wanted: How many queries are to stand before each cut, rising.
        by: The column, for messages.

    Raises:
        DataError: If there are fewer different times than parts.

    >>> [part.tolist() for part in cut_in_time("here", np.array([3, 1, 2, 1]), np.array([1, 3]), "day")]
    [[1, 3], [2], [0]]
    """
    order = np.argsort(times, kind="stable")
    changes = np.flatnonzero(np.diff(times[order])) + 1
    cuts: list[int] = []
    for left, cut in zip(range(len(wanted), 0, -1), wanted, strict=True):
        free = changes[changes > (cuts[-1] if cuts else 0)]
        free = free[: len(free) - left + 1]  # each part after this one needs a change too
        if not len(free):
            raise DataError(
                f"{where}: expected {len(wanted) + 1} different times in {by!r} or more, for as many parts; got "
                f"{len(changes) + 1 if len(times) else 0}. Ask for fewer parts, or name a finer column of times."
            )
        cuts.append(int(free[np.abs(free - cut).argmin()]))
    return [np.sort(part) for part in np.split(order, cuts)]
