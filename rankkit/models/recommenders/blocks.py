"""Scores of users and items in blocks: which places are left out, and whose history is that of training."""

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions

_MEASURED = 200  # users, on whom the recall of an index is measured


def spread(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of places those, evenly spread, on which recall is measured."""
    return places[np.linspace(0, len(places) - 1, min(_MEASURED, len(places))).astype(np.int64)]


def mask_block(
    block: NDArray[np.float32], seen: Interactions | None, without: NDArray[np.bool_] | None
) -> NDArray[np.float32]:
    """Write -inf where items are no candidates: those of the histories, and those of a mask ``[item]``; in place."""
    from rankkit.retrieval import kernels

    if seen is not None:
        kernels.mask_rows(block, seen.offsets, seen.items)
    if without is not None:
        block[:, without] = -np.inf
    return block


def is_own_history(log: Interactions, histories: Interactions) -> NDArray[np.int64]:
    """int64 ``[user]``: where a user stands in the log whose history is exactly that of the log; -1 for any other."""
    if histories is log:
        return np.arange(log.n_users)
    positions = log.user_positions(histories.user_ids)
    sizes = histories.sizes
    same = (positions >= 0) & (sizes > 0)
    same[same] = log.sizes[positions[same]] == sizes[same]
    rows = np.flatnonzero(same)
    mine, theirs = histories.select(rows), log.select(positions[rows])
    differs = np.zeros(len(rows), np.bool_)
    np.logical_or.at(differs, mine.users, mine.items != theirs.items)
    positions[~same] = -1
    positions[rows[differs]] = -1
    return positions
