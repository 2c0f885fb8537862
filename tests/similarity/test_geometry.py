import math

import numpy as np
import pytest

from rankkit.errors import ConfigError, DataError
from rankkit.similarity import collisions, tightness
from tests.oracles import similarity


def clusters(spread=0.3, n_dims=3):
    generator = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2, 3], [5, 9, 12, 4])
    return generator.normal(size=(4, n_dims))[labels] + spread * generator.normal(size=(30, n_dims)), labels


def test_tightness_equals_its_definition_and_ignores_scale_turn_and_shift():
    rows, labels = clusters()
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))
    wanted = similarity.tightness(rows, labels)
    assert tightness(rows, labels) == pytest.approx(wanted)
    assert tightness(1e-3 * rows @ turn + 70.0, labels) == pytest.approx(wanted)
    assert tightness(clusters(spread=0.03)[0], labels) < wanted / 50


def test_a_collapsed_embedding_is_as_loose_as_can_be():
    labels = [0, 0, 1, 1]
    assert tightness(np.ones((4, 2)), labels) == math.inf
    assert tightness([[0.0], [2.0], [1.0], [1.0]], labels) == math.inf
    assert tightness([[0.0], [0.0], [1.0], [1.0]], labels) == 0


def test_collisions_are_centres_on_top_of_each_other():
    rows = np.array([[0.0, 0.0], [0.0, 0.2], [0.0, 0.1], [0.004, 0.1], [1.7, 0.0], [0.0, 1.7]])
    labels = ["a", "a", "b", "b", "c", "d"]
    assert collisions(rows, labels) == [("a", "b")]
    assert collisions(1e-6 * rows, labels) == [("a", "b")]
    assert collisions(rows, labels, share=0) == []
    assert collisions(np.ones((3, 2)), [7, 8, 9]) == [(7, 8), (7, 9), (8, 9)]


def test_errors():
    with pytest.raises(DataError, match="at least two classes; got one"):
        tightness(np.eye(3), [1, 1, 1])
    with pytest.raises(ConfigError, match="share from 0 to below 1; got 1"):
        collisions(np.eye(3), [1, 2, 3], share=1)
