import inspect
import math

import pytest
import torch

from rankkit.errors import ConfigError, DataError
from rankkit.objectives import yeti_loss, yeti_rank_loss
from tests.oracles import metric_driven as oracle

CASES = [
    (yeti_rank_loss, oracle.yeti_rank, {}),
    (yeti_loss, oracle.yeti, {}),
    (yeti_loss, oracle.yeti, {"k": 2, "gain": "linear"}),
]
S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])


def lists(n_queries=3, list_size=7):
    generator = torch.Generator().manual_seed(list_size)
    scores = torch.randn(n_queries, list_size, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (n_queries, list_size), generator=generator).double()
    labels[:, 0], labels[:, 1] = 0, 2
    sizes = torch.randint(2, list_size + 1, (n_queries, 1), generator=generator)
    return scores, labels, torch.arange(list_size) < sizes


@pytest.mark.parametrize(("objective", "slow", "options"), CASES)
@pytest.mark.parametrize("n_samples", [1, 10])
def test_equal_to_slow_loops_in_value_and_gradient(objective, slow, options, n_samples):
    scores, labels, mask = lists()
    scores.requires_grad_()
    weights = torch.rand(3, 7, dtype=torch.float64) + 0.5
    torch.manual_seed(3)
    values = objective(scores, labels, mask, weights=weights, n_samples=n_samples, reduction="none", **options)
    values.sum().backward()
    torch.manual_seed(3)  # the loops draw the same numbers, one list after another
    pairs_of = {yeti_rank_loss: oracle.yeti_rank_pairs, yeti_loss: oracle.yeti_pairs}[objective]
    for query in range(3):
        docs = mask[query]
        listed, grades, weighing = (tensor[query][docs].tolist() for tensor in (scores, labels, weights))
        pairs = pairs_of(listed, grades, n_samples, **options)
        expected = oracle._cost_of_pairs(listed, pairs, weighing)
        assert values[query].item() == pytest.approx(expected, rel=1e-12)
        weighted = {(i, j): w * weighing[i] * weighing[j] for (i, j), w in pairs.items()}
        assert scores.grad[query][docs].tolist() == pytest.approx(oracle._slopes_of_pairs(listed, weighted), rel=1e-12)
    assert (scores.grad[~mask] == 0).all()


def test_scores_far_apart_make_every_ranking_the_same():
    # Neighbours are then (0, 1) at ranks 1 and 2, and (1, 2) at ranks 2 and 3, in every draw.
    scores, labels = torch.tensor([[2e3, 1e3, 0.0]]), torch.tensor([[0.0, 2.0, 1.0]])
    assert float(yeti_rank_loss(scores, labels)) == pytest.approx(1e3, rel=1e-6)
    first, second, third = 1.0, 1 / math.log2(3), 0.5
    ideal = 3 * first + 1 * second
    assert float(yeti_loss(scores, labels)) == pytest.approx(1e3 * 3 * (first - second) / ideal, rel=1e-6)
    swapped = yeti_rank_loss(scores, torch.tensor([[2.0, 0.0, 1.0]]))
    assert float(swapped) == pytest.approx(1e3 / 2, rel=1e-6)
    assert float(yeti_loss(scores, torch.tensor([[2.0, 0.0, 1.0]]))) == pytest.approx(
        1e3 * 1 * (second - third) / ideal, rel=1e-6
    )


def test_the_noise_is_logistic():
    # Of documents at 1 and 0, and one far behind, the first leads with probability P(logistic difference > -1).
    u = torch.rand(400_000, 2, dtype=torch.float64).logit()
    chance = (1 + u[:, 0] > u[:, 1]).double().mean().item()
    scores, labels = torch.tensor([[1.0, 0.0, -1e3]]), torch.tensor([[1.0, 0.0, 0.0]])
    second = 1 / math.log2(3)
    # Neighbours (0, 1) at rank 1 cost softplus(-1); where 0 is second, (0, 2) cost nothing, their gap being 1e3.
    assert float(yeti_loss(scores, labels)) == pytest.approx((1 - second) * math.log1p(math.exp(-1)), rel=1e-5)
    labels = torch.tensor([[0.0, 0.0, 1.0]])
    # Now 2 stands third, behind 1 where 0 leads (gap 1,000) and behind 0 otherwise (gap 1,001).
    found = float(yeti_rank_loss(scores.double(), labels.double(), n_samples=100_000))
    assert found == pytest.approx((1000 * chance + 1001 * (1 - chance)) / 2, abs=0.005)


def test_gaps_of_a_thousand_cost_no_infinity():
    # pytorchltr's logistic loss is infinite, its gradient NaN, at a gap of 240.
    for gap in (240.0, 1e3, 2e4):
        scores = torch.tensor([[0.0, gap]], requires_grad=True)
        loss = yeti_rank_loss(scores, torch.tensor([[1.0, 0.0]]))
        loss.backward()
        assert loss.item() == pytest.approx(gap)
        assert scores.grad[0].tolist() == pytest.approx([-1.0, 1.0])


@pytest.mark.parametrize("objective", [yeti_rank_loss, yeti_loss])
def test_draws_go_by_the_generator(objective):
    scores, labels, mask = lists()
    seeded = [objective(scores, labels, mask, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert seeded[0] == seeded[1]
    assert objective(scores, labels, mask) != objective(scores, labels, mask)


@pytest.mark.parametrize("objective", [yeti_rank_loss, yeti_loss])
def test_long_lists_are_no_matter(objective):
    scores, labels = torch.randn(1, 20_000, requires_grad=True), torch.randint(0, 5, (1, 20_000)).float()
    objective(scores, labels).backward()
    assert scores.grad.isfinite().all()


def test_options_and_labels_that_cannot_work():
    for objective in (yeti_rank_loss, yeti_loss):
        with pytest.raises(ConfigError, match=rf"^{objective.__name__}: expected n_samples of at least 1; got 0"):
            objective(S, Y, n_samples=0)
    with pytest.raises(ConfigError, match=r"^yeti_loss: expected k of"):
        yeti_loss(S, Y, k=0)
    with pytest.raises(ConfigError, match=r"^yeti_loss: expected gain"):
        inspect.unwrap(yeti_loss)(S, Y, gain="cubic")
    with pytest.raises(DataError, match=r"^yeti_loss: expected labels of at least 0"):
        yeti_loss(S, Y - 2)
