"""Models of XGBoost, as ``Booster.save_model`` writes them in JSON and UBJSON."""

import json
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import BundleError
from rankkit.models.trees.model import Tree, TreeModel


def parse_xgboost(where: str, model: Mapping[str, Any]) -> TreeModel:
    """The trees of a file.

    Raises:
        BundleError: If it is no sum of trees (linear), or has several outputs.
        KeyError: If it is damaged or cut off, as TypeError and ValueError.
    """
    learner = model["learner"]
    booster, shape = learner["gradient_booster"], learner["learner_model_param"]
    if booster["name"] not in ("gbtree", "dart"):
        raise BundleError(
            f"{where}: expected the booster gbtree or dart; got {booster['name']!r}, which is no sum of trees. "
            "Train with booster='gbtree'."
        )
    is_dart = booster["name"] == "dart"
    trees = (booster["gbtree"] if is_dart else booster)["model"]
    _check_whole(trees)
    shares = booster["weight_drop"] if is_dart else [1.0] * len(trees["trees"])
    if int(shape["num_class"]) > 1 or int(shape.get("num_target", "1")) > 1:
        raise BundleError(f"{where}: expected one score a document; got several. Train with objective='rank:ndcg'.")
    n_features = int(shape["num_feature"])
    objective = str(learner["objective"]["name"])
    _warn_of_early_stopping(where, learner, trees)
    names = list(learner.get("feature_names") or ())
    return TreeModel(
        library="xgboost",
        objective=objective,
        trees=tuple(
            _tree(f"{where}, tree {n}", tree, np.float32(share))
            for n, (tree, share) in enumerate(zip(trees["trees"], shares, strict=True))
        ),
        base=_base(where, objective, shape["base_score"]),
        n_features=n_features,
        feature_names=tuple(str(name) for name in names) or None,
    )


def _check_whole(model: Mapping[str, Any]) -> None:
    """The model says how many trees there are, and each how many nodes."""
    n_trees = int(model.get("gbtree_model_param", {}).get("num_trees", len(model["trees"])))
    if not len(model["trees"]) == n_trees == len(model["tree_info"]):
        raise ValueError(f"{len(model['trees'])} trees where the model tells of {n_trees}")
    for number, tree in enumerate(model["trees"]):
        n_nodes = int(tree["tree_param"].get("num_nodes", len(tree["left_children"])))
        if len(tree["left_children"]) != n_nodes:
            raise ValueError(f"{len(tree['left_children'])} nodes in tree {number}, which tells of {n_nodes}")


def _warn_of_early_stopping(where: str, learner: Mapping[str, Any], model: Mapping[str, Any]) -> None:
    """XGBRanker leaves out the trees after the best iteration, Booster.predict does not, and the file holds all."""
    best = (learner.get("attributes") or {}).get("best_iteration")
    if best is None:
        return
    each = model.get("gbtree_model_param", {}).get("num_parallel_tree", "1")
    n_rounds = len(model["trees"]) // max(1, int(each))
    if int(best) + 1 < n_rounds:
        warnings.warn(
            f"{where}: training stopped early, and XGBRanker.predict takes the first {int(best) + 1} of {n_rounds} "
            f"rounds; all are used. For those alone: model.get_booster()[:{int(best) + 1}].save_model(...).",
            stacklevel=2,
        )


def _base(where: str, objective: str, text: str) -> float:
    """The constant in the margin; XGBoost keeps it as the objective would put it out."""
    found = json.loads(text)
    value = float(np.float32(found[0] if isinstance(found, list) else found))
    if objective in ("binary:logistic", "reg:logistic"):
        return math.log(value) - math.log1p(-value)
    if objective.startswith("rank:") or objective in ("reg:squarederror", "binary:logitraw", "reg:absoluteerror"):
        return value
    raise BundleError(
        f"{where}: expected an objective whose margin ranks, such as rank:ndcg, rank:pairwise or binary:logistic; got "
        f"{objective!r}. Train with one of these."
    )


def _tree(where: str, tree: Mapping[str, Any], share: np.float32) -> Tree:
    if int(tree["tree_param"].get("size_leaf_vector", "1")) > 1:
        raise BundleError(f"{where}: expected a number in each leaf; got vectors. Train with one output.")
    left = np.array(tree["left_children"], np.int64)
    is_leaf = left == -1
    # A leaf keeps its value where a split keeps its threshold.
    condition = np.array(tree["split_conditions"], np.float32)
    feature, default_left, right = (
        np.array(tree[key], np.int64) for key in ("split_indices", "default_left", "right_children")
    )
    shapes = {condition.shape, feature.shape, default_left.shape, right.shape}
    if not len(left) or shapes != {left.shape}:
        raise ValueError("lists of different lengths in a tree")
    if (feature[~is_leaf] < 0).any():
        raise ValueError("a split by a feature below 0")
    categories = _categories(tree)
    # The categories of a split go right, those of a Tree left.
    by_category = np.zeros(len(left), bool)
    by_category[list(categories)] = True
    left, right = np.where(by_category, right, left), np.where(by_category, left, right)
    with np.errstate(over="ignore"):
        before = np.nextafter(condition, np.float32(-np.inf))
    return Tree(
        feature=np.where(is_leaf, -1, feature),
        # x < t, for float32, is x <= the float32 before t.
        threshold=np.where(is_leaf | by_category, 0, before).astype(np.float32),
        missing_left=~is_leaf & ((default_left != 0) != by_category),
        left=np.where(is_leaf, 0, left),
        right=np.where(is_leaf, 0, right),
        value=np.where(is_leaf, (condition * share).astype(np.float64), 0.0),
        categories=categories,
    )


def _categories(tree: Mapping[str, Any]) -> dict[int, NDArray[np.int64]]:
    """The categories of each split by category, by node."""
    kinds = np.array(tree["split_type"])
    nodes, starts, sizes = (
        np.array(tree.get(key, ()), np.int64) for key in ("categories_nodes", "categories_segments", "categories_sizes")
    )
    values = np.array(tree.get("categories", ()), np.int64)
    if set(nodes.tolist()) != set(np.flatnonzero(kinds).tolist()) or (values < 0).any():
        raise ValueError("splits by category without their categories")
    found = {}
    for node, start, size in zip(nodes.tolist(), starts.tolist(), sizes.tolist(), strict=True):
        found[node] = values[start : start + size]
        if start < 0 or len(found[node]) != size:
            raise ValueError("splits by category without their categories")
    return found
