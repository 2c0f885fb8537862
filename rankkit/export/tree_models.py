"""TreeModel: boosted trees of LightGBM or XGBoost as plain arrays, scored as their library does."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ExportError
from rankkit.export.json_text import read_text
from rankkit.export.source import Source

LARGEST = np.finfo(np.float32).max
DEEPEST = 300
MOST_FEATURES = 1_000_000


@dataclass(frozen=True, eq=False)
class Tree:
    """One tree. A document goes left where ``x <= threshold``, a missing value where ``missing_left`` says.

    Features are float32, so a threshold of any other kind has a float32 that splits them the same.

    Args:
        feature: ``[node]``; -1 at a leaf.
        threshold: float32 ``[node]``.
        missing_left: ``[node]``.
        left: Index of the left child ``[node]``.
        right: Index of the right child ``[node]``.
        value: float64 ``[node]``, at a leaf.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float32]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]

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

    def leaves_of(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """The leaf that each document ends in: ``[doc, feature]`` to ``[doc]``."""
        node = np.zeros(len(features), np.int64)
        docs = np.flatnonzero(~self.is_leaf[node])
        while len(docs):
            at = node[docs]
            value = features[docs, self.feature[at]]
            goes_left = np.where(np.isnan(value), self.missing_left[at], value <= self.threshold[at])
            node[docs] = np.where(goes_left, self.left[at], self.right[at])
            docs = docs[~self.is_leaf[node[docs]]]
        return node


@dataclass(frozen=True, eq=False)
class TreeModel:
    """The sum of trees and a constant: what LightGBM calls the raw score and XGBoost the margin.

    Args:
        library: ``"lightgbm"`` or ``"xgboost"``.
        objective: As the library names it.
        trees: At least one.
        base: The constant.
        n_features: Columns of the data.
        feature_names: One a feature, or None.
    """

    library: str
    objective: str
    trees: tuple[Tree, ...]
    base: float
    n_features: int
    feature_names: tuple[str, ...] | None

    def scores(self, features: NDArray[np.float32], offsets: NDArray[np.int64] | None = None) -> NDArray[np.floating]:
        """Score each document: ``[doc, feature]``, NaN where missing, to ``[doc]``, in the precision of the library."""
        precision = np.float32 if self.library == "xgboost" else np.float64
        total: NDArray[np.floating] = np.full(len(features), self.base, precision)
        for tree in self.trees:
            total = total + tree.value[tree.leaves_of(features)].astype(precision)
        return total

    def thresholds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The least and greatest threshold of each feature, 0 and 0 where no tree looks at it."""
        low, high = np.full(self.n_features, np.inf, np.float32), np.full(self.n_features, -np.inf, np.float32)
        for tree in self.trees:
            split = ~tree.is_leaf
            np.minimum.at(low, tree.feature[split], tree.threshold[split])
            np.maximum.at(high, tree.feature[split], tree.threshold[split])
        unused = low > high
        return np.where(unused, 0, low).astype(np.float32), np.where(unused, 0, high).astype(np.float32)


def read_tree_model(path: Path) -> TreeModel:
    """Read a text file of LightGBM or a JSON file of XGBoost.

    Raises:
        ExportError: If it is neither, damaged, or holds what is no sum of trees over numbers.
    """
    from rankkit.export.lightgbm_text import parse_lightgbm
    from rankkit.export.xgboost_json import parse_xgboost

    text = read_text(path)
    try:
        if text.startswith("tree\n"):
            model = parse_lightgbm(str(path), text)
        elif text.lstrip().startswith("{"):
            model = parse_xgboost(str(path), _loads(text))
        else:
            raise ExportError(
                f"{path}: expected a text file of LightGBM or a JSON file of XGBoost; got {text[:40]!r}. "
                "Save the booster with booster.save_model('model.txt') or ('model.json')."
            )
        _check(str(path), model)
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError) as error:
        raise ExportError(
            f"{path}: expected a model of LightGBM or XGBoost; got a damaged one ({type(error).__name__}: {error}). "
            "Save the booster again."
        ) from error
    return model


def tree_source(path: Path) -> Source:
    """A tree model, to be exported."""
    model = read_tree_model(path)
    low, high = model.thresholds()
    return Source(
        model=model,
        scorer={
            "name": model.library,
            "options": {"objective": model.objective, "n_trees": len(model.trees)},
        },
        feature_names=model.feature_names,
        n_features=model.n_features,
        transform=None,
        objective={"name": model.objective, "options": {}},
        protocol=None,
        data_fingerprint=None,
        versions={},
        weights_sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        listwise=False,
        scores=model.scores,
        low=low,
        high=high,
    )


def float32_below(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """The greatest float32 that is not above each value.

    >>> float32_below(np.array([0.1])) <= np.float32(0.1)
    array([ True])
    """
    clipped = np.clip(values, -np.inf, float(LARGEST)) if values.size else values
    with np.errstate(over="ignore"):
        near = clipped.astype(np.float32)
    return np.where(near.astype(np.float64) > values, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float32)


def _loads(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None
    return dict(found)


def _check(where: str, model: TreeModel) -> None:
    """Check that every index points where it may and every path ends."""
    if not model.trees:
        raise ValueError("no tree")
    if not 1 <= model.n_features <= MOST_FEATURES:
        raise ValueError(f"{model.n_features} features")
    if model.feature_names is not None and len(model.feature_names) != model.n_features:
        raise ValueError(f"{len(model.feature_names)} names of {model.n_features} features")
    for number, tree in enumerate(model.trees):
        inner, n_nodes = ~tree.is_leaf, len(tree.feature)
        children = np.concatenate((tree.left[inner], tree.right[inner]))
        # No node has two parents and the root has none: then no path from the root goes round. XGBoost leaves nodes
        # that it cut off in the lists.
        once = len(np.unique(children)) == len(children)
        if not once or (children < 1).any() or (children >= n_nodes).any() or (tree.feature >= model.n_features).any():
            raise ValueError(f"tree {number} with a child or a feature that does not exist")
        if np.isnan(tree.threshold[inner]).any() or not np.isfinite(tree.value[tree.is_leaf]).all():
            raise ValueError(f"tree {number} with a threshold or a value that is no number")
        if (depth := tree.depth()) > DEEPEST:
            raise ExportError(
                f"{where}: expected trees of at most {DEEPEST} levels; got tree {number} with {depth}. "
                "Train with a limit on the depth."
            )
