import subprocess
import sys

import numpy as np
import torch

from rankkit.metrics import engine, rank_documents
from rankkit.metrics.binary import average_precision_of, mrr_of
from rankkit.metrics.graded import ndcg_of


def ragged(n_queries, seed=0):
    generator = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(generator.integers(0, 60, n_queries))])
    labels = generator.choice([0.0, 0.0, 1.0, 2.0], offsets[-1])
    scores = (labels + generator.normal(size=offsets[-1])).astype(np.float32).round(2)
    return scores, labels, offsets


def test_threads_give_the_same_bits_as_one(monkeypatch):
    scores, labels, offsets = ragged(3000)
    alone = rank_documents("test", scores, labels, offsets)
    one = [ndcg_of(alone, k=10), mrr_of(alone), average_precision_of(alone)]
    monkeypatch.setattr(engine, "DOCS_PER_THREAD", 1000)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 7)
    shared = rank_documents("test", scores, labels, offsets)
    many = [ndcg_of(shared, k=10), mrr_of(shared), average_precision_of(shared)]
    for a, b in zip(one, many, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_ranking_holds_labels_in_rank_order_and_says_where_ties_matter():
    scores, labels = np.array([1.0, 1.0, 2.0, 5.0, 5.0]), np.array([2.0, 0.0, 1.0, 1.0, 1.0])
    offsets = np.array([0, 3, 5])
    by_ties = {
        ties: rank_documents("test", scores, labels, offsets, ties) for ties in ("pessimistic", "stable", "expected")
    }
    assert by_ties["pessimistic"].labels.tolist() == [1, 0, 2, 1, 1]
    assert by_ties["stable"].labels.tolist() == [1, 2, 0, 1, 1]
    assert by_ties["expected"].tied.tolist() == [False, False, True, False, True]
    assert not by_ties["stable"].tied.any()
    for ranking in by_ties.values():
        assert ranking.ties_matter.tolist() == [True, False]
        assert ranking.ideal_labels.tolist() == [2, 1, 0, 1, 1]


def test_labels_that_are_no_small_grades_have_an_ideal_order_too():
    labels = np.array([0.3, 40.0, 7.5, 0.0])
    ranking = rank_documents("test", np.zeros(4), labels, np.array([0, 4]))
    assert ranking.ideal_labels.tolist() == [40, 7.5, 0.3, 0]


def test_numba_is_imported_at_the_first_use_only():
    code = "import sys, rankkit.metrics, rankkit.evaluation; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
