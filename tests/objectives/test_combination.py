import functools

import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError
from rankkit.objectives import (
    Objective,
    bce_loss,
    cross_entropy_loss,
    mse_loss,
    ordinal_loss,
    ranknet_loss,
    weighted_sum,
)

S, Y = torch.randn(4, 6), torch.randint(0, 3, (4, 6)).float()
MASK = torch.arange(6) < torch.tensor([[6], [2], [4], [0]])


@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_it_is_the_sum_of_what_the_parts_compute(reduction):
    objective = weighted_sum({ranknet_loss: 2.0, Objective(bce_loss, max_label=2.0): 0.1})
    weights = torch.rand(4, 6)
    parts = [
        ranknet_loss(S, Y, MASK, weights=weights, reduction=reduction),
        bce_loss(S, Y, MASK, max_label=2.0, weights=weights, reduction=reduction),
    ]
    found = objective(S, Y, MASK, weights=weights, reduction=reduction)
    torch.testing.assert_close(found, 2 * parts[0] + 0.1 * parts[1])


def test_sums_of_sums_and_partials():
    inner = weighted_sum({ranknet_loss: 1.0, mse_loss: 1.0})
    outer = weighted_sum({inner: 2.0, functools.partial(ranknet_loss, sigma=2.0): 1.0})
    expected = 2 * (ranknet_loss(S, Y) + mse_loss(S, Y)) + ranknet_loss(S, Y, sigma=2.0)
    torch.testing.assert_close(outer(S, Y), expected)


def test_a_part_of_ones_own_need_take_neither_weights_nor_reduction():
    def shortest(scores, labels, mask):
        return (scores - labels).abs().mean()

    torch.testing.assert_close(weighted_sum({shortest: 3.0})(S, Y), 3 * (S - Y).abs().mean())


def test_its_repr_and_options_tell_parts_and_weights():
    objective = weighted_sum({ranknet_loss: 1.0, Objective(bce_loss, max_label=2.0): 0.1})
    assert repr(objective) == "weighted_sum({ranknet_loss: 1.0, Objective(bce_loss, max_label=2.0): 0.1})"
    assert objective.options == {"ranknet_loss": 1.0, "Objective(bce_loss, max_label=2.0)": 0.1}
    assert list(objective.parameters()) == []


def test_readouts_must_agree():
    same = weighted_sum({cross_entropy_loss: 1.0, Objective(cross_entropy_loss): 0.5})
    assert same.readout == "expected_grade"
    assert not hasattr(weighted_sum({ranknet_loss: 1.0}), "readout")
    for other in (ranknet_loss, Objective(ordinal_loss), functools.partial(ordinal_loss)):
        with pytest.raises(
            ConfigError, match="expected parts that read a scorer's outputs alike; got cross_entropy_loss"
        ):
            weighted_sum({cross_entropy_loss: 1.0, other: 1.0})


@pytest.mark.parametrize("weight", [0.0, -1.0, float("nan"), float("inf")])
def test_weights_that_cannot_work(weight):
    with pytest.raises(ConfigError, match="weighted_sum: expected the weight of ranknet_loss above 0"):
        weighted_sum({ranknet_loss: weight})
    with pytest.raises(ConfigError, match="expected at least one objective"):
        weighted_sum({})


def test_it_trains():
    train = rk.make_ranking(30, n_features=3, seed=1)
    scorer = rk.LinearScorer(3, seed=0)
    objective = rk.weighted_sum({rk.ranknet_loss: 1.0, rk.bce_loss: 0.1})
    history = rk.fit(scorer, objective, train, epochs=3, seed=0)
    assert history.epochs[-1].loss < history.epochs[0].loss


def test_weights_of_the_data_reach_every_part():
    train = rk.make_ranking(10, n_features=3, seed=1)
    weighted = rk.from_arrays(
        train.features, train.labels, train.qids.repeat(train.list_sizes), weights=(train.labels + 1) / 2
    )
    objective = rk.weighted_sum({rk.ranknet_loss: 1.0, rk.bce_loss: 0.1})
    losses = [
        rk.fit(rk.LinearScorer(3, seed=0), objective, data, epochs=1, seed=0).epochs[0].loss
        for data in (train, weighted)
    ]
    assert losses[0] != losses[1]
