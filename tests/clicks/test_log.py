from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rankkit as rk
from rankkit.clicks import CascadeModel, PositionBasedModel, positions, relevance_probability
from tests.oracles import clicks as oracle


@pytest.fixture(scope="module")
def data():
    return rk.make_ranking(30, n_features=4, list_size=(1, 12), seed=3, doc_ids=True)


def test_relevance_probability_is_the_formula():
    labels = np.array([[0, 1], [2, 4]])
    expected = [[oracle.relevance_probability(y, 0.1, 4) for y in row] for row in labels.tolist()]
    np.testing.assert_allclose(relevance_probability(labels), expected)
    np.testing.assert_allclose(relevance_probability([1.0], max_label=2, noise=0.0), [1 / 3])
    assert relevance_probability([0.0, 0.0], noise=0.2).tolist() == [0.2, 0.2]


@pytest.mark.parametrize(
    ("labels", "options", "error", "message"),
    [
        ([1.0], {"noise": 1.0}, rk.ConfigError, "expected noise from 0 to below 1; got 1"),
        ([1.0], {"max_label": 0}, rk.ConfigError, "expected max_label above 0; got 0"),
        ([3.0], {"max_label": 2}, rk.DataError, "expected labels from 0 to 2; got 3"),
        ([-1.0, 1.0], {}, rk.DataError, "expected labels from 0 to 1; got -1"),
        ([np.nan, 1.0], {}, rk.DataError, "got nan"),
    ],
)
def test_labels_that_make_no_probability(labels, options, error, message):
    with pytest.raises(error, match=message):
        relevance_probability(labels, **options)


@given(st.integers(0, 10**6), st.sampled_from([1, 3, 10, None]))
@settings(max_examples=30, deadline=None)
def test_shown_lists_are_sorted_and_cut(data, seed, top_k):
    scores = np.random.default_rng(seed).integers(0, 5, data.n_docs).astype(float)
    shown = rk.shown_lists(data, scores, top_k=top_k)
    assert shown.qids.tolist() == data.qids.tolist()
    for query in range(data.n_queries):
        start, stop = data.offsets[query : query + 2]
        best = sorted(range(start, stop), key=lambda doc: (-scores[doc], doc))[:top_k]
        place = slice(*shown.offsets[query : query + 2])
        assert shown.doc_ids[place].tolist() == data.doc_ids[best].tolist()
        np.testing.assert_array_equal(shown.features[place], data.features[best])
        np.testing.assert_array_equal(shown.labels[place], data.labels[best])
        assert positions(shown)[place].tolist() == list(range(1, len(best) + 1))


def test_scores_are_in_the_order_of_rows_as_predict_gives_them():
    qids = ["b", "a", "b", "a", "b"]
    data = rk.from_arrays(np.arange(5.0)[:, None], np.zeros(5), qids)
    assert data.rows is not None
    shown = rk.shown_lists(data, [0.0, 1.0, 2.0, 3.0, 1.0])
    assert shown.features.ravel().tolist() == [2.0, 4.0, 0.0, 3.0, 1.0]
    assert shown.rows is None


def test_weights_go_along(data):
    scores = -np.arange(data.n_docs)
    by_query = replace(data, weights=np.arange(data.n_queries, dtype=np.float32))
    assert rk.shown_lists(by_query, scores, top_k=1).weights.tolist() == by_query.weights.tolist()
    by_doc = replace(data, weights=np.arange(data.n_docs, dtype=np.float32))
    assert rk.shown_lists(by_doc, -scores, top_k=1).weights.tolist() == (data.offsets[1:] - 1).tolist()


def test_what_shown_lists_refuses(data):
    with pytest.raises(rk.DataError, match=r"expected .* scores, one a document; got shape \[3\]"):
        rk.shown_lists(data, [1, 2, 3])
    with pytest.raises(rk.DataError, match="with NaN"):
        rk.shown_lists(data, np.full(data.n_docs, np.nan))
    with pytest.raises(rk.ConfigError, match="expected top_k of at least 1; got 0"):
        rk.shown_lists(data, np.zeros(data.n_docs), top_k=0)


@pytest.mark.parametrize("model", [PositionBasedModel(), CascadeModel(), rk.DependentClickModel()])
def test_click_rates_are_the_probabilities_of_the_model(data, model):
    n_sessions = 4000
    log = rk.simulate_clicks(data, model, n_sessions=n_sessions, summed=True, seed=5)
    gamma = relevance_probability(data.labels)
    for start, stop in zip(data.offsets[:-1], data.offsets[1:], strict=True):
        chances = model.click_probabilities(gamma[start:stop])
        bound = 5 * np.sqrt(chances * (1 - chances) / n_sessions) + 1e-6
        assert (np.abs(log.labels[start:stop] - chances) <= bound).all()


def test_sessions_one_by_one_and_summed_are_the_same_clicks(data):
    one_by_one = rk.simulate_clicks(data, PositionBasedModel(), n_sessions=7, seed=1)
    summed = rk.simulate_clicks(data, PositionBasedModel(), n_sessions=7, seed=1, summed=True)
    assert one_by_one.n_queries == 7 * data.n_queries
    assert set(np.unique(one_by_one.labels)) == {0.0, 1.0}
    for query in range(data.n_queries):
        sessions = one_by_one[7 * query : 7 * query + 7]
        assert sessions.qids.tolist() == [f"{data.qids[query]}/{number}" for number in range(1, 8)]
        expected = sessions.labels.reshape(7, -1).mean(axis=0)
        np.testing.assert_allclose(summed[query].labels, expected, rtol=1e-6)
        np.testing.assert_array_equal(sessions[3].features, data[query].features)
        assert sessions[6].doc_ids.tolist() == data[query].doc_ids.tolist()


def test_blocks_of_sessions_change_nothing_but_memory(data, monkeypatch):
    whole = rk.simulate_clicks(data, PositionBasedModel(), n_sessions=9, seed=1)
    monkeypatch.setattr("rankkit.clicks.log._BLOCK", 1)
    np.testing.assert_array_equal(
        rk.simulate_clicks(data, PositionBasedModel(), n_sessions=9, seed=1).labels, whole.labels
    )


def test_the_seed_decides_and_the_lists_stay(data):
    before = data.fingerprint
    logs = [rk.simulate_clicks(data, PositionBasedModel(), seed=seed) for seed in (1, 1, 2)]
    assert logs[0].labels.tolist() == logs[1].labels.tolist() != logs[2].labels.tolist()
    again = replace(data)
    assert again.fingerprint == before
    assert logs[0].qids.tolist() == data.qids.tolist()


def test_attraction_takes_the_place_of_labels(data):
    certain = np.zeros(data.n_docs)
    certain[::3] = 1
    unlabelled = replace(data, labels=None)
    log = rk.simulate_clicks(unlabelled, PositionBasedModel(eta=0), attraction=certain)
    assert log.labels.tolist() == certain.tolist()
    with pytest.raises(rk.DataError, match="expected labels or attraction"):
        rk.simulate_clicks(unlabelled, PositionBasedModel())
    with pytest.raises(rk.DataError, match=r"expected attraction of .* documents; got shape \[2\]"):
        rk.simulate_clicks(data, PositionBasedModel(), attraction=[1, 0])
    with pytest.raises(rk.ConfigError, match="expected n_sessions of at least 1; got 0"):
        rk.simulate_clicks(data, PositionBasedModel(), n_sessions=0)


@pytest.mark.parametrize("suffix", [".txt", ".parquet", ".csv"])
def test_a_log_is_written_read_and_scored_as_any_data(data, tmp_path, suffix):
    log = rk.simulate_clicks(rk.shown_lists(data, -np.arange(data.n_docs)), PositionBasedModel(), n_sessions=3)
    rk.write(log, tmp_path / f"log{suffix}")
    again = rk.read(tmp_path / f"log{suffix}")
    np.testing.assert_array_equal(again.labels, log.labels)
    np.testing.assert_array_equal(again.offsets, log.offsets)
    assert again.qids.tolist() == log.qids.tolist()
    scorer = rk.LinearScorer(4, seed=0)
    rk.fit(scorer, rk.ranknet_loss, again, epochs=1, progress=False)
    assert rk.predict(scorer, again).shape == (log.n_docs,)
