import numpy as np
import pytest
import torch
from scipy.optimize import linprog

from rankkit.errors import ConfigError, DataError
from rankkit.objectives import wass_rank_loss
from tests.oracles.listwise import wass_rank_costs


def lists(n_queries=3, list_size=8):
    generator = torch.Generator().manual_seed(list_size)
    scores = torch.randn(n_queries, list_size, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 3, (n_queries, list_size), generator=generator).double()
    labels[:, 0], labels[:, 1] = 0, 2
    return scores, labels


def cheapest(scores, labels, gap):
    """The cost of the best plan, by linear programming."""
    n, costs = len(labels), np.array(wass_rank_costs(labels.tolist(), gap=gap))
    sums = np.zeros((2 * n, n * n))
    for i in range(n):
        sums[i, i * n : (i + 1) * n] = sums[n + i, i::n] = 1
    wanted = torch.cat([scores.softmax(dim=0), labels.softmax(dim=0)]).numpy()
    return linprog(costs.ravel(), A_eq=sums, b_eq=wanted).fun


@pytest.mark.parametrize("gap", [10.0, 100.0])
def test_it_is_the_least_cost_where_little_spreads_the_plan(gap):
    scores, labels = lists()
    found = wass_rank_loss(scores, labels, gap=gap, epsilon=5e-3, n_iterations=1000, reduction="none")
    expected = [cheapest(*given, gap) for given in zip(scores, labels, strict=True)]
    assert found.tolist() == pytest.approx(expected, rel=2e-2)
    # By default the plan is spread and costs more; the iterations are as good as at an end.
    found = wass_rank_loss(scores, labels, gap=gap, reduction="none")
    ended = wass_rank_loss(scores, labels, gap=gap, n_iterations=200, reduction="none")
    assert found.tolist() == pytest.approx(ended.tolist(), rel=0.03)
    assert all(least < cost < 1.4 * least for cost, least in zip(found.tolist(), expected, strict=True))


def test_the_order_of_the_labels_is_learnt():
    _, labels = lists()
    scores = torch.zeros_like(labels, requires_grad=True)
    optimizer = torch.optim.Adam([scores], lr=0.5)
    for _ in range(20):
        optimizer.zero_grad()
        wass_rank_loss(scores, labels).backward()
        optimizer.step()
    better = labels[:, :, None] > labels[:, None, :]
    assert (scores[:, :, None] > scores[:, None, :])[better].all()


def test_labels_and_options_that_cannot_work():
    scores, labels = torch.zeros(1, 2), torch.tensor([[0.0, 1.0]])
    for name, value in [("gap", -1.0), ("same_grade", -1.0), ("gain_base", 1.0), ("epsilon", 0.0), ("n_iterations", 0)]:
        with pytest.raises(ConfigError, match=rf"^wass_rank_loss: expected {name} "):
            wass_rank_loss(scores, labels, **{name: value})
    for bad in (-1.0, 80.0):  # 4^80 is no float32
        with pytest.raises(DataError, match=r"^wass_rank_loss: expected labels of at least 0 whose gain is a number"):
            wass_rank_loss(scores, labels.where(labels == 0, bad))


def test_slopes_are_numbers_whatever_float32_holds():
    scores = torch.tensor([[3e38, -3e38, 1e38]], requires_grad=True)
    cost = wass_rank_loss(scores, torch.tensor([[0.0, 1.0, 2.0]]))
    cost.backward()
    assert cost.isfinite()
    assert scores.grad.isfinite().all()


def test_long_lists_are_no_matter():
    scores, labels = torch.randn(1, 20_000, requires_grad=True), torch.randint(0, 5, (1, 20_000)).float()
    wass_rank_loss(scores, labels).backward()
    assert scores.grad.isfinite().all()
    assert scores.grad.abs().max() > 0
