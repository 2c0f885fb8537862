"""The compiled loops of the metric engine, over flat documents with offsets. Importing them imports numba.

Plain loops throughout: numba takes about a second to compile each slice assignment or array function.

Every function works on the lists ``first`` to ``last`` (not included) and writes into the arrays it is given, so
that several threads can share the lists out. A list is read as *runs* of tied documents: ``tied[i]`` says that
document i has the score of the one before it. Where ties are broken, every run is one document, and the averages
over the orders of a run, below, are the plain values.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]
Keys = NDArray[Any]

SHORT = 24
"""Lists up to this size are sorted by insertion, longer ones by radix."""

N_GRADES = 32
"""Whole labels below this are sorted by counting."""


@part()
def _fill_falling_keys(bits: Keys, keys: Keys) -> None:
    """Turn the bits of floats into unsigned integers that rise as the floats fall, equal for equal floats."""
    sign = np.uint64(1) << np.uint64(8 * bits.itemsize - 1)
    for i in range(len(bits)):
        key = np.uint64(bits[i])
        if key == sign:  # -0.0 equals 0.0
            key = np.uint64(0)
        # The bits of a negative float rise as it falls, those of a positive one rise with it.
        keys[i] = key if key & sign else key ^ (sign - np.uint64(1))


@part()
def _sort(keys: Keys, order: Keys, spare_keys: Keys, spare_order: Keys, counts: Keys) -> bool:
    """Sort keys (unsigned integers) upwards, stably, and carry ``order``; True when the result is in the spares.

    Least significant byte first; a byte that all keys share costs no pass. Indices are unsigned because numba tests
    signed ones for being negative, which makes this loop half as fast.
    """
    n = len(keys)
    if n <= SHORT:
        for i in range(1, n):
            key, place = keys[i], order[i]
            j = i
            while j > 0 and keys[j - 1] > key:
                keys[j], order[j] = keys[j - 1], order[j - 1]
                j -= 1
            keys[j], order[j] = key, place
        return False
    n_bytes, one, last_byte = keys.itemsize, np.uint32(1), np.uint64(255)
    for byte in range(n_bytes):
        for digit in range(256):
            counts[byte, digit] = 0
    for i in range(n):
        bits = np.uint64(keys[i])
        for byte in range(n_bytes):
            counts[byte, bits & last_byte] += one
            bits >>= np.uint64(8)
    in_spares = False
    for byte in range(n_bytes):
        shift, places = np.uint64(8 * byte), counts[byte]
        if places[(np.uint64(keys[0]) >> shift) & last_byte] == n:
            continue
        total = np.uint32(0)
        for digit in range(256):
            count = places[digit]
            places[digit] = total
            total += count
        for i in range(n):
            key = keys[i]
            bits = (np.uint64(key) >> shift) & last_byte
            place = places[bits]
            places[bits] = place + one
            spare_keys[place] = key
            spare_order[place] = order[i]
        keys, spare_keys = spare_keys, keys
        order, spare_order = spare_order, order
        in_spares = not in_spares
    return in_spares


@part()
def longest_of(offsets: Ints, first: int, last: int) -> int:
    """The size of the longest of some lists."""
    longest = 0
    for query in range(first, last):
        longest = max(longest, offsets[query + 1] - offsets[query])
    return longest


@kernel()
def rank_lists(
    offsets: Ints,
    first: int,
    last: int,
    bits: Keys,
    labels: Floats,
    worst_first: bool,
    left_open: bool,
    ranked: Floats,
    tied: Flags,
    ties_matter: Flags,
    rows: Ints,
) -> None:
    """Write the labels of each list by falling score; documents of equal score keep the order of the rows.

    ``bits`` are the scores, seen as unsigned integers of their width. ``ties_matter`` is set for lists where documents
    of different label are tied. With ``worst_first`` the labels of a run rise; with ``left_open`` the marks ``tied``
    stay. ``rows`` takes the row of each document in the order before ``worst_first`` moves any; empty: not wanted.
    """
    longest = longest_of(offsets, first, last)
    keys_1, keys_2 = np.empty(longest, bits.dtype), np.empty(longest, bits.dtype)
    order_1, order_2 = np.empty(longest, np.uint32), np.empty(longest, np.uint32)
    counts = np.empty((8, 256), np.uint32)
    for query in range(first, last):
        start, size = offsets[query], offsets[query + 1] - offsets[query]
        a, b, p, q = keys_1[:size], keys_2[:size], order_1[:size], order_2[:size]
        _fill_falling_keys(bits[start : start + size], a)
        for i in range(size):
            p[i] = i
        if _sort(a, p, b, q, counts):
            a, p = b, q
        into, mark, own = ranked[start : start + size], tied[start : start + size], labels[start : start + size]
        any_tie, matter = False, False
        for i in range(size):
            into[i] = own[p[i]]
        if len(rows):
            for i in range(size):
                rows[start + i] = start + p[i]
        for i in range(1, size):
            same = a[i] == a[i - 1]
            mark[i] = same
            any_tie |= same
            matter |= same & (into[i] != into[i - 1])
        ties_matter[query] = matter
        if worst_first and matter:
            _sort_runs(into, mark)
        if any_tie and not left_open:
            for i in range(size):
                mark[i] = False


@part()
def run_end(tied: Flags, start: int, stop: int) -> int:
    """Where the run of tied documents that begins at ``start`` ends, not included."""
    end = start + 1
    while end < stop and tied[end]:
        end += 1
    return end


@part()
def _sort_labels(labels: Floats) -> None:
    """Sort upwards in place: Shell's method with Knuth's gaps."""
    n, gap = len(labels), 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            label, j = labels[i], i
            while j >= gap and labels[j - gap] > label:
                labels[j] = labels[j - gap]
                j -= gap
            labels[j] = label
        gap //= 3


@part()
def _sort_runs(labels: Floats, tied: Flags) -> None:
    start, stop = 0, len(labels)
    while start < stop:
        end = run_end(tied, start, stop)
        if end > start + 1:
            _sort_labels(labels[start:end])
        start = end


@kernel()
def ideal_lists(offsets: Ints, first: int, last: int, labels: Floats, ideal: Floats) -> None:
    """Write the labels of each list, greatest first."""
    counts = np.empty(N_GRADES, np.int64)
    for query in range(first, last):
        own, into = labels[offsets[query] : offsets[query + 1]], ideal[offsets[query] : offsets[query + 1]]
        size = len(own)
        for grade in range(N_GRADES):
            counts[grade] = 0
        whole = True
        for i in range(size):
            grade = int(min(own[i], N_GRADES - 1.0))
            whole &= grade == own[i]
            counts[grade] += 1
        if whole:
            place = 0
            for grade in range(N_GRADES - 1, -1, -1):
                for _ in range(counts[grade]):
                    into[place] = grade
                    place += 1
        else:
            for i in range(size):
                into[i] = -own[i]
            _sort_labels(into)
            for i in range(size):
                into[i] = -into[i]


@part()
def _gain(label: float, exponential: bool, table: Floats) -> float:
    if len(table):
        return float(table[int(label)])
    return np.exp2(label) - 1 if exponential else label


@kernel()
def dcg_lists(
    offsets: Ints,
    first: int,
    last: int,
    labels: Floats,
    tied: Flags,
    k: int,
    exponential: bool,
    table: Floats,
    discounts: Floats,
    out: Floats,
) -> None:
    """Discounted cumulative gain; every document of a run has the mean gain of the run.

    ``table`` holds the gain of each whole label; empty: a formula gives it.
    """
    for query in range(first, last):
        top, stop = offsets[query], offsets[query + 1]
        total, start = 0.0, top
        cut = min(stop, top + k)
        while start < cut:
            end = run_end(tied, start, stop)
            gain, discount = 0.0, 0.0
            for i in range(start, end):
                gain += _gain(labels[i], exponential, table)
            for i in range(start, min(end, cut)):
                discount += discounts[i - top]
            total += gain * discount / (end - start)
            start = end
        out[query] = total if stop > top else np.nan


@part()
def _first_relevant(labels: Floats, tied: Flags, start: int, stop: int, relevant_from: float) -> tuple[int, int, int]:
    """The first run with a relevant document: its start, its end and how many are relevant (0: there is none)."""
    while start < stop:
        end = run_end(tied, start, stop)
        n_relevant = 0
        for i in range(start, end):
            n_relevant += labels[i] >= relevant_from
        if n_relevant:
            return start, end, n_relevant
        start = end
    return stop, stop, 0


@kernel()
def mrr_lists(
    offsets: Ints, first: int, last: int, labels: Floats, tied: Flags, k: int, relevant_from: float, out: Floats
) -> None:
    """Reciprocal rank of the first relevant document.

    In a run of n documents, R of them relevant, the first relevant one stands at place j with probability
    ``C(n - j, R - 1) / C(n, R)``.
    """
    for query in range(first, last):
        top, stop = offsets[query], offsets[query + 1]
        start, end, n_relevant = _first_relevant(labels, tied, top, stop, relevant_from)
        if n_relevant == 0:
            out[query] = np.nan
            continue
        size = end - start
        total, chance = 0.0, n_relevant / size
        for j in range(1, size - n_relevant + 2):
            rank = start - top + j
            if rank > k:
                break
            total += chance / rank
            if j < size:
                chance *= (size - j - n_relevant + 1) / (size - j)
        out[query] = total


@kernel()
def hit_rate_lists(
    offsets: Ints, first: int, last: int, labels: Floats, tied: Flags, k: int, relevant_from: float, out: Floats
) -> None:
    """Chance of a relevant document among the first k: 1 minus that of a run's first places holding none."""
    for query in range(first, last):
        top, stop = offsets[query], offsets[query + 1]
        start, end, n_relevant = _first_relevant(labels, tied, top, stop, relevant_from)
        if n_relevant == 0:
            out[query] = np.nan
            continue
        size, miss = end - start, 1.0
        for i in range(max(0, min(size, k - (start - top)))):
            miss *= max(size - n_relevant - i, 0) / (size - i)
        out[query] = 1 - miss


@kernel()
def relevant_lists(
    offsets: Ints,
    first: int,
    last: int,
    labels: Floats,
    tied: Flags,
    k: int,
    relevant_from: float,
    within: Floats,
    in_all: Floats,
) -> None:
    """How many relevant documents stand among the first k, and how many there are."""
    for query in range(first, last):
        top, start, stop = offsets[query], offsets[query], offsets[query + 1]
        total, n_all = 0.0, 0
        while start < stop:
            end = run_end(tied, start, stop)
            n_relevant = 0
            for i in range(start, end):
                n_relevant += labels[i] >= relevant_from
            n_all += n_relevant
            total += n_relevant * max(0, min(end - start, k - (start - top))) / (end - start)
            start = end
        within[query] = total
        in_all[query] = n_all
