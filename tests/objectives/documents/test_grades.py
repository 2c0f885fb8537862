"""Ordinal regression; cross entropy over grades is tested beside the other pointwise objectives."""

import math

import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError, DataError
from rankkit.objectives import bce_loss, ordinal_loss
from tests.oracles import pointwise


def test_values_by_hand():
    scores, labels = torch.tensor([[[2.0, -1.0]]]), torch.tensor([[1.0]])
    assert float(ordinal_loss(scores, labels)) == pytest.approx(math.log1p(math.exp(-2)) + math.log1p(math.exp(-1)))


def test_each_output_is_the_bce_of_a_threshold():
    scores = torch.randn(3, 6, 4, dtype=torch.float64)
    labels = torch.randint(0, 5, (3, 6)).double()
    mask = torch.arange(6) < torch.tensor([[6], [2], [4]])
    expected = sum(bce_loss(scores[..., k - 1], labels, mask, relevant_from=float(k)) for k in range(1, 5))
    torch.testing.assert_close(ordinal_loss(scores, labels, mask), expected)
    slow = pointwise.ordinal(scores[1, :2].tolist(), labels[1, :2].tolist())
    assert ordinal_loss(scores, labels, mask, reduction="none")[1].item() == pytest.approx(slow, rel=1e-12)


@pytest.mark.parametrize("label", [3.0, -1.0, 0.5, torch.nan])
def test_labels_that_are_no_grade(label):
    labels = torch.tensor([[0.0, 1.0], [2.0, label]])
    with pytest.raises(DataError, match=r"ordinal_loss: expected whole labels from 0 to 2, .*\(list 1, document 1\)\."):
        ordinal_loss(torch.zeros(2, 2, 2), labels)


@pytest.mark.parametrize("tied", [False, True])
def test_it_trains_ranks_and_is_saved(tied, tmp_path):
    train = rk.make_ranking(60, n_features=4, seed=1)
    best = int(train.labels.max())
    scorer = rk.LinearScorer(4, n_outputs=best, readout="sum_of_sigmoids", tied_outputs=tied, seed=0)
    history = rk.fit(scorer, rk.ordinal_loss, train, epochs=30, seed=0)
    assert history.epochs[-1].loss < history.epochs[0].loss
    # RankNet reaches .65 here; random scores .2.
    assert rk.evaluate(scorer, train, ["ndcg@10"]).means["ndcg@10"] > 0.6
    rk.save(scorer, tmp_path / "ranker")
    scores = rk.predict(rk.load(tmp_path / "ranker"), train)
    assert (scores == rk.predict(scorer, train)).all()
    assert ((scores > 0) & (scores < best)).all()


def test_a_scorer_that_is_read_differently_is_told_how_to_be_built():
    train = rk.make_ranking(5, n_features=2, seed=0)
    best = int(train.labels.max())
    scorer = rk.LinearScorer(2, n_outputs=best + 1, seed=0)
    with pytest.raises(ConfigError, match=rf"Build the scorer with n_outputs={best}, readout='sum_of_sigmoids'"):
        rk.fit(scorer, rk.ordinal_loss, train, epochs=1)
