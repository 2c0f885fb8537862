"""with_at_least(): the k-core of a log."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from rankkit.data.interactions.log import Interactions


def with_at_least(log: Interactions, n: int) -> Interactions:
    """Leave out users and items of fewer than n events, again and again, until all that are left have as many.

    Args:
        log: Any log.
        n: How many.

    Example:
        >>> log = Interactions.from_events(list("aabbc"), list("xyxyx"))
        >>> with_at_least(log, 2).remarks
        ('1 of 3 users, 0 of 2 items and 1 of 5 events are left out: users and items of fewer than 2 events.',)
    """
    left = log
    while True:
        kept = (left.sizes >= n)[left.users] & (left.item_counts >= n)[left.items]
        if kept.all():
            break
        left = left.keep(kept)
    users, items = left.sizes > 0, left.item_counts > 0
    renumbered = (np.cumsum(items) - 1).astype(np.int32)
    chosen = left.select(users)
    remark = left_out(users, items, log.n_events - left.n_events, log.n_events, n)
    return replace(
        chosen,
        items=renumbered[chosen.items],
        item_ids=log.item_ids[items],
        remarks=(*log.remarks, remark),
        item_columns=None if log.item_columns is None else log.item_columns.select(np.flatnonzero(items)),
    )


def left_out(users: NDArray[np.bool_], items: NDArray[np.bool_], n_out: int, n_events: int, n: int) -> str:
    """What a k-core left out, in a line: of users and items those that stay are True."""
    return (
        f"{int((~users).sum()):,} of {len(users):,} users, {int((~items).sum()):,} of {len(items):,} items and "
        f"{n_out:,} of {n_events:,} events are left out: users and items of fewer than {n} events."
    )
