import math

import numpy as np
import pytest
import torch

from rankkit.distances import find_distance
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.similarity import draw_episodes, evaluate_few_shot
from rankkit.similarity.few_shot import episode_accuracies
from tests.oracles import similarity

LABELS = np.repeat(np.array(list("abcdef")), [7, 7, 7, 7, 7, 2])


def rows_of(labels, spread=0.4, seed=0, n_dims=4):
    generator = np.random.default_rng(seed)
    centres = {label: generator.normal(size=n_dims) for label in np.unique(labels)}
    return np.stack([centres[label] + spread * generator.normal(size=n_dims) for label in labels])


def test_episodes_hold_different_classes_and_no_example_twice():
    episodes = draw_episodes(LABELS, ways=4, shots=2, n_queries=3, n_episodes=50, seed=3)
    assert episodes.support.shape == (50, 4, 2)
    assert episodes.queries.shape == (50, 4, 3)
    assert (episodes.n_classes, episodes.n_small) == (5, 1)
    for support, queries in zip(episodes.support, episodes.queries, strict=True):
        drawn = np.concatenate([support, queries], axis=1)
        assert len(np.unique(drawn)) == drawn.size
        classes = LABELS[drawn]
        assert (classes == classes[:, :1]).all()
        assert len(set(classes[:, 0])) == 4
        assert "f" not in classes


def test_every_class_and_example_has_its_turn_whatever_the_size_of_the_class():
    labels = np.repeat([0, 1, 2], [6, 60, 6])
    episodes = draw_episodes(labels, ways=2, n_queries=5, n_episodes=3000)
    share = np.bincount(labels[episodes.support[:, :, 0].ravel()]) / 6000
    assert share == pytest.approx([1 / 3] * 3, abs=0.03)
    assert len(np.unique(episodes.queries)) == 72


def test_equal_seeds_draw_alike_and_others_do_not():
    first, again = (draw_episodes(LABELS, ways=3, n_episodes=20, seed=1) for _ in range(2))
    assert (first.support == again.support).all()
    assert (first.queries == again.queries).all()
    assert (first.support != draw_episodes(LABELS, ways=3, n_episodes=20, seed=2).support).any()


@pytest.mark.parametrize("shots", [1, 3])
def test_equals_a_loop_over_queries_on_the_same_episodes(shots):
    rows = rows_of(LABELS)
    options = {"ways": 3, "shots": shots, "n_queries": 3, "n_episodes": 25, "seed": 5}
    report = evaluate_few_shot(rows, LABELS, raw_inputs=-rows.reshape(-1, 2, 2), distance="l1", **options)
    episodes = draw_episodes(LABELS, **options)
    l1 = similarity.few_shot(
        rows, episodes.support, episodes.queries, lambda x, y: round(float(np.abs(x - y).sum()), 12)
    )
    raw = similarity.few_shot(rows, episodes.support, episodes.queries)
    assert report.accuracies == pytest.approx(l1, abs=1e-6)
    assert report.raw_accuracies == pytest.approx(raw, abs=1e-6)


def test_mean_interval_and_gain_are_those_of_the_episodes():
    report = evaluate_few_shot(
        rows_of(LABELS),
        LABELS,
        raw_inputs=rows_of(LABELS, spread=2.0),
        distance="euclidean",
        ways=5,
        n_episodes=40,
    )
    half = 1.959963984540054 * np.std(report.accuracies, ddof=1) / math.sqrt(40)
    assert report.interval == pytest.approx((report.accuracy - half, report.accuracy + half))
    assert report.gain == pytest.approx(report.accuracy - report.raw_accuracy)
    low, high = report.gain_interval
    assert 0 < low < report.gain < high
    found = report.to_dict()
    assert found["accuracy"]["mean"] == report.accuracy
    assert found["raw_accuracy"]["low"] == report.raw_interval[0]
    assert found["gain"]["high"] == report.gain_interval[1]
    assert (found["n_classes"], found["n_small"], found["n_episodes"]) == (5, 1, 40)
    text = str(report)
    assert text.startswith("5-way 1-shot, chance 0.2000\nembeddings")
    assert "raw inputs" in text
    assert "1 classes left out as too small" in report.convention
    assert "1.96 standard errors" in report.convention


def test_an_interval_holds_the_mean_of_many_episodes_about_95_times_of_100():
    rows, labels = rows_of(np.arange(60) % 6, spread=1.0), np.arange(60) % 6
    options = {"raw_inputs": rows, "distance": "euclidean", "ways": 5}
    long_run = evaluate_few_shot(rows, labels, n_episodes=800, seed=10_000, **options).accuracy
    held = 0
    for seed in range(40):
        low, high = evaluate_few_shot(rows, labels, n_episodes=20, seed=seed, **options).interval
        held += low <= long_run <= high
    assert held >= 34


def test_a_constant_embedding_has_the_accuracy_of_chance():
    labels = np.arange(40) % 5
    report = evaluate_few_shot(np.ones((40, 2)), labels, raw_inputs=np.ones((40, 2)), distance="cosine", n_episodes=10)
    assert report.accuracies == pytest.approx(np.full(10, 1 / 5))
    assert report.gain == 0


def test_rules_are_the_same_for_one_shot_and_differ_for_more():
    rows = rows_of(LABELS, spread=1.5)
    episodes = draw_episodes(LABELS, ways=5, shots=1, n_episodes=30)
    euclidean, tensor = find_distance("euclidean"), torch.from_numpy(rows)
    one = [episode_accuracies(tensor, episodes, euclidean, rule) for rule in ("prototype", "neighbour")]
    assert (one[0] == one[1]).all()
    more = draw_episodes(LABELS, ways=5, shots=3, n_queries=4, n_episodes=30)
    by_mean, by_shot = (episode_accuracies(tensor, more, euclidean, rule) for rule in ("prototype", "neighbour"))
    assert (by_mean != by_shot).any()
    nearest = []
    for support, queries in zip(more.support, more.queries, strict=True):
        gaps = np.square(rows[queries.ravel()][:, None] - rows[support.ravel()]).sum(axis=2)
        nearest.append((gaps.argmin(axis=1) // 3 == np.repeat(np.arange(5), 4)).mean())
    assert by_shot == pytest.approx(nearest)


def test_one_episode_has_no_interval():
    labels = np.arange(12) % 2
    report = evaluate_few_shot(
        rows_of(labels), labels, raw_inputs=labels[:, None], distance="dot", ways=2, n_episodes=1
    )
    assert np.isnan(report.interval).all()
    assert report.to_dict()["accuracy"]["low"] is None


def test_errors():
    rows = rows_of(LABELS)
    with pytest.raises(DataError, match=r"at least 6 classes with 6 examples \(1 to show, 5 to ask\); got 5 of 6"):
        evaluate_few_shot(rows, LABELS, raw_inputs=rows, distance="euclidean", ways=6)
    with pytest.raises(ConfigError, match="ways of 2 or more; got 1"):
        draw_episodes(LABELS, ways=1)
    with pytest.raises(ConfigError, match="n_episodes of 1 or more; got 0"):
        draw_episodes(LABELS, ways=2, n_episodes=0)
    with pytest.raises(ConfigError, match="'prototype' or 'neighbour'; got 'mean'"):
        evaluate_few_shot(rows, LABELS, raw_inputs=rows, distance="euclidean", rule="mean")
    with pytest.raises(ShapeError, match="one raw input an embedding; got 5 and 37"):
        evaluate_few_shot(rows, LABELS, raw_inputs=rows[:5], distance="euclidean")
    with pytest.raises(ShapeError, match="37 labels"):
        evaluate_few_shot(rows, LABELS[:5], raw_inputs=rows, distance="euclidean")
    with pytest.raises(ShapeError, match=r"raw inputs \[n, \.\.\.\]"):
        evaluate_few_shot(rows, LABELS, raw_inputs=rows[:, 0], distance="euclidean")
    with pytest.raises(ShapeError, match="labels, one an example"):
        draw_episodes(np.zeros((4, 2)), ways=2)
