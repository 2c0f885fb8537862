"""The compiled walk of documents through trees; importing it imports numba."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel

MISSING_LEFT, ZERO_IS_MISSING, IS_CATEGORY = np.uint8(1), np.uint8(2), np.uint8(4)

NODE = np.dtype(
    [
        ("feature", np.int32),  # -1 at a leaf
        ("threshold", np.float32),
        ("left", np.int32),
        ("right", np.int32),
        ("first_word", np.int32),  # of a split by category: where its bits begin, and how many words they are
        ("n_words", np.int32),
        ("flags", np.uint8),
        ("value", np.float64),  # of a leaf
    ],
    align=True,
)
"""A node; children are counted from the root of the first tree."""

_BLOCK = 64  # documents that go through a tree together, so that its nodes stay in the processor's cache
_ZERO = np.float32(1e-35)
_LARGEST_CATEGORY = np.float32(2**30)


@kernel()
def add_leaves(
    features: NDArray[np.float32],
    nodes: NDArray[Any],
    roots: NDArray[np.int64],
    words: NDArray[np.uint32],
    totals: NDArray[np.floating],
) -> None:
    """Add the leaf value of each tree, in their order and in the precision of ``totals [doc]``."""
    for start in range(0, len(features), _BLOCK):
        stop = min(start + _BLOCK, len(features))
        for root in roots:
            for doc in range(start, stop):
                at = root
                feature = nodes[at].feature
                while feature >= 0:
                    value = features[doc, feature]
                    flags = nodes[at].flags
                    if np.isnan(value) or (flags & ZERO_IS_MISSING and abs(value) <= _ZERO):
                        goes_left = flags & MISSING_LEFT != 0
                    elif flags & IS_CATEGORY:
                        goes_left = False
                        if -1 < value < _LARGEST_CATEGORY:
                            category = np.int64(value)
                            if category >> 5 < nodes[at].n_words:
                                word = words[nodes[at].first_word + (category >> 5)]
                                goes_left = (word >> np.uint32(category & 31)) & np.uint32(1) != 0
                    else:
                        goes_left = value <= nodes[at].threshold
                    at = nodes[at].left if goes_left else nodes[at].right
                    feature = nodes[at].feature
                totals[doc] += nodes[at].value
