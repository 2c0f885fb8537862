"""read_tree_model(): the trees of a file that LightGBM, XGBoost or CatBoost saved."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from rankkit.errors import BundleError
from rankkit.files.plain_files import read_plain
from rankkit.loaders.sources import is_stream
from rankkit.models.trees.files.catboost_json import is_catboost, parse_catboost
from rankkit.models.trees.files.lightgbm_text import parse_lightgbm
from rankkit.models.trees.files.ubjson import is_ubjson, read_ubjson
from rankkit.models.trees.files.xgboost_json import parse_xgboost
from rankkit.models.trees.model import TreeModel

DEEPEST = 300
LARGEST_FILE = 2**30
MOST_FEATURES = 1_000_000
_DAMAGE = (ValueError, KeyError, IndexError, TypeError, AttributeError, OverflowError)


def read_tree_model(path: Path) -> TreeModel:
    """Read a text file of LightGBM, a JSON or UBJSON file of XGBoost, or a JSON file of CatBoost.

    Raises:
        BundleError: If it is neither, damaged, cut off, or holds what is no sum of trees.
    """
    return parse_tree_model(str(path), _read(path))


def parse_tree_model(where: str, content: bytes, *, suspects: bool = True) -> TreeModel:
    """The trees of the content of a file.

    Args:
        where: The file, for messages.
        content: What :func:`read_tree_model` reads.
        suspects: Warn of what looks as if its library had read other columns than rankkit would.

    Raises:
        BundleError: As :func:`read_tree_model`.
    """
    try:
        if content.startswith((b"tree\n", b"tree\r\n")):
            model = parse_lightgbm(where, content.decode().replace("\r\n", "\n"), suspects)
        elif is_ubjson(content):
            model = parse_xgboost(where, read_ubjson(content))
        elif content.lstrip().startswith(b"{"):
            found = _loads(where, content)
            model = parse_catboost(where, found) if is_catboost(found) else parse_xgboost(where, found)
        else:
            raise _neither(where, content)
        _check(where, model)
    except _DAMAGE as error:
        raise BundleError(
            f"{where}: expected a model of LightGBM, XGBoost or CatBoost; got a damaged one "
            f"({type(error).__name__}: {error}). Save the booster again."
        ) from error
    return replace(model, sha256=hashlib.sha256(content).hexdigest(), content=content)


def _read(path: Path) -> bytes:
    try:
        if not is_stream(path):
            return read_plain(path, LARGEST_FILE)
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise BundleError(f"{path}: expected a file of trees; got {error.strerror}. Check the path.") from error
    if len(content) > LARGEST_FILE:
        raise BundleError(f"{path}: expected at most {LARGEST_FILE:,} bytes; got more. Train a smaller model.")
    return content


def _loads(where: str, content: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except RecursionError:
        raise ValueError("JSON that is nested too deeply") from None
    if "format_version" in found:
        raise BundleError(f"{where}: expected the folder of a saved model; got a file in it. Pass the folder.")
    return dict(found)


def _neither(where: str, content: bytes) -> BundleError:
    if content.startswith(b"CBM1"):
        return BundleError(
            f"{where}: expected a JSON file of CatBoost; got one of its binary form. "
            "Save it with save_model('model.json', format='json', pool=train)."
        )
    start = content[:40].decode("utf-8", errors="backslashreplace")
    return BundleError(
        f"{where}: expected the folder of a saved model, a text file of LightGBM, a JSON or UBJSON file of XGBoost, "
        f"or a JSON file of CatBoost; got a file that begins {start!r}. Save the booster with "
        "booster.save_model('model.txt') or ('model.json')."
    )


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
            raise BundleError(
                f"{where}: expected trees of at most {DEEPEST} levels; got tree {number} with {depth}. "
                "Train with a limit on the depth."
            )
