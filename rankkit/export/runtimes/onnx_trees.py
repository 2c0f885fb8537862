"""Trees as ONNX: the operator TreeEnsembleRegressor of ai.onnx.ml, written from their arrays."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ExportError
from rankkit.export.needs import need
from rankkit.models.trees.comparisons import as_comparisons, n_comparisons
from rankkit.models.trees.model import Tree, TreeModel

MOST_NODES = 20_000_000  # a file holds about 40 bytes of each, and at most 2 GiB
LONGEST_PATH = 2_000  # ONNX Runtime goes down a path by recursion, on a stack of its own size
_ML_OPSET = 3  # the first whose numbers may be float64


def check_trees(target: str, model: TreeModel) -> None:
    """Refuse what the operator, or ONNX Runtime with it, cannot hold.

    Raises:
        ExportError: If there are too many nodes, or a path passes too many of them.
    """
    n_nodes = 0
    for number, tree in enumerate(model.trees):
        steps = n_comparisons(tree)
        if (longest := _longest_path(tree, steps)) > LONGEST_PATH:
            raise ExportError(
                f"{target}: expected at most {LONGEST_PATH:,} comparisons on a path; got {longest:,} in tree {number}, "
                "where each range of neighbouring categories takes two. Train with fewer categories, or give those "
                "that are alike neighbouring codes; rankkit serve takes the trees as they are."
            )
        n_nodes += len(steps) + int(steps.sum())
    if n_nodes > MOST_NODES:
        raise ExportError(
            f"{target}: expected at most {MOST_NODES:,} nodes, which a file can hold; got {n_nodes:,}. "
            "Train fewer trees; rankkit serve takes these as they are."
        )


def write_trees(model: TreeModel, path: Path, *, opset: int, metadata: Mapping[str, str] | None = None) -> None:
    """Write trees as a single ONNX file, from ``features [n, F]`` float32 to ``score [n]`` float32.

    Sums are taken in the precision of the library; those of LightGBM, in float64, are rounded at the end.

    Args:
        model: The trees.
        path: The file to write.
        opset: ONNX operator set.
        metadata: Text that the file carries along.

    Raises:
        ConfigError: If onnx is not installed.
        ExportError: As :func:`check_trees`.
    """
    onnx = need("onnx", "export")
    check_trees("onnx", model)
    make, types = onnx.helper, onnx.TensorProto
    number = types.DOUBLE if model.precision is np.float64 else types.FLOAT
    nodes = [
        make.make_node("Cast", ["features"], ["rows"], name="rows", to=number),
        make.make_node(
            "TreeEnsembleRegressor", ["rows"], ["sums"], name="trees", domain="ai.onnx.ml", **_attributes(onnx, model)
        ),
        make.make_node("Squeeze", ["sums", "axis"], ["score"], name="score"),
    ]
    features = make.make_tensor_value_info("features", types.FLOAT, ["n", model.n_features])
    score = make.make_tensor_value_info("score", types.FLOAT, ["n"])
    axis = onnx.numpy_helper.from_array(np.array([1]), "axis")
    graph = make.make_graph(nodes, "trees", [features], [score], [axis])
    sets = [make.make_opsetid("", opset), make.make_opsetid("ai.onnx.ml", _ML_OPSET)]
    made = make.make_model_gen_version(graph, opset_imports=sets, producer_name="rankkit")
    make.set_model_props(made, dict(metadata or {}))
    onnx.save(made, str(path))


def _attributes(onnx: Any, model: TreeModel) -> dict[str, Any]:
    """Of the operator; nodes keep the numbers that they have in their tree."""
    trees = [as_comparisons(tree) for tree in model.trees]
    met = [_met(tree) for tree in trees]

    def joined(name: str) -> NDArray[Any]:
        return np.concatenate([getattr(tree, name)[kept] for tree, kept in zip(trees, met, strict=True)])

    def numbers(values: NDArray[Any], name: str) -> Any:
        return onnx.numpy_helper.from_array(values.astype(model.precision), name)

    in_tree = np.repeat(np.arange(len(trees)), [len(kept) for kept in met])
    places, is_leaf = np.concatenate(met), joined("is_leaf")
    return {
        "n_targets": 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values_as_tensor": numbers(np.array([model.base]), "base"),
        "nodes_treeids": in_tree.tolist(),
        "nodes_nodeids": places.tolist(),
        "nodes_modes": np.where(is_leaf, "LEAF", "BRANCH_LEQ").tolist(),
        "nodes_featureids": np.where(is_leaf, 0, joined("feature")).tolist(),
        "nodes_values_as_tensor": numbers(np.where(is_leaf, 0, joined("threshold")), "thresholds"),
        "nodes_truenodeids": np.where(is_leaf, 0, joined("left")).tolist(),
        "nodes_falsenodeids": np.where(is_leaf, 0, joined("right")).tolist(),
        "nodes_missing_value_tracks_true": np.where(is_leaf, 0, joined("missing_left")).tolist(),
        "target_treeids": in_tree[is_leaf].tolist(),
        "target_nodeids": places[is_leaf].tolist(),
        "target_ids": [0] * int(is_leaf.sum()),
        "target_weights_as_tensor": numbers(joined("value")[is_leaf], "leaves"),
    }


def _met(tree: Tree) -> NDArray[np.int64]:
    """The nodes that a path meets, the root first: XGBoost leaves others in its files."""
    met = np.zeros(len(tree.feature), np.bool_)
    level = np.zeros(1, np.int64)
    while len(level):
        met[level] = True
        inner = level[~tree.is_leaf[level]]
        children = np.unique(np.concatenate((tree.left[inner], tree.right[inner])))
        level = children[~met[children]]
    return np.flatnonzero(met)


def _longest_path(tree: Tree, steps: NDArray[np.int64]) -> int:
    """Comparisons on it, where each node of the tree takes so many ``[node]``."""
    before = np.zeros(len(tree.feature), np.int64)
    level, longest = np.zeros(1, np.int64), 0
    while len(level := level[~tree.is_leaf[level]]):
        after = before[level] + steps[level]
        longest = max(longest, int(after.max()))
        before[tree.left[level]] = before[tree.right[level]] = after
        level = np.concatenate((tree.left[level], tree.right[level]))
    return longest
