"""rankkit.export.artefacts.parity: the gate on differences and inversions."""

import numpy as np
import pytest

from rankkit.errors import ExportError
from rankkit.export.artefacts.parity import ScoreMap, gate, measure


def test_differences_count_as_a_share_of_large_scores_only():
    parity = measure([0.5, 1000.0], [0.5 + 1e-6, 1000.0 + 5e-3])
    assert parity.max_difference == pytest.approx(5e-3)
    assert parity.max_relative == pytest.approx(5e-6)
    assert parity.passes()
    assert not measure([0.5], [0.5 + 2e-5]).passes()


def test_inversions_agree_with_a_loop_over_pairs():
    rng = np.random.default_rng(0)
    expected = rng.normal(size=60).round(1)
    scores = expected + rng.normal(size=60) * 0.3
    scores[:10] = scores[10:20]
    count = sum(
        expected[i] - expected[j] > 0.1 * max(1, abs(expected[i]), abs(expected[j])) and scores[i] <= scores[j]
        for i in range(60)
        for j in range(60)
    )
    assert count > 100
    assert measure(expected, scores, tolerance=0.1).inversions == count


def test_documents_apart_by_less_than_the_tolerance_may_change_places():
    assert measure([1.0, 1.0 + 5e-6], [1.0 + 5e-6, 1.0]).passes()
    assert measure([1.0, 1.0 + 2e-5], [1.0 + 1e-5, 1.0 + 1e-5]).inversions == 1


def test_many_documents_are_compared_block_by_block():
    scores = np.arange(5000.0)
    parity = measure(scores, scores[::-1])
    assert (parity.n_docs, parity.inversions) == (5000, 5000 * 4999 // 2)


@pytest.mark.parametrize("score_map", [ScoreMap("affine", 2.0, 30.0), ScoreMap("sigmoid", 0.5, 0.1)])
def test_a_score_map_is_undone_before_scores_are_compared(score_map):
    ranker = np.linspace(-2, 2, 9)
    line = score_map.scale * ranker + score_map.shift
    served = line if score_map.kind == "affine" else 1 / (1 + np.exp(-line))
    assert measure(ranker, served, score_map=score_map).max_difference < 1e-12
    assert measure(ranker, served[::-1], score_map=score_map).inversions == 36


def test_a_saturated_sigmoid_is_an_error_and_not_a_difference():
    with pytest.raises(ExportError, match="expected a score near 50"):
        measure([50.0], [1.0], score_map=ScoreMap("sigmoid"))


def test_a_map_that_loses_the_order_is_refused():
    for wrong in (("affine", 0.0), ("affine", -1.0), ("sigmoid", float("nan")), ("square", 1.0)):
        with pytest.raises(ExportError, match="scale above 0"):
            ScoreMap(*wrong)


@pytest.mark.parametrize(
    ("expected", "scores", "message"),
    [
        ([1.0, 2.0], [1.0], "one score a document"),
        ([1.0, np.nan], [1.0, 1.0], "finite scores of the ranker"),
        ([1.0, 2.0], [1.0, np.inf], "document 1; got inf"),
    ],
)
def test_what_cannot_be_compared_is_an_error(expected, scores, message):
    with pytest.raises(ExportError, match=message):
        measure(expected, scores)


def test_the_gate_says_what_differs():
    gate("ranker.onnx", measure([1.0], [1.0]))
    with pytest.raises(ExportError, match=r"ranker\.onnx: expected scores within 1e-05 .* difference of 1 and 0 inv"):
        gate("ranker.onnx", measure([1.0], [2.0]))
