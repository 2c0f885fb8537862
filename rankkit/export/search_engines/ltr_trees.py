"""Trees in the JSON dump form of XGBoost, which the LTR plugins of Elasticsearch and OpenSearch read.

The plugins go to ``yes`` where ``x < split_condition`` in float32. A threshold of ``x <= t`` is the next float32 there.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ExportError
from rankkit.models.trees.model import Tree, TreeModel

Float32 = NDArray[np.float32]


def splits(where: str, model: TreeModel, names: Sequence[str], *, positive: bool) -> tuple[list[dict[str, Any]], float]:
    """The trees, a constant as one more, and what was added to the scores.

    Args:
        where: The target, for messages.
        model: The trees.
        names: Of the features.
        positive: Add what keeps every score from being below 0.

    Raises:
        ExportError: If a threshold is beyond what a float32 can be below.
    """
    least = sum(float(tree.value[tree.is_leaf].min()) for tree in model.trees) + model.base
    added = max(0.0, -least) * (1 + 1e-6) if positive else 0.0
    written = [_node(where, tree, names) for tree in model.trees]
    # Last, so that the sum grows large only then and loses no digits before.
    constant = model.base + added
    return written + ([{"nodeid": 0, "leaf": np.float32(constant)}] if constant else []), added


def splits_scores(trees: Sequence[Mapping[str, Any]], names: Sequence[str], values: Float32) -> Float32:
    """What the plugins give for features ``[doc, feature]``; NaN goes where ``missing`` says."""
    columns = {name: column for column, name in enumerate(names)}
    scores = np.zeros(len(values), np.float32)
    for tree in trees:
        found = np.zeros(len(values), np.float32)
        waiting = [(tree, np.arange(len(values)))]
        while waiting:
            node, docs = waiting.pop()
            if "leaf" in node:
                found[docs] = np.float32(node["leaf"])
                continue
            value = values[docs, columns[node["split"]]]
            to_yes = np.where(
                np.isnan(value), node["missing"] == node["yes"], np.float32(node["split_condition"]) > value
            )
            yes, no = node["children"]
            waiting += [(yes, docs[to_yes]), (no, docs[~to_yes])]
        scores += found
    return scores


def _node(where: str, tree: Tree, names: Sequence[str], node: int = 0, depth: int = 0) -> dict[str, Any]:
    if tree.is_leaf[node]:
        return {"nodeid": node, "leaf": np.float32(tree.value[node])}
    with np.errstate(over="ignore"):
        condition = np.nextafter(tree.threshold[node], np.float32(np.inf))
    if not np.isfinite(condition):
        raise ExportError(
            f"{where}: expected thresholds below {np.finfo(np.float32).max:g}; got {tree.threshold[node]:g} for the "
            f"feature {names[tree.feature[node]]!r}. Rescale it, or leave infinite values out, and train again."
        )
    left, right = int(tree.left[node]), int(tree.right[node])
    return {
        "nodeid": node,
        "depth": depth,
        "split": names[tree.feature[node]],
        "split_condition": condition,
        "yes": left,
        "no": right,
        "missing": left if tree.missing_left[node] else right,
        "children": [_node(where, tree, names, child, depth + 1) for child in (left, right)],
    }
