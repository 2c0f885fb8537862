import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.distances import find_distance
from rankkit.errors import ConfigError, DataError
from rankkit.similarity import Threshold, choose_threshold, verify
from rankkit.similarity.pairs import score_pairs
from rankkit.similarity.roc import roc_of
from tests.oracles import similarity

whole = st.lists(st.integers(0, 3).map(float), min_size=2, max_size=2)


def clusters(n=60, n_classes=6, spread=0.8, seed=0):
    generator = np.random.default_rng(seed)
    labels = generator.integers(n_classes, size=n)
    return generator.normal(size=(n_classes, 3))[labels] + spread * generator.normal(size=(n, 3)), labels


@given(rows=st.lists(whole, min_size=3, max_size=10), data=st.data())
@settings(max_examples=60, deadline=None)
def test_rates_and_area_equal_loops_over_pairs(rows, data):
    labels = [0, 0, 1, *data.draw(st.lists(st.integers(0, 2), min_size=len(rows) - 3, max_size=len(rows) - 3))]
    threshold = data.draw(st.floats(0, 5))
    report = verify(rows, labels, distance="l1", threshold=threshold)
    listed = similarity.pairs(rows, labels, lambda x, y: abs(x[0] - y[0]) + abs(x[1] - y[1]))
    assert (report.far, report.frr) == pytest.approx(similarity.error_rates(listed, threshold))
    assert report.area == pytest.approx(similarity.area(listed))
    for value in {value for value, _ in listed}:
        point = np.flatnonzero(report.roc.scores == -value)[0]
        rates = report.roc.far[point], report.roc.frr[point]
        assert rates == pytest.approx(similarity.error_rates(listed, value))
    assert 0 <= report.eer <= 1


def test_the_curve_is_that_of_scikit_learn():
    peer = pytest.importorskip("sklearn.metrics")
    generator = np.random.default_rng(0)
    scores, same = np.round(generator.normal(size=500), 1), generator.random(500) < 0.2
    scores += same
    curve = roc_of(scores, same)
    false, true, thresholds = peer.roc_curve(same, scores, drop_intermediate=False)
    assert curve.far == pytest.approx(false)
    assert 1 - curve.frr == pytest.approx(true)
    assert (curve.scores == thresholds).all()
    assert curve.area == pytest.approx(peer.roc_auc_score(same, scores), abs=1e-12)
    thin = curve.thinned(1000)
    kept = peer.roc_curve(same, scores, drop_intermediate=True)
    assert len(thin.far) == len(kept[0])
    assert thin.area == pytest.approx(curve.area, abs=1e-12)


def test_equal_error_rates_that_can_be_told_by_hand():
    marks = np.array([True, True, False, False])
    assert roc_of(np.array([4.0, 3.0, 2.0, 1.0]), marks).eer == 0
    assert roc_of(np.array([1.0, 2.0, 3.0, 4.0]), marks).eer == 1
    assert roc_of(np.zeros(4), marks).eer == 1 / 2
    assert roc_of(np.array([4.0, 2.0, 3.0, 1.0]), marks).eer == 1 / 2
    # From (far 0, frr 1/2) to (1/2, 0): the line meets far = frr at 1/4.
    assert roc_of(np.array([3.0, 2.0, 2.0, 1.0]), marks).eer == 1 / 4


def test_a_long_curve_is_thinned_with_its_ends():
    generator = np.random.default_rng(1)
    same = generator.random(20_000) < 0.5
    curve = roc_of(generator.normal(size=20_000) + same, same)
    thin = curve.thinned(200)
    assert len(thin.far) <= 200
    assert (thin.far[0], thin.frr[0], thin.far[-1], thin.frr[-1]) == (0, 1, 1, 0)
    assert thin.area == pytest.approx(curve.area, abs=1e-3)


@pytest.mark.parametrize("name", ["euclidean", "cosine_similarity"])
def test_a_threshold_is_chosen_on_validation_and_measured_elsewhere(name):
    chosen = choose_threshold(*clusters(seed=1), distance=name)
    report = verify(*clusters(seed=2), distance=name, threshold=chosen)
    rows, labels = clusters(seed=2)
    matrix = find_distance(name).matrix(torch.from_numpy(rows), torch.from_numpy(rows)).numpy()
    first, second = np.triu_indices(60, 1)
    values, same = matrix[first, second], labels[first] == labels[second]
    accepted = values <= chosen.value if name == "euclidean" else values >= chosen.value
    assert report.far == pytest.approx(accepted[~same].mean())
    assert report.frr == pytest.approx((~accepted)[same].mean())
    assert abs(chosen.far - chosen.frr) < 0.05
    assert "chosen on 1,770 validation" in report.convention
    assert "equal error rate" in report.convention
    found = json.loads(json.dumps(report.to_dict()))
    assert found["threshold"]["value"] == chosen.value
    assert found["roc"]["far"][-1] == 1


def test_a_chosen_threshold_has_on_its_own_pairs_the_rates_that_it_states():
    for rule in ("eer", "balanced_accuracy", "far"):
        chosen = choose_threshold(*clusters(), distance="euclidean", rule=rule, max_far=0.02)
        report = verify(*clusters(), distance="euclidean", threshold=chosen)
        assert (report.far, report.frr) == (chosen.far, chosen.frr)
        best = float(((report.roc.far + report.roc.frr) / 2).min())
        if rule == "balanced_accuracy":
            assert (report.far + report.frr) / 2 == best
        if rule == "far":
            assert report.far <= 0.02
            assert chosen.rule == "FAR at most 0.02"
            assert report.frr == report.roc.frr[report.roc.far <= 0.02].min()
        if rule == "eer":
            assert report.far == pytest.approx(report.eer, abs=0.01)


def test_a_threshold_may_accept_nothing_or_everything():
    rows, labels = [[0.0], [5.0], [0.1], [5.1]], [0, 0, 1, 1]  # the nearest pairs are of two classes
    nothing = choose_threshold(rows, labels, distance="euclidean", rule="far", max_far=0)
    report = verify(rows, labels, distance="euclidean", threshold=nothing)
    assert (report.far, report.frr, nothing.frr) == (0, 1, 1)
    everything = choose_threshold(rows, labels, distance="euclidean", rule="far", max_far=1)
    report = verify(rows, labels, distance="euclidean", threshold=everything)
    assert (report.far, report.frr) == (1, 0)


def test_without_a_threshold_there_are_no_rates_at_one():
    report = verify(*clusters(), distance="euclidean")
    assert report.far is None
    assert report.frr is None
    assert "no threshold: choose one on validation" in str(report)
    assert "FAR at threshold" not in str(report)
    assert "threshold 1.5 as given" in verify(*clusters(), distance="euclidean", threshold=1.5).convention


def test_examples_alone_in_their_class_are_counted():
    report = verify([[0.0], [0.1], [5.0]], ["a", "a", "b"], distance="euclidean")
    assert (report.n_same, report.n_different, report.n_lone) == (1, 2, 1)
    assert "1 examples alone in their class" in report.convention


def all_pairs(labels):
    first, second = np.triu_indices(len(labels), 1)
    return {(i, j) for i, j in zip(first, second, strict=True)}


def drawn_pairs(labels, max_pairs, seed=0):
    """The pairs behind the scores: each row is its own number, and the "distance" tells which two met."""
    n = len(labels)
    rows = torch.arange(n, dtype=torch.float64)[:, None]
    distance = find_distance(lambda x, y: x[:, 0] * n + y[:, 0])
    pairs = score_pairs("here", rows, np.asarray(labels), distance, max_pairs, seed)
    codes = (-pairs.scores).astype(int)
    return list(zip((codes // n).tolist(), (codes % n).tolist(), strict=True)), pairs


@given(labels=st.lists(st.integers(0, 3), min_size=3, max_size=25), max_pairs=st.integers(2, 400))
@settings(max_examples=80, deadline=None)
def test_pairs_are_all_there_are_or_a_sample_of_both_kinds(labels, max_pairs):
    wanted = all_pairs(labels)
    same = {pair for pair in wanted if labels[pair[0]] == labels[pair[1]]}
    if not same or same == wanted:
        with pytest.raises(DataError, match="pairs of one class and pairs of two"):
            drawn_pairs(labels, max_pairs)
        return
    found, pairs = drawn_pairs(labels, max_pairs)
    assert (pairs.n_same, pairs.n_different) == (len(same), len(wanted - same))
    assert set(found) <= wanted
    assert pairs.same.tolist() == [pair in same for pair in found]
    if len(wanted) <= max_pairs:
        assert sorted(found) == sorted(wanted)
        assert not pairs.sampled
    else:
        each = max_pairs // 2
        assert pairs.same.sum() == min(each, len(same))
        assert (~pairs.same).sum() == min(each, len(wanted - same))
        for kind in (same, wanted - same):
            if len(kind) <= each:
                assert {pair for pair in found if pair in kind} == kind


def test_a_sample_draws_every_pair_of_a_kind_as_often_and_its_rates_are_near_those_of_all():
    labels = [0] * 6 + [1] * 3 + [2] * 1 + [3] * 10
    found, _ = drawn_pairs(labels, 80)
    counts = {}
    for seed in range(400):
        for pair in drawn_pairs(labels, 80, seed)[0]:
            counts[pair] = counts.get(pair, 0) + 1
    for kind in (True, False):
        of_kind = [pair for pair in all_pairs(labels) if (labels[pair[0]] == labels[pair[1]]) == kind]
        expected = 400 * 40 / len(of_kind)
        assert np.std([counts.get(pair, 0) for pair in of_kind]) < 2 * np.sqrt(expected)
    rows, classes = clusters(400, 8)
    every, sample = (verify(rows, classes, distance="euclidean", max_pairs=n) for n in (100_000, 20_000))
    assert sample.eer == pytest.approx(every.eer, abs=0.02)
    assert sample.area == pytest.approx(every.area, abs=0.02)
    assert not every.sampled
    assert "sampled from" in sample.convention
    assert len(found) == 80


def test_errors():
    rows, labels = clusters()
    chosen = choose_threshold(rows, labels, distance="cosine")
    assert isinstance(chosen, Threshold)
    with pytest.raises(ConfigError, match="threshold of euclidean; got one of cosine"):
        verify(rows, labels, distance="euclidean", threshold=chosen)
    with pytest.raises(ConfigError, match="finite threshold"):
        verify(rows, labels, distance="euclidean", threshold=np.nan)
    with pytest.raises(ConfigError, match="expected rule to be one of 'eer'"):
        choose_threshold(rows, labels, distance="euclidean", rule="best")
    with pytest.raises(ConfigError, match=r"max_far in \[0, 1\]"):
        choose_threshold(rows, labels, distance="euclidean", rule="far", max_far=2)
    with pytest.raises(DataError, match="no pair of two classes among 60 examples of 1"):
        verify(rows, np.zeros(60), distance="euclidean")
    with pytest.raises(DataError, match="no pair of one class"):
        choose_threshold(rows, np.arange(60), distance="euclidean")
