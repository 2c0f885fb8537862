import inspect
import math

import pytest
import torch

from rankkit.distances import unit
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.objectives import circle_loss, softmax_loss
from rankkit.objectives.embedding import embedding_circle_loss, multi_similarity_loss, supcon_loss
from tests.oracles import embedding as oracle

CLASSES = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 3])


def batch():
    return torch.randn(9, 4, dtype=torch.float64), ~torch.eye(9, dtype=torch.bool)


def alike():
    return (CLASSES[:, None] == CLASSES[None, :]).double()


def exact(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_supcon_is_the_sum_normalised_softmax():
    rows, others = batch()
    cosines = unit(rows) @ unit(rows).T
    for temperature in (0.1, 1.0):
        expected = softmax_loss(cosines, alike(), others, temperature=temperature, reduction="none")
        exact(supcon_loss(rows, classes=CLASSES, temperature=temperature, reduction="none"), expected)


def test_supcon_mean_leaves_out_anchors_without_a_positive():
    rows, _ = batch()
    values = supcon_loss(rows, classes=CLASSES, reduction="none")
    assert values[8] == 0
    exact(supcon_loss(rows, classes=CLASSES), values[:8].mean())


def test_supcon_is_at_least_the_entropy_of_its_target():
    rows = torch.eye(3, dtype=torch.float64).repeat_interleave(3, dim=0)
    classes = torch.arange(3).repeat_interleave(3)
    # Each anchor has two positives at cosine 1 and six negatives at cosine 0.
    expected = math.log(2 + 6 * math.exp(-1 / 0.1))
    assert supcon_loss(rows, classes=classes).item() == pytest.approx(expected)


def test_circle_is_the_rankers_circle_on_cosines():
    rows, others = batch()
    rows.requires_grad_()
    cosines = unit(rows) @ unit(rows).T
    expected = circle_loss(cosines, alike(), others, margin=0.4, gamma=80.0)
    found = embedding_circle_loss(rows, classes=CLASSES)
    exact(found, expected)
    exact(torch.autograd.grad(found, rows)[0], torch.autograd.grad(expected, rows)[0])


@pytest.mark.parametrize(
    "options", [{}, {"mining": None}, {"mining": 0.0}, {"alpha": 1.0, "beta": 10.0, "threshold": 0.2, "mining": 0.5}]
)
def test_multi_similarity_with_and_without_mining(options):
    rows, _ = batch()
    found = multi_similarity_loss(rows, classes=CLASSES, reduction="none", **options)
    assert found.tolist() == pytest.approx(oracle.multi_similarity(rows.tolist(), CLASSES.tolist(), **options))


@pytest.mark.parametrize("mining", [None, 0.1])
def test_multi_similarity_takes_positives_and_negatives_of_a_reference(mining):
    rows, _ = batch()
    rows.requires_grad_()
    more = torch.randn(7, rows.shape[1], generator=torch.Generator().manual_seed(4), dtype=rows.dtype).requires_grad_()
    of = torch.tensor([0, 1, 1, 2, 9, 9, 0])
    given = {"classes": CLASSES, "mining": mining, "reference": more, "reference_classes": of}
    found = multi_similarity_loss(rows, reduction="none", **given)
    slow = {"mining": mining, "more": more.tolist(), "more_classes": of.tolist()}
    assert found.tolist() == pytest.approx(oracle.multi_similarity(rows.tolist(), CLASSES.tolist(), **slow))
    found.sum().backward()
    assert rows.grad.any()
    assert more.grad is None
    # A reference alone, of one example as of none: rows are anchors, the reference is no anchor.
    torch.testing.assert_close(
        multi_similarity_loss(rows[:1], reduction="none", **{**given, "classes": CLASSES[:1]}),
        torch.tensor(oracle.multi_similarity(rows[:1].tolist(), CLASSES[:1].tolist(), **slow), dtype=rows.dtype),
    )


def test_a_reference_comes_with_its_classes_and_dimensions():
    rows, _ = batch()
    unchecked = inspect.unwrap(multi_similarity_loss)  # shapes are checked by annotations here, elsewhere they are not
    with pytest.raises(ConfigError, match="expected reference and reference_classes, or neither; got one"):
        multi_similarity_loss(rows, classes=CLASSES, reference=rows)
    with pytest.raises(ShapeError, match=r"expected reference \[m, \d\]; got \[2, 9\]"):
        unchecked(rows, classes=CLASSES, reference=torch.ones(2, 9), reference_classes=torch.tensor([0, 1]))
    with pytest.raises(ShapeError, match="multi_similarity_loss: expected classes"):
        unchecked(rows, classes=CLASSES, reference=rows, reference_classes=CLASSES[:2])


def test_multi_similarity_drops_pairs_that_are_easy():
    x = torch.tensor([[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [0.01, 1.0]], requires_grad=True)
    classes = torch.tensor([0, 0, 1, 1])
    easy = multi_similarity_loss(x, classes=classes)
    easy.backward()
    assert easy.item() == 0
    assert not x.grad.any()
    assert multi_similarity_loss(x, classes=classes, mining=None).item() > 0


@pytest.mark.parametrize("objective", [supcon_loss, multi_similarity_loss, embedding_circle_loss])
def test_classes_that_cannot_work(objective):
    rows, _ = batch()
    plain = inspect.unwrap(objective)
    with pytest.raises(ShapeError, match=rf"{objective.__name__}: expected classes \[9\], one an embedding; got \[8\]"):
        plain(rows, classes=CLASSES[:8])
    with pytest.raises(DataError, match=r"expected classes as whole numbers; got torch.float32"):
        plain(rows, classes=CLASSES.float())
    with pytest.raises(ShapeError, match=r"expected embeddings \[n, n_dims\]; got embeddings \[9\]"):
        plain(rows[:, 0], classes=CLASSES)
    with pytest.raises(ShapeError, match=r"expected embeddings \[n, n_dims\]; got embeddings \[9, 0\]"):
        plain(rows[:, :0], classes=CLASSES)


def test_options_that_cannot_work():
    rows, _ = batch()
    for options in ({"alpha": 0.0}, {"beta": -1.0}, {"threshold": math.nan}, {"mining": -0.1}):
        with pytest.raises(ConfigError, match=rf"multi_similarity_loss: expected {next(iter(options))}"):
            multi_similarity_loss(rows, classes=CLASSES, **options)
    for options in ({"margin": -0.1}, {"gamma": 0.0}):
        with pytest.raises(ConfigError, match=rf"embedding_circle_loss: expected {next(iter(options))}"):
            embedding_circle_loss(rows, classes=CLASSES, **options)
