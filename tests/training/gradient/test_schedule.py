from math import cos, pi

import pytest

from rankkit.training.gradient.schedule import learning_rate_factor


@pytest.mark.parametrize(
    ("schedule", "progress", "expected"),
    [
        ("one_cycle", 0.0, 0.0),
        ("one_cycle", 0.1, (1 - cos(pi * 0.1 / 0.2)) / 2),
        ("one_cycle", 0.2, 1.0),
        ("one_cycle", 0.6, (1 + cos(pi * 0.4 / 0.8)) / 2),
        ("one_cycle", 1.0, 0.0),
        ("cosine", 0.1, 0.1 / 0.2),
        ("cosine", 0.4, (1 + cos(pi * 0.2 / 0.8)) / 2),
        ("linear", 0.05, 0.05 / 0.2),
        ("linear", 0.4, 1 - 0.2 / 0.8),
        ("constant", 0.1, 0.1 / 0.2),
        ("constant", 0.9, 1.0),
    ],
)
def test_factor_is_its_formula_with_a_fifth_of_warm_up(schedule, progress, expected):
    assert learning_rate_factor(schedule, progress, warmup=0.2) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("schedule", ["one_cycle", "cosine", "linear", "constant"])
def test_without_warm_up_it_starts_at_the_top(schedule):
    assert learning_rate_factor(schedule, 0.0, warmup=0.0) == 1.0
