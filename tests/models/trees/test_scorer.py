"""Trees as scorers: the scores of the library that grew them, and all that a scorer is asked for."""

import copy
import json
import pickle

import numpy as np
import pytest
import torch

import rankkit as rk
from rankkit.errors import BundleError, ConfigError, DataError, ShapeError
from rankkit.export.exporting import export
from rankkit.models.trees import TreeScorer, read_tree_model
from tests.models.trees.tree_files import KINDS, F, grown, hard_rows, trained


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "catboost"])
def test_rows_beside_every_threshold_score_as_in_the_library(library, missing, tmp_path):
    text, predict = trained(library, missing)
    (tmp_path / "model").write_text(text)
    model = read_tree_model(tmp_path / "model")
    rows = hard_rows(model, missing)
    np.testing.assert_allclose(model.scores(rows), predict(rows), rtol=0, atol=1e-9)


def odd_rows(rows):
    """Rows with zeros, missing values, infinities, and categories that were never seen or are none."""
    rng = np.random.default_rng(5)
    odd = F([0, -0.0, 1e-36, np.nan, np.inf, -np.inf, -1, -3.5, 69, 70, 2.9, 95, 96, 1e6, 1e12])
    drawn = rows[rng.integers(0, len(rows), 3000)].copy()
    return np.where(rng.random(drawn.shape) < 0.3, odd[rng.integers(0, len(odd), drawn.shape)], drawn)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_model_scores_as_in_its_library(kind, tmp_path):
    path, predict, rows = grown(kind, tmp_path)
    odd = odd_rows(rows)
    if kind.startswith("xgboost"):
        odd[np.isinf(odd)] = np.nan
        odd[:, 2] = np.abs(odd[:, 2])  # it refuses what is no category in a column of categories
    if kind.startswith("catboost"):
        odd[:, 2] = np.where((odd[:, 2] >= 0) & (odd[:, 2] < 2**24), np.floor(odd[:, 2]), np.nan)  # codes, or none
    rows = np.concatenate((rows, odd))
    if "categories" in kind:
        assert any(tree.categories for tree in read_tree_model(path).trees)
    if "zero" in kind:
        assert any(tree.zero_is_missing is not None for tree in read_tree_model(path).trees)
    np.testing.assert_allclose(read_tree_model(path).scores(rows), predict(rows), rtol=1e-6, atol=1e-6)


def test_parts_in_threads_score_as_one(tmp_path, monkeypatch):
    path, predict, rows = grown("lightgbm", tmp_path)
    model = read_tree_model(path)
    rows = np.tile(rows, (200, 1))
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    np.testing.assert_allclose(model.scores(rows), np.tile(predict(rows[:1000]), 200), rtol=0, atol=1e-9)


@pytest.fixture
def saved(tmp_path):
    """A file of LightGBM with names of features, and data with the same."""
    import lightgbm

    train = rk.make_ranking(40, n_features=5, seed=1)
    names = ("bm25", "age", "clicks", "length", "price")
    data = lightgbm.Dataset(train.features, train.labels, group=train.list_sizes, feature_name=list(names))
    options = {"objective": "lambdarank", "num_leaves": 7, "num_threads": 1, "verbosity": -1}
    booster = lightgbm.train(options, data, num_boost_round=20)
    booster.save_model(tmp_path / "lgb.txt")
    return tmp_path / "lgb.txt", rk.with_feature_names(train, names), booster


def test_predict_evaluate_and_importance_take_it(saved):
    path, data, booster = saved
    scorer = rk.load(path)
    expected = booster.predict(data.features, raw_score=True)
    np.testing.assert_allclose(rk.predict(scorer, data), data.in_row_order(expected), rtol=0, atol=1e-6)
    evaluated = rk.evaluate(scorer, data, ["ndcg@10"]).means["ndcg@10"]
    assert (
        evaluated
        == rk.evaluate_scores(expected, data.labels, qids=np.repeat(data.qids, data.list_sizes)).means["ndcg@10"]
    )
    importance = rk.permutation_importance(scorer, data, n_repeats=1)
    assert importance.names == data.feature_names
    gains = booster.feature_importance("gain")
    assert importance.order[0] == gains.argmax()


def test_it_is_a_scorer_like_any_other(saved):
    path, data, _ = saved
    scorer = rk.load(str(path))
    assert isinstance(scorer, TreeScorer)
    assert scorer.n_features == 5
    assert scorer.feature_names == data.feature_names
    assert not scorer.training
    assert "lightgbm, lambdarank, 20 trees, 5 features" in repr(scorer)
    for other in (copy.deepcopy(scorer), pickle.loads(pickle.dumps(scorer))):
        np.testing.assert_array_equal(rk.predict(other, data), rk.predict(scorer, data))
    with pytest.raises(ShapeError, match=r"expected features \[doc, 5\]; got \[2, 4\]"):
        scorer(torch.zeros(2, 4), torch.tensor([0, 2]))


def test_other_features_than_its_own_are_refused(saved):
    path, _, _ = saved
    with pytest.raises(DataError, match="5 features"):
        rk.evaluate(rk.load(path), rk.make_ranking(5, n_features=4))


def test_it_is_not_trained_by_gradients(saved):
    path, data, _ = saved
    scorer = rk.load(path)
    with pytest.raises(ConfigError, match=r"^fit: expected a scorer with weights to train; got TreeScorer"):
        rk.fit(scorer, rk.ranknet_loss, data)
    with pytest.raises(BundleError, match=r"expected an encoder; got a file"):
        rk.load_encoder(path)


def test_saved_in_a_bundle_it_is_the_same(saved, tmp_path):
    path, data, _ = saved
    scorer = rk.load(path)
    rk.save(scorer, tmp_path / "out", metrics=["ndcg@5"])
    again = rk.load(tmp_path / "out")
    assert type(again) is type(scorer)
    assert again.feature_names == scorer.feature_names
    np.testing.assert_array_equal(rk.predict(again, data), rk.predict(scorer, data))
    assert export(tmp_path / "out", "solr", tmp_path / "solr").n_features == data.n_features
    changed = bytearray((tmp_path / "out" / "scorer.safetensors").read_bytes())
    changed[-40] ^= 1
    (tmp_path / "out" / "scorer.safetensors").write_bytes(changed)
    with pytest.raises(BundleError, match=r"expected the weights that model\.json describes"):
        rk.load(tmp_path / "out")


def test_from_memory_it_is_exported_as_its_file_is(saved, tmp_path):
    path, _, _ = saved
    manifests = [export(source, "solr", tmp_path / str(n)) for n, source in enumerate((path, rk.load(path)))]
    assert manifests[0].weights_sha256 == manifests[1].weights_sha256
    one, two = (json.loads((tmp_path / name / "model.json").read_text()) for name in ("0", "1"))
    assert one == two
