"""as_comparisons(): a tree all of whose splits are ``x <= threshold``, for places that have no other."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from rankkit.models.trees.model import Tree, float32_below

_BELOW_ZERO, _ZERO = np.nextafter(np.float32(-1e-35), np.float32(-np.inf)), np.float32(1e-35)
_END_OF_CATEGORIES = 2**30  # a value from here on is in no set of them

Step = tuple[float, bool]
"""An upper bound, and whether a value up to it, and above the bound before, goes left."""


def as_comparisons(tree: Tree) -> Tree:
    """The same tree without splits by category and without zeros that count as missing.

    Such a split sends ranges of x left and right by turns. It becomes a chain: each node sends what is up to its bound
    to the child of the split, and the rest to the next node. So children have several parents, in chains alone, and
    all but the last come to them from the left. The nodes of the tree keep their places.

    Example:
        >>> tree = Tree(
        ...     feature=np.array([0, -1, -1]),
        ...     threshold=np.zeros(3, np.float32),
        ...     missing_left=np.zeros(3, bool),
        ...     left=np.array([1, 0, 0]),
        ...     right=np.array([2, 0, 0]),
        ...     value=np.array([0.0, 1.0, -1.0]),
        ...     categories={0: np.array([2, 3])},
        ... )
        >>> plain = as_comparisons(tree)
        >>> plain.threshold.tolist(), plain.left.tolist(), plain.right.tolist()
        ([1.9999998807907104, 0.0, 0.0, 3.999999761581421], [2, 0, 0, 1], [3, 0, 0, 2])
    """
    chains = {node: _chain(tree, node) for node in _unusual(tree)}
    n_nodes, n_more = len(tree.feature), sum(len(steps) - 1 for steps, _ in chains.values())

    def longer(own: NDArray[np.generic]) -> NDArray[np.generic]:
        return np.concatenate((own, np.zeros(n_more, own.dtype)))

    feature, threshold, missing_left = longer(tree.feature), longer(tree.threshold), longer(tree.missing_left)
    left, right, value = longer(tree.left), longer(tree.right), longer(tree.value)
    for node, (steps, last) in chains.items():
        child = {True: tree.left[node], False: tree.right[node]}
        places = [node, *range(n_nodes, n_nodes + len(steps) - 1)]
        n_nodes += len(steps) - 1
        for (place, following), (bound, goes_left) in zip(pairwise([*places, int(child[last])]), steps, strict=True):
            feature[place], threshold[place] = tree.feature[node], bound
            left[place], right[place] = child[goes_left], following
            missing_left[place] = goes_left == tree.missing_left[node]
    return Tree(feature, threshold, missing_left, left, right, value)  # type: ignore[arg-type] # of the same types


def n_comparisons(tree: Tree) -> NDArray[np.int64]:
    """How many comparisons stand for each node in :func:`as_comparisons`, ``[node]``, 0 for a leaf."""
    found: NDArray[np.int64] = (~tree.is_leaf).astype(np.int64)
    for node in _unusual(tree):
        found[node] = len(_chain(tree, node)[0])
    return found


def _unusual(tree: Tree) -> list[int]:
    """The splits that are none by one threshold."""
    found = set(tree.categories)
    if tree.zero_is_missing is not None:
        # A plain split does the same where missing values go the zeros' own way.
        own_way = tree.missing_left == (tree.threshold >= 0)
        found |= set(np.flatnonzero(tree.zero_is_missing & ~own_way & ~tree.is_leaf).tolist())
    return sorted(found)


def _chain(tree: Tree, node: int) -> tuple[list[Step], bool]:
    """Steps by rising bounds, and whether what is above all goes left; where NaN goes, one of them goes too."""
    if node in tree.categories:
        steps, last = _ranges(tree.categories[node]), False
    else:
        threshold, missing_left = float(tree.threshold[node]), bool(tree.missing_left[node])
        zeros = [(float(_BELOW_ZERO), not missing_left), (float(_ZERO), missing_left)]
        steps = [(threshold, True), *zeros] if missing_left else [*zeros, (threshold, True)]
        last = False
    # NaN passes all nodes but those whose bound sends their values where NaN is to go.
    if not steps or tree.missing_left[node] not in [last, *(goes_left for _, goes_left in steps)]:
        steps, last = [*steps, (np.inf, last)], not last
    return steps, last


def _ranges(categories: NDArray[np.int64]) -> list[Step]:
    """Two steps for each range of neighbouring categories, whose values are those with that whole number."""
    known = np.unique(categories[(categories >= 0) & (categories < _END_OF_CATEGORIES)])
    ends = np.flatnonzero(np.diff(known) != 1)
    firsts = known[np.concatenate(([0], ends + 1))[: len(known)]]
    lasts = known[np.concatenate((ends, [-1]))[: len(known)]]
    first = np.where(firsts == 0, -1, np.nextafter(firsts.astype(np.float64), -np.inf))  # from -1 to 1 it is 0
    after = np.nextafter((lasts + 1).astype(np.float64), -np.inf)
    return [
        step
        for low, high in zip(float32_below(first).tolist(), float32_below(after).tolist(), strict=True)
        for step in ((low, False), (high, True))
    ]
