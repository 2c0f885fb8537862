"""DASALCScorer: the formula in loops, what may matter to a score, noise and dropout in training alone."""

from itertools import pairwise

import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError
from rankkit.export import export
from rankkit.models.scorers import DASALCScorer, is_listwise
from rankkit.randomness import Randomness
from tests.oracles import networks as oracle

OFFSETS = torch.tensor([0, 1, 1, 8, 11, 20])


def scorer_of(**options):
    options = {"input_noise": 0, "dropout": 0.0, "transform": "none", **options}
    made = DASALCScorer(4, (6, 5), n_blocks=2, head_size=3, seed=0, **options).double().eval()
    drawn = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for norm in (made.norm, made.seen_norm, *(layer.normalization for layer in made.hidden)):
            for values in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
                values.copy_(torch.rand(values.shape, generator=drawn, dtype=values.dtype) + 0.5)
    return made


def documents(seed=0):
    return torch.randn(20, 4, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("n_heads", [1, 2])
def test_scores_are_those_of_loops(n_heads, training):
    scorer = scorer_of(n_heads=n_heads).train(training)
    expected = oracle.dasalc(scorer, documents(), OFFSETS)
    assert scorer(documents(), OFFSETS).tolist() == pytest.approx(expected, rel=1e-10, abs=1e-10)


def test_gradients_are_differences_of_scores():
    scorer, features = scorer_of(), documents().requires_grad_()
    assert torch.autograd.gradcheck(lambda rows: scorer(rows, OFFSETS), features, fast_mode=True)


def test_the_order_of_documents_changes_no_score():
    scorer, features = scorer_of(), documents()
    order = torch.cat([start + torch.randperm(int(stop - start)) for start, stop in pairwise(OFFSETS)])
    torch.testing.assert_close(scorer(features[order], OFFSETS), scorer(features, OFFSETS)[order])


def test_a_query_sees_its_documents_and_no_others():
    scorer, features = scorer_of(), documents().requires_grad_()
    (slopes,) = torch.autograd.grad(scorer(features, OFFSETS)[4], features)
    assert slopes.any(dim=1).nonzero()[:, 0].tolist() == [*range(1, 8)]


def test_noise_and_dropout_are_drawn_in_training_alone_and_by_the_run():
    scorer, features = scorer_of(input_noise=1.0, dropout=0.5), documents()
    assert torch.equal(scorer(features, OFFSETS), scorer(features, OFFSETS))
    scorer.train()

    def trained(seed):
        with Randomness(seed, features.device).drawing():
            return scorer(features, OFFSETS)

    assert torch.equal(trained(0), trained(0))
    assert not torch.equal(trained(0), trained(1))


def test_noise_has_its_deviation():
    scorer = scorer_of(input_noise=2.0).train()
    drawn = scorer.noise(torch.zeros(100_000))
    assert float(drawn.std()) == pytest.approx(2.0, rel=0.02)
    assert float(drawn.mean()) == pytest.approx(0.0, abs=0.03)


def test_lists_of_one_and_of_no_document():
    scorer = scorer_of()
    assert scorer(documents()[:0], torch.tensor([0, 0])).shape == (0,)
    assert scorer(documents()[:0], torch.tensor([0])).shape == (0,)
    assert scorer(documents()[:1], torch.tensor([0, 1])).isfinite().all()
    assert scorer.train()(documents()[:1], torch.tensor([0, 1])).isfinite().all()


def test_it_learns_and_is_listwise():
    train, valid = rk.make_ranking(150, seed=0), rk.make_ranking(40, seed=1)
    scorer = DASALCScorer(train.n_features, (16,), n_blocks=1, head_size=8, input_noise=0.1, dropout=0.1, seed=0)
    assert is_listwise(scorer)
    before = rk.evaluate(scorer, valid, ["ndcg@10"]).means["ndcg@10"]
    options = {"metric": "ndcg@10", "device": "cpu"}
    history = rk.fit(scorer, "softmax", train, valid, epochs=10, learning_rate=1e-2, progress=False, **options)
    assert history.best_value > before + 0.1


@pytest.mark.parametrize(
    "wrong", [{"input_noise": -1.0}, {"input_noise": float("nan")}, {"input_noise": True}, {"hidden": ()}]
)
def test_options_that_cannot_work(wrong):
    with pytest.raises(ConfigError, match="DASALCScorer: expected"):
        DASALCScorer(4, **wrong)


@pytest.mark.parametrize("target", ["onnx", "torch"])
def test_exported_lists_score_the_same(target, tmp_path):
    data = rk.make_ranking(12, n_features=4, seed=1)
    scorer = DASALCScorer(4, (8,), n_blocks=1, head_size=4, context="z", n_outputs=3, seed=0)
    scorer.transform.fit(data.features, data.offsets)
    manifest = export(scorer, target, tmp_path / ("out.onnx" if target == "onnx" else "out.pt2"), data=data)
    assert manifest.listwise
    assert manifest.parity.inversions == 0


def test_padded_lists_score_the_same():
    scorer, features = scorer_of(), documents()
    rows, sizes = scorer.rows(features, OFFSETS), OFFSETS.diff()
    mask = torch.arange(int(sizes.max())) < sizes[:, None]
    padded = torch.full((*mask.shape, rows.shape[1]), 9.0, dtype=rows.dtype)
    padded[mask] = rows
    torch.testing.assert_close(scorer.of_lists(padded, mask)[mask], scorer(features, OFFSETS))
