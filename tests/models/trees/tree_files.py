"""Models of LightGBM, XGBoost and CatBoost for tests, and rows that a careless rule sends elsewhere."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from rankkit.models.trees.catboost_growing import coded_rows

F = np.float32


def training_rows(missing):
    """Features that are sparse, whole numbers, tiny, huge, and probabilities down to 1e-39."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 6))
    rows[:, 1] = np.maximum(rows[:, 1], 0)
    rows[:, 2] = np.round(rows[:, 2])
    rows[:, 3] *= 1e-8
    rows[:, 4] *= 1e6
    rows[:, 5] = np.where(rows[:, 5] > 0, np.exp(-90 * rng.random(1000)), 0)
    rows = rows.astype(F)
    labels = np.clip(np.round(rows[:, 0] + rows[:, 1] + (rows[:, 5] > 1e-20) + rows[:, 3] * 1e8), 0, 3)
    if missing:
        rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows, labels


@cache
def trained(library, missing):
    """Text of the model, and what the library itself gives."""
    rows, labels = training_rows(missing)
    if library == "lightgbm":
        import lightgbm

        options = {
            "objective": "lambdarank",
            "num_leaves": 12,
            "min_data_in_leaf": 5,
            "num_threads": 1,
            "verbosity": -1,
        }
        booster = lightgbm.train(options, lightgbm.Dataset(rows, labels, group=[20] * 50), num_boost_round=15)
        return booster.model_to_string(), lambda rows: booster.predict(rows, raw_score=True)
    if library == "catboost":
        model, pool = _catboost(rows, labels, {}, None)
        return written(model, pool), lambda rows: model.predict(rows)
    xgboost = pytest.importorskip("xgboost", reason="pip install xgboost")
    options = {"objective": "rank:ndcg", "max_depth": 4, "nthread": 1, "base_score": 0.25}
    booster = xgboost.train(options, xgboost.DMatrix(rows, labels, group=[20] * 50), num_boost_round=15)
    return bytes(booster.save_raw("json")).decode(), lambda rows: booster.predict(
        xgboost.DMatrix(rows), output_margin=True
    )


def _catboost(rows, labels, options, coded):
    catboost = pytest.importorskip("catboost", reason="pip install catboost")
    options = {"loss_function": "QueryRMSE", "depth": 4, "iterations": 15, "learning_rate": 0.3, **options}
    fixed = {"thread_count": 1, "logging_level": "Silent", "allow_writing_files": False, "one_hot_max_size": 65535}
    groups = np.repeat(np.arange(50), 20)
    pool = catboost.Pool(coded_rows(rows, coded or ()), labels, group_id=groups, cat_features=coded)
    return catboost.CatBoost({**fixed, **options}).fit(pool), pool


def written(model, pool):
    """The text of a model of CatBoost."""
    with TemporaryDirectory() as folder:
        model.save_model(f"{folder}/model.json", format="json", pool=pool)
        return Path(folder, "model.json").read_text()


def hard_rows(model, missing):
    """Every threshold, its float32 neighbours, 1e-6 beside it, zeros of both signs, subnormal and missing values."""
    rows, _ = training_rows(missing)
    rng = np.random.default_rng(1)
    found = [rows[:200]]
    for feature in range(model.n_features):
        at = np.unique(np.concatenate([tree.threshold[tree.feature == feature] for tree in model.trees]))
        with np.errstate(over="ignore"):
            up, down = (np.nextafter(at, F(end)) for end in (np.inf, -np.inf))
        beside_zero = F([0, -0.0, 1e-35, -1e-35, 1e-36, 1e-45])
        values = np.concatenate((at, up, down, -at, at + F(1e-6), at - F(1e-6), beside_zero, np.full(5, np.nan, F)))
        block = rows[rng.integers(0, len(rows), len(values))]
        block[:, feature] = values
        found.append(block)
    return np.concatenate(found)


SHAPE = {"base_score": "5E-1", "num_class": "0", "num_target": "1", "num_feature": "1"}


def xgboost_model(tree=None, **learner):
    """A model of one split at 0 as XGBoost writes it."""
    split = {
        "left_children": [1, -1, -1],
        "right_children": [2, -1, -1],
        "split_indices": [0, 0, 0],
        "split_conditions": [0.0, -1.5, 2.5],
        "default_left": [1, 0, 0],
        "split_type": [0, 0, 0],
        "categories": [],
        "tree_param": {"size_leaf_vector": "1", "num_nodes": "3"},
    }
    booster = {"name": "gbtree", "model": {"trees": [{**split, **(tree or {})}], "tree_info": [0]}}
    parts = {"gradient_booster": booster, "learner_model_param": SHAPE, "objective": {"name": "rank:pairwise"}}
    return {"learner": {**parts, "feature_names": ["x"], **learner}, "version": [2, 1, 0]}


_SMALL = {"num_leaves": 12, "min_data_in_leaf": 5, "num_threads": 1, "verbosity": -1, "objective": "lambdarank"}
_FOREST = {"bagging_freq": 1, "bagging_fraction": 0.5}
KINDS = {
    "lightgbm": {},
    "lightgbm, without missing": {"use_missing": False},
    "lightgbm, zero is missing": {"zero_as_missing": True},
    "lightgbm, categories": {"min_data_per_group": 5, "cat_smooth": 1},
    "lightgbm, dart": {"boosting": "dart", "drop_rate": 0.5},
    "lightgbm, forest": {"boosting": "rf", **_FOREST},
    "lightgbm, probabilities": {"objective": "binary", "sigmoid": 2.0},
    "xgboost": {},
    "xgboost, ubj": {},
    "xgboost, categories": {"max_cat_to_onehot": 1},
    "xgboost, categories one by one, ubj": {"max_cat_to_onehot": 100},
    "xgboost, dart": {"booster": "dart", "rate_drop": 0.5},
    "xgboost, forest": {"num_parallel_tree": 4, "subsample": 0.5},
    "xgboost, probabilities": {"objective": "binary:logistic"},
    "catboost": {},
    "catboost, missing above": {"nan_mode": "Max"},
    "catboost, categories": {"nan_mode": "Min"},
    "catboost, categories, node by node": {"grow_policy": "Depthwise"},
    "catboost, best leaf first": {"grow_policy": "Lossguide", "max_leaves": 9},
    "catboost, probabilities": {"loss_function": "Logloss"},
}
"""Options of models that are read and score each in a way of their own."""


def grown(kind, folder):
    """A file of that kind, what the library itself gives, and rows with which to ask."""
    rows, labels = training_rows(missing=True)
    rows[:, 2] = np.where(np.isnan(rows[:, 2]), np.nan, np.abs(rows[:, 2] * 20) % 70)  # categories of three words
    if "categories" in kind:
        labels = np.where(rows[:, 2] // 1 % 3 == 0, 3, labels)
    if "probabilities" in kind:
        labels = labels > 1
    options = KINDS[kind]
    if kind.startswith("lightgbm"):
        import lightgbm

        columns = [2] if "categories" in kind else "auto"
        data = lightgbm.Dataset(rows, labels, group=[20] * 50, categorical_feature=columns)
        booster = lightgbm.train({**_SMALL, **options}, data, num_boost_round=15)
        path = folder / "model.txt"
        booster.save_model(path)
        return path, lambda rows: booster.predict(rows, raw_score=True), rows
    if kind.startswith("catboost"):
        coded = [2] if "categories" in kind else None
        if coded:
            rows[:, 2] = np.floor(rows[:, 2])
        model, pool = _catboost(rows, labels, options, coded)
        path = folder / "model.json"
        path.write_text(written(model, pool))
        return path, lambda rows: model.predict(coded_rows(rows, coded or ()), prediction_type="RawFormulaVal"), rows
    xgboost = pytest.importorskip("xgboost", reason="pip install xgboost")
    types = ["q", "q", "c" if "categories" in kind else "q", "q", "q", "q"]

    def matrix(rows, **more):
        return xgboost.DMatrix(rows, feature_types=types, enable_categorical="c" in types, **more)

    options = {"objective": "rank:ndcg", "max_depth": 4, "nthread": 1, "tree_method": "hist", **options}
    booster = xgboost.train(options, matrix(rows, label=labels, group=[20] * 50), num_boost_round=15)
    path = folder / ("model.ubj" if "ubj" in kind else "model.json")
    booster.save_model(path)
    return path, lambda rows: booster.predict(matrix(rows), output_margin=True), rows
