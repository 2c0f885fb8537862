import inspect
import math

import pytest
import torch
from torch.nn import functional

from rankkit.distances import unit
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.objectives.embedding import Prototypes, arcface_loss, cosface_loss, proxy_anchor_loss
from tests.oracles import embedding as oracle

EYE = torch.eye(2, dtype=torch.float64)
FIRST = torch.tensor([0])


def test_values_by_hand():
    at_it = {"classes": FIRST, "prototypes": EYE, "scale": 1.0}
    assert arcface_loss(EYE[:1], **at_it).item() == pytest.approx(math.log1p(math.exp(-math.cos(0.5))))
    assert cosface_loss(EYE[:1], **at_it).item() == pytest.approx(math.log1p(math.exp(-0.65)))
    # Its own prototype at cosine 1, the other at 0: log(1 + e^-(1 - .1)) + (0 + log(1 + e^(0 + .1))) / 2.
    found = proxy_anchor_loss(EYE[:1], classes=FIRST, prototypes=EYE, alpha=1.0)
    assert found.item() == pytest.approx(math.log1p(math.exp(-0.9)) + math.log1p(math.exp(0.1)) / 2)


@pytest.mark.parametrize("objective", [arcface_loss, cosface_loss])
def test_without_a_margin_they_are_the_softmax_of_scaled_cosines(objective):
    rows, weight = torch.randn(8, 3, dtype=torch.float64), torch.randn(5, 3, dtype=torch.float64)
    classes = torch.randint(0, 5, (8,))
    expected = functional.cross_entropy(16 * unit(rows) @ unit(weight).T, classes)
    found = objective(rows, classes=classes, prototypes=weight, margin=0.0, scale=16.0)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("angle", [0.0, 0.5, math.pi / 2, math.pi - 0.51, math.pi - 0.49, 3.1, math.pi])
def test_arcface_at_every_angle(angle):
    x = torch.tensor([[math.cos(angle), math.sin(angle)]], dtype=torch.float64, requires_grad=True)
    loss = arcface_loss(x, classes=FIRST, prototypes=EYE, scale=4.0)
    assert loss.item() == pytest.approx(oracle.arcface(x.tolist(), [0], EYE.tolist(), scale=4.0)[0], rel=1e-7)
    loss.backward()
    assert x.grad.isfinite().all()


def test_arcface_falls_as_the_angle_does():
    angles = torch.linspace(0, math.pi, 200, dtype=torch.float64)
    # A third dimension keeps the cosine to the other prototype the same.
    rows = torch.stack([angles.cos(), torch.zeros_like(angles), angles.sin()], dim=1)
    values = arcface_loss(
        rows,
        classes=torch.zeros(200, dtype=torch.int64),
        prototypes=torch.eye(3, dtype=torch.float64)[:2],
        scale=4.0,
        reduction="none",
    )
    assert (values.diff() > 0).all()


def test_proxy_anchor_counts_only_the_classes_that_are_there():
    rows = torch.randn(5, 3, dtype=torch.float64)
    classes, weight = torch.tensor([0, 0, 2, 2, 2]), torch.randn(6, 3, dtype=torch.float64)
    values = proxy_anchor_loss(rows, classes=classes, prototypes=weight, reduction="none")
    assert values.shape == (6,)
    assert values.tolist() == pytest.approx(oracle.proxy_anchor(rows.tolist(), classes.tolist(), weight.tolist()))
    torch.testing.assert_close(proxy_anchor_loss(rows, classes=classes, prototypes=weight), values.mean())


@pytest.mark.parametrize("objective", [arcface_loss, cosface_loss, proxy_anchor_loss])
def test_prototypes_are_trained(objective):
    prototypes = Prototypes(3, 4, seed=0)
    rows = torch.randn(6, 4)
    classes = torch.tensor([0, 1, 2, 0, 1, 2])
    loss = objective(rows, classes=classes, prototypes=prototypes)
    loss.backward()
    assert prototypes.weight.grad.isfinite().all()
    assert prototypes.weight.grad.any()
    same = objective(rows, classes=classes, prototypes=prototypes.weight)
    torch.testing.assert_close(same, loss)


@pytest.mark.parametrize("objective", [arcface_loss, cosface_loss])
def test_one_prototype_tells_nothing_apart(objective):
    rows = torch.randn(3, 4, requires_grad=True)
    loss = objective(rows, classes=torch.zeros(3, dtype=torch.int64), prototypes=torch.randn(1, 4))
    loss.backward()
    assert loss.item() == 0
    assert not rows.grad.any()


def test_prototypes_begin_as_directions_that_a_seed_repeats():
    first, again = Prototypes(5, 4, seed=1), Prototypes(5, 4, seed=1)
    torch.testing.assert_close(first.weight, again.weight)
    torch.testing.assert_close(first.weight.norm(dim=1), torch.ones(5))
    assert not torch.equal(Prototypes(5, 4).weight, Prototypes(5, 4).weight)
    assert repr(first) == "Prototypes(n_classes=5, n_dims=4)"
    with pytest.raises(ConfigError, match="Prototypes: expected n_classes of at least 1; got 0"):
        Prototypes(0, 4)


@pytest.mark.parametrize("objective", [arcface_loss, cosface_loss, proxy_anchor_loss])
def test_what_cannot_work_is_told(objective):
    rows, plain = torch.zeros(2, 3), inspect.unwrap(objective)
    name, prototypes = objective.__name__, Prototypes(4, 3)
    for wrong in (-1, 4):
        with pytest.raises(DataError, match=f"{name}: expected classes from 0 to 3, one a prototype; got {wrong}"):
            plain(rows, classes=torch.tensor([0, wrong]), prototypes=prototypes)
    with pytest.raises(ShapeError, match=rf"{name}: expected prototypes \[n_classes, 3\]; got \[4, 2\]"):
        plain(rows, classes=torch.tensor([0, 1]), prototypes=Prototypes(4, 2))
    with pytest.raises(ConfigError, match=f"{name}: expected margin of at least 0"):
        plain(rows, classes=torch.tensor([0, 1]), prototypes=prototypes, margin=-0.1)


def test_a_margin_in_degrees_is_told():
    with pytest.raises(ConfigError, match=r"expected margin below pi; got 28.6. Pass radians, not degrees"):
        arcface_loss(EYE[:1], classes=FIRST, prototypes=EYE, margin=28.6)
