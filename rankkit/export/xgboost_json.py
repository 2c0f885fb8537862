"""JSON files of XGBoost, as ``Booster.save_model`` writes them."""

import json
import math
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from rankkit.errors import ExportError
from rankkit.export.tree_models import Tree, TreeModel


def parse_xgboost(where: str, model: Mapping[str, Any]) -> TreeModel:
    """The trees of a JSON file.

    Raises:
        ExportError: If it is no sum of trees (dart, linear), splits by category, or has several outputs.
        KeyError: If it is damaged, as TypeError and ValueError.
    """
    learner = model["learner"]
    booster, shape = learner["gradient_booster"], learner["learner_model_param"]
    if booster["name"] != "gbtree":
        raise ExportError(
            f"{where}: expected the booster gbtree; got {booster['name']!r}, which is no plain sum of trees. "
            "Train with booster='gbtree'."
        )
    if int(shape["num_class"]) > 1 or int(shape.get("num_target", "1")) > 1:
        raise ExportError(f"{where}: expected one score a document; got several. Train with objective='rank:ndcg'.")
    n_features = int(shape["num_feature"])
    objective = str(learner["objective"]["name"])
    _warn_of_early_stopping(where, learner, len(booster["model"]["trees"]))
    names = list(learner.get("feature_names") or ())
    return TreeModel(
        library="xgboost",
        objective=objective,
        trees=tuple(_tree(f"{where}, tree {n}", tree) for n, tree in enumerate(booster["model"]["trees"])),
        base=_base(where, objective, shape["base_score"]),
        n_features=n_features,
        feature_names=tuple(str(name) for name in names) or None,
    )


def _warn_of_early_stopping(where: str, learner: Mapping[str, Any], n_trees: int) -> None:
    """XGBRanker leaves out the trees after the best iteration, Booster.predict does not, and the file holds all."""
    best = (learner.get("attributes") or {}).get("best_iteration")
    if best is None:
        return
    each = learner["gradient_booster"]["model"]["gbtree_model_param"].get("num_parallel_tree", "1")
    n_rounds = n_trees // max(1, int(each))
    if int(best) + 1 < n_rounds:
        warnings.warn(
            f"{where}: training stopped early, and XGBRanker.predict takes the first {int(best) + 1} of {n_rounds} "
            f"rounds; all are exported. For those alone: model.get_booster()[:{int(best) + 1}].save_model(...).",
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
    raise ExportError(
        f"{where}: expected an objective whose margin ranks, such as rank:ndcg, rank:pairwise or binary:logistic; got "
        f"{objective!r}. Train with one of these."
    )


def _tree(where: str, tree: Mapping[str, Any]) -> Tree:
    if int(tree["tree_param"].get("size_leaf_vector", "1")) > 1:
        raise ExportError(f"{where}: expected a number in each leaf; got vectors. Train with one output.")
    if any(tree["split_type"]) or tree.get("categories"):
        raise ExportError(
            f"{where}: expected splits by numbers; got a split by category, which no search engine has. "
            "Train without enable_categorical."
        )
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
    with np.errstate(over="ignore"):
        before = np.nextafter(condition, np.float32(-np.inf))
    return Tree(
        feature=np.where(is_leaf, -1, feature),
        # x < t, for float32, is x <= the float32 before t.
        threshold=np.where(is_leaf, 0, before).astype(np.float32),
        missing_left=~is_leaf & (default_left != 0),
        left=np.where(is_leaf, 0, left),
        right=np.where(is_leaf, 0, right),
        value=np.where(is_leaf, condition.astype(np.float64), 0.0),
    )
