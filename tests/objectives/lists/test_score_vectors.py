import math

import pytest
import torch

from rankkit.errors import DataError
from rankkit.objectives import attention_rank_loss, rank_cosine_loss

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])


def test_values_by_hand():
    a = [0, math.exp(2) / (math.exp(2) + math.exp(1)), math.exp(1) / (math.exp(2) + math.exp(1))]
    q = [math.exp(s) / (math.exp(3) + math.exp(2) + math.exp(1)) for s in (3, 2, 1)]
    expected = -sum(a_i * math.log(q_i) + (1 - a_i) * math.log(1 - q_i) for a_i, q_i in zip(a, q, strict=True))
    assert float(attention_rank_loss(S, Y)) == pytest.approx(expected, rel=1e-6)
    cosine = (2 * 2 + 1 * 1) / math.sqrt((4 + 1) * (9 + 4 + 1))
    assert float(rank_cosine_loss(S, Y)) == pytest.approx((1 - cosine) / 2, rel=1e-6)


def test_attention_lost_is_counted_where_the_softmax_rounds_to_one():
    # log(1 - q) from q itself is -inf, with an epsilon about -23; the truth is a gap of 300.
    scores = torch.tensor([[300.0, 0.0]], requires_grad=True)
    loss = attention_rank_loss(scores, torch.tensor([[0.0, 1.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(600, rel=1e-6)
    assert scores.grad[0].tolist() == pytest.approx([2, -2], rel=1e-5)


def test_tied_best_scores():
    scores = torch.tensor([[5.0, 5.0, -900.0]], requires_grad=True)
    loss = attention_rank_loss(scores, torch.tensor([[1.0, 0.0, 0.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(2 * math.log(2), rel=1e-6)
    assert scores.grad.isfinite().all()


def test_rank_cosine_knows_no_scale_but_an_origin():
    torch.testing.assert_close(rank_cosine_loss(7 * S, Y), rank_cosine_loss(S, Y))
    assert not torch.allclose(rank_cosine_loss(S + 1, Y), rank_cosine_loss(S, Y))
    assert float(rank_cosine_loss(2 * Y, Y)) == pytest.approx(0, abs=1e-6)
    assert float(rank_cosine_loss(-Y, Y)) == pytest.approx(1)


def test_scores_of_zero_are_no_trap():
    scores = torch.zeros(1, 3, requires_grad=True)
    loss = rank_cosine_loss(scores, Y)
    loss.backward()
    assert loss.item() == 0.5
    torch.testing.assert_close(scores.grad, -Y / Y.norm() / 2)


def test_a_document_of_weight_zero_is_not_there():
    weights = torch.tensor([[1.0, 1.0, 0.0]])
    torch.testing.assert_close(rank_cosine_loss(S, Y, weights=weights), rank_cosine_loss(S[:, :2], Y[:, :2]))


def test_labels_below_zero():
    with pytest.raises(DataError, match="attention_rank_loss: expected labels of at least 0"):
        attention_rank_loss(S, -Y)
    assert rank_cosine_loss(S, -Y).isfinite()


def test_a_heavy_lone_document_costs_nothing():
    scores = torch.tensor([[1.0, 0.0], [0.0, 2.0]], requires_grad=True)
    labels, mask = torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.tensor([[True, False], [True, True]])
    weights = torch.tensor([[4.0, 1.0], [1.0, 1.0]])
    loss = attention_rank_loss(scores, labels, mask, weights=weights)
    torch.testing.assert_close(loss, attention_rank_loss(scores[1:], labels[1:], mask[1:]))
    assert torch.autograd.grad(loss, scores)[0].isfinite().all()
