"""Losses on two views of the documents of queries, against slow loops: values, slopes, what is left out, blocks."""

import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives.embedding import pretraining
from rankkit.objectives.embedding.pretraining import simclr_rank_loss, simsiam_loss
from tests.oracles import embedding as oracles

OFFSETS = torch.tensor([0, 3, 3, 4, 9, 11])  # an empty query, one of a single document
SIZES = OFFSETS.diff().tolist()
STEP = 1e-6


def views(seed=0, n=11):
    drawn = torch.Generator().manual_seed(seed)
    return [torch.randn(n, 4, generator=drawn, dtype=torch.float64, requires_grad=True) for _ in range(2)]


def slow_mean(x, y, temperature):
    found = oracles.simclr_rank(x.tolist(), y.tolist(), OFFSETS.tolist(), temperature)
    told = [value for value in found if value is not None]
    return sum(told) / len(told)


@pytest.mark.parametrize("temperature", [0.1, 1.0])
def test_a_query_is_a_slow_loop(temperature):
    x, y = views()
    found = simclr_rank_loss(x, y, OFFSETS, temperature=temperature, reduction="none")
    slow = oracles.simclr_rank(x.tolist(), y.tolist(), OFFSETS.tolist(), temperature)
    assert [value is None for value in slow] == [size < 2 for size in SIZES]
    torch.testing.assert_close(found, torch.tensor([value or 0.0 for value in slow], dtype=torch.float64))
    mean = simclr_rank_loss(x, y, OFFSETS, temperature=temperature)
    assert mean.item() == pytest.approx(slow_mean(x, y, temperature), abs=1e-12)


def test_slopes_are_those_of_the_slow_loop():
    x, y = views()
    simclr_rank_loss(x, y, OFFSETS, temperature=0.5).backward()
    for view in (x, y):
        for place in ((0, 1), (3, 0), (5, 2), (10, 3)):
            values = []
            for step in (STEP, -STEP):
                moved = [one.detach().clone() for one in (x, y)]
                moved[0 if view is x else 1][place] += step
                values.append(slow_mean(*moved, 0.5))
            assert view.grad[place].item() == pytest.approx((values[0] - values[1]) / (2 * STEP), abs=1e-7)
    assert not x.grad[3].any()  # alone in its query


def test_a_query_by_itself_is_nt_xent():
    x, y = views()
    found = simclr_rank_loss(x, y, OFFSETS, temperature=0.3, reduction="none")
    for query, (start, stop) in enumerate(zip(OFFSETS[:-1].tolist(), OFFSETS[1:].tolist(), strict=True)):
        if stop - start > 1:
            alone = rk.nt_xent_loss(x[start:stop], y[start:stop], temperature=0.3)
            torch.testing.assert_close(found[query], alone)


def test_documents_of_other_queries_change_nothing():
    x, y = views()
    found = simclr_rank_loss(x, y, OFFSETS, reduction="none")
    with torch.no_grad():
        x[4:9] += 100
    again = simclr_rank_loss(x, y, OFFSETS, reduction="none")
    assert torch.equal(found[[0, 4]], again[[0, 4]])
    assert found[3] != again[3]


def test_blocks_change_neither_value_nor_slope(monkeypatch):
    x, y = views()
    simclr_rank_loss(x, y, OFFSETS).backward()
    whole = [view.grad.clone() for view in (x, y)]
    value = simclr_rank_loss(x, y, OFFSETS)
    monkeypatch.setattr(pretraining, "_BLOCK", 150)  # three rows of each list
    x.grad = y.grad = None
    in_blocks = simclr_rank_loss(x, y, OFFSETS)
    torch.testing.assert_close(in_blocks, value)
    in_blocks.backward()
    for view, slope in zip((x, y), whole, strict=True):
        torch.testing.assert_close(view.grad, slope)


@pytest.mark.parametrize("offsets", [[0], [0, 1], [0, 1, 2], [0, 0]])
def test_without_two_documents_it_is_0_with_slopes_of_0(offsets):
    x, y = views(n=offsets[-1])
    loss = simclr_rank_loss(x, y, torch.tensor(offsets))
    loss.backward()
    assert loss.item() == 0
    assert not x.grad.any()


def test_far_and_equal_embeddings_stay_finite():
    x = torch.full((4, 3), 1e4, requires_grad=True)
    loss = simclr_rank_loss(x, torch.zeros(4, 3), torch.tensor([0, 4]), temperature=1e-3)
    loss.backward()
    assert loss.isfinite()
    assert x.grad.isfinite().all()


def test_a_temperature_can_be_learnt():
    x, y = views()
    temperature = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(
        lambda t: simclr_rank_loss(x.detach(), y.detach(), OFFSETS, temperature=t), temperature
    )


def test_simsiam_is_a_slow_loop_and_stops_where_it_should():
    (p, q), (z, w) = views(1), views(2)
    slow = oracles.simsiam(*(one.tolist() for one in (p, q, z, w)))
    found = simsiam_loss(p, q, z, w, reduction="none")
    torch.testing.assert_close(found, torch.tensor(slow, dtype=torch.float64))
    loss = simsiam_loss(p, q, z, w)
    assert loss.item() == pytest.approx(sum(slow) / len(slow), abs=1e-12)
    loss.backward()
    assert z.grad is None
    assert w.grad is None
    assert torch.autograd.gradcheck(lambda a, b: simsiam_loss(a, b, z.detach(), w.detach()), (p, q))


def test_what_does_not_fit_is_refused():
    x, y = views()
    with pytest.raises(ShapeError, match="simclr_rank_loss: expected offsets that end at the 11 documents"):
        simclr_rank_loss(x, y, OFFSETS[:-1])
    with pytest.raises(ConfigError, match="temperature"):
        simclr_rank_loss(x, y, OFFSETS, temperature=0.0)
