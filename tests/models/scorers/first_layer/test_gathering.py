"""The first layer over a piecewise encoding, without the encoding: the same values and gradients."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import rankkit as rk
from rankkit.models.scorers.first_layer.gathering import _digest, can_gather, freeze, gathered
from rankkit.models.scorers.networks.mlp import MLPScorer
from rankkit.placement import as_on_device

DEFAULT = ("log1p+standardize", "piecewise:32")


def fitted(transform, rows, hidden=(24,), seed=0):
    scorer = MLPScorer(rows.shape[1], hidden, transform=transform, dropout=0.0, seed=seed)
    scorer.transform.fit(rows, np.array([0, len(rows)]))
    return scorer


def hard_rows(n_docs, n_features, seed):
    """Rows with missing and infinite values, values on edges and far outside, and a constant feature."""
    random = np.random.default_rng(seed)
    rows = random.lognormal(0, 2, (n_docs, n_features)).astype(np.float32)
    rows[:, 0] = random.integers(0, 3, n_docs)
    rows[:, -1] = 4
    return rows


def on_device(*given):
    with as_on_device():
        return gathered(*given)


def compared(scorer, rows):
    """The layer in three ways, the last that of devices: values, and the gradients of weights and bias."""
    features, offsets = torch.from_numpy(rows), torch.tensor([0, len(rows)])
    linear = scorer.hidden[0].linear
    given_back = torch.randn(len(rows), linear.out_features, generator=torch.Generator().manual_seed(3))
    found = []
    ways = (
        lambda: linear(scorer.transform(features, offsets)),
        lambda: gathered(scorer.transform, linear, features, offsets),
        lambda: on_device(scorer.transform, linear, features, offsets),
    )
    for product in ways:
        scorer.zero_grad()
        values = product()
        values.backward(given_back)
        found.append((values.detach(), linear.weight.grad.clone(), linear.bias.grad.clone()))
    return found


@settings(deadline=None, max_examples=30)
@given(
    n_docs=st.integers(8, 300),
    n_features=st.integers(2, 9),
    n_bins=st.integers(1, 40) | st.integers(60, 70),
    chains=st.sampled_from([["piecewise"], [*DEFAULT], ["log1p+piecewise", "none"], ["piecewise", "missing"]]),
    seed=st.integers(0, 99),
)
def test_values_and_gradients_are_those_of_the_encoding(n_docs, n_features, n_bins, chains, seed):
    chains = [f"{chain}:{n_bins}" if chain.endswith("piecewise") else chain for chain in chains]
    rows = hard_rows(n_docs, n_features, seed)
    scorer = fitted(chains, rows, seed=seed)
    asked = hard_rows(n_docs, n_features, seed + 100)
    asked[::5, 1], asked[1::7, 0], asked[2::9, -1] = np.nan, np.inf, -np.inf
    asked[3] = rows[0]
    dense, *others = compared(scorer, asked)
    for found in others:
        for one, other in zip(dense, found, strict=True):
            largest = one.abs().max().item()
            torch.testing.assert_close(other, one, rtol=0, atol=2e-5 * max(1, largest))


def test_on_devices_blocks_of_documents_change_nothing_but_rounding(monkeypatch):
    rows = hard_rows(500, 6, 0)
    scorer = fitted(["piecewise:16"], rows)
    whole = compared(scorer, rows)[2]
    monkeypatch.setattr("rankkit.placement._LEAST_BLOCK", 20_000)
    for one, other in zip(whole, compared(scorer, rows)[2], strict=True):
        torch.testing.assert_close(other, one, rtol=1e-5, atol=1e-5)


def test_the_result_is_the_same_in_any_number_of_threads(monkeypatch):
    monkeypatch.setattr("rankkit.models.scorers.first_layer.gathering._THREAD_SUMS", 1000)
    rows = hard_rows(2000, 40, 0)
    scorer = fitted(["piecewise:32"], rows)  # products of other inputs are torch's
    before = torch.get_num_threads()
    try:
        found = []
        for n_threads in (1, 2, 3):
            torch.set_num_threads(n_threads)
            found.append(compared(scorer, rows)[1])
    finally:
        torch.set_num_threads(before)
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0][:2], other[:2], strict=True))


def test_gradients_by_finite_differences():
    rows = hard_rows(30, 3, 1)
    scorer = fitted(["piecewise:4"], rows, hidden=(2,))
    linear, features = scorer.hidden[0].linear, torch.from_numpy(rows)
    total = gathered(scorer.transform, linear, features, torch.tensor([0, 30])).square().sum()
    total.backward()
    for place in [(0, 0), (1, 3), (0, 7), (1, 11)]:
        sums = []
        for step in (1e-2, -1e-2):
            with torch.no_grad():
                linear.weight[place] += step
                sums.append(gathered(scorer.transform, linear, features, torch.tensor([0, 30])).square().sum().item())
                linear.weight[place] -= step
        assert linear.weight.grad[place].item() == pytest.approx((sums[0] - sums[1]) / 2e-2, rel=2e-2, abs=1e-2)


def test_a_kept_table_follows_the_weights():
    rows = hard_rows(50, 4, 0)
    scorer = fitted(["piecewise:8"], rows).eval()
    features, offsets = torch.from_numpy(rows), torch.tensor([0, 50])
    linear = scorer.hidden[0].linear

    def both():
        with torch.no_grad():
            return linear(scorer.transform(features, offsets)), gathered(scorer.transform, linear, features, offsets)

    changes = [
        lambda: None,
        lambda: linear.weight.data.mul_(2),
        lambda: torch.optim.SGD(scorer.parameters(), 0.1).step(),
        lambda: scorer.load_state_dict(fitted(["piecewise:8"], rows, seed=4).state_dict()),
        lambda: scorer.load_state_dict(fitted(["piecewise:8"], rows, seed=5).state_dict(), assign=True),
        lambda: scorer.transform.fit(rows[:20], np.array([0, 20])),
    ]
    for change in changes:
        linear.weight.grad = torch.ones_like(linear.weight)
        change()
        linear = scorer.hidden[0].linear
        torch.testing.assert_close(*both(), rtol=0, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("chains", [["piecewise:8"], DEFAULT, ["log1p+piecewise:5", "none", "piecewise:70", "missing"]])
def test_weights_that_are_only_read_give_the_values_of_the_encoding(chains, bias):
    rows = hard_rows(50, 7, 0)
    rows[::6, 2] = np.nan
    scorer = fitted(chains, rows).eval()
    features, offsets = torch.from_numpy(rows), torch.tensor([0, 50])
    linear = torch.nn.Linear(scorer.transform.n_outputs, 5, bias=bias)
    with torch.no_grad():
        dense = linear(scorer.transform(features, offsets))
        found = gathered(scorer.transform, linear, features, offsets)
        torch.testing.assert_close(found, dense, rtol=0, atol=2e-5)
        with torch.autocast("cpu", torch.bfloat16):
            short = gathered(scorer.transform, linear, features, offsets)
    torch.testing.assert_close(short.float(), dense, rtol=0, atol=0.1)


@pytest.mark.parametrize("chains", [["piecewise:8"], DEFAULT])
def test_a_bias_learns_beside_weights_that_do_not(chains):
    rows = hard_rows(50, 4, 0)
    scorer = fitted(chains, rows)
    linear = scorer.hidden[0].linear
    linear.weight.requires_grad_(False)
    gathered(scorer.transform, linear, torch.from_numpy(rows), torch.tensor([0, 50])).sum().backward()
    assert linear.bias.grad.tolist() == [50.0] * len(linear.bias)


def test_frozen_weights_are_looked_at_once():
    rows = hard_rows(50, 4, 0)
    scorer = fitted(["piecewise:8"], rows).eval()
    features, offsets = torch.from_numpy(rows), torch.tensor([0, 50])
    freeze(scorer)
    with torch.no_grad():
        before = scorer(features, offsets)
        scorer.hidden[0].linear.weight.data.mul_(2)  # which nobody does
        assert torch.equal(scorer(features, offsets), before)


def test_weights_anywhere_in_memory_are_told_apart():
    """Of an odd number, and not where eight bytes begin, as in a file that is mapped."""
    buffer = torch.arange(100, dtype=torch.float32)
    weights = buffer[1:96]
    seen = {_digest(weights)}
    for place in (0, 1, 63, 94):
        weights[place] += 1
        seen.add(_digest(weights))
    weights[3], weights[4] = weights[4].item(), weights[3].item()
    seen.add(_digest(weights))
    assert len(seen) == 6
    assert _digest(weights) == _digest(weights.clone())


def test_where_somebody_looks_at_the_encoding_it_is_made():
    rows = hard_rows(40, 4, 0)
    scorer = fitted(DEFAULT, rows)
    features, linear = torch.from_numpy(rows), scorer.hidden[0].linear
    assert can_gather(scorer.transform, linear, features)
    assert not can_gather(scorer.transform, linear, features.clone().requires_grad_())
    assert not can_gather(scorer.transform, linear, features.double())
    assert not can_gather(scorer.transform, linear, features[:3])
    assert not can_gather(fitted("log1p", rows).transform, linear, features)
    handle = scorer.transform.register_forward_hook(lambda *given: None)
    assert not can_gather(scorer.transform, linear, features)
    handle.remove()
    with torch.no_grad():
        alone = torch.cat([scorer(features[row : row + 1], torch.tensor([0, 1])) for row in range(len(features))])
    torch.testing.assert_close(scorer(features, torch.tensor([0, 40])), alone, rtol=0, atol=1e-5)


def test_wrong_widths_and_transforms_that_have_learnt_nothing_are_refused_as_ever():
    scorer = MLPScorer(4, (8,), seed=0)
    with pytest.raises(rk.ConfigError, match="expected a fitted transform"):
        scorer(torch.zeros(20, 4), torch.tensor([0, 20]))
    with pytest.raises(rk.ShapeError, match="expected features"):
        scorer(torch.zeros(20, 5), torch.tensor([0, 20]))


@pytest.mark.parametrize("change", [-1.0, 2.0])
def test_weights_of_other_signs_or_exponents_are_told_apart(change):
    scorer = MLPScorer(8, hidden=(8,), transform="piecewise:16", seed=0).eval()
    features = torch.randn(40, 8)
    scorer.transform.fit(features, torch.tensor([0, 40]))
    weight = scorer.hidden[0].linear.weight
    with torch.no_grad():
        for columns in ([1], [3], [1, 9], list(range(0, 128, 2)), list(range(1, 128, 2))):
            before = _digest(weight)
            weight[:, columns] *= change
            assert _digest(weight) != before
            np.testing.assert_allclose(
                scorer(features, torch.tensor([0, 40])),
                scorer.output(scorer.hidden[0](scorer.transform(features, torch.tensor([0, 40])))).squeeze(-1),
                rtol=1e-4,
                atol=1e-5,
            )
