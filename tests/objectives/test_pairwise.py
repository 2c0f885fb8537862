import inspect
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives import pairwise_hinge_loss, pairwise_logistic_loss, ranknet_loss
from tests.oracles import objectives as oracle

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])


def lists(n_queries, list_size, seed=0, dtype=torch.float64):
    """Random scores, grades 0..4 and a mask that leaves each list at least one document."""
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(n_queries, list_size, generator=generator, dtype=dtype)
    labels = torch.randint(0, 5, (n_queries, list_size), generator=generator).to(dtype)
    sizes = torch.randint(1, list_size + 1, (n_queries, 1), generator=generator)
    return scores, labels, torch.arange(list_size) < sizes


def real(values, mask, query):
    return values[query][mask[query]].tolist()


def test_golden_values():
    # The pairs (2, 1), (3, 1) and (2, 3) have differences -1, -2 and 1.
    a, b, c = (math.log1p(math.exp(x)) for x in (1, 2, -1))
    assert float(ranknet_loss(S, Y)) == pytest.approx((a + b + c) / 3, rel=1e-6)
    assert float(ranknet_loss(S, Y)) == pytest.approx(1.25115, abs=1e-5)
    assert float(pairwise_hinge_loss(S, Y)) == pytest.approx((2 + 3 + 0) / 3)
    ordered = torch.tensor([[2.0, 1.0, 0.0]])
    assert float(ranknet_loss(ordered, ordered)) * 3 == pytest.approx(0.753451, abs=1e-6)


def test_hinge_of_one_pair_is_margin_ranking_loss():
    scores = torch.tensor([[0.3, 0.1]])
    expected = torch.nn.functional.margin_ranking_loss(scores[:, 0], scores[:, 1], torch.ones(1), margin=1.0)
    torch.testing.assert_close(pairwise_hinge_loss(scores, torch.tensor([[1.0, 0.0]])), expected)


@pytest.mark.parametrize(
    ("objective", "slow", "options"),
    [
        (ranknet_loss, oracle.pairwise_logistic, {}),
        (ranknet_loss, oracle.pairwise_logistic, {"sigma": 2.5}),
        (pairwise_logistic_loss, oracle.pairwise_logistic, {"sigma": 0.5}),
        (pairwise_hinge_loss, oracle.pairwise_hinge, {}),
        (pairwise_hinge_loss, oracle.pairwise_hinge, {"margin": 0.25}),
    ],
)
def test_equal_to_slow_loops_in_value_and_gradient(objective, slow, options):
    scores, labels, mask = lists(6, 9)
    scores.requires_grad_()
    weights = torch.rand(6, 9, dtype=torch.float64) + 0.5
    values = objective(scores, labels, mask, weights=weights, reduction="none", **options)
    values.sum().backward()
    for query in range(6):
        arguments = {"labels": real(labels, mask, query), "weights": real(weights, mask, query), **options}
        listed = real(scores, mask, query)
        assert values[query].item() == pytest.approx(slow(listed, **arguments), rel=1e-12, abs=1e-15)
        assert real(scores.grad, mask, query) == pytest.approx(oracle.slopes(slow, listed, **arguments), abs=1e-8)


def test_mean_is_over_lists_with_two_grades():
    scores = torch.tensor([[1.0, 0.0], [5.0, 7.0], [0.0, 0.0]])
    labels = torch.tensor([[1.0, 0.0], [2.0, 2.0], [1.0, 0.0]])
    expected = (math.log1p(math.exp(-1)) + math.log(2)) / 2
    assert float(ranknet_loss(scores, labels)) == pytest.approx(expected, rel=1e-6)


def test_weights_multiply_and_divisors_stay_counts():
    query_weights = torch.tensor([2.0])
    doc_weights = torch.tensor([[2.0, 3.0, 5.0]])
    # The pairs (2, 1), (3, 1) and (2, 3) have differences -1, -2 and 1.
    a, b, c = (math.log1p(math.exp(x)) for x in (1, 2, -1))
    assert float(ranknet_loss(S, Y, weights=query_weights)) == pytest.approx(2 * (a + b + c) / 3, rel=1e-6)
    weighted = (3 * 2 * a + 5 * 2 * b + 3 * 5 * c) / 3
    assert float(ranknet_loss(S, Y, weights=doc_weights)) == pytest.approx(weighted, rel=1e-6)


@pytest.mark.parametrize("objective", [ranknet_loss, pairwise_hinge_loss])
def test_gradcheck(objective):
    scores, labels, mask = lists(3, 5, seed=3)
    scores.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: objective(s, labels, mask), (scores,))


def test_second_derivative_is_an_error_and_not_a_silent_zero():
    scores = S.clone().requires_grad_()
    (grad,) = torch.autograd.grad(ranknet_loss(scores, Y), scores, create_graph=True)
    with pytest.raises(ConfigError, match="differentiated once; got a second"):
        grad.square().sum().backward()


def test_no_pair_in_the_batch_is_zero_and_not_nan():
    # allRank's RankNet divides by the number of pairs and gives NaN here.
    scores = torch.tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    loss = ranknet_loss(scores, torch.ones(2, 2))
    loss.backward()
    assert loss.item() == 0
    assert (scores.grad == 0).all()


@pytest.mark.parametrize("gap", [240.0, 1000.0, 20000.0])
def test_wide_gaps_cost_what_they_are(gap):
    # pytorchltr's logistic loss overflows to inf with NaN gradients at a gap of 240.
    scores = torch.tensor([[-gap / 2, gap / 2]], requires_grad=True)
    loss = ranknet_loss(scores, torch.tensor([[1.0, 0.0]]))
    loss.backward()
    assert loss.item() == pytest.approx(gap)
    assert scores.grad.tolist() == [[-1.0, 1.0]]
    assert ranknet_loss(scores, torch.tensor([[0.0, 1.0]])).item() < 1e-30


def test_a_score_that_is_not_finite_shows_as_nan():
    scores, labels = torch.tensor([[1.0, torch.nan], [1.0, 0.0]]), torch.tensor([[1.0, 0.0], [1.0, 0.0]])
    values = ranknet_loss(scores, labels, reduction="none")
    assert values[0].isnan()
    assert values[1].isfinite()


@pytest.mark.parametrize(
    ("objective", "options", "message"),
    [
        (ranknet_loss, {"sigma": 0.0}, "ranknet_loss: expected sigma above 0; got 0.0"),
        (pairwise_logistic_loss, {"sigma": math.inf}, "pairwise_logistic_loss: expected sigma above 0; got inf"),
        (pairwise_hinge_loss, {"margin": -1.0}, "pairwise_hinge_loss: expected margin of at least 0; got -1.0"),
    ],
)
def test_options_that_cannot_work(objective, options, message):
    with pytest.raises(ConfigError, match=message):
        inspect.unwrap(objective)(S, Y, **options)


def test_weights_of_another_shape():
    with pytest.raises(ShapeError, match=r"ranknet_loss: expected weights \[1\], one a query, or \[1, 3\]"):
        inspect.unwrap(ranknet_loss)(S, Y, weights=torch.ones(3))


@settings(max_examples=40, deadline=None)
@given(n_queries=st.integers(0, 4), list_size=st.integers(0, 40), seed=st.integers(0, 999))
def test_any_shape_equals_the_slow_loop(n_queries, list_size, seed):
    if list_size:
        scores, labels, mask = lists(n_queries, list_size, seed)
    else:
        scores, labels, mask = torch.zeros(n_queries, 0), torch.zeros(n_queries, 0), torch.zeros(n_queries, 0).bool()
    values = ranknet_loss(scores, labels, mask, reduction="none")
    expected = [
        oracle.pairwise_logistic(real(scores, mask, query), real(labels, mask, query)) for query in range(n_queries)
    ]
    assert values.tolist() == pytest.approx(expected, rel=1e-12)
