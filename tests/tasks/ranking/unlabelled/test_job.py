"""What the step of pretraining computes: the loss of each member, of two views, by its formula."""

import pytest
import torch
from torch.nn import functional

import rankkit as rk
from rankkit.objectives.embedding.pretraining import simclr_rank_loss, simsiam_loss
from rankkit.tasks.gradient.settings import Settings
from rankkit.tasks.ranking.unlabelled.heads import HEADS
from rankkit.tasks.ranking.unlabelled.job import PretrainingJob, ViewsStep
from rankkit.training.gradient.options import Options

DATA = rk.make_ranking(6, n_features=4, seed=0)
CPU = torch.device("cpu")


def settings() -> Settings:
    return Options("ndcg@10").settings("ndcg@10", epochs=1, learning_rate=1e-3)


@pytest.mark.parametrize("method", ["simclr_rank", "simsiam"])
@pytest.mark.parametrize("name", ["mlp", "attention", "tabm"])
def test_the_loss_is_that_of_two_views(name, method):
    own = {"n_blocks": 1, "n_inner": 8} if name == "attention" else {}
    scorer = rk.build("scorer", name, 4, hidden=(8,), dropout=0.0, seed=0, **own)
    job = PretrainingJob(scorer, DATA, method=method, temperature=0.5, n_dims=6)
    job.check()
    work = job.work(settings(), CPU)
    batch = work.take(work.plan(1)[0])
    shifts = iter((0.25, -0.5))
    step = ViewsStep(work.objective, lambda features: features + next(shifts), "fp32")
    found = step(scorer.eval(), batch)
    views = [scorer.hidden_values(batch.features + shift, batch.offsets) for shift in (0.25, -0.5)]
    members = [view if name == "tabm" else view[None] for view in views]
    losses = []
    for x, y in zip(*members, strict=True):
        z, w = work.objective.projector(x), work.objective.projector(y)
        if method == "simclr_rank":
            losses.append(simclr_rank_loss(z, w, batch.offsets, temperature=0.5))
        else:
            predict = work.objective.predictor
            losses.append(simsiam_loss(predict(z), predict(w), z, w))
    torch.testing.assert_close(found, torch.stack(losses).mean(), rtol=1e-4, atol=1e-5)
    assert 0 < step.facts["spread"] < 2


def test_epochs_make_120_steps_of_small_data():
    scorer = rk.MLPScorer(4, hidden=(8,))
    assert PretrainingJob(scorer, DATA, batch_queries=2).default_epochs == 40
    assert PretrainingJob(scorer, rk.make_ranking(130, n_features=4, seed=0), batch_queries=2).default_epochs == 3


def test_heads_are_drawn_from_their_seed_alone():
    for made in HEADS.values():
        one, other, third = (
            made(5, n_dims=4, temperature=0.1, generator=torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
        )
        weights = [torch.cat([p.flatten() for p in head.parameters()]) for head in (one, other, third)]
        assert torch.equal(weights[0], weights[1])
        assert not torch.equal(weights[0], weights[2])
        x = torch.randn(7, 5)
        judged = one(x, x + 0.1, torch.tensor([0, 7]))
        assert judged.embeddings.shape == (7, 4)
        assert functional.normalize(judged.embeddings, dim=1).isfinite().all()
