"""From one qid a row to queries: offsets, qids, and the order of rows where regrouping moved them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids, first_places
from rankkit.errors import DataError

Groups = tuple[NDArray[np.int64], Ids, NDArray[np.int64] | None]


def group_rows(qids: Ids, regroup: bool = False, *, locate: Callable[[int], str] = "row {}".format) -> Groups:
    """Group rows by their qid.

    >>> group_rows(np.array([7, 7, 5]))
    (array([0, 2, 3]), array([7, 5]), None)
    >>> group_rows(np.array([7, 5, 7]), regroup=True)
    (array([0, 2, 3]), array([7, 5]), array([0, 2, 1]))

    Args:
        qids: ``[row]``, integers or text.
        regroup: Bring rows of a qid that comes back later to its first rows; without it that is an error.
        locate: Names a row, counted from 0, in messages.

    Returns:
        offsets int64 ``[query + 1]``; qids ``[query]`` in the order in which they first came; rows int64 ``[row]``,
        the input row for each row of the output, or None where the rows stay as they are.

    Raises:
        DataError: If a qid comes back after another one and ``regroup`` is False.
    """
    n_rows = len(qids)
    changes = np.flatnonzero(qids[1:] != qids[:-1]) + 1
    starts = np.concatenate([np.zeros(min(n_rows, 1), np.int64), changes])
    return group_runs(qids[starts], starts, n_rows, regroup, locate=lambda run: locate(int(starts[run])))


def group_runs(
    qids: Ids,
    starts: NDArray[np.int64],
    n_rows: int,
    regroup: bool = False,
    *,
    locate: Callable[[int], str],
) -> Groups:
    """As :func:`group_rows`, from runs of rows with the same qid: the qid and first row of each.

    ``locate`` names a run, counted from 0, in messages.
    """
    ends = np.append(starts, np.int64(n_rows))
    first = first_places(qids)  # of each run, the first run of its query
    is_first = first == np.arange(len(qids))
    if is_first.all():
        return ends, qids, None
    if not regroup:
        again = int(np.flatnonzero(~is_first)[0])
        raise DataError(
            f"{locate(again)}: expected the rows of a qid to stand together; got qid {qids[again]} again, after others "
            f"(first at {locate(int(first[again]))}). Pass regroup=True to bring its rows together."
        )
    order = np.argsort(first, kind="stable")
    sizes = np.diff(ends)[order]
    stops = np.cumsum(sizes)
    rows = np.arange(n_rows, dtype=np.int64) + np.repeat(starts[order] - (stops - sizes), sizes)
    is_last = np.diff(first[order], append=len(qids)) != 0
    offsets = np.concatenate([np.zeros(1, np.int64), stops[is_last]])
    return offsets, qids[is_first], rows


def group_sizes(sizes: NDArray[np.int64], n_rows: int, group_file: Path, path: Path) -> Groups:
    """As :func:`group_rows`, from the number of rows of each query; the qids are 1, 2, 3, ...

    Raises:
        DataError: If the sizes do not add up to the rows.
    """
    if sizes.sum() != n_rows:
        raise DataError(
            f"{group_file}: expected sizes that add up to {n_rows:,}, the rows of {path}; got {sizes.sum():,} in "
            f"{len(sizes):,} queries. Pass the file that belongs to these rows."
        )
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
    return offsets, np.arange(1, len(sizes) + 1), None
