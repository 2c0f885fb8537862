"""DCNScorer against a slow loop over the formulas of its paper."""

import pytest
import torch

from rankkit.errors import ConfigError
from rankkit.models.scorers import DCNScorer
from tests.oracles import networks as oracle


@pytest.mark.parametrize("structure", ["parallel", "stacked"])
@pytest.mark.parametrize("rank", [None, 2])
@pytest.mark.parametrize("hidden", [(), (5, 3)])
def test_scores_are_those_of_the_formula(structure, rank, hidden):
    options = {"transform": "none", "normalization": "none", "structure": structure, "rank": rank, "n_cross": 3}
    scorer = DCNScorer(4, hidden, seed=0, **options).double().eval()
    features = torch.randn(6, 4, dtype=torch.float64)
    scores = scorer(features, torch.tensor([0, 2, 6]))
    assert scores.tolist() == pytest.approx(oracle.dcn(scorer, features), rel=1e-12, abs=1e-12)


def test_one_cross_layer_by_hand():
    scorer = DCNScorer(2, (), n_cross=1, transform="none")
    with torch.no_grad():
        scorer.cross[0].linear.weight.copy_(torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
        scorer.cross[0].linear.bias.copy_(torch.tensor([0.0, 2.0]))
        scorer.output.weight.copy_(torch.tensor([[1.0, 10.0]]))
        scorer.output.bias.zero_()
    # x1 (x2) + x1 = 3 * 5 + 3 = 18, and x2 * 2 + x2 = 15.
    assert scorer(torch.tensor([[3.0, 5.0]]), torch.tensor([0, 1])).tolist() == [18 + 150]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_cross": 0}, "DCNScorer: expected n_cross of at least 1; got 0"),
        ({"rank": 0}, "DCNScorer: expected rank of at least 1; got 0"),
        ({"structure": "stack"}, "Did you mean 'stacked'?"),
        ({"hidden": 256}, "DCNScorer: expected the widths of the hidden layers; got 256"),
        ({"dropout": 1.0}, "DCNScorer: expected dropout from 0 to below 1"),
    ],
)
def test_an_option_that_cannot_work(options, message):
    with pytest.raises(ConfigError) as error:
        DCNScorer(3, **options)
    assert message in str(error.value)
