"""What holds for every embedding objective, each called through the same batch of rows and classes."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.objectives import embedding as objectives
from rankkit.objectives.descriptions.embedding import EMBEDDING
from rankkit.testing.embedding import N_CLASSES, N_DIMS, PROMISES, N
from tests.objectives.embedding.batches import IN_CUBE, OBJECTIVES, case_of, loss_of, named, oracle_of
from tests.oracles import embedding as oracle

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


@pytest.mark.parametrize("name", ["supcon", "embedding_circle"])
@pytest.mark.parametrize("classes", [torch.zeros(N, dtype=torch.int64), torch.arange(N)], ids=["one", "different"])
def test_nothing_to_tell_apart_costs_nothing(name, classes):
    rows, _ = batch(name)
    loss, slopes = gradient(name, rows, classes)
    assert loss.item() == 0
    assert not slopes.any()


@every
@pytest.mark.parametrize("promise", PROMISES)
def test_promise(name, promise):
    PROMISES[promise](case_of(name))


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
