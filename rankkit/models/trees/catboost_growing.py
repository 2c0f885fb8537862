"""The grower of CatBoost: its own objectives by its own loop, any other by Newton steps.

A custom objective of CatBoost is called with 1,000 documents at a time, wherever a query begins or ends, and hands
derivatives back one by one. So a tree under another objective is one of CatBoost's squared error, of documents that
weigh their curvature and miss their target by slope / curvature: that is the Newton step.
"""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError
from rankkit.models.trees.files.catboost_json import MISSING_CODE, parse_catboost
from rankkit.models.trees.growing import Derive, Rows, imported, n_threads

MOST_CATEGORIES = 65535
"""Values of a category that are split one by one, at most."""

_STEEPEST = 1e6  # a step of a document, in its score: what has a slope and no curvature stays a number


class CatBoostGrower:
    """Of ``catboost.CatBoost``.

    Args:
        options: As CatBoost calls them.
        objective: One of CatBoost's, as it names a ``loss_function``; None where slopes are given.
        train: What it learns from; weights are of queries.
        valid: What it scores after each tree, or None.
        seed: Of what it draws.
        earlier: The file of the trees to which it adds, or None.
        n_passed: Trees whose draws it passes over, as if it had grown them, where slopes are given.

    Raises:
        ConfigError: If a category has too many values.
    """

    def __init__(
        self,
        options: Mapping[str, Any],
        objective: str | None,
        train: Rows,
        valid: Rows | None,
        seed: int,
        earlier: bytes | None = None,
        n_passed: int = 0,
    ) -> None:
        self._catboost = imported("catboost")
        _check_categories(train)
        self._objective, self._seed = objective, seed
        self._n_rounds = n_passed
        self._parameters = {
            **options,
            "loss_function": objective or "RMSE",
            "iterations": 1,
            "random_seed": seed,
            "thread_count": n_threads(train),
            "logging_level": "Silent",
            "allow_writing_files": False,
            # Statistics of labels would be of other labels each round, and be looked up in tables that no other
            # program has: categories are split one value at a time.
            "one_hot_max_size": MOST_CATEGORIES,
            **({} if objective else {"boost_from_average": False}),
        }
        self._earlier = None if earlier is None else load_catboost(earlier)
        self._earlier_told: dict[str, Any] = {} if earlier is None else json.loads(earlier)
        self._n_earlier = 0 if self._earlier is None else int(self._earlier.tree_count_)
        self._scores = _scores(earlier, train)
        self._labels = train.labels
        if objective is None:
            # Any labels do, which may not all be equal: what a document misses is told by its baseline.
            self._labels = np.zeros(len(train.labels), np.float32)
            self._labels[:1] = 1
        self._train = self._pool(train, self._labels, None if objective is None else train.weights)
        if objective is not None and earlier is not None:
            self._train.set_baseline(_column(self._scores))
        self._has_splits = self._quantized(options["border_count"])
        self._valid = None if valid is None else self._pool(valid, None, None)
        self._valid_scores = np.zeros(0) if valid is None else _scores(earlier, valid)
        self._grown: list[Any] = []  # one model a tree by steps; of an objective of CatBoost's one with all trees

    def _pool(self, rows: Rows, labels: NDArray[np.float32] | None, weights: NDArray[np.float32] | None) -> Any:
        return self._catboost.Pool(
            coded_rows(rows.features, rows.categories),
            labels,
            cat_features=list(rows.categories) or None,
            group_id=np.repeat(np.arange(len(rows.list_sizes)), rows.list_sizes),
            group_weight=None if weights is None else np.repeat(weights, rows.list_sizes),
            thread_count=self._parameters["thread_count"],
        )

    def _quantized(self, border_count: int) -> bool:
        """Sort the training documents into bins, once for all trees; False where no column has two values."""
        try:
            self._train.quantize(border_count=border_count)
        except self._catboost.CatBoostError as error:
            if "constant or ignored" in str(error):
                return False
            raise
        return True

    def grow(self, derive: Derive | None) -> bool:
        """Add a tree; False where none was found, whose splits would help.

        Raises:
            ConfigError: If CatBoost refuses the options.
        """
        if not self._has_splits:
            return False
        try:
            model = self._own_tree() if derive is None else self._step(derive)
        except self._catboost.CatBoostError as error:
            raise ConfigError(
                f"CatBoost: expected options that it grows trees with; got its error {error}. Change them."
            ) from error
        if model is None or int(model.get_tree_leaf_counts()[-1]) == 1:
            return False
        if self._objective is not None:
            self._grown.clear()
        self._grown.append(model)
        if self._valid is not None:
            self._valid_scores += self._of_last(model, self._valid)
        self._n_rounds += 1
        return True

    def _own_tree(self) -> Any:
        """CatBoost keeps with a model how far its training is, so that tree by tree it grows what it would at once."""
        model = self._catboost.CatBoost(self._parameters)
        model.fit(self._train, init_model=self._grown[-1] if self._grown else None)
        return model

    def _step(self, derive: Derive) -> Any:
        slopes, curvatures = (np.asarray(one, np.float64) for one in derive(self._scores))
        weights = np.maximum(curvatures, np.abs(slopes) / _STEEPEST)
        if not weights.any():
            return None
        missed = np.divide(slopes, weights, out=np.zeros_like(slopes), where=weights > 0)
        self._train.set_weight(weights)
        self._train.set_baseline(_column(self._labels + missed))
        model = self._catboost.CatBoost(
            {
                **self._parameters,
                "random_seed": int(np.random.SeedSequence((self._seed, self._n_rounds)).generate_state(1)[0]),
                "random_strength": self._parameters["random_strength"] * self._strength_left(),
            }
        )
        model.fit(self._train)
        self._scores += self._of_last(model, self._train)
        return model

    def _strength_left(self) -> float:
        """How much of its noise CatBoost leaves after so many trees; it would count each as the first."""
        fading = np.log(len(self._labels)) - self._parameters["learning_rate"] * self._n_rounds
        return float(1 / (1 + np.exp(-fading)))

    def _of_last(self, model: Any, pool: Any) -> NDArray[np.float64]:
        """What its last tree adds to the scores; predict() would add the baseline of the pool."""
        n_trees = int(model.tree_count_)
        leaves = model.calc_leaf_indexes(pool, ntree_start=n_trees - 1, ntree_end=n_trees, thread_count=self._threads)
        n_last = int(model.get_tree_leaf_counts()[-1])
        values: NDArray[np.float64] = np.asarray(model.get_leaf_values()[-n_last:], np.float64)
        return values[np.asarray(leaves[:, 0], np.int64)]

    @property
    def _threads(self) -> int:
        return int(self._parameters["thread_count"])

    def valid_scores(self) -> NDArray[np.floating[Any]]:
        """Of the validation documents, ``[doc]``, all trees counted."""
        return self._valid_scores

    def content(self, n_trees: int) -> bytes:
        """A JSON file with the first trees."""
        parts = self._grown if self._objective is not None else self._grown[: n_trees - self._n_earlier]
        parts = parts if self._earlier is None else [self._earlier, *parts]
        whole = parts[0] if len(parts) == 1 else self._catboost.sum_models(parts)
        return _written(whole, n_trees, self._train, self._earlier_told, self._objective)


def coded_rows(features: NDArray[np.float32], categories: Sequence[int]) -> Any:
    """Features as CatBoost takes them: a matrix of numbers, or where there are categories a table with their codes."""
    if not categories:
        return features
    import pandas as pd

    columns = dict(enumerate(features.T))
    for place in categories:
        columns[place] = np.nan_to_num(columns[place], nan=MISSING_CODE).astype(np.int64)
    return pd.DataFrame(columns)


def load_catboost(content: bytes) -> Any:
    """The model of a file; CatBoost reads this form from a path alone."""
    with tempfile.TemporaryDirectory(prefix="rankkit-") as folder:
        path = Path(folder) / "model.json"
        path.write_bytes(content)
        return imported("catboost").CatBoost().load_model(str(path), format="json")


def _written(model: Any, n_trees: int, pool: Any, earlier: Mapping[str, Any], objective: str | None) -> bytes:
    """The file of a model with its first trees, without the time of its writing.

    Args:
        model: With more trees, or as many.
        n_trees: How many are to be in the file.
        pool: The training documents, which tell what the hashes of their categories stand for.
        earlier: The file of the trees before, or nothing.
        objective: As CatBoost calls it.
    """
    with tempfile.TemporaryDirectory(prefix="rankkit-") as folder:
        path = Path(folder) / "model.json"
        model.save_model(str(path), format="json", pool=pool)
        found = json.loads(path.read_bytes())
    shape = "oblivious_trees" if "oblivious_trees" in found else "trees"
    found[shape] = found[shape][:n_trees]
    for tree, before in zip(found[shape], earlier.get(shape, ()), strict=False):
        _keep_values(tree, before)
    name, _, told = (objective or "RMSE").partition(":")
    options = dict(one.split("=", 1) for one in told.split(";") if one)
    found["model_info"] = {"loss_function": {"type": name, "params": options}}
    features = found["features_info"]
    if features.get("categorical_features"):
        known = {**_hashes(earlier.get("features_info", {})), **_hashes(features)}
        features["cat_features_hash"] = [{"hash": key, "value": known[key]} for key in sorted(known)]
    return json.dumps(found, sort_keys=True).encode()


def _keep_values(tree: dict[str, Any], before: Mapping[str, Any]) -> None:
    """Put back the numbers of a tree, whose last bits CatBoost changes where it reads them."""
    pairs = [(tree, before)]
    while pairs:
        node, told = pairs.pop()
        node |= {name: told[name] for name in ("leaf_values", "leaf_weights", "value", "weight") if name in told}
        pairs += [(node[side], told[side]) for side in ("left", "right") if side in told]


def _hashes(features: Mapping[str, Any]) -> dict[int, str]:
    return {int(one["hash"]): str(one["value"]) for one in features.get("cat_features_hash") or ()}


def _scores(content: bytes | None, rows: Rows) -> NDArray[np.float64]:
    """Of the trees there are, added up one by one as those to come are, so that sums are the same to the last bit."""
    if content is None:
        return np.zeros(len(rows.features))
    return np.array(parse_catboost("trees", json.loads(content)).scores(rows.features), np.float64)


def _column(values: NDArray[np.floating[Any]]) -> list[tuple[float]]:
    """``[doc]`` as CatBoost reads a baseline fastest."""
    return list(zip(values.tolist(), strict=True))


def _check_categories(rows: Rows) -> None:
    for place in rows.categories:
        n_values = len(np.unique(np.nan_to_num(rows.features[:, place], nan=MISSING_CODE)))
        if n_values > MOST_CATEGORIES:
            raise ConfigError(
                f"CatBoost: expected categories of at most {MOST_CATEGORIES:,} values, which it splits one by one; got "
                f"{n_values:,} in feature {place}. Raise min_count, or train LightGBM."
            )
