"""Boosted trees of other libraries with their native categories, for the experiments on columns.

The same learning rate, greatest number of trees, patience and number of threads for all three. A library that is not
installed is left out, and said so: ``pip install xgboost catboost``.
"""

import importlib.util
import sys

import numpy as np

from rankkit.comparison.systems.trees import catboost_rows, feature_types
from rankkit.models.trees.growing import category_places

RATE, PATIENCE = 0.05, 30


def by_lightgbm(train, valid, test, seed, *, n_trees=500):
    """LightGBM's lambdarank; bagging, so that seeds differ."""
    import lightgbm as lgb

    coded = category_places(train) or "auto"
    parts = [
        lgb.Dataset(part.features, part.labels, group=part.list_sizes, categorical_feature=coded)
        for part in (train, valid)
    ]
    options = {"objective": "lambdarank", "metric": "ndcg", "eval_at": [10], "learning_rate": RATE, "num_threads": 1}
    options |= {"bagging_fraction": 0.8, "bagging_freq": 1, "deterministic": True, "verbosity": -1, "seed": seed}
    booster = lgb.train(
        options,
        parts[0],
        num_boost_round=n_trees,
        valid_sets=parts[1:],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    return booster.predict(test.features)


def by_xgboost(train, valid, test, seed, *, n_trees=500):
    """XGBoost's rank:ndcg with histograms, by 80% of the rows a tree."""
    import xgboost as xgb

    parts = [
        xgb.DMatrix(
            part.features,
            part.labels,
            group=part.list_sizes,
            nthread=1,
            feature_types=feature_types(part),
            enable_categorical=bool(category_places(part)),
        )
        for part in (train, valid)
    ]
    options = {"objective": "rank:ndcg", "eval_metric": "ndcg@10", "tree_method": "hist", "nthread": 1, "verbosity": 0}
    booster = xgb.train(
        {**options, "learning_rate": RATE, "subsample": 0.8, "seed": seed},
        parts[0],
        num_boost_round=n_trees,
        evals=[(parts[1], "valid")],
        early_stopping_rounds=PATIENCE,
        verbose_eval=False,
    )
    return booster[: booster.best_iteration + 1].inplace_predict(test.features, predict_type="margin")


def by_catboost(train, valid, test, seed, *, n_trees=500):
    """CatBoost's YetiRank."""
    import catboost

    train, valid = (
        catboost.Pool(
            catboost_rows(part),
            part.labels,
            cat_features=category_places(part) or None,
            group_id=np.repeat(np.arange(part.n_queries), part.list_sizes),
        )
        for part in (train, valid)
    )
    ranker = catboost.CatBoostRanker(
        loss_function="YetiRank",
        eval_metric="NDCG:top=10;type=Exp",
        iterations=n_trees,
        learning_rate=RATE,
        random_seed=seed,
        thread_count=1,
        verbose=False,
        allow_writing_files=False,
        od_type="Iter",
        od_wait=PATIENCE,
    )
    ranker.fit(train, eval_set=valid)
    return ranker.predict(catboost_rows(test))


TREES = {
    "LightGBM": ("lightgbm", by_lightgbm),
    "XGBoost": ("xgboost", by_xgboost),
    "CatBoost": ("catboost", by_catboost),
}


def installed():
    """By name, those whose library is there."""
    found = {}
    for name, (module, fit) in TREES.items():
        if importlib.util.find_spec(module) is None:
            print(f"{name} is left out: pip install {module}", file=sys.stderr)
        else:
            found[name] = fit
    return found
