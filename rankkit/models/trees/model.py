"""TreeModel: boosted trees of LightGBM, XGBoost or CatBoost as plain arrays, scored as their library does."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

LARGEST = np.finfo(np.float32).max
_THREAD_VISITS = 2_000_000  # below so many documents times trees a second thread costs more than it saves


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree. A document goes left where ``x <= threshold``, a missing value where ``missing_left`` says.

    Features are float32, so a threshold of any other kind has a float32 that splits them the same. A split by category
    sends a document left where the whole number before the point of x is one of its categories.

    Args:
        feature: ``[node]``; -1 at a leaf.
        threshold: float32 ``[node]``.
        missing_left: ``[node]``.
        left: Index of the left child ``[node]``.
        right: Index of the right child ``[node]``.
        value: float64 ``[node]``, at a leaf.
        zero_is_missing: ``[node]``: whether 0 goes where a missing value goes; None: nowhere.
        categories: The categories that go left, by node; a node that is not named splits by ``threshold``.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    zero_is_missing: NDArray[np.bool_] | None = None
    categories: Mapping[int, NDArray[np.int64]] = field(default_factory=dict)

    @property
    def is_leaf(self) -> NDArray[np.bool_]:
        """``[node]``."""
        return self.feature < 0

    def depth(self) -> int:
        """Splits on the longest path."""
        level, depth = np.zeros(1, np.int64), 0
        while True:
            inner = level[~self.is_leaf[level]]
            if not len(inner):
                return depth
            level, depth = np.concatenate((self.left[inner], self.right[inner])), depth + 1


@dataclass(frozen=True, eq=False)
class TreeModel:
    """The sum of trees and a constant: what LightGBM and CatBoost call the raw score and XGBoost the margin.

    Args:
        library: ``"lightgbm"``, ``"xgboost"`` or ``"catboost"``.
        objective: As the library names it.
        trees: At least one.
        base: The constant.
        n_features: Columns of the data.
        feature_names: One a feature, or None.
        sha256: Digest of the file.
        content: The file itself, as its library wrote it.
    """

    library: str
    objective: str
    trees: tuple[Tree, ...]
    base: float
    n_features: int
    feature_names: tuple[str, ...] | None
    sha256: str = ""
    content: bytes = field(default=b"", repr=False)

    def scores(self, features: NDArray[np.float32], offsets: NDArray[np.int64] | None = None) -> NDArray[np.floating]:
        """Score each document: ``[doc, feature]``, NaN where missing, to ``[doc]``, in the precision of the library."""
        from rankkit.models.trees import kernels

        features = np.ascontiguousarray(features, np.float32)
        totals: NDArray[np.floating] = np.full(len(features), self.base, self.precision)
        nodes, roots, words = self._packed

        def add(start: int, stop: int) -> None:
            kernels.add_leaves(features[start:stop], nodes, roots, words, totals[start:stop])

        n_parts = max(1, min(torch.get_num_threads(), len(features) * len(roots) // _THREAD_VISITS))
        parts = list(pairwise(np.linspace(0, len(features), n_parts + 1).astype(int).tolist()))
        if n_parts == 1:
            add(*parts[0])
            return totals
        # A pool a call survives a fork, where a lasting one hangs.
        with ThreadPoolExecutor(n_parts) as pool:
            for done in [pool.submit(add, *part) for part in parts]:
                done.result()
        return totals

    @property
    def precision(self) -> type[np.float32] | type[np.float64]:
        """That of the sums of the library."""
        return np.float32 if self.library == "xgboost" else np.float64

    @property
    def n_leaves(self) -> int:
        """Of all trees."""
        return sum(int(tree.is_leaf.sum()) for tree in self.trees)

    @cached_property
    def _packed(self) -> tuple[NDArray[Any], NDArray[np.int64], NDArray[np.uint32]]:
        """Every node of every tree behind one another, the roots, and the bits of the categories."""
        from rankkit.models.trees import kernels

        sizes = [len(tree.feature) for tree in self.trees]
        roots = np.concatenate(([0], np.cumsum(sizes)))
        nodes = np.zeros(roots[-1], kernels.NODE)
        words: list[NDArray[np.uint32]] = [np.zeros(1, np.uint32)]
        n_words = 1
        for root, size, tree in zip(roots.tolist(), sizes, self.trees, strict=False):
            part = nodes[root : root + size]
            part["feature"], part["threshold"] = tree.feature, tree.threshold
            part["left"], part["right"] = root + tree.left, root + tree.right
            part["value"] = tree.value.astype(self.precision)
            part["flags"] = np.where(tree.missing_left, kernels.MISSING_LEFT, 0)
            if tree.zero_is_missing is not None:
                part["flags"] |= np.where(tree.zero_is_missing, kernels.ZERO_IS_MISSING, np.uint8(0))
            for node, categories in tree.categories.items():
                words.append(_bits(categories))
                part[node : node + 1]["flags"] |= kernels.IS_CATEGORY
                part["first_word"][node], part["n_words"][node] = n_words, len(words[-1])
                n_words += len(words[-1])
        return nodes, roots[:-1], np.concatenate(words)

    def thresholds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The least and greatest threshold of each feature, 0 and 0 where no tree looks at it.

        Of a feature that is split by category: its least category, and the number behind its greatest.
        """
        low, high = np.full(self.n_features, np.inf, np.float32), np.full(self.n_features, -np.inf, np.float32)
        for tree in self.trees:
            split = ~tree.is_leaf
            split[list(tree.categories)] = False
            np.minimum.at(low, tree.feature[split], tree.threshold[split])
            np.maximum.at(high, tree.feature[split], tree.threshold[split])
            for node, categories in tree.categories.items():
                if len(categories):
                    feature = tree.feature[node]
                    low[feature] = min(low[feature], categories.min())
                    high[feature] = max(high[feature], categories.max() + 1)
        unused = low > high
        return np.where(unused, 0, low).astype(np.float32), np.where(unused, 0, high).astype(np.float32)


def float32_below(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 that is not above each value.

    >>> float32_below(np.array([0.1])) <= np.float32(0.1)
    array([ True])
    """
    clipped = np.clip(values, -np.inf, float(LARGEST)) if values.size else values
    with np.errstate(over="ignore"):
        near = clipped.astype(np.float32)
    return np.where(near.astype(np.float64) > values, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def _bits(categories: NDArray[np.int64]) -> NDArray[np.uint32]:
    """A bit for each category up to the last: number n is bit n % 32 of word n // 32."""
    bits = np.zeros((int(categories.max(initial=0)) // 32 + 1, 32), np.uint32)
    bits.reshape(-1)[categories] = 1
    words: NDArray[np.uint32] = np.bitwise_or.reduce(bits << np.arange(32, dtype=np.uint32), axis=1)
    return words
