"""CollapseWatch: warns once, of the two signs, and of nothing else."""

import math
import warnings

import pytest
import torch

from rankkit.errors import ConfigError
from rankkit.sampling import CollapseWarning, CollapseWatch, mine_triplets

CLOSE_TOGETHER = [
    torch.nn.functional.normalize(torch.ones(8, 2) + 0.01 * torch.randn(8, 2)),  # by their length, wherever they lie
    100 * torch.ones(8, 2) + torch.randn(8, 2),
    0.002 * torch.randn(8, 2),  # by the margin, around 0
]


@pytest.mark.parametrize("embeddings", CLOSE_TOGETHER, ids=["sphere", "far off", "zero"])
def test_the_loss_at_the_margin(embeddings):
    watch = CollapseWatch(margin=0.2, patience=3)
    assert not watch.see(0.2, embeddings)
    assert not watch.see(torch.tensor(0.2005), embeddings)
    assert not watch.see(0.25, embeddings)  # begins anew
    assert not watch.see(0.2, embeddings)
    assert not watch.see(0.1985, embeddings)
    with pytest.warns(CollapseWarning, match=r"got a loss of 0\.2, the margin, for 3 steps\. Lower the learning rate"):
        assert watch.see(0.2, embeddings)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert watch.see(0.2, embeddings)  # once
    assert watch.collapsed


def test_semi_hard_triplets_of_a_large_batch_cost_the_margin_without_collapse():
    embeddings = torch.nn.functional.normalize(torch.randn(1000, 3))
    labels = torch.arange(1000) % 100
    mined = mine_triplets(embeddings, labels, how="semi_hard", margin=0.5)
    first, second, third = (embeddings[rows] for rows in (mined.anchor, mined.positive, mined.negative))
    loss = ((first - second).square().sum(1) - (first - third).square().sum(1) + 0.5).mean()
    assert abs(loss - 0.5) < 0.01 * 0.5
    watch = CollapseWatch(margin=0.5, patience=1)
    assert not watch.see(loss, embeddings)


def test_the_spread_towards_zero():
    watch = CollapseWatch(patience=2)
    embeddings = torch.randn(8, 2)
    for scale in (0.001, 0.01, 1.0, 0.02):  # growing, and shrinking to more than 1%
        assert not watch.see(0.7, scale * embeddings)
    assert not watch.see(0.7, 0.005 * embeddings)
    with pytest.warns(CollapseWarning, match=r"got embeddings 0\.0\d+ apart, where they were"):
        assert watch.see(0.7, 0.005 * embeddings + 9)  # wherever the point lies


def test_the_spread_is_the_root_mean_squared_distance():
    embeddings = torch.randn(7, 3, requires_grad=True)
    watch = CollapseWatch()
    assert math.isnan(watch.spread)
    watch.see(embeddings.sum(), embeddings)
    pairs = [(embeddings[i] - embeddings[j]).square().sum().item() for i in range(7) for j in range(i)]
    assert watch.spread == pytest.approx(math.sqrt(sum(pairs) / len(pairs)))
    watch.see(0.0, embeddings[:1])
    assert watch.spread == 0.0


def test_a_network_that_learns_gives_no_warning():
    torch.manual_seed(0)
    watch = CollapseWatch(margin=0.2, patience=5)
    embeddings = torch.nn.Parameter(0.01 * torch.randn(8, 2))
    for _ in range(60):
        gaps = (embeddings[0:2] - embeddings[2:4]).square().sum(1) - (embeddings[0:2] - embeddings[4:6]).square().sum(1)
        loss = torch.relu(gaps + 0.2).mean()
        watch.see(loss, embeddings)
        (gradient,) = torch.autograd.grad(loss, embeddings)
        embeddings = torch.nn.Parameter(embeddings.detach() - 0.5 * gradient)
    assert watch.spread > 0.1
    assert not watch.collapsed


@pytest.mark.parametrize(
    "options", [{"margin": 0}, {"margin": math.inf}, {"patience": 0}, {"patience": 1.5}, {"share": 0}, {"share": 1}]
)
def test_options_that_cannot_work(options):
    with pytest.raises(ConfigError, match="CollapseWatch: expected"):
        CollapseWatch(**options)
