"""The compiled loops of metrics that compare documents in pairs; see :mod:`rankkit.metrics.kernels`."""

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]


@kernel()
def bpref_lists(
    offsets: Ints,
    first: int,
    last: int,
    labels: Floats,
    tied: Flags,
    relevant_from: float,
    n_relevant: Ints,
    n_others: Ints,
    out: Floats,
) -> None:
    """Binary preference, with the number of relevant and of other documents that were judged.

    In a run with q documents that are not relevant, each number from 0 to q of them stands before a relevant one with
    the same probability.
    """
    for query in range(first, last):
        start, stop = offsets[query], offsets[query + 1]
        most = n_relevant[query]
        if most == 0:
            out[query] = np.nan
            continue
        bound = min(most, n_others[query])
        total, before = 0.0, 0
        while start < stop:
            end = start + 1
            while end < stop and tied[end]:
                end += 1
            in_run = 0
            for i in range(start, end):
                in_run += labels[i] >= relevant_from
            others = end - start - in_run
            if in_run:
                mean = 0.0
                for above in range(before, before + others + 1):
                    mean += 1 - min(above, most) / bound if above else 1.0
                total += in_run * mean / (others + 1)
            before += others
            start = end
        out[query] = total / most


@part()
def _n_from(falling: Floats, label: float, above: bool) -> int:
    """How many of labels that fall are greater than a label (``above``), or at least as great."""
    low, high = 0, len(falling)
    while low < high:
        middle = (low + high) // 2
        if falling[middle] > label or (not above and falling[middle] == label):
            low = middle + 1
        else:
            high = middle
    return low


@part()
def _n_seen(tree: Ints, place: int) -> int:
    """How many of the marks in a Fenwick tree stand at places up to one (from 0)."""
    total, place = 0, place + 1
    while place > 0:
        total += tree[place]
        place -= place & -place
    return total


@kernel()
def ordered_pairs_lists(
    offsets: Ints,
    first: int,
    last: int,
    labels: Floats,
    tied: Flags,
    weights: Floats,
    judged_offsets: Ints,
    judged_labels: Floats,
    judged_weights: Floats,
    falling_labels: Floats,
    out: Floats,
) -> None:
    """Share of the pairs of different label whose better document stands above the other.

    A pair has the weight of its better document. Documents that were judged and are not in the list stand below it, in
    no order. A document of the list is above all that are worse, but for those that were seen before it; of those in
    its own run on average half were.
    """
    longest = 0
    for query in range(first, last):
        longest = max(longest, judged_offsets[query + 1] - judged_offsets[query])
    tree_space = np.empty(longest + 1, np.int64)
    for query in range(first, last):
        judged_from, judged_to = judged_offsets[query], judged_offsets[query + 1]
        size = judged_to - judged_from
        falling, tree = falling_labels[judged_from:judged_to], tree_space[: size + 1]
        possible = 0.0
        for i in range(judged_from, judged_to):
            possible += judged_weights[i] * (size - _n_from(falling, judged_labels[i], False))
        if possible == 0:
            out[query] = np.nan
            continue
        for place in range(size + 1):
            tree[place] = 0
        reached, n_seen = 0.0, 0
        start, stop = offsets[query], offsets[query + 1]
        while start < stop:
            end = start + 1
            while end < stop and tied[end]:
                end += 1
            for i in range(start, end):
                worse_seen = n_seen - _n_seen(tree, _n_from(falling, labels[i], True))
                reached += weights[i] * (size - _n_from(falling, labels[i], False) - worse_seen / 2)
            for i in range(start, end):
                place = _n_from(falling, labels[i], True) + 1
                while place <= size:
                    tree[place] += 1
                    place += place & -place
            n_seen += end - start
            for i in range(start, end):
                reached -= weights[i] * (n_seen - _n_seen(tree, _n_from(falling, labels[i], True))) / 2
            start = end
        out[query] = reached / possible
