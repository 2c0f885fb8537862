"""Models of CatBoost, as ``CatBoost.save_model(format="json")`` writes them."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import BundleError
from rankkit.models.trees.model import Tree, TreeModel

MISSING_CODE = -1
"""What stands for a missing value among the codes of categories, as CatBoost has none for them."""

_DEEPEST = 16  # of CatBoost's symmetric trees, which have 2 to that many leaves
_HASH = 2**32


def is_catboost(model: Mapping[str, Any]) -> bool:
    """Whether it has the parts of such a file."""
    return "features_info" in model and ("oblivious_trees" in model or "trees" in model)


def parse_catboost(where: str, model: Mapping[str, Any]) -> TreeModel:
    """The trees of a file.

    Raises:
        BundleError: If it has several outputs, or splits by statistics of categories, texts or embeddings.
        KeyError: If it is damaged or cut off, as TypeError and ValueError.
    """
    scale, bias = model["scale_and_bias"]
    if len(bias) != 1:
        raise BundleError(f"{where}: expected one score a document; got several. Train with YetiRank.")
    columns = _Columns(where, model["features_info"])
    read = _symmetric if "oblivious_trees" in model else _any_shape
    trees = tuple(read(columns, tree, float(scale)) for tree in model.get("oblivious_trees", model.get("trees")))
    return TreeModel(
        library="catboost",
        objective=_objective(model.get("model_info", {})),
        trees=trees,
        base=float(bias[0]),
        n_features=columns.n_features,
        feature_names=columns.names,
    )


def _objective(told: Mapping[str, Any]) -> str:
    """The name alone; a sum of models tells it beside the parameters."""
    loss = told.get("loss_function", told.get("params", {}).get("loss_function", {}))
    return str(loss.get("type", "")) if isinstance(loss, Mapping) else ""


class _Columns:
    """The columns of the data, which CatBoost counts apart by kind."""

    def __init__(self, where: str, told: Mapping[str, Any]) -> None:
        self._where = where
        numbers, categories = told.get("float_features") or (), told.get("categorical_features") or ()
        if told.get("text_features") or told.get("embedding_features"):
            raise BundleError(f"{where}: expected numbers and categories; got texts or embeddings. Train without them.")
        self._numbers = {int(one["feature_index"]): int(one["flat_feature_index"]) for one in numbers}
        self._missing_right = {int(one["feature_index"]) for one in numbers if one["nan_value_treatment"] == "AsTrue"}
        self._categories = {int(one["feature_index"]): int(one["flat_feature_index"]) for one in categories}
        self._values = {int(one["hash"]) % _HASH: str(one["value"]) for one in told.get("cat_features_hash") or ()}
        named = {int(one["flat_feature_index"]): str(one["feature_id"]) for one in (*numbers, *categories)}
        self.n_features = 1 + max(named, default=-1)
        if sorted(named) != list(range(self.n_features)):
            raise ValueError("columns that are not told of")
        texts = [named[place] for place in range(self.n_features)]
        # Columns without a name have none, or their number.
        self.names = None if any(text in ("", str(place)) for place, text in enumerate(texts)) else tuple(texts)

    def read(self, split: Mapping[str, Any]) -> tuple[int, np.float32, bool, NDArray[np.int64] | None]:
        """Column, threshold, whether a missing value passes the split, and of a split by category which one does."""
        kind = split["split_type"]
        if kind == "FloatFeature":
            number = int(split["float_feature_index"])
            with np.errstate(over="ignore"):
                border = np.float32(split["border"])  # of that precision in CatBoost, too
            return self._numbers[number], border, number in self._missing_right, None
        if kind == "OneHotFeature":
            code = self._code(int(split["value"]) % _HASH)
            found = np.array([] if code == MISSING_CODE else [code], np.int64)
            return self._categories[int(split["cat_feature_index"])], np.float32(0), code == MISSING_CODE, found
        raise BundleError(
            f"{self._where}: expected splits by numbers and by single categories; got {kind!r}, which looks up "
            "statistics of the training data. Train with one_hot_max_size=65535, or rankkit train --scorer catboost."
        )

    def _code(self, hashed: int) -> int:
        if hashed not in self._values:
            raise BundleError(
                f"{self._where}: expected what the hashes of categories stand for; got none. "
                "Save with save_model(path, format='json', pool=train)."
            )
        text = self._values[hashed]
        try:
            code = int(text)
        except ValueError:
            code = MISSING_CODE - 1
        if code < MISSING_CODE:
            raise BundleError(
                f"{self._where}: expected categories that are whole numbers from 0, as rankkit codes them; got "
                f"{text!r}. Code them so before training, or train by rankkit train --scorer catboost."
            )
        return code


class _Nodes:
    """The nodes of a tree that grows node by node."""

    def __init__(self, columns: _Columns, n_nodes: int) -> None:
        self._columns = columns
        self._feature = np.full(n_nodes, -1, np.int64)
        self._threshold = np.zeros(n_nodes, np.float32)
        self._missing_left = np.zeros(n_nodes, np.bool_)
        self._left, self._right = np.zeros(n_nodes, np.int64), np.zeros(n_nodes, np.int64)
        self.value = np.zeros(n_nodes)
        self._categories: dict[int, NDArray[np.int64]] = {}

    def split(self, node: int, split: Mapping[str, Any], failed: int, passed: int) -> None:
        """A number passes where it is above the border, which is right; a category where it is the one, left."""
        feature, threshold, missing_passes, category = self._columns.read(split)
        by_category = category is not None
        self._feature[node], self._threshold[node] = feature, threshold
        self._left[node], self._right[node] = (passed, failed) if by_category else (failed, passed)
        self._missing_left[node] = missing_passes == by_category
        if category is not None:
            self._categories[node] = category

    def tree(self) -> Tree:
        return Tree(
            self._feature,
            self._threshold,
            self._missing_left,
            self._left,
            self._right,
            self.value,
            categories=self._categories,
        )


def _symmetric(columns: _Columns, tree: Mapping[str, Any], scale: float) -> Tree:
    """A tree with one split a level: the first split is the lowest bit of a leaf's number."""
    splits: Sequence[Mapping[str, Any]] = tree["splits"] or ()
    values = np.array(tree["leaf_values"], np.float64)
    if len(splits) > _DEEPEST or values.shape != (1 << len(splits),):
        raise ValueError(f"{len(values)} leaves of {len(splits)} splits")
    n_inner = len(values) - 1
    nodes = _Nodes(columns, n_inner + len(values))
    for node in range(n_inner):
        level = (node + 1).bit_length() - 1
        nodes.split(node, splits[len(splits) - 1 - level], 2 * node + 1, 2 * node + 2)
    nodes.value[n_inner:] = values * scale
    return nodes.tree()


def _any_shape(columns: _Columns, root: Mapping[str, Any], scale: float) -> Tree:
    """A tree whose nodes hold one another."""
    found: list[Mapping[str, Any]] = [root]
    children: list[tuple[int, int] | None] = []
    for node in found:  # which grows meanwhile
        if "split" not in node:
            children.append(None)
            continue
        children.append((len(found), len(found) + 1))
        found += [node["left"], node["right"]]
    nodes = _Nodes(columns, len(found))
    for number, (node, pair) in enumerate(zip(found, children, strict=True)):
        if pair is None:
            value = node["value"]
            if isinstance(value, Sequence):
                raise ValueError("a leaf of several values")
            nodes.value[number] = float(value) * scale
        else:
            nodes.split(number, node["split"], *pair)
    return nodes.tree()
