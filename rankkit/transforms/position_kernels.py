"""The compiled loops of ranks and gaps within queries, faster than sorts of whole columns. They import numba.

Each writes float32 ``[doc, feature]``; a missing value stays NaN there.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part

Rows = NDArray[np.float32]
LARGEST = np.finfo(np.float32).max


@kernel()
def fill_ranks(features: Rows, offsets: NDArray[np.int64], ranks: Rows) -> None:
    """The rank by value within the query, from 0 to 1, the mean for equal values; 0.5 without another to compare."""
    values, docs = _room(offsets)
    for query in range(len(offsets) - 1):
        for feature in range(features.shape[1]):
            n_known = _collect(features, offsets[query], offsets[query + 1], feature, values, docs, ranks)
            order = np.argsort(values[:n_known])
            first = 0
            while first < n_known:
                last = first + 1
                while last < n_known and values[order[last]] == values[order[first]]:
                    last += 1
                rank = (first + last - 1) / (2 * (n_known - 1)) if n_known > 1 else 0.5
                for place in range(first, last):
                    ranks[docs[order[place]], feature] = rank
                first = last


@kernel()
def fill_gaps(features: Rows, offsets: NDArray[np.int64], gaps: Rows) -> None:
    """The next higher value less the value, as a share of the range in the query; 0 for the highest value."""
    values, docs = _room(offsets)
    for query in range(len(offsets) - 1):
        for feature in range(features.shape[1]):
            n_known = _collect(features, offsets[query], offsets[query + 1], feature, values, docs, gaps)
            order = np.argsort(values[:n_known])
            width = np.float64(values[order[n_known - 1]]) - np.float64(values[order[0]]) if n_known else 0.0
            inverse = min(1 / width, np.float64(LARGEST)) if width > 0 else 0.0
            gap = 0.0
            better = np.float64(np.inf)
            for place in range(n_known - 1, -1, -1):
                value = np.float64(values[order[place]])
                if value < better and place < n_known - 1:
                    gap = (better - value) * inverse
                better = value
                gaps[docs[order[place]], feature] = gap


@part()
def _room(offsets: NDArray[np.int64]) -> Any:
    """Room for the values of one feature in the longest query, and for their documents."""
    longest = 0
    for query in range(len(offsets) - 1):
        longest = max(longest, offsets[query + 1] - offsets[query])
    return np.empty(longest, np.float32), np.empty(longest, np.int64)


@part()
def _collect(
    features: Rows, start: int, stop: int, feature: int, values: Rows, docs: NDArray[np.int64], result: Rows
) -> int:
    """Take the values of a query that are not missing, and mark the others in the result; how many were taken."""
    n_known = 0
    for doc in range(start, stop):
        value = features[doc, feature]
        if np.isnan(value):
            result[doc, feature] = np.nan
        else:
            values[n_known] = min(max(value, -LARGEST), LARGEST)
            docs[n_known] = doc
            n_known += 1
    return n_known
