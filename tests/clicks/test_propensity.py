import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

import rankkit as rk
from tests.oracles import clicks as oracle

SCORES = torch.tensor([[0.3, -1.2, 0.8, 0.1]], dtype=torch.float64)
# The last document attracts nobody, so that no outcome has a click everywhere.
ATTRACTION = [0.3, 1.0, 0.6, 0.0]
THETA = [1.0, 0.5, 1 / 3, 0.25]


def expected(value, attraction=ATTRACTION):
    """The mean of a value of clicks over all outcomes of the position-based model, each as often as it is likely."""
    outcomes = oracle.position_based_outcomes(attraction, THETA)
    return sum(chance * value(torch.tensor([clicks]).double()) for clicks, chance in outcomes.items())


def inverse(clicks):
    """The weights that propensity_weighted gives to these clicks."""
    log = rk.from_arrays(np.zeros((4, 1)), clicks[0].numpy(), [0] * 4)
    return torch.from_numpy(rk.propensity_weighted(log, THETA).weights)[None].double()


def test_the_weighted_sum_over_clicks_is_unbiased():
    def loss(clicks):
        return rk.softmax_loss(SCORES, clicks, weights=inverse(clicks), normalize=False, reduction="none")[0]

    full = rk.softmax_loss(SCORES, torch.tensor([ATTRACTION]).double(), normalize=False)
    assert expected(loss).item() == pytest.approx(full.item(), rel=1e-6)


def test_without_weights_the_sum_is_biased_as_stated():
    def loss(clicks):
        return rk.softmax_loss(SCORES, clicks, normalize=False, reduction="none")[0]

    seen = torch.tensor([[theta * gamma for theta, gamma in zip(THETA, ATTRACTION, strict=True)]]).double()
    naive = rk.softmax_loss(SCORES, seen, normalize=False)
    full = rk.softmax_loss(SCORES, torch.tensor([ATTRACTION]).double(), normalize=False)
    assert expected(loss).item() == pytest.approx(naive.item(), rel=1e-6)
    assert abs(naive.item() - full.item()) > 0.1


@pytest.mark.parametrize("last", [0.0, 0.5])
def test_dual_learning_with_true_propensities_has_unbiased_gradients_in_the_scores(last):
    """Also where every document may be clicked."""
    attraction = [*ATTRACTION[:3], last]
    objective = rk.DualLearning(n_positions=4)
    with torch.no_grad():
        objective.position_logits.copy_(torch.tensor(THETA).log())

    def gradient(clicks):
        scores = SCORES.clone().requires_grad_()
        objective(scores, clicks, reduction="none").sum().backward()
        return scores.grad[0]

    scores = SCORES.clone().requires_grad_()
    rk.softmax_loss(scores, torch.tensor([attraction]).double(), normalize=False).backward()
    torch.testing.assert_close(expected(gradient, attraction), scores.grad[0], rtol=1e-6, atol=1e-7)


def test_pairs_weigh_as_the_docstring_says():
    """Sums over pairs: a pair (i, j) has the expected weight gamma_i (1 - p_j gamma_j)."""

    def loss(clicks):
        n_pairs = sum(a > b for a, b in itertools.product(clicks[0].tolist(), repeat=2))
        return n_pairs * rk.ranknet_loss(SCORES, clicks, weights=inverse(clicks), reduction="none")[0]

    stated = 0.0
    for i, j in itertools.permutations(range(4), 2):
        cost = torch.nn.functional.softplus(SCORES[0, j] - SCORES[0, i]).item()
        stated += ATTRACTION[i] * (1 - THETA[j] * ATTRACTION[j]) * cost
    assert expected(loss).item() == pytest.approx(stated, rel=1e-6)


def test_clicks_weigh_the_inverse_of_their_position_and_others_one():
    log = rk.from_arrays(np.zeros((5, 1)), [1, 0, 1, 0, 1], ["a", "a", "a", "b", "b"])
    assert rk.propensity_weighted(log, [0.8, 0.4, 0.1]).weights.tolist() == pytest.approx([1.25, 1, 10, 1, 2.5])
    assert rk.propensity_weighted(log, torch.tensor([0.8, 0.4, 0.1]), max_weight=2).weights.tolist() == [
        1.25,
        1,
        2,
        1,
        2,
    ]
    by_query = replace(log, weights=np.array([1, 3], np.float32))
    assert rk.propensity_weighted(by_query, [1, 1, 0.5]).weights.tolist() == [1, 1, 2, 3, 3]
    by_doc = replace(log, weights=np.arange(5, dtype=np.float32))
    assert rk.propensity_weighted(by_doc, [1, 1, 0.5]).weights.tolist() == [0, 1, 4, 3, 4]


@pytest.mark.parametrize("propensities", [[1.0], [1.0, 0.0], [1.0, np.nan], [[1.0, 1.0]], []])
def test_propensities_that_cannot_weigh(propensities):
    log = rk.from_arrays(np.zeros((2, 1)), [1, 0], ["a", "a"])
    with pytest.raises(rk.ConfigError, match="expected at least 2 propensities above 0"):
        rk.propensity_weighted(log, propensities)


def test_other_refusals():
    log = rk.from_arrays(np.zeros((2, 1)), [1, 0], ["a", "a"])
    with pytest.raises(rk.ConfigError, match="expected max_weight above 0; got 0"):
        rk.propensity_weighted(log, [1, 1], max_weight=0)
    with pytest.raises(rk.DataError, match="expected a log with clicks as labels"):
        rk.propensity_weighted(replace(log, labels=None), [1, 1])
    with pytest.raises(rk.DataError, match="expected clicks at the first position of lists of 2 documents; got none"):
        rk.estimate_propensities(replace(log, labels=np.array([0, 1], np.float32)))


def test_propensities_from_random_orders():
    # Lists of all sizes, longer ones with better documents: the first position differs by the length of its list.
    data = rk.make_ranking(3000, n_features=2, list_size=(1, 6), seed=0)
    better = np.minimum(0.1 + 0.12 * np.repeat(data.list_sizes, data.list_sizes), 1)
    rng = np.random.default_rng(0)
    shown = rk.shown_lists(data, rng.random(data.n_docs))
    log = rk.simulate_clicks(shown, rk.PositionBasedModel(), attraction=better, n_sessions=50, summed=True, seed=rng)
    np.testing.assert_allclose(rk.estimate_propensities(log), 1 / np.arange(1, 7), rtol=0.05)


def test_the_order_of_a_ranker_tells_no_propensities():
    data = rk.make_ranking(500, n_features=2, list_size=(6, 6), seed=0)
    log = rk.simulate_clicks(rk.shown_lists(data, data.labels), rk.PositionBasedModel(), n_sessions=50, summed=True)
    assert rk.estimate_propensities(log)[5] < 0.5 / 6
