import inspect
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives import (
    circle_loss,
    label_difference,
    margin_mse_loss,
    ndcg_delta,
    pairwise_exponential_loss,
    pairwise_hinge_loss,
    pairwise_logistic_loss,
    pairwise_mse_loss,
    pairwise_soft_zero_one_loss,
    ranknet_loss,
)
from rankkit.objectives.pairs.losses import Logistic
from rankkit.objectives.pairs.objective import pair_objective
from tests.oracles import objectives as oracle
from tests.oracles import pairs

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
        (ranknet_loss, pairs.ranknet, {"ties": "half", "sigma": 2.0}),
        (pairwise_logistic_loss, pairs.ranknet, {"ties": "half"}),
        (pairwise_soft_zero_one_loss, pairs.pairwise_soft_zero_one, {"sigma": 2.0}),
        (pairwise_exponential_loss, pairs.pairwise_exponential, {"sigma": 1.5}),
        (pairwise_mse_loss, pairs.pairwise_mse, {}),
        (margin_mse_loss, pairs.margin_mse, {}),
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


@pytest.mark.parametrize(
    "objective",
    [
        ranknet_loss,
        lambda *given: ranknet_loss(*given, ties="half"),
        pairwise_hinge_loss,
        pairwise_soft_zero_one_loss,
        pairwise_exponential_loss,
        pairwise_mse_loss,
        margin_mse_loss,
    ],
)
def test_gradcheck(objective):
    scores, labels, mask = lists(3, 5, seed=3)
    scores.requires_grad_()
    assert torch.autograd.gradcheck(lambda s: objective(s, labels, mask), (scores,))


def test_half_target_of_tied_pairs():
    scores, labels = torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0]])
    a, b = (math.log1p(math.exp(x)) for x in (-2, -1))
    tied = (math.log1p(math.exp(1)) + math.log1p(math.exp(-1))) / 2
    assert float(ranknet_loss(scores, labels, ties="half")) == pytest.approx((a + b + tied) / 3, rel=1e-6)
    assert float(ranknet_loss(scores, labels)) == pytest.approx((a + b) / 2, rel=1e-6)
    # A list of one grade has pairs then, which pull its scores together.
    scores = torch.tensor([[2.0, 0.0]], requires_grad=True)
    ranknet_loss(scores, torch.ones(1, 2), ties="half").backward()
    assert scores.grad.tolist() == [[pytest.approx(math.tanh(1) / 2), pytest.approx(-math.tanh(1) / 2)]]


def test_ties_that_cannot_work():
    with pytest.raises(ConfigError, match="f: expected ties 'drop' or 'half'; got 'keep'"):
        inspect.unwrap(pair_objective)("f", Logistic(1.0), S, Y, None, None, "mean", None, "keep")
    with pytest.raises(ConfigError, match="expected ties='drop' beside a pair_weight"):
        pairwise_logistic_loss(S, Y, ties="half", pair_weight=ndcg_delta())


@pytest.mark.parametrize("gap", [5.0, 29.0, 31.0, 240.0, 2e4])
def test_exponential_goes_on_as_its_tangent(gap):
    scores = torch.tensor([[0.0, gap]], dtype=torch.float64, requires_grad=True)
    loss = pairwise_exponential_loss(scores, torch.tensor([[1.0, 0.0]]))
    loss.backward()
    expected = math.exp(gap) if gap <= 30 else math.exp(30) * (1 + gap - 30)
    assert loss.item() == pytest.approx(expected, rel=1e-12)
    assert scores.grad[0, 1].item() == pytest.approx(math.exp(min(gap, 30)), rel=1e-12)


def test_squares_against_label_differences():
    # The pairs differ in s - y by 3 - 0, 3 - 0, 0 - 0; the tied pair counts in pairwise_mse only.
    scores, labels = torch.tensor([[3.0, 1.0, 0.0, 0.0]]), torch.tensor([[0.0, 1.0, 0.0, 0.0]])
    errors = [3.0, 0.0, 0.0, 0.0]
    assert float(pairwise_mse_loss(scores, labels)) == pytest.approx(sum((errors[0] - e) ** 2 for e in errors) / 6)
    assert float(margin_mse_loss(scores, labels)) == pytest.approx(9 / 3)
    weighted = pairwise_mse_loss(scores, labels, pair_weight=label_difference())
    assert float(weighted) == pytest.approx(9)
    with pytest.raises(ConfigError, match="expected a pair_weight without normalize_distance"):
        pairwise_mse_loss(scores, labels, pair_weight=ndcg_delta(normalize_distance=True))


def test_pairwise_mse_of_far_off_scores_loses_no_digits():
    # n sum e^2 - (sum e)^2 would cancel.
    scores = torch.tensor([[10_000.0, 10_001.0]])
    assert float(pairwise_mse_loss(scores, torch.tensor([[0.0, 1.0]]))) == 0
    assert float(pairwise_mse_loss(scores, torch.tensor([[1.0, 0.0]]))) == pytest.approx(4)


@pytest.mark.parametrize("options", [{}, {"margin": 0.4, "gamma": 2.0, "relevant_from": 2.0}])
def test_circle_equals_its_loop_and_equation_10(options):
    scores, labels, mask = lists(5, 9, seed=4)
    labels[:, 0], labels[:, 1] = 0, 3
    mask[:, :2] = True
    scores.requires_grad_()
    weights = torch.rand(5, 9, dtype=torch.float64) + 0.5
    values = circle_loss(scores, labels, mask, weights=weights, reduction="none", **options)
    values.sum().backward()
    for query in range(5):
        given = [real(each, mask, query) for each in (scores, labels, weights)]
        assert values[query].item() == pytest.approx(pairs.circle(*given, **options), rel=1e-11)
        assert real(scores.grad, mask, query) == pytest.approx(pairs.circle_slopes(*given, **options), abs=1e-9)


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
