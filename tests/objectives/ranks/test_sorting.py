"""NeuralSort's matrix, Sinkhorn scaling, and the objectives on top of them."""

import inspect
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, DataError
from rankkit.metrics import ndcg
from rankkit.objectives import neural_ndcg_loss, neural_sort_loss, pirank_loss
from rankkit.objectives.ranks.sorting import LARGEST_LIST, neural_sort, sinkhorn
from tests.oracles import metric_driven as oracle
from tests.oracles.objectives import slopes

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])

CASES = [
    (neural_ndcg_loss, oracle.neural_ndcg, {"n_iterations": 4}),
    (neural_ndcg_loss, oracle.neural_ndcg, {"n_iterations": 3, "transposed": True, "temperature": 0.7}),
    (neural_ndcg_loss, oracle.neural_ndcg, {"n_iterations": 2, "k": 2, "gain": "linear"}),
    (pirank_loss, oracle.pirank, {}),
    (pirank_loss, oracle.pirank, {"k": 3, "temperature": 2.0}),
]
documents = st.lists(
    st.tuples(st.floats(-3, 3).map(lambda x: round(x, 1)), st.integers(0, 4), st.floats(0.1, 2)), min_size=2, max_size=7
)


def lists(n_queries=4, list_size=7, seed=0):
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randn(n_queries, list_size, generator=generator, dtype=torch.float64)
    sizes = torch.randint(2, list_size + 1, (n_queries, 1), generator=generator)
    mask = (torch.arange(list_size) < sizes)[:, torch.randperm(list_size, generator=generator)]
    return torch.where(mask, scores, 0), mask


def test_golden_values():
    assert float(neural_ndcg_loss(S, Y)) == pytest.approx(-0.71519, abs=5e-6)
    assert float(neural_ndcg_loss(S, Y, transposed=True)) == pytest.approx(-0.71519, abs=5e-6)


@pytest.mark.parametrize("temperature", [0.3, 1.0])
def test_matrix_of_every_list_equals_the_slow_loop(temperature):
    scores, mask = lists()
    found = neural_sort(scores, mask, temperature)
    for query in range(4):
        docs = mask[query].nonzero()[:, 0]
        rows = torch.tensor(oracle.neural_sort(scores[query, docs].tolist(), temperature), dtype=torch.float64)
        torch.testing.assert_close(found[query, : len(docs)][:, docs], rows, rtol=1e-11, atol=1e-12)
        assert (found[query, : len(docs)][:, ~mask[query]].exp() == 0).all()


def test_first_rows_are_those_of_the_whole_matrix():
    scores, mask = lists()
    assert torch.equal(neural_sort(scores, mask, 1.0, 3), neural_sort(scores, mask, 1.0)[:, :3])


@pytest.mark.parametrize("shift", [0.0, 1e4])
def test_float32_logits_do_not_cancel(shift):
    scores = torch.randn(2, 300, dtype=torch.float64)
    scores = (scores + shift).float()
    mask = torch.ones(2, 300, dtype=torch.bool)
    torch.testing.assert_close(
        neural_sort(scores, mask, 1.0).double(), neural_sort(scores.double(), mask, 1.0), rtol=1e-5, atol=1e-5
    )


def test_scores_far_apart_sort_and_ties_share():
    scores, mask = torch.tensor([[1e4, -1e4, 1e4, 0.0]]), torch.ones(1, 4, dtype=torch.bool)
    half = [0.5, 0.0, 0.5, 0.0]
    assert neural_sort(scores, mask, 1.0).exp()[0].tolist() == [half, half, [0, 0, 0, 1], [0, 1, 0, 0]]


def test_equal_scores_get_equal_gradients():
    scores = torch.zeros(1, 4, requires_grad=True)
    pirank_loss(scores, torch.tensor([[1.0, 0.0, 0.0, 0.0]])).backward()
    assert scores.grad[0, 1] == scores.grad[0, 2] == scores.grad[0, 3] > 0 > scores.grad[0, 0]


@pytest.mark.parametrize("transposed", [False, True])
def test_scaling_equals_dividing_the_matrix_and_its_autograd(transposed):
    mask = lists()[1]
    real = mask[:, :, None] & mask[:, None]
    matrix = torch.where(real, torch.rand(4, 7, 7, dtype=torch.float64) + 0.01, 0).requires_grad_()
    given_matrix = matrix.mT if transposed else matrix
    rows, columns = sinkhorn(given_matrix, 6)
    plain = given_matrix
    for _ in range(6):
        plain = plain / plain.sum(1, keepdim=True).where(mask[:, None], 1)
        plain = plain / plain.sum(2, keepdim=True).where(mask[:, :, None], 1)
    scaled = rows[:, :, None] * given_matrix * columns[:, None]
    torch.testing.assert_close(scaled, plain, rtol=1e-12, atol=1e-15)
    worth = torch.randn(4, 7, 7, dtype=torch.float64)
    (found,) = torch.autograd.grad((scaled * worth).sum(), matrix, retain_graph=True)
    (expected,) = torch.autograd.grad((plain * worth).sum(), matrix)
    torch.testing.assert_close(found * real, expected * real, rtol=1e-10, atol=1e-12)


def test_scaled_matrices_are_doubly_stochastic():
    scores, mask = lists()
    # Ranks of a list stand in its first rows, so rows of the matrix are real by rank, not by place.
    by_rank = torch.arange(7) < mask.sum(1, keepdim=True)
    real = by_rank[:, :, None] & mask[:, None]
    matrix = torch.where(real, neural_sort(scores, mask, 1.0), -torch.inf).exp()
    rows, columns = sinkhorn(matrix, 200)
    scaled = rows[:, :, None] * matrix * columns[:, None]
    torch.testing.assert_close(scaled.sum(2), by_rank.double(), rtol=1e-12, atol=0)
    torch.testing.assert_close(scaled.sum(1), mask.double(), rtol=1e-6, atol=0)


@pytest.mark.parametrize(("objective", "slow", "options"), CASES)
@settings(max_examples=20, deadline=None)
@given(documents)
def test_equal_to_slow_loops_in_value_and_gradient(objective, slow, options, docs):
    listed = [score + 0.013 * place**1.5 for place, (score, _, _) in enumerate(docs)]
    grades, weights = [float(grade) for _, grade, _ in docs], [weight for _, _, weight in docs]
    scores = torch.tensor([listed], dtype=torch.float64, requires_grad=True)
    loss = objective(scores, torch.tensor([grades]), weights=torch.tensor([weights]).double(), **options)
    loss.backward()
    weights = [float(w) for w in torch.tensor(weights).double()]
    assert loss.item() == pytest.approx(slow(listed, grades, weights=weights, **options), rel=1e-10, abs=1e-12)
    expected = slopes(slow, listed, grades, step=1e-6, weights=weights, **options)
    assert scores.grad[0].tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(documents, st.sampled_from([0.5, 1.0, 3.0]))
def test_cross_entropy_is_the_mean_over_orders_of_the_labels(docs, temperature):
    listed = [score + 0.013 * place**1.5 for place, (score, _, _) in enumerate(docs)]
    grades = [float(grade) for _, grade, _ in docs]
    scores = torch.tensor([listed], dtype=torch.float64, requires_grad=True)
    loss = neural_sort_loss(scores, torch.tensor([grades]), temperature=temperature)
    loss.backward()
    slow = oracle.neural_sort_cross_entropy
    assert loss.item() == pytest.approx(slow(listed, grades, temperature), rel=1e-10, abs=1e-12)
    expected = slopes(slow, listed, grades, step=1e-6, temperature=temperature)
    assert scores.grad[0].tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_cross_entropy_survives_scores_far_apart():
    # TF-Ranking takes log(P + 1e-20), whose gradient is 0 here.
    scores = torch.tensor([[-60.0, 60.0]], requires_grad=True)
    loss = neural_sort_loss(scores, torch.tensor([[1.0, 0.0]]))
    loss.backward()
    # Row 1 has logits (s_1, s_2) less the same gap, row 2 their negatives: both cost softplus(120).
    assert loss.item() == pytest.approx(120)
    assert scores.grad[0].tolist() == pytest.approx([-1.0, 1.0])


@pytest.mark.parametrize("objective", [neural_ndcg_loss, pirank_loss])
@pytest.mark.parametrize("k", [None, 3, 50])
def test_cold_sorts_give_minus_ndcg(objective, k):
    scores, mask = lists(seed=2)
    labels = torch.randint(0, 4, scores.shape).double()
    labels[mask.long().cumsum(1).eq(1) & mask], labels[mask.long().cumsum(1).eq(2) & mask] = 0, 3
    found = objective(scores, labels, mask, temperature=1e-5, k=k, reduction="none")
    torch.testing.assert_close(-found, ndcg(scores, labels, mask, k=k), rtol=1e-9, atol=0)


def test_ranks_and_documents_are_masked_both():
    # What stands in padded places, and how many there are, changes nothing: n is the number of real documents.
    scores, labels = torch.tensor([[0.3, 9.0, -0.2, 0.1, 9.0]]), torch.tensor([[2.0, 9.0, 0.0, 1.0, 9.0]])
    mask = torch.tensor([[True, False, True, True, False]])
    kept = mask[0].nonzero()[:, 0]
    for objective in (neural_ndcg_loss, pirank_loss, neural_sort_loss):
        torch.testing.assert_close(objective(scores, labels, mask), objective(scores[:, kept], labels[:, kept]))


def test_long_lists_are_refused_and_told_what_to_use():
    n = LARGEST_LIST + 1
    scores, labels = torch.zeros(1, n), torch.zeros(1, n)
    for objective in (neural_ndcg_loss, neural_sort_loss, pirank_loss):
        with pytest.raises(ConfigError, match=r"expected at most 4,000,000 .*; got 2,001 by 2,001\. Use approx_ndcg"):
            objective(scores, labels)
    assert pirank_loss(scores, labels, k=10) == 0


def test_a_small_k_takes_long_lists():
    scores = torch.randn(1, 20_000)
    labels = (scores > 3.5).float()
    assert -1 < float(pirank_loss(scores, labels, k=10)) < 0


@pytest.mark.parametrize(
    ("objective", "options", "name"),
    [
        (neural_ndcg_loss, {"temperature": 0.0}, "temperature"),
        (neural_ndcg_loss, {"n_iterations": 0}, "n_iterations"),
        (neural_ndcg_loss, {"k": 0}, "k of"),
        (pirank_loss, {"k": -1}, "k of"),
        (pirank_loss, {"temperature": math.inf}, "temperature"),
        (neural_sort_loss, {"temperature": -1.0}, "temperature"),
    ],
)
def test_options_that_cannot_work(objective, options, name):
    with pytest.raises(ConfigError, match=rf"^{objective.__name__}: expected {name}"):
        inspect.unwrap(objective)(S, Y, **options)


def test_labels_below_zero_are_refused():
    for objective in (neural_ndcg_loss, pirank_loss):
        with pytest.raises(DataError, match=r"expected labels of at least 0; got -2"):
            objective(S, Y - 2)


def test_a_second_differentiation_is_refused():
    scores = torch.randn(1, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(neural_ndcg_loss(scores, torch.eye(4)[:1]), scores, create_graph=True)
    with pytest.raises(ConfigError, match=r"^neural_ndcg_loss: expected to be differentiated once"):
        gradient.sum().backward()
