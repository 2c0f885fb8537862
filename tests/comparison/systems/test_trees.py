"""Boosted trees of other libraries get categories as what they are."""

import numpy as np
import pandas as pd
import pytest

from rankkit.comparison.plan import Rules, RunSpec, System
from rankkit.comparison.systems.trees import category_places, fit_lightgbm
from rankkit.data.synthetic import make_ranking
from rankkit.loaders.tables.tabular import from_pandas
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
