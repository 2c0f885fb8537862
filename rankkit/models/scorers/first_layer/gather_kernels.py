"""The compiled loops of a layer over piecewise encodings: rows of a table in place of a matrix. They import numba.

A piecewise-linear encoding times a matrix is a curve a feature: linear between its values at the edges of the bins. A
document reads two neighbouring rows of the table of these values a feature, where the matrix product reads every row.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part

Table = NDArray[np.float32]
ONE = np.uint32(1)  # indices are unsigned: numba asks signed ones whether they are negative
_COUNTED = 64  # bins of which comparing with each costs less than the guesses of a search that go wrong
N_LANES = 64  # numbers of a digest that are worked on side by side
_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd, so that no change of one number is lost
_HALF = np.uint64(32)
_BLOCK = 128  # documents that go through a feature together, so that its rows and their sums stay in the cache


@part()
def _lay_out(low: Table, n_compared: int) -> Table:
    """The first edge of each feature and those that are compared, of many features side by side; NaN fills up fours."""
    edges = np.empty((1 + (n_compared + 3) // 4 * 4, len(low)), np.float32)
    for place in range(len(edges)):  # a slice assignment would take four times as long to compile
        for feature in range(len(low)):
            edges[place, feature] = low[feature, place] if place <= n_compared else np.nan  # no value comes after NaN
    return edges


@kernel()
def find_bins(values: Table, low: Table, slope: Table, high: Table, bins: NDArray[Any], shares: Table) -> None:
    """The bin of each value and how far it has come through it, from 0 to 1; that of NaN is the beginning of the first.

    Args:
        values: ``[doc, feature]``.
        low: ``[feature, bin]``: where bins begin, rising; unused ones have the end of the last.
        slope: ``[feature, bin]``: 1 / width, 0 of unused ones.
        high: ``[feature]``: where the last one ends.
        bins: ``[doc, feature]``, written.
        shares: ``[doc, feature]``, written.
    """
    n_features, n_bins = low.shape
    n_compared = n_bins - 1 if n_bins <= _COUNTED else 0
    edges = _lay_out(low, n_compared)
    for doc in range(values.shape[0]):
        row, inside, found, begins = values[doc], shares[doc], bins[doc], edges[0]
        for feature in range(n_features):
            value, first = row[feature], begins[feature]
            inside[feature] = min(value, high[feature]) if value > first else first
        for feature in range(n_features):
            found[feature] = 0
        for place in range(1, len(edges), 4):
            one, two, three, four = edges[place], edges[place + 1], edges[place + 2], edges[place + 3]
            for feature in range(n_features):
                value = inside[feature]
                n_begun = np.uint32(one[feature] <= value) + np.uint32(two[feature] <= value)
                n_begun += np.uint32(three[feature] <= value) + np.uint32(four[feature] <= value)
                found[feature] += n_begun
        if n_compared < n_bins - 1:
            for feature in range(n_features):
                value, begun, after = inside[feature], 0, n_bins
                while after - begun > 1:
                    middle = (begun + after) // 2
                    if low[feature, middle] <= value:
                        begun = middle
                    else:
                        after = middle
                found[feature] = begun
        for feature in range(n_features):
            share = (inside[feature] - low[feature, found[feature]]) * slope[feature, found[feature]]
            inside[feature] = min(max(share, np.float32(0)), np.float32(1))


@kernel(fastmath={"contract"})
def add_rows(table: Table, bins: NDArray[Any], shares: Table, sums: Table, first: int, last: int) -> None:
    """To the sums of the documents ``first`` to ``last`` add what each feature gives.

    Args:
        table: ``[feature, bin + 1, output]``: values at the edges of the bins.
        bins: ``[doc, feature]``.
        shares: ``[doc, feature]``.
        sums: ``[doc, output]``, added to.
        first: Document.
        last: Document, not included.
    """
    n_outputs, n_features = sums.shape[1], table.shape[0]
    fours = n_features - n_features % 4
    for start in range(first, last, _BLOCK):
        after = min(start + _BLOCK, last)
        for a in range(0, fours, 4):  # four features at once: sums are fetched and written a quarter as often
            b, c, d = a + 1, a + 2, a + 3
            for doc in range(start, after):
                place, share, into = bins[doc], shares[doc], sums[doc]
                share_a, share_b, share_c, share_d = share[a], share[b], share[c], share[d]
                low_a, high_a = table[a, place[a]], table[a, place[a] + ONE]
                low_b, high_b = table[b, place[b]], table[b, place[b] + ONE]
                low_c, high_c = table[c, place[c]], table[c, place[c] + ONE]
                low_d, high_d = table[d, place[d]], table[d, place[d] + ONE]
                for output in range(n_outputs):
                    total = into[output] + low_a[output] + share_a * (high_a[output] - low_a[output])
                    total = total + low_b[output] + share_b * (high_b[output] - low_b[output])
                    total = total + low_c[output] + share_c * (high_c[output] - low_c[output])
                    into[output] = total + low_d[output] + share_d * (high_d[output] - low_d[output])
        for feature in range(fours, n_features):
            for doc in range(start, after):
                share_a, at = shares[doc, feature], bins[doc, feature]
                low_a, high_a, into = table[feature, at], table[feature, at + ONE], sums[doc]
                for output in range(n_outputs):
                    into[output] += low_a[output] + share_a * (high_a[output] - low_a[output])


@kernel(fastmath={"contract", "reassoc"})
def add_gradients(gradients: Table, bins: NDArray[Any], shares: Table, table: Table, first: int, last: int) -> None:
    """To the gradient of the table of the features ``first`` to ``last`` add what each document gives.

    Args:
        gradients: ``[doc, output]``.
        bins: ``[doc, feature]``.
        shares: ``[doc, feature]``.
        table: ``[feature, bin + 1, output]``, added to.
        first: Feature.
        last: Feature, not included.
    """
    n_docs, n_outputs = gradients.shape
    for start in range(0, n_docs, _BLOCK):
        for feature in range(first, last):
            for doc in range(start, min(start + _BLOCK, n_docs)):
                share, place = shares[doc, feature], bins[doc, feature]
                low, high, given = table[feature, place], table[feature, place + ONE], gradients[doc]
                rest = np.float32(1) - share
                for output in range(n_outputs):
                    low[output] += rest * given[output]
                    high[output] += share * given[output]


@kernel()
def digest(words: NDArray[Any]) -> NDArray[Any]:
    """A number for many, in each of some lanes, which other numbers as good as never give.

    Each step multiplies by an odd number and brings high bits down, so that it loses nothing and a change of one bit,
    such as a sign, reaches all others.

    Args:
        words: uint64 ``[number]``.
    """
    lanes = np.zeros(N_LANES, np.uint64)
    whole = words.size - words.size % N_LANES
    for start in range(0, whole, N_LANES):
        for lane in range(N_LANES):
            mixed = (lanes[lane] ^ words[start + lane]) * _FACTOR
            lanes[lane] = mixed ^ (mixed >> _HALF)
    for place in range(whole, words.size):
        mixed = (lanes[place - whole] ^ words[place]) * _FACTOR
        lanes[place - whole] = mixed ^ (mixed >> _HALF)
    return lanes
