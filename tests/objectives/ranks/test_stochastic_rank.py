import inspect
import math

import pytest
import torch

from rankkit.errors import ConfigError, DataError
from rankkit.metrics import ndcg
from rankkit.objectives import stochastic_rank_loss
from rankkit.objectives.ranks import stochastic_rank
from tests.oracles import metric_driven as oracle

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])
OPTIONS = [
    {},
    {"k": 2, "n_samples": 3, "noise": 0.4, "mu": 0.5},
    {"gain": "linear", "projection": 0.5, "nu": 1.0},
    {"k": 1, "projection": 0.0, "mu": 2.0, "noise": 3.0},
]


def lists(n_queries=3, list_size=7):
    generator = torch.Generator().manual_seed(list_size)
    scores = torch.randn(n_queries, list_size, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (n_queries, list_size), generator=generator).double()
    labels[:, 0], labels[:, 1] = 0, 2
    sizes = torch.randint(2, list_size + 1, (n_queries, 1), generator=generator)
    return scores, labels, torch.arange(list_size) < sizes


def slopes_of(scores, labels, *given, **options):
    leaf = scores.clone().requires_grad_()
    stochastic_rank_loss(leaf, labels, *given, **options).sum().backward()
    return leaf.grad


@pytest.mark.parametrize("options", OPTIONS)
def test_equal_to_slow_loops_in_value_and_gradient(options):
    scores, labels, mask = lists()
    scores.requires_grad_()
    weights = torch.rand(3, 7, generator=torch.Generator().manual_seed(1), dtype=torch.float64) + 0.5
    torch.manual_seed(3)
    values = stochastic_rank_loss(scores, labels, mask, weights=weights, reduction="none", **options)
    values.sum().backward()
    torch.manual_seed(3)  # the loops draw the same numbers, one list after another
    for query in range(3):
        docs = mask[query]
        listed, grades, weighing = (tensor[query][docs].tolist() for tensor in (scores, labels, weights))
        value, slopes = oracle.stochastic_rank_estimates(listed, grades, weights=weighing, **options)
        assert values[query].item() == pytest.approx(value, rel=1e-12)
        assert scores.grad[query][docs].tolist() == pytest.approx(slopes, rel=1e-10, abs=1e-14)
    assert (scores.grad[~mask] == 0).all()


def test_value_and_gradient_are_those_of_smoothed_ndcg_in_the_mean():
    scores, labels = torch.tensor([[0.4, -0.3, 0.1, 0.9]]).double(), torch.tensor([[2.0, 0.0, 1.0, 0.0]]).double()
    n_draws, noise, mu, step = 200_000, 0.7, 0.3, 0.1
    normal = torch.randn(n_draws, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def smoothed(moved):
        noisy = moved - noise * mu * labels + noise * normal
        return -ndcg(noisy, labels.expand(n_draws, 4), k=2).mean().item()

    # Common random numbers: what differs is only where the step changes an order.
    found = [smoothed(scores + step * one) - smoothed(scores - step * one) for one in torch.eye(4).double()]
    options = {"k": 2, "noise": noise, "mu": mu, "n_samples": 20_000}
    options["generator"] = torch.Generator().manual_seed(1)
    slopes = slopes_of(scores, labels, projection=0.0, **options)[0]
    assert slopes.tolist() == pytest.approx([gap / (2 * step) for gap in found], abs=4e-3)
    assert slopes.abs().min() > 0.02
    assert stochastic_rank_loss(scores, labels, **options).item() == pytest.approx(smoothed(scores), abs=4e-3)


def test_two_documents_need_no_draw():
    # NDCG is 1 if the relevant one leads, and 1 / log2(3) if not; it leads by N(1, 2 sigma^2).
    scores, labels = torch.tensor([[1.0, 0.0]]).double(), torch.tensor([[1.0, 0.0]]).double()
    lead, worse = 1 / (2 * math.sqrt(2)), 1 / math.log2(3)
    chance, density = 0.5 * math.erfc(-lead / math.sqrt(2)), math.exp(-(lead**2) / 2) / math.sqrt(2 * math.pi)
    for seed in (0, 1):
        drawn = torch.Generator().manual_seed(seed)
        value = stochastic_rank_loss(scores, labels, noise=2.0, generator=drawn).item()
        assert value == pytest.approx(-(worse + (1 - worse) * chance), rel=1e-12)
        pull = (1 - worse) * density / (2 * math.sqrt(2))
        assert slopes_of(scores, labels, noise=2.0, generator=drawn)[0].tolist() == pytest.approx([-pull, pull])
    # A grade of 1 is held back by mu deviations: these two are as good as tied.
    assert stochastic_rank_loss(scores, labels, noise=2.0, mu=0.5).item() == pytest.approx(-(1 + worse) / 2)


def test_little_noise_gives_minus_ndcg():
    generator = torch.Generator().manual_seed(1)
    scores = torch.stack([torch.randperm(8, generator=generator) for _ in range(10)]).double()
    labels = torch.randint(0, 4, (10, 8), generator=generator).double()
    labels[:, 0], labels[:, 1] = 0, 3
    for k in (None, 3, 20):
        found = stochastic_rank_loss(scores, labels, k=k, noise=0.01, reduction="none")
        torch.testing.assert_close(-found, ndcg(scores, labels, k=k), rtol=1e-12, atol=0)
    # Held back, the better of two equal scores stands second: the order that the metric takes for ties too.
    tied = torch.zeros(10, 8, dtype=torch.float64)
    found = stochastic_rank_loss(tied, labels, noise=1e-6, mu=100.0, reduction="none")
    torch.testing.assert_close(-found, ndcg(tied, labels), rtol=1e-12, atol=0)


def test_the_gradient_neither_shifts_nor_stretches():
    scores, labels, mask = lists(list_size=9)
    slopes = slopes_of(scores, labels, mask, nu=1e-12)
    long = mask.sum(dim=1) > 2
    assert slopes.sum(dim=1).abs().max() < 1e-15
    assert (slopes * scores).sum(dim=1)[long].abs().max() < 1e-13
    torch.manual_seed(0)
    free = slopes_of(scores, labels, mask, projection=0.0)
    assert (free * scores).sum(dim=1).abs().min() > 1e-4
    # Without a scale, as in the first round of boosting, nothing is taken out.
    zeros = torch.zeros_like(scores)
    found = [slopes_of(zeros, labels, projection=p, generator=torch.Generator().manual_seed(0)) for p in (0.0, 1.0)]
    assert torch.equal(*found)
    assert found[0].abs().max() > 0


def test_blocks_of_documents_change_nothing(monkeypatch):
    scores, labels, mask = lists(list_size=9)
    found = []
    for held in (2**22, 200, 1):
        monkeypatch.setattr(stochastic_rank, "_HELD", held)
        leaf = scores.clone().requires_grad_()
        loss = stochastic_rank_loss(leaf, labels, mask, k=3, n_samples=2, generator=torch.Generator().manual_seed(0))
        loss.backward()
        found.append((loss.detach(), leaf.grad))
    for loss, gradient in found[1:]:
        torch.testing.assert_close(loss, found[0][0], rtol=1e-13, atol=0)
        torch.testing.assert_close(gradient, found[0][1], rtol=1e-12, atol=1e-15)


def test_long_lists_are_no_matter():
    scores, labels = torch.randn(1, 20_000, requires_grad=True), torch.randint(0, 5, (1, 20_000)).float()
    stochastic_rank_loss(scores, labels, k=10).backward()
    assert scores.grad.isfinite().all()
    assert scores.grad.abs().max() > 0


def test_scores_that_are_not_finite_make_their_list_nan():
    for bad in (torch.nan, torch.inf, -torch.inf):
        for n_docs in (2, 3):
            scores = torch.tensor([[0.3, bad, 1.0], [0.1, 0.2, 0.3]])[:, :n_docs].clone().requires_grad_()
            values = stochastic_rank_loss(scores, Y[:, :n_docs].expand(2, -1), reduction="none")
            values.sum().backward()
            assert values.isnan().tolist() == [True, False]
            assert scores.grad.isnan().all(dim=1).tolist() == [True, False]


def test_draws_go_by_the_generator():
    given = lists()
    seeded = [stochastic_rank_loss(*given, generator=torch.Generator().manual_seed(1)) for _ in range(2)]
    assert seeded[0] == seeded[1]
    assert stochastic_rank_loss(*given) != stochastic_rank_loss(*given)


def test_options_and_labels_that_cannot_work():
    wrong = [("noise", 0.0), ("mu", -1.0), ("nu", 0.0), ("n_samples", 0), ("projection", 1.5), ("projection", -0.1)]
    for name, value in (*wrong, ("k", 0), ("gain", "cubic")):
        with pytest.raises(ConfigError, match=rf"^stochastic_rank_loss: expected {name} "):
            inspect.unwrap(stochastic_rank_loss)(S, Y, **{name: value})
    with pytest.raises(DataError, match=r"expected labels of at least 0"):
        stochastic_rank_loss(S, Y - 2)


def test_a_second_differentiation_is_refused():
    scores = torch.randn(1, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(stochastic_rank_loss(scores, torch.eye(4)[:1]), scores, create_graph=True)
    with pytest.raises(ConfigError, match=r"^stochastic_rank_loss: expected to be differentiated once"):
        gradient.sum().backward()
