import inspect
import math

import pytest
import torch
from torch.nn import functional

from rankkit.distances import find_distance, unit
from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives import softmax_loss
from rankkit.objectives.embedding import (
    LearnedTemperature,
    info_nce_loss,
    multiple_negatives_ranking_loss,
    n_pair_loss,
    nt_xent_loss,
    supcon_loss,
)
from tests.oracles import embedding as oracle


def views(n=6, n_dims=4):
    return torch.randn(n, n_dims, dtype=torch.float64), torch.randn(n, n_dims, dtype=torch.float64)


def exact(found, expected):
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_nt_xent_by_hand():
    x = torch.eye(2, dtype=torch.float64)
    assert nt_xent_loss(x, x, temperature=1.0).item() == pytest.approx(math.log(1 + 2 / math.e))
    assert nt_xent_loss(x, x, temperature=1.0).item() == pytest.approx(0.551445, abs=1e-6)


def test_nt_xent_is_supcon_with_one_positive_and_cross_entropy():
    x, y = views()
    exact(
        nt_xent_loss(x, y, temperature=0.3),
        supcon_loss(torch.cat([x, y]), classes=torch.arange(6).repeat(2), temperature=0.3),
    )
    both = unit(torch.cat([x, y]))
    logits = (both @ both.T / 0.3).fill_diagonal_(-torch.inf)
    exact(nt_xent_loss(x, y, temperature=0.3), functional.cross_entropy(logits, torch.arange(12).roll(6)))
    assert nt_xent_loss(x, y, reduction="none").shape == (12,)


def test_info_nce_is_cross_entropy():
    scores = torch.tensor([[2.0, 1.0, 0.0]], dtype=torch.float64)
    # By dot product with the unit vectors the scores are the numbers of the query.
    keys = torch.eye(3, dtype=torch.float64)
    found = info_nce_loss(scores, keys[:1], negatives=keys[1:], temperature=1.0, distance="dot")
    assert found.item() == pytest.approx(0.407606, abs=1e-6)
    x, y = views()
    exact(info_nce_loss(x, y), functional.cross_entropy(unit(x) @ unit(y).T / 0.07, torch.arange(6)))
    listed = find_distance("euclidean").matrix(x, y) / -0.2
    expected = softmax_loss(listed, torch.eye(6, dtype=torch.float64))
    exact(info_nce_loss(x, y, distance="euclidean", temperature=0.2), expected)


def test_info_nce_with_a_queue():
    x, y = views()
    queue = torch.randn(9, 4, dtype=torch.float64, requires_grad=True)
    found = info_nce_loss(x.requires_grad_(), y, negatives=queue, reduction="none")
    slow = oracle.info_nce(x.tolist(), y.tolist(), negatives=queue.tolist())
    assert found.tolist() == pytest.approx(slow)
    found.sum().backward()
    assert queue.grad is None
    assert x.grad.isfinite().all()
    empty = info_nce_loss(x, y, negatives=queue[:0])
    assert empty.item() == 0
    with pytest.raises(ShapeError, match=r"info_nce_loss: expected negatives \[k, 4\]; got \[9, 3\]"):
        inspect.unwrap(info_nce_loss)(x, y, negatives=queue[:, :3])


def test_multiple_negatives_without_masks_is_info_nce():
    x, y = views()
    exact(multiple_negatives_ranking_loss(x, y, temperature=0.07), info_nce_loss(x, y))


def test_the_log_q_correction_by_hand():
    # Scores (2, 1, 0), probabilities (.1, .6, .3): .101134 corrected, .407606 not.
    query = torch.tensor([[2.0, 1.0, 0.0]], dtype=torch.float64).repeat(3, 1)
    keys = torch.eye(3, dtype=torch.float64)
    log_q = torch.tensor([0.1, 0.6, 0.3], dtype=torch.float64).log()
    options = {"temperature": 1.0, "distance": "dot", "reduction": "none"}
    assert multiple_negatives_ranking_loss(query, keys, **options)[0].item() == pytest.approx(0.407606, abs=1e-6)
    corrected = multiple_negatives_ranking_loss(query, keys, log_q=log_q, **options)
    assert corrected[0].item() == pytest.approx(0.101134, abs=1e-6)


def test_false_negatives_are_left_out():
    x, y = views(5)
    ids = torch.tensor([3, 8, 3, 5, 8])
    known = torch.rand(5, 5) < 0.3
    log_q = torch.rand(5, dtype=torch.float64).log()
    for options in (
        {"ids": ids},
        {"known_positives": known},
        {"ids": ids, "known_positives": known, "log_q": log_q},
    ):
        found = multiple_negatives_ranking_loss(x, y, reduction="none", **options)
        slow = oracle.multiple_negatives_ranking(x.tolist(), y.tolist(), **{k: v.tolist() for k, v in options.items()})
        assert found.tolist() == pytest.approx([value or 0.0 for value in slow], rel=1e-9)
    same_item = multiple_negatives_ranking_loss(x, y.requires_grad_(), ids=torch.zeros(5, dtype=torch.int64))
    same_item.backward()
    assert same_item.item() == 0
    assert not y.grad.any()


def test_a_false_negative_is_not_pushed_away():
    x, y = views(2)
    y.requires_grad_()
    known = torch.tensor([[False, True], [False, False]])
    multiple_negatives_ranking_loss(x, y, known_positives=known, reduction="none")[0].backward()
    assert not y.grad.any()


def test_shapes_of_masks_are_told():
    x, y = views(3)
    plain = inspect.unwrap(multiple_negatives_ranking_loss)
    with pytest.raises(ShapeError, match=r"expected ids \[3\]; got torch.int64 \[2\]"):
        plain(x, y, ids=torch.zeros(2, dtype=torch.int64))
    with pytest.raises(ShapeError, match=r"expected known_positives \[3, 3\] torch.bool; got torch.float32 \[3, 3\]"):
        plain(x, y, known_positives=torch.zeros(3, 3))
    with pytest.raises(ShapeError, match=r"expected log_q \[3\]; got"):
        plain(x, y, log_q=torch.zeros(3, 1))


def test_n_pair_by_hand_and_as_cross_entropy():
    eye = torch.eye(2, dtype=torch.float64)
    assert n_pair_loss(eye, eye, l2=0.0).item() == pytest.approx(math.log(1 + 1 / math.e))
    assert n_pair_loss(eye, eye, l2=0.5).item() == pytest.approx(math.log(1 + 1 / math.e) + 0.5)
    x, y = views()
    exact(n_pair_loss(x, y, l2=0.0), functional.cross_entropy(x @ y.T, torch.arange(6)))
    with pytest.raises(ConfigError, match="n_pair_loss: expected l2 of at least 0"):
        n_pair_loss(x, y, l2=-0.1)


@pytest.mark.parametrize("objective", [nt_xent_loss, info_nce_loss, multiple_negatives_ranking_loss])
def test_temperatures_of_every_kind(objective):
    x, y = views()
    learned = LearnedTemperature(0.2)
    by_number = objective(x, y, temperature=0.2)
    torch.testing.assert_close(objective(x, y, temperature=learned), by_number, rtol=1e-5, atol=0)
    tensor = torch.tensor(0.2, dtype=torch.float64, requires_grad=True)
    loss = objective(x, y, temperature=tensor)
    exact(loss, by_number)
    loss.backward()
    assert tensor.grad.isfinite()  # the diagonal is masked after the division
    assert torch.autograd.gradcheck(lambda t: objective(x, y, temperature=t), (tensor,))
    for temperature in (0.0, -1.0, math.nan, torch.tensor(0.0)):
        with pytest.raises(ConfigError, match=f"{objective.__name__}: expected temperature above 0"):
            objective(x, y, temperature=temperature)
    with pytest.raises(ShapeError, match="a temperature of one number"):
        inspect.unwrap(objective)(x, y, temperature=torch.ones(2))
    with pytest.raises(ConfigError, match="a temperature of floats"):
        inspect.unwrap(objective)(x, y, temperature=torch.tensor(1))
