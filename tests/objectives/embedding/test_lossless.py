import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional

from rankkit.errors import ConfigError, DataError
from rankkit.objectives.embedding import linear_triplet_loss, lossless_triplet_loss
from tests.oracles import embedding as oracle

ORIGIN, FAR = [0.0, 0.0, 0.0], [1.0, 1.0, 1.0]


def rows(*values, dtype=torch.float64):
    return tuple(torch.tensor([value], dtype=dtype, requires_grad=True) for value in values)


def in_cube(n=200, n_dims=3, dtype=torch.float64):
    return tuple(torch.rand(n, n_dims, dtype=dtype) for _ in range(3))


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_values_by_hand(dtype):
    a, p, n = rows(ORIGIN, [0.5, 0.0, 0.0], [1.0, 1.0, 0.0], dtype=dtype)
    assert lossless_triplet_loss(a, p, n).item() == pytest.approx(-math.log(1 - 0.25 / 3) - math.log(2 / 3), rel=1e-6)
    assert lossless_triplet_loss(a, p, n).item() == pytest.approx(0.492476, abs=1e-6)
    assert linear_triplet_loss(a, p, n).item() == pytest.approx(0.25 - 2 + 3)
    a, p, n = rows(ORIGIN, ORIGIN, FAR, dtype=dtype)
    assert lossless_triplet_loss(a, p, n).item() == pytest.approx(-2e-8, rel=1e-6)
    assert linear_triplet_loss(a, p, n).item() == 0
    a, p, n = rows(ORIGIN, FAR, ORIGIN, dtype=dtype)
    assert lossless_triplet_loss(a, p, n).item() == pytest.approx(-2 * math.log(1e-8), rel=1e-6)
    assert lossless_triplet_loss(a, p, n).item() == pytest.approx(36.84, abs=0.005)
    assert linear_triplet_loss(a, p, n).item() == 6


def test_at_beta_n_it_is_two_binary_cross_entropies():
    a, p, n = in_cube()
    same = 1 - (a - p).square().sum(dim=1) / 3
    other = 1 - (a - n).square().sum(dim=1) / 3
    expected = functional.binary_cross_entropy(same, torch.ones_like(same))
    expected = expected + functional.binary_cross_entropy(other, torch.zeros_like(other))
    torch.testing.assert_close(lossless_triplet_loss(a, p, n, epsilon=1e-300), expected, rtol=0, atol=1e-12)
    torch.testing.assert_close(lossless_triplet_loss(a, p, n), expected, rtol=0, atol=1e-5)  # to epsilon / chance


def test_positive_and_negative_never_meet():
    a, p, n = (x.requires_grad_() for x in in_cube(1))
    lossless_triplet_loss(a, p, n).backward()
    first = p.grad.clone()
    p.grad = None
    lossless_triplet_loss(a, p, 1 - n).backward()
    torch.testing.assert_close(p.grad, first)


def test_beta_above_n_caps_the_cost_and_below_is_refused():
    a, p, n = rows(ORIGIN, FAR, ORIGIN)
    assert lossless_triplet_loss(a, p, n, beta=6.0).item() == pytest.approx(2 * math.log(2))
    for triplet in zip(*(x.tolist() for x in in_cube(20)), strict=True):
        found = lossless_triplet_loss(*rows(*triplet), beta=4.5).item()
        assert found == pytest.approx(oracle.lossless_triplet(*([x] for x in triplet), beta=4.5)[0])
    for beta in (2.0, math.nan, math.inf):
        with pytest.raises(ConfigError, match="expected beta of at least 3, the number of dimensions; got"):
            lossless_triplet_loss(a, p, n, beta=beta)
    with pytest.raises(ConfigError, match="lossless_triplet_loss: expected epsilon above 0; got 0"):
        lossless_triplet_loss(a, p, n, epsilon=0.0)


def test_slopes_near_the_worst_cases():
    a, p, n = rows(ORIGIN, ORIGIN, ORIGIN)
    loss = lossless_triplet_loss(a, p, n)
    loss.backward()
    assert loss.item() == pytest.approx(18.42, abs=0.005)
    assert not n.grad.any()  # stuck: no direction to go
    a, p, n = rows(ORIGIN, ORIGIN, [1e-4, 0.0, 0.0])
    lossless_triplet_loss(a, p, n).backward()
    assert n.grad.norm().item() == pytest.approx(5000, rel=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("worst", [True, False])
def test_half_and_single_precision_stay_finite_at_the_corners(dtype, worst):
    near, far = (FAR, ORIGIN) if worst else (ORIGIN, FAR)
    a, p, n = rows(ORIGIN, near, far, dtype=dtype)
    loss = lossless_triplet_loss(a, p, n)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(36.84 if worst else -2e-8, abs=0.005)
    for x in (a, p, n):
        assert x.grad.float().abs().sum().isfinite() or dtype == torch.float16  # 1e8 is above float16
        assert not x.grad.isnan().any()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), n_dims=st.integers(1, 40), share=st.floats(0, 1))
def test_single_precision_loses_nothing(seed, n_dims, share):
    generator = torch.Generator().manual_seed(seed)
    exact = [torch.rand(8, n_dims, generator=generator) for _ in range(3)]
    exact = [torch.where(torch.rand(x.shape, generator=generator) < share, x.round(), x) for x in exact]
    single = lossless_triplet_loss(*exact, reduction="none")
    double = lossless_triplet_loss(*(x.double() for x in exact), reduction="none")
    assert single.isfinite().all()
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("objective", [lossless_triplet_loss, linear_triplet_loss])
@pytest.mark.parametrize(("name", "value"), [("anchor", -0.1), ("positive", 1.5), ("negative", math.nan)])
def test_outside_the_cube_is_refused(objective, name, value):
    triplet = {key: torch.full((2, 3), 0.5) for key in ("anchor", "positive", "negative")}
    triplet[name][1, 2] = value
    with pytest.raises(DataError, match=rf"expected {name} embeddings in \[0, 1\]; got {value:g}. Build the encoder"):
        objective(**triplet)


def test_no_triplet_is_ever_done():
    a, p, n = (x.requires_grad_() for x in rows(ORIGIN, [0.1, 0.0, 0.0], [0.9, 0.9, 0.9]))
    lossless_triplet_loss(a, p, n).backward()
    assert p.grad.any()
    assert n.grad.any()
