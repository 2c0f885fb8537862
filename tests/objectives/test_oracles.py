"""Every objective of the catalogue against its slow loop, in value and gradient."""

import pytest
import torch

from rankkit.registry import OBJECTIVES
from tests.oracles.catalogue import ORACLES, differences, example_scores


def test_every_objective_has_an_oracle():
    assert set(ORACLES) == set(OBJECTIVES)


@pytest.mark.parametrize("list_size", [2, 5, 9])
@pytest.mark.parametrize("name", ORACLES)
def test_equal_to_the_slow_loop(name, list_size):
    generator = torch.Generator().manual_seed(list_size)
    for _ in range(2):
        scores = example_scores(name, list_size, generator=generator)
        labels = torch.randint(0, 5, (list_size,), generator=generator).double()
        labels[0], labels[1] = 0, 2
        value, slope = differences(name, scores, labels)
        assert value < 1e-11
        assert slope < 1e-8
