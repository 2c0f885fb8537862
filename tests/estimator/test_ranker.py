"""Ranker: what users of scikit-learn, XGBoost and LightGBM pass, and what comes back."""

import copy
import pickle
import pickletools
from dataclasses import replace

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import rankkit as rk
from rankkit.bundle.model_json import read_model_json
from rankkit.errors import DataError, DataWarning
from rankkit.estimator.options import names_of_options

QUICK = {"epochs": 2, "hidden": (8,)}


def rows(n_queries=30, seed=0):
    """X, y and qid of a small data set."""
    data = rk.make_ranking(n_queries, n_features=4, seed=seed)
    return data.features, data.labels, np.repeat(data.qids, data.list_sizes)


X, Y, QID = rows()


@pytest.fixture(scope="module")
def ranker():
    return rk.Ranker("ranknet", **QUICK).fit(X, Y, qid=QID)


def test_it_is_what_fit_and_predict_give(ranker):
    data = rk.make_ranking(30, n_features=4, seed=0)
    scorer = rk.MLPScorer(4, hidden=(8,), seed=0)
    rk.fit(scorer, rk.ranknet_loss, data, epochs=2, seed=0)
    np.testing.assert_array_equal(ranker.predict(X, qid=QID), rk.predict(scorer, data))
    assert ranker.score(X, Y, qid=QID) == rk.evaluate(scorer, data, ["ndcg@10"]).means["ndcg@10"]
    assert len(ranker.history_) == 2


@pytest.mark.parametrize("transform", ["standardize", "query_standardize"])
def test_scores_keep_the_order_of_rows_where_queries_are_mixed(transform):
    order = np.random.default_rng(0).permutation(len(Y))
    ranker = rk.Ranker("ranknet", "linear", epochs=2, transform=transform).fit(X[order], Y[order], qid=QID[order])
    mixed = ranker.predict(X[order], qid=QID[order])
    np.testing.assert_allclose(mixed, ranker.predict(X, qid=QID)[order], rtol=1e-5, atol=1e-6)
    assert ranker.score(X[order], Y[order], qid=QID[order]) == pytest.approx(ranker.score(X, Y, qid=QID))


def test_group_sizes_frames_and_texts_say_the_same_as_qid(ranker):
    expected = ranker.predict(X)
    sizes = np.unique(QID, return_counts=True)[1]
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(qid=QID)
    for features, options in (
        (X, {"group": sizes}),
        (X, {"qid": [f"q{number}" for number in QID]}),
        (frame, {}),
        (pl.from_pandas(frame), {}),
    ):
        again = rk.Ranker("ranknet", **QUICK).fit(features, Y, **options)
        np.testing.assert_array_equal(again.predict(features), expected)


TABLES = [lambda frame: frame, pl.from_pandas, lambda frame: pa.Table.from_pandas(frame, preserve_index=False)]


@pytest.mark.parametrize("make", TABLES, ids=["pandas", "polars", "arrow"])
def test_names_of_features_are_learnt_and_checked(make, tmp_path):
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(qid=QID)
    ranker = rk.Ranker("ranknet", "linear", epochs=1).fit(make(frame), Y)
    assert ranker.feature_names_in_.tolist() == ["a", "b", "c", "d"]
    assert ranker.n_features_in_ == 4
    assert 0 < ranker.score(make(frame), Y) < 1
    expected = ranker.predict(make(frame))
    np.testing.assert_array_equal(ranker.predict(make(frame[["c", "qid", "a", "d", "b"]])), expected)
    with pytest.warns(DataWarning, match=r"left out: e .no feature of the ranker."):
        np.testing.assert_array_equal(ranker.predict(make(frame.assign(e=1.0))), expected)
    with pytest.raises(ValueError, match=r"Ranker\.predict: expected the 4 features .*; got none named 'a' among z, b"):
        ranker.predict(make(frame.rename(columns={"a": "z"})))
    ranker.save(tmp_path / "run")
    assert rk.load(tmp_path / "run").feature_names == ("a", "b", "c", "d")


@pytest.mark.parametrize("form", ["pair", "list", "group", "frame"])
def test_an_evaluation_set_chooses_the_epoch(form):
    data = rk.make_ranking(20, n_features=4, seed=1)
    other, labels, qid = rows(20, seed=1)
    frame = pd.DataFrame(other, columns=["a", "b", "c", "d"]).assign(qid=qid)
    options = {
        "pair": {"eval_set": (other, labels), "eval_qid": qid},
        "list": {"eval_set": [(other, labels)], "eval_qid": [qid]},
        "group": {"eval_set": [(other, labels)], "eval_group": [data.list_sizes]},
        "frame": {"eval_set": [(frame, labels)]},
    }[form]
    train = pd.DataFrame(X, columns=["a", "b", "c", "d"]) if form == "frame" else X
    ranker = rk.Ranker("ranknet", metric="mrr@5", **QUICK).fit(train, Y, qid=QID, **options)
    if form == "frame":
        data = replace(data, feature_names=("a", "b", "c", "d"))
    value = rk.evaluate(ranker.scorer_, data, ["mrr@5"]).means["mrr@5"]
    assert (ranker.history_.metric, ranker.history_.best_value) == ("mrr@5", value)
    assert value == (ranker.score(frame, labels) if form == "frame" else ranker.score(other, labels, qid=qid))


def test_fit_refuses_rows_whose_queries_are_not_told():
    with pytest.raises(DataError, match=r"got none for .* Pass qid=, group=, or X as a frame with a column 'qid'"):
        rk.Ranker("ranknet", "linear", epochs=1).fit(X, Y)
    ranker = rk.Ranker("ranknet", "linear", epochs=1).fit(X, Y, group=[len(X)])
    assert ranker.score(X, Y) == ranker.score(X, Y, qid=np.zeros(len(Y)))


def test_score_warns_where_the_queries_were_left_out(ranker):
    with pytest.warns(UserWarning, match="expected qid, for a ranker fitted on 30 queries; got none, so all"):
        ranker.score(X, Y)


def test_fit_warns_where_the_queries_of_the_evaluation_set_were_left_out():
    ranker = rk.Ranker("ranknet", "linear", epochs=1)
    with pytest.warns(
        UserWarning, match=r"Ranker\.fit: expected eval_qid, for a ranker fitted on 30 queries; got none"
    ):
        ranker.fit(X, Y, qid=QID, eval_set=[(X, Y)])
    ranker.fit(X, Y, group=[len(X)], eval_set=[(X, Y)])  # one query there as well


def test_rows_without_queries_are_scored_in_blocks_unless_the_query_matters(monkeypatch):
    monkeypatch.setattr("rankkit.estimator.ranker._BLOCK_DOCS", 100)
    taken = []
    monkeypatch.setattr(
        "rankkit.evaluation.predict", lambda scorer, data: taken.append(data.list_sizes.tolist()) or data.labels
    )
    for transform in ("standardize", "query_standardize"):
        rk.Ranker("ranknet", "linear", epochs=1, transform=transform).fit(X, Y, group=[len(X)]).predict(X[:250])
    assert taken == [[100, 100, 50], [250]]


def test_predict_warns_too_where_a_score_depends_on_the_query(ranker):
    assert ranker.predict(X).shape == Y.shape
    with_lists = rk.Ranker("ranknet", "linear", epochs=1, transform="query_standardize").fit(X, Y, qid=QID)
    with pytest.warns(UserWarning, match=r"Ranker.predict: expected qid, for a ranker fitted on 30 queries"):
        with_lists.predict(X)


def test_weights_count_in_training_and_in_the_score(ranker):
    _, starts = np.unique(QID, return_index=True)
    by_query = np.random.default_rng(0).random(len(starts)) + 0.5
    by_row = np.repeat(by_query, np.diff([*starts, len(QID)]))
    values = rk.evaluate(ranker.scorer_, rk.make_ranking(30, n_features=4, seed=0)).counted("ndcg@10")
    for weights in (by_query, by_row):
        assert ranker.score(X, Y, qid=QID, sample_weight=weights) == pytest.approx(np.average(values, weights=by_query))
    trained = rk.Ranker("ranknet", **QUICK).fit(X, Y, qid=QID, sample_weight=by_query)
    assert not np.array_equal(trained.predict(X), ranker.predict(X))
    alone = rk.Ranker("ranknet", **QUICK).fit(X, Y, qid=QID, sample_weight=np.ones(len(Y)))
    np.testing.assert_allclose(alone.predict(X), ranker.predict(X), rtol=1e-5, atol=1e-6)


def test_missing_values_are_taken(ranker):
    holes = X.copy()
    holes[::3, 1] = np.nan
    trained = rk.Ranker("ranknet", **QUICK).fit(holes, Y, qid=QID)
    assert np.isfinite(trained.predict(holes)).all()


def test_a_pickle_holds_the_bundle_and_no_module(ranker):
    text = pickle.dumps(ranker)
    needed = " ".join(str(value) for _, value, _ in pickletools.genops(text) if isinstance(value, str))
    assert "torch" not in needed.replace("rankkit-torch", "")
    again = pickle.loads(text)
    np.testing.assert_array_equal(again.predict(X), ranker.predict(X))
    assert (again.get_params(), again.history_) == (ranker.get_params(), ranker.history_)
    np.testing.assert_array_equal(copy.deepcopy(ranker).predict(X), ranker.predict(X))
    assert pickle.loads(pickle.dumps(rk.Ranker(epochs=3))).get_params() == rk.Ranker(epochs=3).get_params()


def test_importances_are_the_drop_when_a_feature_is_shuffled():
    ranker = rk.Ranker("ranknet", "linear", epochs=2).fit(X, Y, qid=QID)
    assert "feature_importances_" not in dir(ranker)
    kept = pickle.loads(pickle.dumps(ranker))
    with pytest.raises(AttributeError, match="asked for before pickling"):
        _ = kept.feature_importances_
    expected = rk.permutation_importance(ranker.scorer_, rk.make_ranking(30, n_features=4, seed=0), n_repeats=1)
    np.testing.assert_array_equal(ranker.feature_importances_, expected.drops)
    assert "feature_importances_" in dir(ranker)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ranker)).feature_importances_, expected.drops)
    other, labels, qid = rows(20, seed=1)
    ranker.fit(X, Y, qid=QID, eval_set=(other, labels), eval_qid=qid)
    on_valid = rk.permutation_importance(ranker.scorer_, rk.make_ranking(20, n_features=4, seed=1), n_repeats=1)
    np.testing.assert_array_equal(ranker.feature_importances_, on_valid.drops)


def test_what_is_saved_is_what_the_commands_read(ranker, tmp_path):
    ranker.save(tmp_path / "run")
    model = read_model_json(tmp_path / "run")
    assert model["objective"] == {"name": "ranknet", "options": {}}
    assert model["metrics"] == ["ndcg@10"]
    assert model["data_fingerprint"] == rk.make_ranking(30, n_features=4, seed=0).fingerprint
    data = rk.make_ranking(30, n_features=4, seed=0)
    np.testing.assert_array_equal(rk.predict(rk.load(tmp_path / "run"), data), ranker.predict(X))


@pytest.mark.parametrize("objective", ["cross_entropy", "ordinal"])
def test_objectives_of_several_outputs_get_their_scorer(objective):
    ranker = rk.Ranker(objective, "linear", epochs=1).fit(X, Y, qid=QID)
    assert ranker.predict(X).shape == (len(Y),)
    assert ranker.scorer_.n_outputs == int(Y.max()) + (objective == "cross_entropy")


def test_seeds():
    scores = [rk.Ranker("ranknet", random_state=seed, **QUICK).fit(X, Y, qid=QID).predict(X) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(scores[0], scores[1])
    assert not np.array_equal(scores[0], scores[2])
    by_state = rk.Ranker("ranknet", random_state=np.random.RandomState(0), **QUICK).fit(X, Y, qid=QID)
    assert not np.array_equal(by_state.predict(X), scores[0])


def test_before_fit_there_is_nothing():
    new = rk.Ranker()
    for ask in (
        lambda: new.predict(X),
        lambda: new.score(X, Y),
        lambda: new.save("x"),
        lambda: new.feature_importances_,
    ):
        with pytest.raises(NotFittedError):
            ask()


def test_every_option_has_one_short_name():
    names = [name for options in names_of_options().values() for name in options]
    assert len(set(names)) == len(names), "an option of two parts can no longer be given by its name alone"
    assert {"sigma", "hidden", "epochs"} <= set(names)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epocs": 3}, "got 'epocs'. Did you mean 'epochs'"),
        ({"scorer__hiden": (3,)}, "an option of mlp behind 'scorer__'; got 'scorer__hiden'. Did you mean 'hidden'"),
        ({"seed": 3}, "Here it is random_state"),
        ({"n_estimators": 3}, "Here it is epochs"),
        ({"metrics": "map"}, "Did you mean 'metric'"),
        ({"out": "run"}, "got 'out'"),
        ({"objective": "ranket"}, "Did you mean 'ranknet'"),
        ({"scorer": None}, "expected scorer by its name; got None. Pass for example scorer='mlp'"),
        ({"sigma": -1.0}, "expected sigma above 0"),
        ({"training__epochs": 0}, "epochs: expected a whole number of at least 1"),
        ({"metric": "ndgc@10"}, "Did you mean 'ndcg"),
        ({"metric": ["ndcg@10"]}, r"expected metric as one name; got \['ndcg@10'\]"),
    ],
)  # fmt: skip
def test_options_that_cannot_work_are_refused_by_fit(options, message):
    with pytest.raises(rk.ConfigError, match=message):
        rk.Ranker(**options).fit(X, Y, qid=QID)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"qid": QID[:5]}, r"expected one qid a row, \d+ in all; got shape \(5,\)"),
        ({"qid": QID, "group": [3]}, "expected query ids once; got qid= and group="),
        ({"group": [3, 4]}, "2 sizes that add up to 7"),
        ({"group": [[3]]}, r"got shape \(1, 1\)"),
        ({"qid": QID, "sample_weight": np.zeros(len(Y))}, "expected a sample weight above zero"),
        ({"qid": QID, "sample_weight": [1.0, 2.0]}, "expected weights for 30 queries or"),
        ({"qid": QID, "eval_qid": QID}, "expected eval_set with eval_qid"),
        ({"qid": QID, "eval_set": [(X, Y), (X, Y)]}, r"expected one evaluation set, .*; got 2 in a list"),
        ({"qid": QID, "eval_set": []}, "got 0 in a list"),
        ({"qid": QID, "eval_set": (X, Y, QID)}, "got 3 parts. Pass the one to choose by, and its queries as eval_qid"),
        ({"qid": QID, "eval_set": X}, "got ndarray"),
    ],
)
def test_data_that_does_not_fit_together_is_refused(options, message):
    with pytest.raises(rk.DataError, match=message):
        rk.Ranker(**QUICK).fit(X, Y, **options)


def test_labels_below_zero_and_a_second_qid_are_refused():
    with pytest.raises(rk.DataError, match="expected a label"):
        rk.Ranker(**QUICK).fit(X, -Y, qid=QID)
    with pytest.raises(rk.DataError, match="got qid= and a column 'qid' of X"):
        rk.Ranker(**QUICK).fit(pd.DataFrame(X).assign(qid=QID), Y, qid=QID)


def test_a_table_is_read_by_the_rule_for_columns():
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(qid=QID)
    frame["c"] = frame["c"].astype(object)
    frame["d"] = frame["d"].round().astype("category")
    frame["brand"] = [f"brand {number}" for number in range(len(frame))]
    frame["one"] = 1.0
    with pytest.warns(DataWarning) as caught:
        ranker = rk.Ranker("ranknet", "linear", epochs=1).fit(frame, Y)
    assert ranker.feature_names_in_.tolist() == ["a", "b", "c", "d", "one"]
    told = [str(found.message) for found in caught]
    assert told[0].startswith("Ranker.fit: left out: brand (text).")
    assert told[1].startswith("Ranker.fit: suspicious: one (one value everywhere).")
    assert {found.filename for found in caught} == {__file__}
    assert ranker.predict(frame).shape == Y.shape


def test_sparse_features_are_taken(ranker):
    sparse = scipy.sparse.csr_matrix(X)
    np.testing.assert_array_equal(ranker.predict(sparse), ranker.predict(X))
    trained = rk.Ranker("ranknet", **QUICK).fit(sparse, Y, qid=QID)
    np.testing.assert_array_equal(trained.predict(X), rk.Ranker("ranknet", **QUICK).fit(X, Y, qid=QID).predict(X))


def test_query_ids_may_be_told_beside_the_column_that_was_taken_for_them():
    with_ids = np.column_stack([X, QID])
    with pytest.warns(DataWarning, match="query ids, and no feature"):
        ranker = rk.Ranker("ranknet", "linear", epochs=1).fit(with_ids, Y)
    np.testing.assert_array_equal(ranker.predict(with_ids, qid=QID), ranker.predict(with_ids))
    assert ranker.score(with_ids, Y, qid=QID) == ranker.score(with_ids, Y)
    with pytest.raises(DataError, match="expected the query of each row"):
        rk.Ranker("ranknet", "linear", epochs=1).fit(np.column_stack([X, np.arange(len(X)) >= 99]), Y)


def shop(n_queries=20, seed=0, brands=("oak", "elm", "ash")):
    rng = np.random.default_rng(seed)
    n = 8 * n_queries
    brand = rng.choice(np.array(brands, object), n)
    brand[::8] = brands[0]
    frame = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(n_queries), 8),
            "price": rng.random(n),
            "brand": brand,
            "day": pd.Timestamp("2026-01-01") + pd.to_timedelta(rng.integers(0, 90, n), unit="D"),
            "tags": [list(rng.choice(["new", "eco"], rng.integers(0, 3), replace=False)) for _ in range(n)],
        }
    )
    return frame, (brand == "oak").astype(int)


def test_frames_with_columns_of_every_kind_are_learnt_from():
    frame, labels = shop()
    kinds = {"brand": "category", "tags": "bag"}
    ranker = rk.Ranker("ranknet", "mlp", columns=kinds, hidden=(8,), epochs=15, learning_rate=0.05)
    held_out, held_labels = shop(seed=1)
    ranker.fit(frame, labels, eval_set=(held_out, held_labels))
    assert ranker.n_features_in_ == 4
    assert ranker.feature_names_in_.tolist() == ["price", "brand", "day", "tags"]
    assert ranker.score(held_out, held_labels) > 0.95
    assert int(ranker.feature_importances_.argmax()) == 1
    assert len(ranker.feature_importances_) == 4

    new, _ = shop(3, seed=2, brands=("oak", "never", None))
    scores = ranker.predict(new)
    np.testing.assert_array_equal(scores, rk.predict(ranker.scorer_, new))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ranker)).predict(new[sorted(new.columns)]), scores)
    with pytest.warns(DataWarning, match="left out: more"):
        np.testing.assert_array_equal(ranker.predict(new.assign(more=1)), scores)
    np.testing.assert_allclose(ranker.predict(pa.Table.from_pandas(new)), scores, atol=1e-6)
    with pytest.raises(DataError, match="expected a table, as some of the columns in fit were no numbers"):
        ranker.predict(np.ones((3, 4)))
    with pytest.raises(DataError, match="'brand'"):
        ranker.predict(new.drop(columns="brand"))
    numbers = clone(ranker).set_params(columns=None).fit(frame[["qid", "price"]], labels)
    assert numbers.predict(new[["price"]]).shape == (24,)


def test_trees_are_scorers_like_any_other():
    frame, labels = shop()
    held_out, held_labels = shop(seed=1)
    options = {"epochs": 20, "num_leaves": 4, "min_data_in_leaf": 5, "columns": {"brand": "category", "tags": "bag"}}
    ranker = rk.Ranker("lambdarank", "lightgbm", **options).fit(frame, labels)
    assert ranker.score(held_out, held_labels) > 0.95
    assert int(ranker.feature_importances_.argmax()) == 1
    scores = ranker.predict(held_out)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(ranker)).predict(held_out), scores)
    again = clone(ranker)
    with pytest.raises(NotFittedError):
        again.predict(held_out)
    np.testing.assert_array_equal(again.fit(frame, labels).predict(held_out), scores)
    again.set_params(scorer__num_leaves=2, objective="approx_ndcg").fit(frame, labels)
    assert {tree.is_leaf.sum() for tree in again.scorer_.model.trees} == {2}
