"""Text files of LightGBM, as ``Booster.save_model`` writes them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ExportError
from rankkit.export.tree_models import Tree, TreeModel, float32_below

# Bits of decision_type.
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_NONE, _MISSING_ZERO = 0, 1
# LightGBM takes a value as near to 0 as this for 0.
_ZERO = np.float32(1e-35)


def parse_lightgbm(where: str, text: str) -> TreeModel:
    """The trees of a text file.

    Raises:
        ExportError: If it splits by category, fits linear models in leaves, or has several outputs.
        ValueError: If it is damaged.
    """
    head, *parts = text.partition("\nend of trees")[0].split("\nTree=")
    about = _entries(head)
    if int(about["num_tree_per_iteration"]) != 1:
        raise ExportError(
            f"{where}: expected one score a document; got {about['num_tree_per_iteration']} trees an iteration. "
            "Train with lambdarank or rank_xendcg."
        )
    # A forest averages what boosting adds up.
    share = 1 / len(parts) if "average_output" in head.splitlines() else 1.0
    trees = tuple(_tree(f"{where}, tree {number}", _entries(part), share) for number, part in enumerate(parts))
    names = about["feature_names"].split(" ")
    n_features = int(about["max_feature_idx"]) + 1
    if len(names) != n_features:
        raise ValueError(f"{len(names)} names of {n_features} features")
    return TreeModel(
        library="lightgbm",
        objective=about.get("objective", "custom").split(" ")[0],
        trees=trees,
        base=0.0,
        n_features=n_features,
        feature_names=None if names == [f"Column_{n}" for n in range(n_features)] else tuple(names),
    )


def _entries(text: str) -> dict[str, str]:
    return {key: value for key, equals, value in (line.partition("=") for line in text.splitlines()) if equals}


def _tree(where: str, entries: Mapping[str, str], share: float) -> Tree:
    """Splits first, leaves behind them; a negative child -1 - n is leaf n."""
    n_leaves = int(entries["num_leaves"])
    n_splits = n_leaves - 1
    if int(entries.get("is_linear", "0")):
        raise ExportError(f"{where}: expected a number in each leaf; got linear models. Train with linear_tree=false.")

    def numbers(key: str, size: int = n_splits) -> NDArray[np.float64]:
        found = np.array(entries.get(key, "").split(), dtype=np.float64)
        if len(found) != size:
            raise ValueError(f"{len(found)} entries of {key} in a tree of {n_leaves} leaves")
        return found

    def indices(key: str) -> NDArray[np.int64]:
        return numbers(key).astype(np.int64)

    kind = indices("decision_type")
    if (kind & _CATEGORICAL).any():
        raise ExportError(
            f"{where}: expected splits by numbers; got a split by category, which no search engine has. "
            "Train without categorical_feature."
        )
    threshold = _beside_zero(float32_below(numbers("threshold")))
    children = np.stack([indices("left_child"), indices("right_child")])
    left, right = np.where(children < 0, n_splits - 1 - children, children)
    feature = indices("split_feature")
    if (feature < 0).any():
        raise ValueError("a split by a feature below 0")
    padding = np.zeros(n_leaves, np.int64)
    return Tree(
        feature=np.concatenate((feature, padding - 1)),
        threshold=np.concatenate((threshold, padding.astype(np.float32))),
        missing_left=np.concatenate((_missing_left(where, kind, threshold), padding.astype(bool))),
        left=np.concatenate((left, padding)),
        right=np.concatenate((right, padding)),
        value=np.concatenate((np.zeros(n_splits), numbers("leaf_value", n_leaves) * share)),
    )


def _beside_zero(threshold: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thresholds that let all that counts as 0 go where 0 goes."""
    moved = np.where(threshold < 0, np.nextafter(-_ZERO, np.float32(-np.inf)), _ZERO)
    return np.where(np.abs(threshold) <= _ZERO, moved, threshold).astype(np.float32)


def _missing_left(where: str, kind: NDArray[np.int64], threshold: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where a missing value goes: it counts as 0, or follows the direction that was learnt."""
    default_left, missing = (kind & _DEFAULT_LEFT) > 0, kind >> 2
    # Zeros may follow the learnt direction as well: a plain split does that only where it is their own.
    if ((missing == _MISSING_ZERO) & (default_left != (threshold >= 0))).any():
        raise ExportError(
            f"{where}: expected zeros to be split by their value; got a split that sends them where missing values go. "
            "Train with zero_as_missing=false."
        )
    return np.where(missing == _MISSING_NONE, threshold >= 0, default_left)
