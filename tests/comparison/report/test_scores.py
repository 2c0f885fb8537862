"""Ties and calibration of scores, beside slow computations."""

import numpy as np
import pytest

from rankkit.comparison.plan import Part, System
from rankkit.comparison.report.scores import calibration, calibration_error, count_tied, predicts_label


def test_tied_documents_are_those_with_a_twin_in_their_query():
    rng = np.random.default_rng(0)
    queries = np.repeat(np.arange(30), rng.integers(1, 9, 30))
    scores = rng.choice(np.array([-np.inf, -1, 0, 1, 2, 3, 4], np.float32), len(queries))
    slow = sum(
        any(i != j and queries[i] == queries[j] and scores[i] == scores[j] for j in range(len(scores)))
        for i in range(len(scores))
    )
    assert 0 < slow < len(scores)
    assert count_tied(scores, queries) == slow
    assert count_tied(np.float32([1, 1, 2]), np.array([0, 1, 1])) == 0


def test_calibration_takes_parts_of_equal_size_by_score():
    scores = np.random.default_rng(1).permutation(1000) / 1000
    score, label, counts = calibration(scores, 2 * scores)
    assert counts.tolist() == [100] * 10
    assert score == pytest.approx([0.0495 + part / 10 for part in range(10)])
    assert label == pytest.approx(2 * score)
    assert calibration_error(scores, 2 * scores) == pytest.approx(scores.mean())
    assert calibration_error(scores, scores) == 0


def test_documents_of_one_score_stay_together():
    scores = np.array([1.0] * 95 + [2.0] * 5)
    score, label, counts = calibration(scores, np.arange(100.0))
    assert (score.tolist(), label.tolist(), counts.tolist()) == ([1, 2], [47, 97], [95, 5])
    assert calibration(-scores, scores)[2].tolist() == [5, 95]
    score, label, counts = calibration(np.ones(3), np.array([0.0, 1, 2]))
    assert (score.tolist(), label.tolist(), counts.tolist()) == ([1], [1], [3])


@pytest.mark.parametrize(
    ("objective", "expected"), [("mse", True), ("cross_entropy", True), ("softmax", False), (None, False)]
)
def test_which_systems_predict_the_label(objective, expected):
    part = None if objective is None else Part(objective)
    assert predicts_label(System("x", Part("linear"), part)) is expected
