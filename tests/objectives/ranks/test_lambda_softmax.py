"""Softmax cross entropy with the labels weighed by rank: its options beside a slow loop, and what it is elsewhere."""

import pytest
import torch

from rankkit.errors import ConfigError, DataError
from rankkit.metrics import ndcg
from rankkit.objectives import lambda_softmax_loss
from tests.oracles import listwise, objectives

LABELS = torch.tensor([[2.0, 0.0, 1.0, 4.0, 0.0]], dtype=torch.float64)
SCORES = torch.tensor([[0.3, 1.2, -0.4, 0.1, 2.0]], dtype=torch.float64)
WEIGHTS = torch.tensor([[1.0, 0.5, 2.0, 1.5, 1.0]], dtype=torch.float64)


@pytest.mark.parametrize("k", [None, 1, 3, 9])
@pytest.mark.parametrize("options", [{}, {"gain": "linear", "temperature": 2.0}])
def test_options_as_in_the_slow_loop(k, options):
    scores = SCORES.clone().requires_grad_()
    loss = lambda_softmax_loss(scores, LABELS, k=k, weights=WEIGHTS, **options)
    loss.backward()
    given = {"weights": WEIGHTS[0].tolist(), "k": k, **options}
    slow = listwise.lambda_softmax(SCORES[0].tolist(), LABELS[0].tolist(), **given)
    assert loss.item() == pytest.approx(slow, rel=1e-12)
    slopes = objectives.slopes(listwise.lambda_softmax, SCORES[0].tolist(), LABELS[0].tolist(), **given)
    assert scores.grad[0].tolist() == pytest.approx(slopes, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("k", [2, 4])
def test_the_weights_of_a_list_sum_to_its_ndcg(k):
    flat = torch.zeros_like(SCORES)  # a softmax of a fifth each, so that the loss is the sum times log 5
    weighed = lambda_softmax_loss(flat + 1e-9 * SCORES, LABELS, k=k)
    assert weighed.item() == pytest.approx(ndcg(SCORES, LABELS, k=k).item() * torch.tensor(5.0).log().item(), rel=1e-6)


def test_what_cannot_be_is_refused():
    with pytest.raises(DataError, match="lambda_softmax_loss: expected labels of at least 0"):
        lambda_softmax_loss(SCORES, -LABELS)
    with pytest.raises(ConfigError, match="lambda_softmax_loss: expected temperature above 0"):
        lambda_softmax_loss(SCORES, LABELS, temperature=0.0)
