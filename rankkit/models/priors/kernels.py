"""Sums over the documents before each one, compiled."""

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel


@kernel()
def earlier_sums(
    keys: NDArray[np.int64],
    times: NDArray[np.float64],
    labels: NDArray[np.float64],
    lifts: NDArray[np.float64],
    half_life: float,
    places: NDArray[np.int64],
    sums: NDArray[np.float64],
) -> None:
    """Into ``sums [doc, 3]``, at ``places``: how many earlier documents of its key there are, their labels and lifts.

    The documents come by key and then by time; those of one time are none of them earlier than the others.
    """
    count, total, lift = 0.0, 0.0, 0.0
    first = 0
    while first < len(keys):
        last = first + 1
        while last < len(keys) and keys[last] == keys[first] and times[last] == times[first]:
            last += 1
        if first == 0 or keys[first] != keys[first - 1]:
            count, total, lift = 0.0, 0.0, 0.0
        else:
            share = 0.5 ** ((times[first] - times[first - 1]) / half_life)
            count, total, lift = count * share, total * share, lift * share
        for place in range(first, last):
            at = places[place]
            sums[at, 0], sums[at, 1], sums[at, 2] = count, total, lift
        for place in range(first, last):
            count += 1.0
            total += labels[place]
            lift += lifts[place]
        first = last
