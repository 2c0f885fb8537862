"""Solr's MultipleAdditiveTreesModel: written from trees, and scored as Solr does, in float32.

Solr goes left where ``x <= threshold + 1e-6``, added in float32. So that values equal to a threshold go where the trees
send them, the threshold in the file is the float32 that gives the right sum. Near 0 there may be none: then a
normalizer multiplies the feature by a power of two, which changes no digit, or turns its sign.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ExportError
from rankkit.export.search_engines.json_text import float32_text
from rankkit.export.search_engines.solr_network import normalizer
from rankkit.models.trees.model import Tree, TreeModel

SLACK = np.float32(1e-6)
# From here on, adding the slack changes no float32.
_PLAIN_FROM = 5
_LARGEST_EXPONENT = 127
_LARGEST_SHIFT = 126  # 2 ** -126 is the least float32 with all its digits

Float32 = NDArray[np.float32]


@dataclass(frozen=True)
class FeatureView:
    """How a feature comes before the trees in Solr: times ``2 ** exponent``, its sign turned or not."""

    exponent: int = 0
    negated: bool = False

    def thresholds(self, values: Float32) -> Float32:
        """Each threshold as the view has it: ``x <= t`` is ``-x >= -t``, so not ``-x <=`` the float32 before ``-t``."""
        with np.errstate(over="ignore"):
            turned = np.nextafter(-values, np.float32(-np.inf)) if self.negated else values
            return np.ldexp(turned, self.exponent).astype(np.float32)

    def normalizer(self) -> dict[str, Any] | None:
        """The normalizer that makes it, None for the raw feature."""
        width = np.float32(2.0**-self.exponent)
        if self.negated:
            return normalizer("MinMaxNormalizer", min=0.0, max=-width)
        return normalizer("StandardNormalizer", avg=0.0, std=width) if self.exponent else None


def follows_missing(model: TreeModel) -> bool:
    """Whether a missing value goes elsewhere than 0 at some split: Solr 9.2 and later can do that."""
    return any((~tree.is_leaf & (tree.missing_left != (tree.threshold >= 0))).any() for tree in model.trees)


def tree_views(model: TreeModel, names: Sequence[str]) -> list[FeatureView]:
    """One view a feature, under which Solr can have every threshold exactly.

    Raises:
        ExportError: If a feature has none.
    """
    found: list[list[Float32]] = [[] for _ in names]
    for tree in model.trees:
        split = ~tree.is_leaf
        for feature in np.unique(tree.feature[split]):
            found[feature].append(tree.threshold[split & (tree.feature == feature)])
    views = []
    for name, parts in zip(names, found, strict=True):
        values = np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.float32)
        view = next((view for view in _views(values) if _written(view.thresholds(values)) is not None), None)
        if view is None:
            raise ExportError(
                f"solr: expected thresholds that Solr can tell apart, which adds 1e-6 to each; got {values.min():g} to "
                f"{values.max():g} for the feature {name!r}. Rescale that feature and train again."
            )
        views.append(view)
    return views


def tree_params(model: TreeModel, names: Sequence[str], views: Sequence[FeatureView]) -> dict[str, Any]:
    """The ``params`` of a MultipleAdditiveTreesModel; the constant is one more tree."""
    missing = follows_missing(model)
    trees = [{"weight": "1.0", "root": _node(tree, names, views, missing)} for tree in model.trees]
    if model.base:
        trees.append({"weight": "1.0", "root": {"value": float32_text(model.base)}})
    return {**({"isNullSameAsZero": "false"} if missing else {}), "trees": trees}


def tree_scores(params: Mapping[str, Any], names: Sequence[str], inputs: Float32) -> Float32:
    """What Solr's ``MultipleAdditiveTreesModel`` gives for normalised features ``[doc, feature]``."""
    columns = {name: column for column, name in enumerate(names)}
    follows = params.get("isNullSameAsZero") == "false"
    scores = np.zeros(len(inputs), np.float32)
    for tree in params["trees"]:
        values = np.zeros(len(inputs), np.float32)
        waiting = [(tree["root"], np.arange(len(inputs)))]
        while waiting:
            node, docs = waiting.pop()
            if "feature" not in node:
                values[docs] = np.float32(node["value"])
                continue
            value = inputs[docs, columns[node["feature"]]]
            left = value <= np.float32(node["threshold"]) + SLACK
            if follows:
                left |= np.isnan(value) & (node["missing"] == "left")
            waiting += [(node["left"], docs[left]), (node["right"], docs[~left])]
        scores += np.float32(tree["weight"]) * values
    return scores


def _node(
    tree: Tree, names: Sequence[str], views: Sequence[FeatureView], missing: bool, node: int = 0
) -> dict[str, Any]:
    if tree.is_leaf[node]:
        return {"value": float32_text(tree.value[node])}
    feature = int(tree.feature[node])
    view = views[feature]
    threshold = _written(view.thresholds(tree.threshold[node : node + 1]))
    if threshold is None:
        raise ValueError(f"no threshold for {tree.threshold[node]} under {view}")
    first, second = (tree.right, tree.left) if view.negated else (tree.left, tree.right)
    goes_first = bool(tree.missing_left[node]) != view.negated
    return {
        "feature": names[feature],
        "threshold": float32_text(threshold[0]),
        **({"missing": "left" if goes_first else "right"} if missing else {}),
        "left": _node(tree, names, views, missing, int(first[node])),
        "right": _node(tree, names, views, missing, int(second[node])),
    }


def _views(values: Float32) -> list[FeatureView]:
    """Views to try, the plainest first."""
    sizes = np.abs(values[values != 0])
    views = [FeatureView()]
    if len(sizes):
        least, largest = np.frexp(sizes.min())[1] - 1, np.frexp(sizes.max())[1]
        enough, most = _PLAIN_FROM - int(least), min(_LARGEST_EXPONENT - int(largest), _LARGEST_SHIFT)
        views += [FeatureView(exponent) for exponent in {min(enough, most), most} if exponent > 0]
    return [FeatureView(view.exponent, negated) for view in views for negated in (False, True)]


def _written(values: Float32) -> Float32 | None:
    """For each threshold the float32 that is it after Solr's addition; None if one has none."""
    if not np.isfinite(values).all():
        return None
    near = values - SLACK
    with np.errstate(over="ignore"):
        up, down = (np.nextafter(near, np.float32(end)) for end in (np.inf, -np.inf))
    found = np.full(values.shape, np.nan, np.float32)
    for candidate in (near, up, down, values):
        found = np.where(candidate + SLACK == values, candidate, found)
    return None if np.isnan(found).any() else found
