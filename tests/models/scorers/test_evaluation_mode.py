"""A network in evaluation mode, for a while."""

import pytest
import torch
from torch import nn

from rankkit.models.scorers.evaluation_mode import evaluation_mode


class Watching(nn.Module):
    """Notes what it is told."""

    def __init__(self):
        super().__init__()
        self.told = []

    def train(self, mode=True):
        self.told.append(mode)
        return super().train(mode)


def flags(network):
    return [module.training for module in network.modules()]


def test_flags_are_off_inside_and_afterwards_as_before():
    network = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.Dropout(), nn.BatchNorm1d(2)), nn.ReLU())
    network[1][1].eval()  # a layer that somebody keeps out of training
    before = flags(network)
    with evaluation_mode(network, None) as place:
        assert place == torch.device("cpu")
        assert not any(flags(network))
    assert flags(network) == before
    assert before.count(False) == 1


def test_they_are_as_before_after_an_error_too():
    network = nn.Sequential(nn.Dropout())
    try:
        with evaluation_mode(network, None):
            raise KeyError
    except KeyError:
        assert all(flags(network))


def test_a_module_with_a_way_of_its_own_into_evaluation_mode_goes_it():
    network = nn.Sequential(nn.Dropout(), Watching())
    with evaluation_mode(network, None):
        assert not any(flags(network))
    assert network[1].told == [False]
    assert all(flags(network))


@pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")
def test_flags_of_a_scripted_module_are_switched():
    network = nn.Sequential(torch.jit.script(nn.Dropout(0.5)), nn.Linear(3, 3))
    values = torch.ones(1000)
    with evaluation_mode(network, None):
        assert torch.equal(network[0](values), values)
    assert (network[0](values) == 0).any()
