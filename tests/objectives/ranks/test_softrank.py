import inspect
import itertools

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, DataError
from rankkit.metrics import ndcg
from rankkit.objectives import softrank_ndcg_loss
from rankkit.objectives.ranks import softrank
from tests.oracles import metric_driven as oracle
from tests.oracles.objectives import slopes

S, Y = torch.tensor([[3.0, 2.0, 1.0]]), torch.tensor([[0.0, 2.0, 1.0]])
documents = st.lists(st.tuples(st.floats(-3, 3), st.integers(0, 4), st.floats(0.1, 2)), min_size=2, max_size=8)


@pytest.mark.parametrize("options", [{}, {"noise": 0.3, "k": 3}, {"gain": "linear", "noise": 2.0}])
@settings(max_examples=25, deadline=None)
@given(documents)
def test_equal_to_slow_loops_in_value_and_gradient(options, docs):
    listed, grades, weights = ([float(doc[i]) for doc in docs] for i in range(3))
    scores = torch.tensor([listed], dtype=torch.float64, requires_grad=True)
    weighing = torch.tensor([weights], dtype=torch.float64)
    loss = softrank_ndcg_loss(scores, torch.tensor([grades], dtype=torch.float64), weights=weighing, **options)
    loss.backward()
    slow = oracle.softrank_ndcg
    assert loss.item() == pytest.approx(slow(listed, grades, weights=weights, **options), rel=1e-11, abs=1e-12)
    expected = slopes(slow, listed, grades, step=1e-5, weights=weights, **options)
    assert scores.grad[0].tolist() == pytest.approx(expected, rel=1e-7, abs=1e-8)


def test_rank_distribution_is_that_of_independent_contests():
    # Every outcome of the contests against document 0, one after another.
    listed, noise = [0.3, -0.4, 1.1, 0.2], 0.7
    wins = [0.5 * torch.erfc(torch.tensor((listed[0] - s) / (2 * noise))).item() for s in listed[1:]]
    chances = [0.0] * 4
    for outcome in itertools.product([0, 1], repeat=3):
        share = 1.0
        for won, win in zip(outcome, wins, strict=True):
            share *= win if won else 1 - win
        chances[sum(outcome)] += share
    assert oracle.rank_distribution(listed, 0, noise) == pytest.approx(chances, rel=1e-6)
    held = sum(chance / torch.log2(torch.tensor(2.0 + rank)).item() for rank, chance in enumerate(chances))
    labels = torch.tensor([[1.0, 0.0, 0.0, 0.0]])
    assert float(softrank_ndcg_loss(torch.tensor([listed]), labels, noise=noise)) == pytest.approx(-held, rel=1e-5)


def test_little_noise_gives_minus_ndcg():
    generator = torch.Generator().manual_seed(1)
    scores = torch.stack([torch.randperm(8, generator=generator) for _ in range(10)]).double()
    labels = torch.randint(0, 4, (10, 8), generator=generator).double()
    labels[:, 0], labels[:, 1] = 0, 3
    for k in (None, 3):
        found = softrank_ndcg_loss(scores, labels, k=k, noise=0.01, reduction="none")
        torch.testing.assert_close(-found, ndcg(scores, labels, k=k), rtol=1e-12, atol=0)


def test_blocks_of_documents_change_nothing(monkeypatch):
    scores, labels = torch.randn(3, 9, dtype=torch.float64), torch.randint(0, 3, (3, 9)).double()
    found = []
    for held in (2**22, 200, 1):
        monkeypatch.setattr(softrank, "_HELD", held)
        leaf = scores.clone().requires_grad_()
        loss = softrank_ndcg_loss(leaf, labels)
        loss.backward()
        found.append((loss.detach(), leaf.grad))
    for loss, gradient in found[1:]:
        torch.testing.assert_close(loss, found[0][0], rtol=1e-13, atol=0)
        torch.testing.assert_close(gradient, found[0][1], rtol=1e-12, atol=1e-15)


def test_options_and_labels_that_cannot_work():
    for options, name in (({"noise": 0.0}, "noise"), ({"k": 0}, "k of"), ({"gain": "cubic"}, "gain")):
        with pytest.raises(ConfigError, match=rf"^softrank_ndcg_loss: expected {name}"):
            inspect.unwrap(softrank_ndcg_loss)(S, Y, **options)
    with pytest.raises(DataError, match=r"expected labels of at least 0"):
        softrank_ndcg_loss(S, Y - 2)
    with pytest.raises(ConfigError, match=r"at most 500 documents.*got 501\. Use approx_ndcg_loss"):
        softrank_ndcg_loss(torch.zeros(1, 501), torch.zeros(1, 501))


def test_a_second_differentiation_is_refused():
    scores = torch.randn(1, 4, requires_grad=True)
    (gradient,) = torch.autograd.grad(softrank_ndcg_loss(scores, torch.eye(4)[:1]), scores, create_graph=True)
    with pytest.raises(ConfigError, match=r"^softrank_ndcg_loss: expected to be differentiated once"):
        gradient.sum().backward()
