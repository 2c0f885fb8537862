"""Cross entropy of shifted scores: what the shift takes up, lists without a best one, wide scores, refusals."""

import pytest
import torch

from rankkit.errors import ConfigError, DataError
from rankkit.objectives import bce_loss, query_cross_entropy_loss

LABELS = torch.tensor([[1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 0.0], [2.0, 1.0, 1.0, 1.0]], dtype=torch.float64)
SCORES = torch.tensor([[0.3, 1.2, -0.4, 0.1], [0.3, 1.2, -0.4, 0.1], [3.0, 1.2, -4.0, 0.1]], dtype=torch.float64)


def test_alpha_0_is_the_cross_entropy():
    torch.testing.assert_close(query_cross_entropy_loss(SCORES, LABELS, alpha=0.0), bce_loss(SCORES, LABELS))


def test_only_differences_within_a_list_count_in_the_shifted_part():
    moved = SCORES + torch.tensor([[7.0], [-3.0], [0.0]])
    one, other = (query_cross_entropy_loss(at, LABELS, alpha=1.0, reduction="none") for at in (SCORES, moved))
    torch.testing.assert_close(one, other)
    assert one[1:].tolist() == [0.0, 0.0]  # no shift is best: it goes on towards minus or plus infinity


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("spread", [1e-6, 1.0, 50.0, 1e4])
def test_at_the_best_shift_the_slopes_of_a_list_sum_to_0(dtype, spread):
    generator = torch.Generator().manual_seed(0)
    scores = (torch.randn(20, 9, generator=generator, dtype=torch.float64) * spread).to(dtype).requires_grad_()
    labels = (torch.rand(20, 9, generator=generator) < 0.4).to(dtype)
    query_cross_entropy_loss(scores, labels, alpha=1.0, reduction="none").sum().backward()
    assert scores.grad.isfinite().all()
    assert scores.grad.sum(dim=1).abs().max() < 2e-6


def test_it_can_be_differentiated_twice():
    weights = torch.tensor([[1.0, 0.5, 2.0, 1.0]] * 3, dtype=torch.float64)
    assert torch.autograd.gradgradcheck(
        lambda scores: query_cross_entropy_loss(scores, LABELS, alpha=0.8, weights=weights),
        SCORES.clone().requires_grad_(),
    )


def test_weights_of_0_leave_documents_out():
    weights = torch.tensor([[1.0, 1.0, 0.0, 2.0]] * 3, dtype=torch.float64)
    others = torch.tensor([[0.3, 1.2, 9.0, 0.1]] * 3, dtype=torch.float64)
    found = [
        query_cross_entropy_loss(scores, LABELS, weights=weights, reduction="none")[0] for scores in (SCORES, others)
    ]
    torch.testing.assert_close(*found)


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match=r"query_cross_entropy_loss: expected alpha from 0 to 1; got 1.5"):
        query_cross_entropy_loss(SCORES, LABELS, alpha=1.5)
    with pytest.raises(DataError, match="labels from 0 to max_label=1"):
        query_cross_entropy_loss(SCORES, LABELS, max_label=1.0)
