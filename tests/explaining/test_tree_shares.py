"""Attributions of trees: the library's own, additive, and by column."""

import sys
from itertools import permutations

import numpy as np
import pytest

import rankkit as rk
from rankkit.explaining.tree_shares import tree_shares
from rankkit.models.trees import read_tree_model
from tests.models.trees.tree_files import KINDS, grown

F = np.float32


@pytest.mark.parametrize("kind", KINDS)
def test_they_add_up_to_the_score(kind, tmp_path):
    path, _, rows = grown(kind, tmp_path)
    model = read_tree_model(path)
    values, means = tree_shares(model, rows[:30])
    assert values.shape == (30, 6)
    np.testing.assert_allclose(values.sum(axis=1) + means, model.scores(rows[:30]), rtol=1e-5, atol=1e-5)


def test_they_are_shapley_values(tmp_path):
    """By their definition, over all orders in which two features become known."""
    import lightgbm

    rng = np.random.default_rng(0)
    rows = rng.normal(size=(200, 2)).astype(F)
    options = {"objective": "regression", "num_leaves": 3, "num_threads": 1, "verbosity": -1}
    booster = lightgbm.train(options, lightgbm.Dataset(rows, rows[:, 0] * (rows[:, 1] > 0)), 1)
    booster.save_model(tmp_path / "model.txt")
    model = read_tree_model(tmp_path / "model.txt")
    (root,) = booster.dump_model()["tree_info"]

    def count(node):
        return node.get("internal_count", node.get("leaf_count"))

    def value(node, known, row):
        if "leaf_value" in node:
            return node["leaf_value"]
        left, right = node["left_child"], node["right_child"]
        if node["split_feature"] in known:
            return value(left if row[node["split_feature"]] <= node["threshold"] else right, known, row)
        shares = [(child, count(child) / count(node)) for child in (left, right)]
        return sum(share * value(child, known, row) for child, share in shares)

    def shapley(row):
        found = np.zeros(2)
        for order in permutations(range(2)):
            for place, feature in enumerate(order):
                before = set(order[:place])
                found[feature] += value(root["tree_structure"], before | {feature}, row) / 2
                found[feature] -= value(root["tree_structure"], before, row) / 2
        return found

    values, _ = tree_shares(model, rows[:20])
    np.testing.assert_allclose(values, [shapley(row.astype(float)) for row in rows[:20]], rtol=0, atol=1e-9)


def boosted(train, **options):
    scorer = rk.LightGBM.for_data(train, num_leaves=5, min_data_in_leaf=5, **options)
    rk.fit(scorer, "lambdarank", train, epochs=5, progress=False)
    return scorer


def test_attribute_takes_trees(tmp_path):
    train = rk.make_ranking(40, seed=0)
    scorer = boosted(train)
    found = rk.attribute(scorer, train, [(3, 1), (4, 0)])
    at = train.offsets[[2, 3]] + [1, 0]
    assert found.qids.tolist() == [3, 4]
    np.testing.assert_array_equal(found.features, train.features[at])
    np.testing.assert_array_equal(found.values, tree_shares(scorer.model, train.features[at])[0])
    np.testing.assert_array_equal(found.scores, scorer.model.scores(train.features[at]))
    assert found.complete.all()
    lines = found.table(2).splitlines()
    assert lines[2].startswith("mean of the training documents")
    assert "steps" not in found.table()
    assert found.to_dict()["mean_of"] == "training"


def test_columns_of_several_features_are_added_up():
    import pandas as pd

    rng = np.random.default_rng(0)
    images = rng.normal(size=(400, 3)).astype(F)
    brands = np.array(["oak", "elm", "yew"])[rng.integers(0, 3, 400)]
    table = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(20), 20),
            "label": (brands == "elm") + (images[:, 1] > 0),
            "brand": pd.Categorical(brands),
            "image": list(images),
        }
    )
    train = rk.from_pandas(table)
    scorer = boosted(train)
    found = rk.attribute(scorer, train, [(0, 0)])
    assert found.names == ("brand", "image")
    values, means = tree_shares(scorer.model, train.features[:1])
    span = train.schema.spans["image"]
    assert found.values[0, 1] == values[0, span].sum()
    assert np.isnan(found.features[0]).tolist() == [False, True]
    assert found.complete.all()
    assert found.values.sum() + means[0] == pytest.approx(found.scores[0], abs=1e-9)


def test_without_the_library_it_says_how_to_get_it(monkeypatch):
    train = rk.make_ranking(10, seed=0)
    scorer = boosted(train)
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(
        rk.ConfigError, match=r"^attribute: expected lightgbm, .*pip install lightgbm; or leave --doc out"
    ):
        rk.attribute(scorer, train, [(1, 0)])
