"""Boosted trees of other libraries: LightGBM, XGBoost, CatBoost.

All get the same data, the same number of threads and the same rule as rankkit's own systems: the number of trees is
the one with the best selection metric on the validation data, computed by rankkit, not by the library. Weights of the
training data go to each in the form that it takes: LightGBM has one a document, XGBoost and CatBoost one a query. Those
of documents do not reach these two, which the audit of the report says. Categories reach all three as what they are,
and columns that are keys alone reach none, as they reach none of rankkit's own.
"""

import importlib
import inspect
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.comparison.plan import RunSpec
from rankkit.comparison.systems.fitted import Fitted, Report, Selection
from rankkit.comparison.systems.warming import warm_up_selection
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, did_you_mean
from rankkit.files.atomic import write_text
from rankkit.models.priors import key_columns
from rankkit.models.trees.catboost_growing import coded_rows
from rankkit.models.trees.growing import category_places
from rankkit.tasks.ranking.informative import NEEDS_GRADES, check_informative
from rankkit.tasks.ranking.splits import labels_of
from rankkit.tasks.splitting import Split

# The same for all three where they have it; patience is rankkit's word for rounds without a better value.
DEFAULTS: dict[str, dict[str, Any]] = {
    "lightgbm": {
        "n_estimators": 1000,
        "learning_rate": 0.05,
        "num_leaves": 31,
        "subsample": 0.8,
        "subsample_freq": 1,
        "colsample_bytree": 0.8,
        "patience": 50,
    },
    "xgboost": {
        "n_estimators": 1000,
        "learning_rate": 0.05,
        "max_depth": 6,
        "subsample": 0.8,
        "colsample_bytree": 0.8,
        "patience": 50,
    },
    "catboost": {"iterations": 1000, "learning_rate": 0.05, "depth": 6, "patience": 50},
}
_CLASS = {"lightgbm": "LGBMRanker", "xgboost": "XGBModel", "catboost": "CatBoostRanker"}
# What a comparison sets itself.
_TAKEN = {
    *("self", "kwargs", "objective", "loss_function", "eval_metric", "early_stopping_rounds", "callbacks"),
    *("importance_type", "class_weight", "missing", "enable_categorical", "feature_types", "allow_writing_files"),
    *("od_type", "od_wait", "od_pval", "use_best_model", "train_dir", "logging_level"),
    *("random_state", "seed", "random_seed", "n_jobs", "nthread", "thread_count", "verbosity", "verbose", "silent"),
}
# Options of ranking that the classes do not name.
_OF_RANKING = {
    "lightgbm": {"label_gain", "lambdarank_truncation_level", "lambdarank_norm", "max_bin"},
    "xgboost": {
        "lambdarank_pair_method",
        "lambdarank_num_pair_per_sample",
        "lambdarank_normalization",
        "ndcg_exp_gain",
    },
    "catboost": set[str](),
}


def option_names(module: str) -> set[str]:
    """The options of a library's ranker that an experiment may set."""
    ranker = getattr(importlib.import_module(module), _CLASS[module])
    return (set(inspect.signature(ranker.__init__).parameters) - _TAKEN) | _OF_RANKING[module] | {"patience"}


def check_options(where: str, module: str, options: dict[str, Any]) -> None:
    """Raise ConfigError if a library has no such option."""
    known = option_names(module)
    for name in options:
        if name not in known:
            raise ConfigError(f"{where}: unknown option {name!r} of {module}. {did_you_mean(name, known)}")


class _Curve:
    """The validation metric after each tree: for metrics.jsonl, for the report, and to choose the number of trees."""

    def __init__(self, spec: RunSpec, split: Split[RankingDataset], report: Report, n_trees: int) -> None:
        self._selection, self._metric = Selection(split.valid, spec.metric), spec.metric
        self._report, self._n_trees = report, n_trees
        warm_up_selection(self._selection, split.valid.n_docs)
        self._start = time.perf_counter()
        self.values: list[float] = []
        self._seconds: list[float] = []

    def add(self, scores: NDArray[Any]) -> float:
        value = self._selection(np.asarray(scores))
        self.values.append(value)
        self._seconds.append(time.perf_counter() - self._start)
        if len(self.values) % 10 == 0:
            self._report({"step": len(self.values), "of": self._n_trees, "valid": max(self.values)})
        return value

    @property
    def best(self) -> int:
        """How many trees were best, the fewest of equals."""
        return int(np.argmax(self.values)) + 1

    def spread(self, seconds: float) -> None:
        """Put in place of the times that were taken those of trees that took equally long."""
        n = len(self.values)
        self._seconds = [seconds * number / n for number in range(1, n + 1)]

    def write(self, folder: Path) -> None:
        name = f"valid_{self._metric}"
        lines = (
            json.dumps({"epoch": number, "step": number, "loss": None, name: value, "seconds": seconds})
            for number, (value, seconds) in enumerate(zip(self.values, self._seconds, strict=True), start=1)
        )
        write_text(folder / "metrics.jsonl", "".join(f"{line}\n" for line in lines))


def fit_lightgbm(
    spec: RunSpec, split: Split[RankingDataset], folder: Path, report: Report, *, objective: str
) -> Fitted:
    """LightGBM's lambdarank or rank_xendcg."""
    import lightgbm as lgb

    options, patience = _options(spec, split, "lightgbm")
    n_rounds = options.pop("n_estimators")
    curve = _Curve(spec, split, report, n_rounds)
    start = time.perf_counter()
    coded = category_places(split.train)
    train = lgb.Dataset(
        features_of(split.train),
        labels_of(split.train),
        group=split.train.list_sizes,
        weight=split.train.doc_weights,
        categorical_feature=coded or "auto",
    )
    valid = lgb.Dataset(
        features_of(split.valid),
        labels_of(split.valid),
        group=split.valid.list_sizes,
        categorical_feature=coded or "auto",
    )
    booster = lgb.train(
        {
            "objective": objective, "metric": "None", "seed": spec.seed, "num_threads": spec.threads, "verbosity": -1,
            "deterministic": True, "force_row_wise": True, **options,
        },
        train,
        num_boost_round=n_rounds,
        valid_sets=[valid],
        feval=lambda scores, _: (spec.metric, curve.add(scores), True),
        callbacks=[lgb.early_stopping(patience, verbose=False)],
    )  # fmt: skip
    n_trees = curve.best
    write_text(folder / "lightgbm.txt", booster.model_to_string(num_iteration=n_trees))
    leaves = sum(tree["num_leaves"] for tree in booster.dump_model(num_iteration=n_trees)["tree_info"])
    return _fitted(
        lambda data: booster.predict(features_of(data), num_iteration=n_trees),
        curve,
        split,
        folder,
        time.perf_counter() - start,
        leaves,
        {"library": "lightgbm", "objective": objective, "n_estimators": n_rounds, **options, "patience": patience},
    )


def fit_xgboost(spec: RunSpec, split: Split[RankingDataset], folder: Path, report: Report) -> Fitted:
    """XGBoost's rank:ndcg, with gain 2^label - 1 and histograms."""
    import xgboost as xgb

    options, patience = _options(spec, split, "xgboost")
    n_trees = options.pop("n_estimators")
    curve = _Curve(spec, split, report, n_trees)
    start = time.perf_counter()
    train, valid = (
        xgb.DMatrix(
            features_of(part),
            labels_of(part),
            group=part.list_sizes,
            weight=weights,
            nthread=spec.threads,
            feature_types=feature_types(part),
            enable_categorical=bool(category_places(part)),
        )
        for part, weights in ((split.train, weights_by_query(split.train)), (split.valid, None))
    )
    booster = xgb.train(
        {
            "objective": "rank:ndcg", "seed": spec.seed, "nthread": spec.threads, "tree_method": "hist",
            "disable_default_eval_metric": True, "verbosity": 0, **options,
        },
        train,
        num_boost_round=n_trees,
        evals=[(valid, "valid")],
        custom_metric=lambda scores, _: (spec.metric, curve.add(scores)),
        callbacks=[xgb.callback.EarlyStopping(rounds=patience, metric_name=spec.metric, maximize=True)],
        verbose_eval=False,
    )  # fmt: skip
    booster = booster[: curve.best]
    leaves = sum(text.count("leaf=") for text in booster.get_dump())
    write_text(folder / "xgboost.json", bytes(booster.save_raw("json")).decode())
    return _fitted(
        lambda data: booster.inplace_predict(features_of(data), predict_type="margin"),
        curve,
        split,
        folder,
        time.perf_counter() - start,
        leaves,
        {"library": "xgboost", "objective": "rank:ndcg", "n_estimators": n_trees, **options, "patience": patience},
    )


def fit_catboost(spec: RunSpec, split: Split[RankingDataset], folder: Path, report: Report) -> Fitted:
    """CatBoost's YetiRank; the library stops by its own NDCG, the number of trees is chosen among those it grew."""
    import catboost

    options, patience = _options(spec, split, "catboost")
    start = time.perf_counter()
    ranker = catboost.CatBoostRanker(
        loss_function="YetiRank", eval_metric="NDCG:top=10;type=Exp", random_seed=spec.seed, thread_count=spec.threads,
        verbose=False, allow_writing_files=False, use_best_model=False, od_type="Iter", od_wait=patience, **options,
    )  # fmt: skip
    train, valid = (
        catboost.Pool(
            catboost_rows(part),
            labels_of(part),
            cat_features=category_places(part) or None,
            group_id=np.repeat(np.arange(part.n_queries), part.list_sizes),
            group_weight=None if weights is None else np.repeat(weights, part.list_sizes),
        )
        for part, weights in ((split.train, weights_by_query(split.train)), (split.valid, None))
    )
    report({"step": 0, "of": options["iterations"], "valid": None})
    ranker.fit(train, eval_set=valid)
    seconds = time.perf_counter() - start
    curve = _Curve(spec, split, report, ranker.tree_count_)
    for scores in ranker.staged_predict(valid):
        curve.add(scores)
    # The curve was taken afterwards: its times are those of the training, spread evenly.
    curve.spread(seconds)
    n_trees = curve.best
    ranker.save_model(str(folder / "catboost.cbm"))
    leaves = int(sum(ranker.get_tree_leaf_counts()[:n_trees]))
    return _fitted(
        lambda data: ranker.predict(catboost_rows(data), ntree_end=n_trees, thread_count=spec.threads),
        curve,
        split,
        folder,
        seconds,
        leaves,
        {"library": "catboost", "objective": "YetiRank", **options, "patience": patience},
    )


def features_of(data: RankingDataset) -> NDArray[np.float32]:
    """The features as a library gets them: 0 in columns that are keys, which would be ids to learn by heart."""
    if data.schema is None or not key_columns(data.schema):
        return data.features
    features = np.array(data.features)
    for column in key_columns(data.schema):
        features[:, data.schema.spans[column.name]] = 0
    return features


def catboost_rows(data: RankingDataset) -> Any:
    """The features as CatBoost takes them."""
    return coded_rows(features_of(data), category_places(data))


def feature_types(data: RankingDataset) -> list[str] | None:
    """What XGBoost calls the kinds of features; None where all are numbers."""
    coded = category_places(data)
    return ["c" if place in coded else "q" for place in range(data.n_features)] if coded else None


def weights_by_query(data: RankingDataset) -> NDArray[np.float32] | None:
    """The weights of a data set, one a query; None where it has none, or those of documents."""
    return data.weights if data.weights_per == "query" else None


def _options(spec: RunSpec, split: Split[RankingDataset], module: str) -> tuple[dict[str, Any], int]:
    asked = spec.system.external.options if spec.system.external else {}
    check_informative("compare", spec.system.name, NEEDS_GRADES, split.train)
    check_options(spec.system.name, module, asked)
    options = {**DEFAULTS[module], **asked}
    return options, options.pop("patience")


def _fitted(
    score: Any,
    curve: _Curve,
    split: Split[RankingDataset],
    folder: Path,
    seconds: float,
    leaves: int,
    config: dict[str, Any],
) -> Fitted:
    curve.write(folder)
    n_grown = len(curve.values)
    library = config["library"]
    return Fitted(
        predict=score,
        ignores_weights=split.train.weights_per == "doc" and library != "lightgbm",
        valid=curve.values[curve.best - 1],
        chosen={"trees": curve.best, "trees_grown": n_grown},
        n_parameters=leaves,
        seconds=seconds,
        step_seconds=seconds / n_grown,
        per_second=split.train.n_docs * n_grown / seconds,
        config=config,
        versions={library: str(importlib.import_module(library).__version__)},
    )
