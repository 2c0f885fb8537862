"""A log of interactions in one line: how much there is, and what its times and values span."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rankkit.numbers import counted

_OLDEST, _NEWEST = 631_152_000, 4_102_444_800  # 1990 and 2100, in seconds from 1970


def in_short(log: Any, times: ArrayLike | None, values: ArrayLike | None) -> str:
    """How much is in a log, of its numbers and the columns, or the lowest and the highest of each."""
    counts = counted(user=log.n_users, item=log.n_items, event=log.n_events)
    shown = "no times" if times is None else f"times {times_spanned(times)}"
    return f"{counts}, {shown}" + ("" if values is None else f", values {spanned(values)}")


def spanned(values: ArrayLike) -> str:
    """The lowest and the highest of numbers.

    >>> spanned([3, 0.5, 1]), spanned([])
    ('0.5..3', 'of no event')
    """
    found = np.asarray(values)
    return f"{found.min():.10g}..{found.max():.10g}" if found.size else "of no event"


def times_spanned(times: ArrayLike) -> str:
    """The first and the last time, as numbers; with their days where they are times from 1970 and of this age.

    Their unit is that in which both lie between 1990 and 2100: there is one at most.

    >>> times_spanned([0, 5996]), times_spanned([1.7e12, 1.8e12])
    ('0..5996', '1700000000000..1800000000000 (2023-11-14..2027-01-15, in milliseconds from 1970)')
    """
    found = np.asarray(times)
    if not found.size or not (found == found.astype(np.int64)).all():
        return spanned(found)
    first, last = int(found.min()), int(found.max())
    for power, unit in enumerate(("seconds", "milliseconds", "microseconds", "nanoseconds")):
        low, high = first // 1000**power, last // 1000**power
        if low >= _OLDEST and high < _NEWEST:
            days = (np.datetime64(seconds, "s").astype("datetime64[D]") for seconds in (low, high))
            return f"{first}..{last} ({'..'.join(map(str, days))}, in {unit} from 1970)"
    return f"{first}..{last}"
