"""What is remembered of keys: against slow loops, and what a document must never learn from."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.models.priors.statistics import N_FOLDS, earlier, of_all, out_of_fold, relative
from tests.oracles import priors as oracle

FEW = settings(max_examples=25, deadline=None)  # the first one may compile


@st.composite
def logs(draw):
    """Keys, labels, offsets and times of some queries."""
    sizes = np.array(draw(st.lists(st.integers(1, 4), min_size=2, max_size=14)))
    n_docs = int(sizes.sum())
    keys = np.array(draw(st.lists(st.integers(-1, 3), min_size=n_docs, max_size=n_docs)))
    labels = np.array(draw(st.lists(st.integers(0, 3), min_size=n_docs, max_size=n_docs)), float)
    times = np.array(draw(st.lists(st.integers(0, 5), min_size=len(sizes), max_size=len(sizes))), float)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    return keys, labels, offsets, np.repeat(times, sizes)


def queries_of(offsets):
    return np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))


@FEW
@given(log=logs(), smoothing=st.sampled_from([0.5, 5.0]))
def test_new_data_gets_what_all_training_documents_say(log, smoothing):
    keys, labels, offsets, times = log
    weights = 0.5 ** ((times.max() - times) / 2)
    found = of_all(keys, 4, labels, relative(labels, offsets), weights, smoothing)
    against = oracle.lifts(labels, queries_of(offsets))
    mean = (weights * labels).sum() / weights.sum()
    for key in range(4):
        own = [(w, y, d) for k, w, y, d in zip(keys, weights, labels, against, strict=True) if k == key]
        np.testing.assert_allclose(found[key], oracle.numbers(own, mean, smoothing), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found[4], [mean, 0, 0], rtol=1e-5)


@FEW
@given(log=logs(), smoothing=st.sampled_from([0.5, 5.0]), half_life=st.sampled_from([np.inf, 1.5]))
def test_with_times_a_document_sees_strictly_earlier_ones(log, smoothing, half_life):
    keys, labels, offsets, times = log
    found = earlier(keys, labels, relative(labels, offsets), times, smoothing, half_life)

    def may_see(i, j):
        return 0.5 ** ((times[i] - times[j]) / half_life) if times[j] < times[i] else None

    expected = oracle.seen(keys, labels, queries_of(offsets), smoothing, may_see)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@FEW
@given(log=logs())
def test_without_times_a_document_sees_nothing_of_its_own_query(log):
    keys, labels, offsets, _ = log
    n_queries = len(offsets) - 1
    queries = queries_of(offsets)
    before = out_of_fold(keys, 4, labels, relative(labels, offsets), offsets, 5.0)
    for query in range(n_queries):
        others = np.where(queries == query, labels + 1 + np.arange(len(labels)), labels)
        after = out_of_fold(keys, 4, others, relative(others, offsets), offsets, 5.0)
        np.testing.assert_array_equal(after[queries == query], before[queries == query])


def test_folds_leave_out_a_tenth_of_the_queries_and_are_what_a_loop_gives():
    rng = np.random.default_rng(0)
    n_queries = 3 * N_FOLDS
    offsets = np.arange(0, 5 * n_queries + 1, 5)
    keys, labels = rng.integers(-1, 6, 5 * n_queries), rng.integers(0, 4, 5 * n_queries).astype(float)
    queries = queries_of(offsets)
    found = out_of_fold(keys, 6, labels, relative(labels, offsets), offsets, 5.0)
    # Two queries are of one fold where the labels of one leave the numbers of the other as they are.
    apart = np.zeros((n_queries, n_queries), bool)
    for query in range(n_queries):
        others = np.where(queries == query, labels + 7, labels)
        moved = (out_of_fold(keys, 6, others, relative(others, offsets), offsets, 5.0) != found).any(axis=1)
        apart[query] = np.bincount(queries, moved) > 0
    assert ((~apart).sum(axis=1) == 3).all()
    expected = oracle.seen(keys, labels, queries, 5.0, lambda i, j: 1.0 if apart[queries[j], queries[i]] else None)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
