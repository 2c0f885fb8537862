import math

import pytest
import torch

from rankkit.errors import ConfigError
from rankkit.objectives.embedding import LearnedTemperature, nt_xent_loss


def test_it_begins_where_it_is_told():
    assert LearnedTemperature(0.07)().item() == pytest.approx(0.07)
    assert LearnedTemperature().largest_scale == 100
    learned = LearnedTemperature(0.5)
    with torch.no_grad():
        learned.log_scale.fill_(1.0)
    assert repr(learned) == "LearnedTemperature(initial=0.5, largest_scale=100)"  # a run is told from others by it
    assert [name for name, _ in LearnedTemperature().named_parameters()] == ["log_scale"]


def test_the_scale_stays_at_its_limit_and_can_come_back():
    temperature = LearnedTemperature(0.01)
    with torch.no_grad():
        temperature.log_scale.fill_(10.0)
    assert temperature().item() == pytest.approx(1 / 100)
    temperature().backward()  # a rise of the loss with the temperature: descent would raise the scale further
    assert temperature.log_scale.grad.item() == 0
    temperature.log_scale.grad = None
    (-temperature()).backward()
    assert temperature.log_scale.grad.item() == pytest.approx(1 / 100)


def test_it_is_trained_and_never_passes_the_limit():
    temperature = LearnedTemperature(0.05, largest_scale=25.0)
    optimizer = torch.optim.SGD(temperature.parameters(), lr=10.0)
    x = torch.eye(4)
    for _ in range(60):
        optimizer.zero_grad()
        nt_xent_loss(x, x, temperature=temperature).backward()
        optimizer.step()
        assert temperature().item() >= 1 / 25 - 1e-7
    assert temperature.log_scale.item() > math.log(20)


@pytest.mark.parametrize("options", [{"initial": 0.0}, {"initial": 0.001}, {"initial": 1.0, "largest_scale": 0.0}])
def test_values_that_cannot_work(options):
    with pytest.raises(ConfigError, match=r"^LearnedTemperature: expected"):
        LearnedTemperature(**options)
