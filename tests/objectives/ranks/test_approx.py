"""ApproxNDCG, its hinge bound, ApproxMRR, ApproxAP, approximate precision, and their means over Gumbel noise."""

import functools
import inspect

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.metrics import average_precision, mrr, ndcg, precision
from rankkit.objectives import (
    approx_map_loss,
    approx_mrr_loss,
    approx_ndcg_loss,
    approx_precision_loss,
    bound_ndcg_loss,
    gumbel_approx_ndcg_loss,
    gumbel_loss,
)
from tests.oracles import metric_driven as oracle
from tests.oracles.objectives import slopes

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])

CASES = [
    (approx_ndcg_loss, oracle.approx_ndcg, {"temperature": 0.4}),
    (approx_ndcg_loss, oracle.approx_ndcg, {"gain": "linear", "temperature": 2.0}),
    (bound_ndcg_loss, oracle.bound_ndcg, {"margin": 0.7531}),
    (bound_ndcg_loss, oracle.bound_ndcg, {"margin": 5.0321, "gain": "linear"}),
    (approx_mrr_loss, oracle.approx_mrr, {"relevant_from": 2.0, "temperature": 0.5}),
    (approx_mrr_loss, oracle.approx_mrr, {"first_only": True, "temperature": 0.5}),
    (approx_map_loss, oracle.approx_map, {"temperature": 0.5, "rank_temperature": 0.3}),
    (approx_precision_loss, oracle.approx_precision, {"k": 2, "temperature": 0.5, "rank_temperature": 0.6}),
]

# Scores that are no multiples of one another's gaps: neither ties nor pairs at exactly a margin.
documents = st.lists(
    st.tuples(st.floats(-3, 3).map(lambda x: round(x, 1)), st.integers(0, 4), st.floats(0.1, 2)), min_size=2, max_size=9
)


def test_golden_values():
    assert float(approx_ndcg_loss(S, Y, temperature=1.0)) == pytest.approx(-0.66995, abs=5e-6)
    assert float(approx_ndcg_loss(S, Y)) == pytest.approx(-0.65900, abs=5e-6)
    assert float(approx_map_loss(S, Y, rank_temperature=0.05)) == pytest.approx(-(1 / 2 + 2 / 3) / 2, abs=1e-4)
    assert float(approx_mrr_loss(S, Y)) == pytest.approx(-(1 / 2 + 1 / 3) / 2, abs=1e-4)
    assert float(approx_mrr_loss(S, Y, first_only=True)) == pytest.approx(-1 / 2, abs=1e-4)
    assert float(approx_precision_loss(S, Y, k=2, rank_temperature=0.05)) == pytest.approx(-1 / 2, abs=1e-4)


@pytest.mark.parametrize(("objective", "slow", "options"), CASES)
@settings(max_examples=25, deadline=None)
@given(documents)
def test_equal_to_slow_loops_in_value_and_gradient(objective, slow, options, docs):
    listed = [score + 0.013 * place**1.5 for place, (score, _, _) in enumerate(docs)]
    grades, weights = [float(grade) for _, grade, _ in docs], [weight for _, _, weight in docs]
    scores = torch.tensor([listed], dtype=torch.float64, requires_grad=True)
    loss = objective(scores, torch.tensor([grades]), weights=torch.tensor([weights]).double(), **options)
    loss.backward()
    found = slow(listed, grades, weights=[float(w) for w in torch.tensor(weights).double()], **options)
    assert loss.item() == pytest.approx(found, rel=1e-11, abs=1e-12)
    expected = slopes(slow, listed, grades, step=1e-6, weights=weights, **options)
    assert scores.grad[0].tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)


METRICS = [
    (approx_ndcg_loss, {}, ndcg, {}),
    (functools.partial(approx_mrr_loss, first_only=True), {}, mrr, {}),
    (approx_map_loss, {"rank_temperature": 0.01}, average_precision, {}),
    (approx_precision_loss, {"k": 3, "rank_temperature": 0.01}, precision, {"k": 3}),
]


@pytest.mark.parametrize(("objective", "options", "metric", "metric_options"), METRICS)
def test_far_apart_scores_give_minus_the_metric(objective, options, metric, metric_options):
    generator = torch.Generator().manual_seed(3)
    scores = torch.stack([torch.randperm(9, generator=generator) for _ in range(20)]).double() * 10
    labels = torch.randint(0, 4, (20, 9), generator=generator).double()
    labels[:, 0], labels[:, 1] = 0, 3
    mask = torch.arange(9) < torch.randint(4, 10, (20, 1), generator=generator)
    found = objective(scores, labels, mask, reduction="none", **options)
    torch.testing.assert_close(-found, metric(scores, labels, mask, **metric_options), rtol=1e-9, atol=1e-12)


def test_the_bound_is_never_below_minus_ndcg():
    generator = torch.Generator().manual_seed(4)
    scores = torch.randn(50, 12, generator=generator, dtype=torch.float64)
    labels = torch.randint(0, 4, (50, 12), generator=generator).double()
    for margin in (0.01, 0.5, 4.0):
        bound = bound_ndcg_loss(scores, labels, margin=margin, reduction="none")
        assert (bound >= -ndcg(scores, labels) - 1e-12).all()
    # It is met where the one relevant document leads by the margin.
    scores, labels = torch.tensor([[3.0, 2.0, 0.5]]), torch.tensor([[1.0, 0.0, 0.0]])
    assert bound_ndcg_loss(scores, labels) == -1
    assert bound_ndcg_loss(scores, labels, margin=1.5) > -1


def test_graded_labels_are_averaged_as_precision_and_short_lists_are_not_zeroed():
    # PTRanking gives an average precision of .389 on graded labels instead of .583, and 0 at a cut beyond the list.
    assert float(approx_map_loss(S * 100, Y, rank_temperature=0.01)) == pytest.approx(-0.58333, abs=1e-5)
    assert float(approx_precision_loss(S * 100, Y, k=10, rank_temperature=0.01)) == pytest.approx(-0.2)


def test_a_list_without_relevant_documents_does_not_borrow_from_its_neighbour():
    # allRank looks for relevant documents in the whole batch: a blank query scores 1 beside another one.
    labels = torch.tensor([[0.0, 0.0, 0.0], [0.0, 2.0, 1.0]])
    for objective in (approx_mrr_loss, approx_map_loss, approx_precision_loss, approx_ndcg_loss):
        values = objective(S.repeat(2, 1), labels, reduction="none")
        assert values[0] == 0
        assert values[1] == objective(S, Y)
        assert objective(S.repeat(2, 1), labels) == values[1]


def test_padding_stays_behind_scores_of_any_size():
    # TF-Ranking places padding 1e-6 below the least score, which float32 absorbs from about 32 on: ties with padding.
    mask = torch.tensor([[True, True, False]])
    for size in (1.0, 40.0, 1e4):
        scores = torch.tensor([[size, size + 1, size]])
        labels = torch.tensor([[1.0, 0.0, 0.0]])
        assert approx_ndcg_loss(scores, labels, mask) == approx_ndcg_loss(scores[:, :2], labels[:, :2])


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_labels_of_thirty_and_more_lose_nothing(dtype):
    scores = torch.tensor([[0.25, 0.5, 0.75, 0.0]], dtype=dtype)
    for best in (30, 3000):
        labels = torch.tensor([[best, best - 1, 1, 0]]).float()
        # Beside 2^30, gains of 2^y - 1 are as good as 2^y.
        ranks = oracle.approx_ranks(scores[0].tolist())
        first, second = 1 / torch.log2(1 + torch.tensor(ranks[:2]))
        expected = -(first + second / 2) / (1 + 0.5 / torch.log2(torch.tensor(3.0)))
        assert float(approx_ndcg_loss(scores, labels)) == pytest.approx(float(expected), rel=1e-5)


def test_saturation_is_finite_and_a_warmer_temperature_ends_it():
    scores, labels = torch.tensor([[1e4, -1e4]], requires_grad=True), torch.tensor([[0.0, 1.0]])
    loss = approx_ndcg_loss(scores, labels)
    (cold,) = torch.autograd.grad(loss, scores)
    assert loss.item() == pytest.approx(-1 / torch.log2(torch.tensor(3.0)).item())
    assert (cold.abs() < 1e-30).all()
    (warm,) = torch.autograd.grad(approx_ndcg_loss(scores, labels, temperature=1e4), scores)
    assert warm[0, 1] < 0 < warm[0, 0]
    (hinge,) = torch.autograd.grad(bound_ndcg_loss(scores, labels), scores)
    assert hinge[0, 1] < 0 < hinge[0, 0]


def test_tied_first_documents_share_the_gradient_of_the_reciprocal_rank():
    scores = torch.zeros(1, 3, requires_grad=True)
    approx_mrr_loss(scores, torch.tensor([[1.0, 1.0, 0.0]]), first_only=True).backward()
    assert scores.grad[0, 0] == scores.grad[0, 1] < 0


def test_gumbel_loss_is_the_mean_over_the_drawn_noise():
    scores, labels = torch.randn(3, 5, dtype=torch.float64), torch.tensor([[0.0, 1, 2, 0, 3]]).double().repeat(3, 1)
    mask = torch.arange(5) < torch.tensor([[5], [3], [4]])
    generator = torch.Generator().manual_seed(7)
    found = gumbel_approx_ndcg_loss(scores, labels, mask, n_samples=3, beta=0.5, generator=generator, reduction="none")
    noise = torch.empty(12, 3, dtype=torch.float64).exponential_(generator=torch.Generator().manual_seed(7)).log()
    expected, row = torch.zeros(3, dtype=torch.float64), 0
    for query, size in enumerate((5, 3, 4)):
        for sample in range(3):
            noisy = scores[query, :size] - 0.5 * noise[row : row + size, sample]
            expected[query] += oracle.approx_ndcg(noisy.tolist(), labels[query, :size].tolist()) / 3
        row += size
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=0)


def test_gumbel_draws_anew_in_each_call_and_alike_with_one_seed():
    drawn = [float(gumbel_approx_ndcg_loss(S, Y)) for _ in range(2)]
    assert drawn[0] != drawn[1]
    torch.manual_seed(0)
    assert float(gumbel_approx_ndcg_loss(S, Y)) == drawn[0]
    seeded = [float(gumbel_approx_ndcg_loss(S, Y, generator=torch.Generator().manual_seed(5))) for _ in range(2)]
    assert seeded[0] == seeded[1]


@pytest.mark.parametrize("weights", [None, torch.tensor([2.0, 0.5]), torch.rand(2, 3)])
@pytest.mark.parametrize("reduction", ["mean", "none"])
def test_gumbel_without_noise_is_the_objective(weights, reduction):
    given_lists = S.repeat(2, 1), torch.cat([Y, Y.roll(1)])
    for objective in (approx_mrr_loss, functools.partial(approx_map_loss, temperature=1.0)):
        found = gumbel_loss(*given_lists, objective=objective, beta=0.0, weights=weights, reduction=reduction)
        torch.testing.assert_close(found, objective(*given_lists, weights=weights, reduction=reduction))


def test_gumbel_of_two_documents_has_the_expected_mean():
    # The difference of two Gumbel numbers is logistic: the first wins with probability sigmoid(s_1 - s_2).
    scores, labels = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 0.0]])
    found = gumbel_approx_ndcg_loss(scores, labels, n_samples=20_000, temperature=1e-4)
    chance = torch.sigmoid(torch.tensor(1.0)).item()
    second = 1 / torch.log2(torch.tensor(3.0)).item()
    assert float(found) == pytest.approx(-(chance + (1 - chance) * second), abs=0.005)


@pytest.mark.parametrize(
    ("objective", "options", "name"),
    [
        (approx_ndcg_loss, {"temperature": 0.0}, "temperature"),
        (approx_ndcg_loss, {"gain": "cubic"}, "gain"),
        (bound_ndcg_loss, {"margin": 0.0}, "margin"),
        (approx_mrr_loss, {"temperature": -1.0}, "temperature"),
        (approx_map_loss, {"rank_temperature": 0.0}, "rank_temperature"),
        (approx_precision_loss, {"k": 0}, "k of"),
        (approx_precision_loss, {"rank_temperature": 0.0}, "rank_temperature"),
        (gumbel_approx_ndcg_loss, {"n_samples": 0}, "n_samples"),
        (gumbel_approx_ndcg_loss, {"beta": -1.0}, "beta"),
        (gumbel_approx_ndcg_loss, {"temperature": 0.0}, "temperature"),
    ],
)
def test_options_that_cannot_work(objective, options, name):
    with pytest.raises(ConfigError, match=rf"^{objective.__name__}: expected {name}"):
        inspect.unwrap(objective)(S, Y, **options)


@pytest.mark.parametrize("objective", [approx_ndcg_loss, bound_ndcg_loss])
def test_labels_below_zero_are_refused(objective):
    with pytest.raises(DataError, match=rf"^{objective.__name__}: expected labels of at least 0; got -2"):
        objective(S, Y - 2)


def test_wrong_weights_are_told_in_the_name_of_the_function_called():
    with pytest.raises(ShapeError, match=r"^gumbel_approx_ndcg_loss: expected weights \[1\]"):
        inspect.unwrap(gumbel_approx_ndcg_loss)(S, Y, weights=torch.ones(2))
