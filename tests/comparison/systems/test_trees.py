"""Boosted trees of other libraries get categories as what they are."""

import numpy as np
import pandas as pd
import pytest

from rankkit.comparison.plan import Rules, RunSpec, System
from rankkit.comparison.systems.trees import catboost_rows, fit_catboost, fit_lightgbm, fit_xgboost
from rankkit.data.synthetic import make_ranking
from rankkit.loaders.tables.tabular import from_pandas
from rankkit.models.trees.growing import category_places
from rankkit.tasks.ranking.splits import Split


def shop(seed):
    """Queries in which two of six brands are good, whose codes do not lie beside each other."""
    rng = np.random.default_rng(seed)
    brand = rng.integers(0, 6, 600)
    brand[::10] = 1  # good, in each query
    return pd.DataFrame(
        {
            "qid": np.repeat(np.arange(60), 10),
            "label": np.isin(brand, [1, 4]).astype(int),
            "x": rng.random(600),
            "brand": pd.Categorical.from_codes(brand, list("abcdef")),
            "size": pd.Categorical.from_codes(brand % 3, list("sml"), ordered=True),
        }
    )


def test_categories_without_order_are_categories():
    data = from_pandas(shop(0))
    assert category_places(data) == [1]
    assert category_places(make_ranking(3)) == []


def test_catboost_gets_codes_as_whole_numbers_and_missing_ones_as_a_code():
    data = from_pandas(shop(0))
    data.features[3, 1] = np.nan
    table = catboost_rows(data)
    assert table[1].dtype == np.int64
    assert table[1].tolist()[:5] == [*data.features[:3, 1].astype(int).tolist(), -1, int(data.features[4, 1])]
    np.testing.assert_array_equal(table[0], data.features[:, 0])
    numbers = make_ranking(3)
    assert catboost_rows(numbers) is numbers.features


@pytest.mark.parametrize(("library", "fit"), [("xgboost", fit_xgboost), ("catboost", fit_catboost)])
def test_others_learn_sets_of_codes_too(library, fit, tmp_path):
    pytest.importorskip(library, reason=f"pip install {library}")
    train = from_pandas(shop(0).drop(columns="size"))
    frame = shop(1).drop(columns="size")
    frame["brand"] = frame["brand"].cat.add_categories(["never seen"])
    frame.loc[[2, 13], "brand"] = None
    frame.loc[[4, 15], "brand"] = "never seen"
    valid = from_pandas(frame, schema=train.schema)
    spec = RunSpec(System("trees", external=None), "data", 0, 0, {}, None, "ndcg@5", Rules(metrics=("ndcg@5",)), 1)
    fitted = fit(spec, Split("data", train, valid, valid), tmp_path, lambda _: None)
    assert fitted.valid > 0.95
    assert np.isfinite(fitted.predict(valid)).all()


def test_lightgbm_splits_by_sets_of_codes(tmp_path):
    pytest.importorskip("lightgbm")
    train = from_pandas(shop(0).drop(columns="size"))
    valid = from_pandas(shop(1).drop(columns="size"), schema=train.schema)
    rules = Rules(metrics=("ndcg@5",))
    spec = RunSpec(System("trees", external=None), "data", 0, 0, {}, None, "ndcg@5", rules, 1)
    fitted = fit_lightgbm(spec, Split("data", train, valid, valid), tmp_path, lambda _: None, objective="lambdarank")
    text = (tmp_path / "lightgbm.txt").read_text()
    assert "cat_threshold" in text
    assert fitted.valid > 0.99
    assert np.isfinite(fitted.predict(valid)).all()


KINDS = [
    ("lightgbm", lambda *given: fit_lightgbm(*given, objective="lambdarank")),
    ("xgboost", fit_xgboost),
    ("catboost", fit_catboost),
]


@pytest.mark.parametrize(("library", "fit"), KINDS)
def test_a_key_reaches_no_library(library, fit, tmp_path):
    pytest.importorskip(library, reason=f"pip install {library}")
    frames = [shop(seed).drop(columns="size").rename(columns={"brand": "id"}) for seed in (0, 1)]
    train = from_pandas(frames[0], columns={"id": "key"})
    valid = from_pandas(frames[1], schema=train.schema)
    others = from_pandas(frames[1].assign(id="a"), schema=train.schema)
    spec = RunSpec(System("trees", external=None), "data", 0, 0, {}, None, "ndcg@5", Rules(metrics=("ndcg@5",)), 1)
    fitted = fit(spec, Split("data", train, valid, valid), tmp_path, lambda _: None)
    np.testing.assert_array_equal(fitted.predict(valid), fitted.predict(others))
    assert fitted.valid < 0.9  # by the ids it would be 1
    assert train.features[:, 1].any()  # the data itself stays as it is
