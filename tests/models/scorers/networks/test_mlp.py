"""MLPScorer and the hidden layers that other networks share."""

import pytest
import torch

from rankkit.models.scorers import MLPScorer
from rankkit.models.scorers.networks.hidden import ACTIVATIONS


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", ["none", "batch", "layer"])
def test_in_place_activations_leave_gradients_right(activation, normalization):
    scorer = MLPScorer(
        3,
        hidden=(4, 4),
        activation=activation,
        dropout=0.0,
        normalization=normalization,
        residual=True,
        transform="none",
        seed=0,
    ).double()
    weights = [parameter for parameter in scorer.parameters() if parameter.dim() == 2]
    features = torch.randn(5, 3, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda *_: scorer(features, torch.tensor([0, 5])), weights)


def test_mlp_by_hand():
    scorer = MLPScorer(2, hidden=(2, 2), residual=True, dropout=0.0, normalization="none", transform="none")
    first, second = scorer.hidden
    with torch.no_grad():
        first.linear.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, -1.0]]))
        second.linear.weight.copy_(torch.tensor([[2.0, 0.0], [0.0, 2.0]]))
        scorer.output.weight.copy_(torch.tensor([[1.0, 1.0]]))
        for layer in (first.linear, second.linear, scorer.output):
            layer.bias.zero_()
    # (3, 5) -> relu (3, 0); the first hidden layer adds no input. Then (3, 0) + relu (6, 0) = (9, 0).
    assert scorer(torch.tensor([[3.0, 5.0]]), torch.tensor([0, 1])).tolist() == [9.0]


def test_batch_norm_trains_on_a_lone_document():
    scorer = MLPScorer(2, hidden=(4,), dropout=0.0, normalization="batch", transform="none", seed=0).train()
    alone, offsets = torch.ones(1, 2), torch.tensor([0, 1])
    assert torch.equal(scorer(alone, offsets), scorer.eval()(alone, offsets))
