"""What holds for every embedding objective, each called through the same batch of rows and classes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.objectives import embedding as objectives
from rankkit.objectives.descriptions.embedding import EMBEDDING
from tests.objectives.embedding.batches import IN_CUBE, N_CLASSES, N_DIMS, OBJECTIVES, loss_of, named, oracle_of
from tests.oracles import embedding as oracle

N = 12
every = pytest.mark.parametrize("name", sorted(OBJECTIVES))
ROTATED = sorted(set(OBJECTIVES) - {*IN_CUBE, *named("logits", "prototypes")})
COSINE = sorted({*named("views", "classes", "prototypes")} - {"n_pair"})


def batch(name, seed=0, n=N, dtype=torch.float64):
    """Rows that the objective can take, and classes of which each has several rows."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randn(n, N_DIMS, generator=generator, dtype=torch.float64)
    rows = rows.sigmoid() if name in IN_CUBE else rows
    return rows.to(dtype), torch.randint(0, N_CLASSES, (n,), generator=generator)


def gradient(name, rows, classes, **options):
    rows = rows.detach().clone().requires_grad_()
    loss = loss_of(name, rows, classes, **options)
    loss.sum().backward()
    return loss.detach(), rows.grad


def test_all_are_there_with_a_row_each():
    assert set(OBJECTIVES) == set(EMBEDDING)
    assert {row.family for row in EMBEDDING.values()} == {"embedding"}
    takes = {objective.takes for objective in OBJECTIVES.values()}
    assert takes == {"pairs", "triplets", "logits", "views", "classes", "prototypes"}
    assert IN_CUBE == ["linear_triplet", "lossless_triplet"]
    assert {name for name in vars(objectives) if name.endswith("_loss")} <= set(objectives.__all__)


@every
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equal_to_slow_loops_in_value_and_gradient(name, seed):
    rows, classes = batch(name, seed)
    slow = getattr(oracle, name)

    def mean(listed):
        values = [value for value in oracle_of(name, slow, listed, classes.tolist()) if value is not None]
        return math.fsum(values) / len(values)

    # Prototypes and the head's weights are float32 numbers, the same ones for both.
    values = oracle_of(name, slow, rows.tolist(), classes.tolist())
    found = loss_of(name, rows, classes, reduction="none")
    assert found.tolist() == pytest.approx([value or 0.0 for value in values], rel=1e-9, abs=1e-10)
    loss, slopes = gradient(name, rows, classes)
    assert loss.item() == pytest.approx(mean(rows.tolist()), rel=1e-9)
    if name == "embedding_circle":
        return  # its weights carry no gradient, so that the slope is not that of the value
    direction = torch.randn(rows.shape, dtype=torch.float64)
    up, down = ((rows + step * direction).tolist() for step in (1e-6, -1e-6))
    # A small step can leave the unit cube only if a row lies on its border.
    expected = (mean(up) - mean(down)) / 2e-6
    assert (slopes * direction).sum().item() == pytest.approx(expected, rel=1e-5, abs=1e-7)


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - {"embedding_circle"}))
def test_gradcheck(name):
    rows, classes = batch(name, seed=3)
    rows = rows.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: loss_of(name, x, classes, reduction="none"), (rows,))


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_computed_in_single(name, dtype):
    rows, classes = batch(name, dtype=dtype)
    loss, slopes = gradient(name, rows, classes)
    assert loss.dtype == torch.float32
    assert slopes.dtype == dtype
    single, exact = gradient(name, rows.float(), classes)
    assert loss.item() == pytest.approx(single.item(), rel=1e-6)
    torch.testing.assert_close(slopes, exact.to(dtype))


@every
def test_autocast_changes_nothing(name):
    rows, classes = batch(name, dtype=torch.float32)
    loss, slopes = gradient(name, rows, classes)
    rows.requires_grad_()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        again = loss_of(name, rows, classes)
    again.backward()  # outside, as torch asks for
    assert loss.dtype == again.dtype == torch.float32
    torch.testing.assert_close(again.detach(), loss, rtol=0, atol=0)
    torch.testing.assert_close(rows.grad, slopes, rtol=0, atol=0)


@every
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_rows_that_are_all_the_same_or_zero_stay_finite(name, value):
    _, classes = batch(name)
    rows = torch.full((N, N_DIMS), value)
    for found in (classes, torch.zeros_like(classes), torch.arange(N) % N_CLASSES):
        loss, slopes = gradient(name, rows, found)
        assert loss.isfinite()
        assert slopes.isfinite().all()


@every
def test_one_class_and_all_different_classes_stay_finite(name):
    rows, _ = batch(name, dtype=torch.float32)
    # Prototypes have four classes only.
    different = torch.arange(N) if OBJECTIVES[name].takes != "prototypes" else torch.arange(N) % N_CLASSES
    for classes in (torch.zeros(N, dtype=torch.int64), different):
        loss, slopes = gradient(name, rows, classes)
        assert loss.isfinite()
        assert slopes.isfinite().all()


@pytest.mark.parametrize("name", ["supcon", "embedding_circle"])
@pytest.mark.parametrize("classes", [torch.zeros(N, dtype=torch.int64), torch.arange(N)], ids=["one", "different"])
def test_nothing_to_tell_apart_costs_nothing(name, classes):
    rows, _ = batch(name)
    loss, slopes = gradient(name, rows, classes)
    assert loss.item() == 0
    assert not slopes.any()


@every
def test_an_empty_batch_costs_nothing(name):
    rows = torch.zeros(0, N_DIMS, requires_grad=True)
    loss = loss_of(name, rows, torch.zeros(0, dtype=torch.int64))
    loss.backward()
    assert loss.shape == ()
    assert loss.item() == 0
    assert rows.grad.shape == rows.shape
    assert loss_of(name, rows, torch.zeros(0, dtype=torch.int64), reduction="none").numel() in (0, N_CLASSES)


@pytest.mark.parametrize("name", named("views", "classes"))
def test_one_example_has_no_negative(name):
    rows, classes = batch(name, n=1 if OBJECTIVES[name].takes == "classes" else 2)
    loss, slopes = gradient(name, rows, classes)
    assert loss.item() == 0
    assert not slopes.any()


@every
def test_rows_far_apart_stay_finite(name):
    rows, classes = batch(name, dtype=torch.float32)
    rows = (rows > 0.5).float() if name in IN_CUBE else rows * 1e4
    loss, slopes = gradient(name, rows, classes)
    assert loss.isfinite()
    assert slopes.isfinite().all()


@every
@pytest.mark.parametrize(
    ("dtype", "size"),
    [(torch.float16, 6e4), (torch.float32, 1e20), (torch.float32, 1e30), (torch.float64, 1e300)],
)
def test_rows_of_any_size_stay_finite(name, dtype, size):
    rows, classes = batch(name)
    rows = (rows > 0.5).to(dtype) if name in IN_CUBE else (rows.clamp(-1, 1) * size).to(dtype)
    loss, slopes = gradient(name, rows, classes)
    assert loss.isfinite()
    assert slopes.isfinite().all()


@every
def test_what_comes_in_is_not_changed(name):
    rows, classes = batch(name)
    before = rows.clone(), classes.clone()
    loss_of(name, rows, classes)
    assert torch.equal(rows, before[0])
    assert torch.equal(classes, before[1])


@pytest.mark.parametrize("name", ROTATED)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_a_rotation_changes_nothing(name, seed):
    rows, classes = batch(name, seed)
    rotation, _ = torch.linalg.qr(torch.randn(N_DIMS, N_DIMS, dtype=torch.float64))
    torch.testing.assert_close(loss_of(name, rows @ rotation, classes), loss_of(name, rows, classes))


@pytest.mark.parametrize("name", COSINE)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6), low=st.floats(1e-6, 1.0))
def test_cosine_objectives_do_not_see_lengths(name, seed, low):
    rows, classes = batch(name, seed)
    lengths = torch.rand(N, 1, dtype=torch.float64) + low
    torch.testing.assert_close(loss_of(name, rows * lengths, classes), loss_of(name, rows, classes))


@every
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_order_of_examples_does_not_matter(name, seed):
    rows, classes = batch(name, seed)
    n = {"triplets": 3, "classes": 1, "prototypes": 1}.get(OBJECTIVES[name].takes, 2)
    order = torch.randperm(N // n)
    order = torch.cat([order + part * (N // n) for part in range(n)])
    torch.testing.assert_close(loss_of(name, rows[order], classes[order]), loss_of(name, rows, classes))


@pytest.mark.parametrize("name", named("classes"))
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_names_of_classes_do_not_matter(name, seed):
    rows, classes = batch(name, seed)
    torch.testing.assert_close(loss_of(name, rows, -7 * classes), loss_of(name, rows, classes))


@pytest.mark.parametrize("name", ["contrastive", "verification", "nt_xent"])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_pair_objectives_are_symmetric(name, seed):
    rows, classes = batch(name, seed)
    x, y = rows.chunk(2)
    first, second = classes.chunk(2)
    swapped = loss_of(name, torch.cat([y, x]), torch.cat([second, first]))
    torch.testing.assert_close(swapped, loss_of(name, rows, classes))
