"""Text files of LightGBM, as ``Booster.save_model`` writes them."""

import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import BundleError, DataWarning
from rankkit.models.trees.model import Tree, TreeModel, float32_below

# Bits of decision_type.
_CATEGORICAL, _DEFAULT_LEFT = 1, 2
_MISSING_NONE, _MISSING_ZERO = 0, 1
# LightGBM takes a value as near to 0 as this for 0.
_ZERO = np.float32(1e-35)


def parse_lightgbm(where: str, text: str, suspects: bool = True) -> TreeModel:
    """The trees of a text file.

    Raises:
        BundleError: If it fits linear models in leaves, or has several outputs.
        ValueError: If it is damaged or cut off.
    """
    trees_text, end, _ = text.partition("\nend of trees")
    head, *parts = trees_text.split("\nTree=")
    about = _entries(head)
    _check_whole(about, parts, ended=bool(end))
    if int(about["num_tree_per_iteration"]) != 1:
        raise BundleError(
            f"{where}: expected one score a document; got {about['num_tree_per_iteration']} trees an iteration. "
            "Train with lambdarank or rank_xendcg."
        )
    # A forest's predict(raw_score=True) adds its trees up as well; it averages them afterwards, which orders the same.
    trees = tuple(_tree(f"{where}, tree {number}", _entries(part)) for number, part in enumerate(parts))
    names = about["feature_names"].split(" ")
    n_features = int(about["max_feature_idx"]) + 1
    if len(names) != n_features:
        raise ValueError(f"{len(names)} names of {n_features} features")
    has_names = names != [f"Column_{n}" for n in range(n_features)]
    if suspects and not has_names and n_features > 1 and about.get("feature_infos", "").split(" ")[0] == "none":
        warnings.warn(
            f"{where}: its first feature was constant, as where LightGBM itself read LETOR text, whose indices begin "
            "at 1: if so, read LETOR text for it with zero_based=True, or every feature is one place off.",
            DataWarning,
            stacklevel=2,
        )
    return TreeModel(
        library="lightgbm",
        objective=about.get("objective", "custom").split(" ")[0],
        trees=trees,
        base=0.0,
        n_features=n_features,
        feature_names=tuple(names) if has_names else None,
    )


def _check_whole(about: Mapping[str, str], parts: Sequence[str], *, ended: bool) -> None:
    """The head says how many trees there are, each is numbered, and a line ends them."""
    if not ended:
        raise ValueError(f"no line 'end of trees' behind tree {len(parts) - 1}")
    n_trees = len(about["tree_sizes"].split()) if "tree_sizes" in about else len(parts)
    if len(parts) != n_trees:
        raise ValueError(f"{len(parts)} trees where tree_sizes tells of {n_trees}")
    for number, part in enumerate(parts):
        if part.partition("\n")[0].strip() != str(number):
            raise ValueError(f"tree {part.partition(chr(10))[0][:20]!r} where tree {number} belongs")


def _entries(text: str) -> dict[str, str]:
    return {key: value for key, equals, value in (line.partition("=") for line in text.splitlines()) if equals}


def _tree(where: str, entries: Mapping[str, str]) -> Tree:
    """Splits first, leaves behind them; a negative child -1 - n is leaf n."""
    n_leaves = int(entries["num_leaves"])
    n_splits = n_leaves - 1
    if int(entries.get("is_linear", "0")):
        raise BundleError(f"{where}: expected a number in each leaf; got linear models. Train with linear_tree=false.")

    def numbers(key: str, size: int = n_splits) -> NDArray[np.float64]:
        found = np.array(entries.get(key, "").split(), dtype=np.float64)
        if len(found) != size:
            raise ValueError(f"{len(found)} entries of {key} in a tree of {n_leaves} leaves")
        return found

    def indices(key: str) -> NDArray[np.int64]:
        return numbers(key).astype(np.int64)

    kind, raw = indices("decision_type"), numbers("threshold")
    by_category = (kind & _CATEGORICAL) > 0
    threshold = np.where(by_category, np.float32(0), _beside_zero(float32_below(raw)))
    children = np.stack([indices("left_child"), indices("right_child")])
    left, right = np.where(children < 0, n_splits - 1 - children, children)
    feature = indices("split_feature")
    if (feature < 0).any():
        raise ValueError("a split by a feature below 0")
    padding = np.zeros(n_leaves, np.int64)
    default_left, missing = (kind & _DEFAULT_LEFT) > 0, (kind >> 2) & 3
    # Where no value was missing in training, one counts as 0; a split by category sends it right.
    missing_left = np.where(missing == _MISSING_NONE, threshold >= 0, default_left) & ~by_category
    zero_is_missing = (missing == _MISSING_ZERO) & ~by_category
    return Tree(
        feature=np.concatenate((feature, padding - 1)),
        threshold=np.concatenate((threshold, padding.astype(np.float32))),
        missing_left=np.concatenate((missing_left, padding.astype(bool))),
        left=np.concatenate((left, padding)),
        right=np.concatenate((right, padding)),
        value=np.concatenate((np.zeros(n_splits), numbers("leaf_value", n_leaves))),
        zero_is_missing=np.concatenate((zero_is_missing, padding.astype(bool))) if zero_is_missing.any() else None,
        categories=_categories(entries, np.flatnonzero(by_category), raw),
    )


def _categories(
    entries: Mapping[str, str], splits: NDArray[np.int64], threshold: NDArray[np.float64]
) -> dict[int, NDArray[np.int64]]:
    """The categories that go left, by split: the threshold tells which of the sets of bits they are."""
    if not len(splits):
        return {}
    bounds = np.array(entries["cat_boundaries"].split(), np.int64)
    words = np.array(entries["cat_threshold"].split(), np.uint32)
    found = {}
    for split in splits.tolist():
        place = int(threshold[split])
        if not 0 <= place < len(bounds) - 1 or not 0 <= bounds[place] <= bounds[place + 1] <= len(words):
            raise ValueError(f"a set of categories {place} that is not there")
        bits = np.unpackbits(words[bounds[place] : bounds[place + 1]].astype("<u4").view(np.uint8), bitorder="little")
        found[split] = np.flatnonzero(bits)
    return found


def _beside_zero(threshold: NDArray[np.float32]) -> NDArray[np.float32]:
    """Thresholds that let all that counts as 0 go where 0 goes."""
    moved = np.where(threshold < 0, np.nextafter(-_ZERO, np.float32(-np.inf)), _ZERO)
    return np.where(np.abs(threshold) <= _ZERO, moved, threshold).astype(np.float32)
