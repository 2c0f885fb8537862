"""Ranker among scikit-learn's tools: its checks, clone, grids, pipelines, metadata routing."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.feature_selection import SelectFromModel
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils.estimator_checks import check_estimator

import rankkit as rk
from rankkit.errors import DataError, DataWarning

DATA = rk.make_ranking(24, n_features=4, seed=0)
X, Y, QID = DATA.features, DATA.labels, np.repeat(DATA.qids, DATA.list_sizes)
FRAME = pd.DataFrame(X, columns=["a", "b", "c", "d"]).assign(qid=QID)
QUICK = {"epochs": 1, "hidden": (4,)}
EXPECTED = {
    "check_sample_weight_equivalence_on_dense_data": "a document that is there twice takes two ranks",
    "check_sample_weight_equivalence_on_sparse_data": "a document that is there twice takes two ranks",
}
# They allow 1e-7, less than the last bit of a float32 near 1: whether they pass goes by the number of threads.
ROUNDED = dict.fromkeys(
    ["check_methods_subset_invariance", "check_methods_sample_order_invariance"],
    "the sums of a row are taken in another order at another place",
)


class OneQuery(rk.Ranker):
    """scikit-learn's checks know of no queries: all rows are one, where none are told."""

    def fit(self, X, y, *, qid=None, group=None, sample_weight=None, eval_set=None, eval_qid=None, eval_group=None):
        shape = X.shape if hasattr(X, "shape") else np.shape(np.asarray(X))
        return super().fit(X, y, qid=np.zeros(shape[0] if shape else 1, int), sample_weight=sample_weight)


@pytest.mark.parametrize(
    "ranker",
    [
        pytest.param(OneQuery(epochs=2, hidden=(8,)), id="small"),
        pytest.param(OneQuery("ranknet", "linear", epochs=2), id="linear", marks=pytest.mark.slow),
        pytest.param(OneQuery(), id="default", marks=pytest.mark.slow),
    ],
)
@pytest.mark.filterwarnings("ignore:can't run check_array_api_input.*")
def test_the_checks_of_scikit_learn_pass_but_one(ranker):
    found = check_estimator(ranker, expected_failed_checks=EXPECTED | ROUNDED, on_skip=None)
    assert {one["check_name"] for one in found if one["status"] == "xfail"} - set(ROUNDED) == set(EXPECTED)
    assert sum(one["status"] == "passed" for one in found) >= 40


def test_a_document_is_scored_as_among_others_up_to_the_last_bit():
    ranker = rk.Ranker(**QUICK).fit(X, Y, qid=QID)
    together = ranker.predict(X)
    alone = np.concatenate([ranker.predict(row[None]) for row in X])
    assert np.abs(alone - together).max() <= 1e-6 * np.abs(together).max()


def test_parameters_are_told_by_their_full_address_and_cloned():
    ranker = rk.Ranker("ranknet", epochs=3, objective__sigma=2.0, scorer__hidden=(8,))
    expected = {
        "objective": "ranknet", "scorer": "mlp", "columns": None, "metric": "ndcg@10", "random_state": 0,
        "verbose": False, "training__epochs": 3, "objective__sigma": 2.0, "scorer__hidden": (8,),
    }  # fmt: skip
    assert ranker.get_params() == clone(ranker).get_params() == expected
    assert "training__epochs=3" in repr(ranker)
    assert ranker.set_params(epochs=4, scorer__dropout=0.1) is ranker
    assert ranker.get_params() == {**expected, "training__epochs": 4, "scorer__dropout": 0.1}


def test_another_scorer_or_objective_has_other_options():
    ranker = rk.Ranker("ranknet", objective__sigma=2.0, scorer__hidden=(8,), epochs=1)
    ranker.set_params(scorer="linear", scorer__bias=False)
    left = {name for name in ranker.get_params() if "__" in name}
    assert left == {"objective__sigma", "scorer__bias", "training__epochs"}
    ranker.set_params(objective="softmax")
    assert "objective__sigma" not in ranker.get_params()
    ranker.fit(X, Y, qid=QID)


def test_a_grid_over_options_of_all_parts_with_queries_in_the_frame():
    grid = {"objective__sigma": [0.5, 2.0], "scorer__hidden": [(4,), [8]], "training__epochs": np.array([1, 2])}
    search = GridSearchCV(rk.Ranker("ranknet"), grid, cv=GroupKFold(2), error_score="raise").fit(FRAME, Y, groups=QID)
    assert len(search.cv_results_["params"]) == 8
    by_hand = []
    for train, test in GroupKFold(2).split(X, Y, QID):
        ranker = rk.Ranker("ranknet", **search.best_params_).fit(X[train], Y[train], qid=QID[train])
        by_hand.append(ranker.score(X[test], Y[test], qid=QID[test]))
    assert search.best_score_ == pytest.approx(np.mean(by_hand))
    assert search.predict(FRAME).shape == Y.shape


def test_queries_are_routed_through_pipelines_and_searches_without_being_asked_for():
    pipeline = make_pipeline(MinMaxScaler(), rk.Ranker("ranknet", **QUICK))
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(pipeline, {"ranker__training__epochs": [1, 2]}, cv=GroupKFold(2), error_score="raise")
        search.fit(X, Y, groups=QID, qid=QID, sample_weight=np.ones(len(Y)))
        scores = cross_val_score(pipeline, X, Y, cv=GroupKFold(2), params={"qid": QID, "groups": QID})
        whole = search.score(X, Y, qid=QID)
    by_hand = []
    for train, test in GroupKFold(2).split(X, Y, QID):
        scaler = MinMaxScaler().fit(X[train])
        ranker = rk.Ranker("ranknet", **QUICK).fit(scaler.transform(X[train]), Y[train], qid=QID[train])
        by_hand.append(ranker.score(scaler.transform(X[test]), Y[test], qid=QID[test]))
    np.testing.assert_allclose(scores, by_hand)
    best = search.best_estimator_
    assert whole == best[-1].score(best[0].transform(X), Y, qid=QID)


def columns_apart(**options):
    return ColumnTransformer([("n", MinMaxScaler(), list("abcd")), ("q", "passthrough", ["qid"])], **options)


def test_query_ids_that_lost_their_name_in_a_pipeline_are_told_and_taken():
    expected = make_pipeline(MinMaxScaler(), rk.Ranker("ranknet", **QUICK)).fit(X, Y, ranker__qid=QID).predict(X)
    pipeline = make_pipeline(columns_apart(), rk.Ranker("ranknet", **QUICK))
    with pytest.warns(DataWarning, match=r"Ranker\.fit: column 4 of X \(from 0\) holds whole numbers.*query ids"):
        pipeline.fit(FRAME, Y)
    np.testing.assert_array_equal(pipeline.predict(FRAME), expected)
    assert pipeline[-1].n_features_in_ == 4
    assert pipeline.score(FRAME, Y) == pipeline[-1].score(pipeline[0].transform(FRAME)[:, :4], Y, qid=QID)


def test_query_ids_that_a_step_renamed_are_query_ids():
    pipeline = make_pipeline(columns_apart().set_output(transform="pandas"), rk.Ranker("ranknet", **QUICK))
    with pytest.warns(DataWarning, match="query ids from column 'q__qid', as a step before renamed it"):
        pipeline.fit(FRAME, Y)
    assert pipeline.score(FRAME, Y) > 0
    assert pipeline[-1].feature_names_in_.tolist() == [f"n__{name}" for name in "abcd"]


def test_rows_without_queries_are_refused_in_a_pipeline_too():
    pipeline = make_pipeline(MinMaxScaler(), rk.Ranker("ranknet", **QUICK))
    with pytest.raises(DataError, match=r"Ranker\.fit: expected the query of each row; got none for .* Pass qid="):
        pipeline.fit(X, Y)


def test_requests_can_be_changed():
    with sklearn.config_context(enable_metadata_routing=True):
        ranker = rk.Ranker().set_fit_request(sample_weight=False).set_score_request(qid=False)
        requests = clone(ranker).get_metadata_routing()
    assert requests.fit.requests["sample_weight"] is False
    assert requests.score.requests == {"qid": False, "sample_weight": True}
    assert requests.predict.requests == {"qid": True}


def test_features_are_selected_by_importance():
    selector = SelectFromModel(rk.Ranker("ranknet", "linear", epochs=2), max_features=2, threshold=-np.inf)
    kept = selector.fit(X, Y, qid=QID).get_support()
    assert kept.tolist() == (np.argsort(np.argsort(-selector.estimator_.feature_importances_)) < 2).tolist()


def test_its_page_computes_nothing():
    ranker = rk.Ranker("ranknet", "linear", epochs=1).fit(X, Y, qid=QID)
    assert "ranknet" in ranker._repr_html_()
    assert ranker._importances is None


def test_trees_are_searched_over():
    ranker = rk.Ranker("lambdarank", "lightgbm", epochs=5, min_data_in_leaf=5)
    with sklearn.config_context(enable_metadata_routing=True):
        search = GridSearchCV(ranker, {"scorer__num_leaves": [2, 6]}, cv=GroupKFold(2)).fit(X, Y, qid=QID, groups=QID)
    sizes = {tree.is_leaf.sum() for tree in search.best_estimator_.scorer_.model.trees}
    assert max(sizes) <= search.best_params_["scorer__num_leaves"]
    two, six = search.cv_results_["mean_test_score"]
    assert np.isfinite([two, six]).all()
    assert two != six
