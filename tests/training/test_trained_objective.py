"""Objectives with weights of their own: trained with the scorer, kept in checkpoints and with the best epoch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

import rankkit as rk
from rankkit.tasks.gradient.objectives import module_of
from rankkit.training import Callback, TrainingInterrupted


class Interrupt(Callback):
    def __init__(self, step):
        self.step = step

    def on_step(self, record):
        if record.step == self.step:
            raise KeyboardInterrupt


class Scaled(torch.nn.Module):
    """A module of one's own, without a word about learning rates."""

    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, scores, labels, mask=None):
        return rk.softmax_loss(scores * self.scale, labels, mask)


@pytest.fixture(scope="module")
def log():
    data = rk.make_ranking(60, seed=0)
    shown = rk.shown_lists(data, np.zeros(data.n_docs), top_k=5)
    return rk.simulate_clicks(shown, rk.PositionBasedModel(), n_sessions=10, summed=True, seed=0)


def same(first, second):
    return all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize("step", [1, 4, 7, 12])
def test_an_interrupted_run_goes_on_to_the_same_weights_of_both(quick, new_scorer, log, tmp_path, step):
    whole, objective = new_scorer(dropout=0.3), rk.DualLearning(n_positions=5)
    quick(whole, objective, data=log, epochs=4)
    with pytest.raises(TrainingInterrupted):
        quick(
            new_scorer(dropout=0.3),
            rk.DualLearning(n_positions=5),
            data=log,
            epochs=4,
            out=tmp_path,
            callbacks=[Interrupt(step)],
        )
    again, resumed = new_scorer(dropout=0.3), rk.DualLearning(n_positions=5)
    quick(again, resumed, data=log, epochs=4, out=tmp_path, resume=True)
    assert same(whole, again)
    assert same(objective, resumed)
    assert not same(objective, rk.DualLearning(n_positions=5))


@pytest.mark.parametrize("optimizer", ["adamw", "adam", "adagrad", "sgd"])
def test_both_are_trained_by_every_optimizer(quick, new_scorer, log, optimizer):
    scorer, objective = new_scorer(), rk.DualLearning(n_positions=5)
    quick(scorer, objective, data=log, optimizer=optimizer, epochs=1)
    assert (objective.position_logits[1:] != 0).all()
    assert not same(scorer, new_scorer())


@pytest.mark.filterwarnings("ignore:fit. no validation query:rankkit.DataWarning")
def test_the_objective_comes_back_with_the_best_epoch(quick, new_scorer, log):
    seen = {}
    objective = rk.DualLearning(n_positions=5)

    class Keep(Callback):
        def on_epoch_end(self, record):
            seen[record.epoch] = objective.position_logits.detach().clone()

    # Every order of relevant documents is as good as any: the first epoch stays the best.
    alike = replace(log, labels=np.ones(log.n_docs, np.float32))
    history = quick(new_scorer(), objective, data=log, valid=alike, epochs=3, callbacks=[Keep()])
    assert history.best_epoch == 1
    assert torch.equal(objective.position_logits, seen[1])
    assert not torch.equal(seen[1], seen[3])


def test_its_own_learning_rate_follows_the_schedule(quick, new_scorer, log):
    """The first step of Adam is as long as its learning rate, whatever the gradient."""
    objective = rk.DualLearning(n_positions=5)
    options = {"epochs": 1, "batch_queries": 60, "schedule": "constant", "warmup": 0.0, "optimizer": "adam"}
    quick(new_scorer(), objective, data=log, learning_rate=1e-4, **options)
    torch.testing.assert_close(objective.position_logits.detach().abs(), torch.full((5,), 0.05), rtol=1e-4, atol=0)
    own = Scaled()
    quick(new_scorer(), own, data=log, learning_rate=1e-4, **options)
    assert abs(own.scale.item() - 0.5) == pytest.approx(1e-4, rel=1e-2)


def test_a_frozen_part_stays(quick, new_scorer, log):
    objective = rk.DualLearning(n_positions=5).requires_grad_(False)
    quick(new_scorer(), objective, data=log, epochs=1)
    assert same(objective, rk.DualLearning(n_positions=5))


def test_options_of_the_objective_are_part_of_the_run(quick, new_scorer, log, tmp_path):
    quick(new_scorer(), rk.DualLearning(n_positions=5), data=log, out=tmp_path)
    with pytest.raises(rk.TrainingError, match=r"objective.n_positions \(checkpoint '5', now '6'\)"):
        quick(new_scorer(), rk.DualLearning(n_positions=6), data=log, out=tmp_path, resume=True)


def test_weights_of_the_log_are_part_of_the_run(quick, new_scorer, log, tmp_path):
    quick(new_scorer(), data=log, out=tmp_path)
    with pytest.raises(rk.TrainingError, match="training data"):
        quick(new_scorer(), data=rk.propensity_weighted(log, np.ones(5)), out=tmp_path, resume=True)


def test_a_module_inside_an_objective_learns_at_its_own_rate(quick, new_scorer, log):
    inner = rk.DualLearning(n_positions=5)
    options = {"epochs": 1, "batch_queries": 60, "schedule": "constant", "warmup": 0.0, "optimizer": "adam"}
    quick(new_scorer(), rk.Objective(inner), data=log, learning_rate=1e-4, **options)
    torch.testing.assert_close(inner.position_logits.detach().abs(), torch.full((5,), 0.05), rtol=1e-4, atol=0)


def test_a_module_inside_an_objective_is_found():
    inner = Scaled()
    assert list(module_of(rk.Objective(inner)).parameters()) == [inner.scale]
    assert module_of(rk.softmax_loss) is None
