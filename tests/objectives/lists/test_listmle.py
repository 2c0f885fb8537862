import inspect
import itertools
import math

import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError
from rankkit.objectives import listmle_loss, p_listmle_loss
from rankkit.objectives.lists.plackett_luce import choice_costs

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])
HAND = (math.log(math.exp(3) + math.exp(2) + math.exp(1)) - 2, math.log(math.exp(1) + math.exp(3)) - 1)


def test_golden_values():
    assert float(listmle_loss(S, Y)) == pytest.approx(sum(HAND), rel=1e-6)
    assert float(listmle_loss(S, Y)) == pytest.approx(3.53453, abs=1e-5)
    assert float(p_listmle_loss(S, Y)) == pytest.approx((3 * HAND[0] + 1 * HAND[1]) / 4, rel=1e-6)
    d = [1, 1 / math.log2(3), 1 / 2]
    expected = (d[0] * HAND[0] + d[1] * HAND[1]) / sum(d)
    assert float(p_listmle_loss(S, Y, position_weight="discount")) == pytest.approx(expected, rel=1e-6)


def test_a_perfect_order_costs_nothing():
    # With log(sum + 1e-10) instead of a log-sum-exp allRank's ListMLE charges 204 here.
    scores = torch.tensor([[60.0, -60.0, -70.0]], requires_grad=True)
    loss = listmle_loss(scores, torch.tensor([[2.0, 1.0, 0.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log1p(math.exp(-10)), rel=1e-5)
    assert scores.grad[0].tolist() == pytest.approx([0, -1 / (1 + math.exp(10)), 1 / (1 + math.exp(10))], abs=1e-9)


def test_padding_is_not_one_more_document():
    # A padded place that counts as a document of score 0 takes such a list from .263 to .976 elsewhere.
    scores, labels = torch.tensor([[2.0, 0.8, 0.0]]), torch.tensor([[1.0, 0.0, 0.0]])
    mask = torch.tensor([[True, True, False]])
    assert float(listmle_loss(scores, labels, mask)) == pytest.approx(math.log1p(math.exp(-1.2)), rel=1e-6)


@pytest.mark.parametrize("place", range(4))
def test_padding_may_stand_anywhere(place):
    scores, labels = S[0].tolist(), Y[0].tolist()
    scores.insert(place, 1e9)
    labels.insert(place, 7.0)
    mask = torch.ones(1, 4, dtype=torch.bool)
    mask[0, place] = False
    expected = listmle_loss(S, Y, generator=torch.Generator().manual_seed(3))
    found = listmle_loss(
        torch.tensor([scores]), torch.tensor([labels]), mask, generator=torch.Generator().manual_seed(3)
    )
    assert found == expected


def test_ties_come_in_every_order():
    scores, labels = torch.tensor([[2.0, 1.0, 0.0]], dtype=torch.float64), torch.tensor([[1.0, 1.0, 0.0]])
    generator = torch.Generator().manual_seed(0)
    found = {round(listmle_loss(scores, labels, generator=generator).item(), 9) for _ in range(60)}
    expected = set()
    for first, second in itertools.permutations((2.0, 1.0)):
        ranking = torch.tensor([first, second, 0.0], dtype=torch.float64)
        expected.add(round(choice_costs(ranking, torch.ones(3, dtype=torch.bool)).sum().item(), 9))
    assert found == expected
    assert len(expected) == 2


@pytest.mark.parametrize("objective", [listmle_loss, p_listmle_loss])
def test_the_same_generator_gives_the_same_order(objective):
    scores, labels = torch.randn(3, 20), torch.randint(0, 2, (3, 20)).float()
    first, second = (objective(scores, labels, generator=torch.Generator().manual_seed(5)) for _ in range(2))
    other = objective(scores, labels, generator=torch.Generator().manual_seed(6))
    assert first == second
    assert first != other
    torch.manual_seed(5)
    assert objective(scores, labels) == first


@pytest.mark.parametrize("n_docs", [129, 2000])
def test_position_weights_do_not_overflow(n_docs):
    # 2^(n - 1) - 1 is no float32 from 129 documents on.
    scores = torch.zeros(1, n_docs, requires_grad=True)
    loss = p_listmle_loss(scores, torch.arange(n_docs, 0, -1).float()[None])
    loss.backward()
    expected = math.fsum(2.0**-r * math.log(n_docs + 1 - r) for r in range(1, 60))
    assert loss.item() == pytest.approx(expected, rel=1e-5)
    assert scores.grad.isfinite().all()


def test_a_long_list_needs_no_square_of_memory():
    scores = torch.linspace(-3, 3, 100_000, requires_grad=True)
    loss = listmle_loss(scores[None], (torch.arange(100_000) % 7).float()[None])
    loss.backward()
    assert scores.grad.isfinite().all()
    assert scores.grad.sum().item() == pytest.approx(0, abs=1e-2)


def test_options_that_cannot_work():
    with pytest.raises(ConfigError, match="p_listmle_loss: expected position_weight 'exp' or 'discount'; got 'log'"):
        inspect.unwrap(p_listmle_loss)(S, Y, position_weight="log")
    with pytest.raises(ConfigError, match="listmle_loss: expected temperature above 0"):
        listmle_loss(S, Y, temperature=-1.0)


@pytest.mark.parametrize("scale", [1.0, 1e4, 1e8])
@pytest.mark.parametrize("objective", [rk.listmle_loss, rk.p_listmle_loss, rk.rank_distil_loss, rk.unique_softmax_loss])
def test_slopes_in_float32_are_those_of_float64_whatever_the_scale(objective, scale):
    random = torch.Generator().manual_seed(0)
    scores, labels = torch.randn(50, 8, generator=random) * scale, torch.rand(50, 8, generator=random)
    drawn = {} if objective is rk.unique_softmax_loss else {"generator": torch.Generator().manual_seed(0)}
    single = scores.clone().requires_grad_()
    objective(single, labels, **drawn).backward()
    drawn = {} if objective is rk.unique_softmax_loss else {"generator": torch.Generator().manual_seed(0)}
    double = scores.double().requires_grad_()
    objective(double, labels.double(), **drawn).backward()
    # Each is a share of 1 / 50: what float32 can tell of it.
    assert (single.grad - double.grad).abs().max() < 1e-6 * double.grad.abs().max()
