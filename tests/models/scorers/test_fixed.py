"""Scorers that no gradient trains: one feature, and random numbers."""

import numpy as np
import pandas as pd
import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError
from rankkit.export.exporting import export


def data_of(seed=0, n_queries=40):
    return rk.make_ranking(n_queries, n_features=5, seed=seed)


def by_hand(data, valid):
    """Feature and order with the best ndcg@10 on validation data, the first of equals."""
    tried = []
    for column in range(data.n_features):
        for name, sign in (("high first", 1), ("low first", -1)):
            qids = np.repeat(valid.qids, valid.list_sizes)
            found = rk.evaluate_scores(sign * valid.features[:, column], valid.labels, qids=qids, metrics=["ndcg@10"])
            tried.append((found.means["ndcg@10"], str(column + 1), name))
    return max(tried, key=lambda one: one[0])


def test_the_best_feature_is_the_best_on_the_validation_data():
    train, valid = data_of(0), data_of(1)
    value, feature, order = by_hand(train, valid)
    scorer = rk.OneFeature(5)
    history = rk.fit(scorer, train, valid)
    assert history.chosen == {"feature": feature, "order": order}
    assert history.best_value == pytest.approx(value, abs=1e-12)
    assert (history.stopped, history.metric) == ("in one go", "ndcg@10")
    sign = 1 if order == "high first" else -1
    np.testing.assert_array_equal(rk.predict(scorer, valid), sign * valid.features[:, int(feature) - 1])


def test_a_key_is_no_feature_to_choose():
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"qid": np.repeat(np.arange(20), 5), "id": [f"{n:02}" for n in rng.integers(0, 50, 100)]})
    table["label"], table["a"] = table["id"].astype(int) // 20, rng.normal(size=100)  # codes are in the order of ids
    data = rk.from_pandas(table, columns={"id": "key"})
    with pytest.warns(UserWarning, match="as numbers"):
        assert rk.fit(rk.OneFeature(2), data, progress=False).chosen["feature"] == "a"
    with pytest.warns(UserWarning, match="as numbers"), pytest.raises(ConfigError, match="a feature; got 'id'"):
        rk.fit(rk.OneFeature(2, feature="id"), data, progress=False)


def test_without_validation_data_the_training_data_chooses():
    train = data_of(0)
    history = rk.fit(rk.OneFeature(5), train)
    assert history.chosen["feature"] == by_hand(train, train)[1]
    assert history.best_value is None


def test_a_named_feature_is_taken_and_a_missing_value_comes_last():
    train = rk.with_feature_names(data_of(), [*"abcde"])
    scorer = rk.OneFeature(5, feature="c", descending=False)
    assert rk.fit(scorer, train).chosen == {"feature": "c"}
    rows = torch.tensor([[0.0, 0, 3, 0, 0], [0, 0, torch.nan, 0, 0], [0, 0, 1, 0, 0]])
    assert scorer(rows).argsort(descending=True).tolist() == [2, 0, 1]
    with pytest.raises(ConfigError, match="expected the name of a feature; got 'x'"):
        rk.fit(rk.OneFeature(5, feature="x"), train)


def test_it_is_saved_loaded_and_exported(tmp_path):
    pytest.importorskip("onnxruntime")
    train = data_of()
    scorer = rk.OneFeature(5)
    rk.fit(scorer, train)
    rk.save(scorer, tmp_path / "run", metrics=["ndcg@10"])
    again = rk.load(tmp_path / "run")
    np.testing.assert_array_equal(rk.predict(again, train), rk.predict(scorer, train))
    assert export(tmp_path / "run", "onnx", tmp_path / "one.onnx").parity.passes()


def test_random_scores_follow_from_document_and_seed_alone():
    data = data_of(n_queries=400)
    scores = rk.predict(rk.RandomScorer(5, seed=3), data)
    assert 0 <= scores.min() < 0.01 < 0.99 < scores.max() <= 1
    assert np.histogram(scores, 10, (0, 1))[0] / len(scores) == pytest.approx(0.1, abs=0.02)
    assert abs(np.corrcoef(scores, data.labels)[0, 1]) < 0.05
    np.testing.assert_array_equal(rk.predict(rk.RandomScorer(5, seed=3), data, batch_docs=7), scores)
    assert (rk.predict(rk.RandomScorer(5, seed=4), data) != scores).mean() > 0.99
    changed = data.features.copy()
    changed[:, 4] = np.nextafter(changed[:, 4], np.float32(9))
    again = rk.RandomScorer(5, seed=3)(torch.from_numpy(changed)).numpy()
    assert (again != scores).mean() > 0.99
    assert abs(np.corrcoef(again, scores)[0, 1]) < 0.05
