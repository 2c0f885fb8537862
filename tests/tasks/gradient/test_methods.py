"""Optimizers and schedules beyond the named ones: classes of torch, functions of one's own, and resuming with them."""

import functools
import math

import pytest
import torch

from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, TrainingError
from rankkit.models.scorers import LinearScorer
from rankkit.objectives import ranknet_loss
from rankkit.tasks.gradient.methods import told
from rankkit.training import fit
from rankkit.training.gradient.schedule import learning_rate_factor

TRAIN = make_ranking(20, n_features=4, seed=1)


def weights_after(**options):
    scorer = LinearScorer(4, transform="standardize", seed=0)
    history = fit(scorer, ranknet_loss, TRAIN, **{"epochs": 2, "device": "cpu", "progress": False, **options})
    return scorer.output.weight.detach().clone(), history


def test_a_class_of_torch_by_name_is_what_a_function_makes_of_it():
    by_name, _ = weights_after(optimizer="RMSprop", optimizer_options={"alpha": 0.5, "momentum": 0.5})
    by_function, _ = weights_after(
        optimizer=lambda params: torch.optim.RMSprop(params, alpha=0.5, momentum=0.5), weight_decay=0.01
    )
    assert torch.equal(by_name, by_function)
    assert not torch.equal(by_name, weights_after()[0])


@pytest.mark.parametrize(
    "name",
    [
        name
        for name, kind in vars(torch.optim).items()
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer) and name not in ("Optimizer", "Muon")
    ],
)
def test_every_optimizer_of_torch_trains_or_is_refused_with_a_reason(name):
    if name in ("LBFGS", "SparseAdam"):
        with pytest.raises(ConfigError, match=f"got '{name}', which"):
            weights_after(optimizer=name)
        return
    before = LinearScorer(4, transform="standardize", seed=0).output.weight
    assert not torch.equal(weights_after(optimizer=name)[0], before)


def test_options_of_the_named_ones():
    fast, _ = weights_after(optimizer="adam", optimizer_options={"betas": [0.5, 0.9]})
    assert not torch.equal(fast, weights_after(optimizer="adam")[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"optimizer": "adamx"},
            r"optimizer: expected one of adamw, .* class of torch.optim; got 'adamx'\. Did you me",
        ),
        ({"optimizer": "rmsprop"}, r"got 'rmsprop'\. Did you mean 'RMSprop'\?"),
        ({"optimizer": 3}, "optimizer: expected a name, or a function of the weights; got 3"),
        ({"optimizer": "RMSprop", "optimizer_options": {"beta": 1}}, "optimizer_options: expected what RMSprop takes"),
        ({"optimizer": "RMSprop", "optimizer_options": {"alpha": -1}}, "Invalid alpha value"),
        ({"optimizer": "RMSprop", "optimizer_options": {"lr": 1}}, r"got 'lr'\. Pass learning_rate\."),
        ({"optimizer": torch.optim.SGD, "optimizer_options": {"momentum": 1}}, "expected none with a function"),
        ({"optimizer": lambda params: 3}, "expected a function that gives an optimizer of torch; got int"),
        ({"schedule": lambda done: math.nan}, r"schedule: expected a finite factor of at least 0; got nan at 0\.250"),
        ({"schedule": "cosinus"}, "Did you mean 'cosine'"),
    ],
)
def test_what_cannot_work_is_said(options, message):
    with pytest.raises(ConfigError, match=message):
        weights_after(**options)


def test_a_schedule_is_a_function_of_the_part_that_is_done():
    asked = []

    def halved(done):
        asked.append(done)
        return 0.5

    _, history = weights_after(schedule=halved, learning_rate=0.1, epochs=2, batch_queries=10)
    assert asked == [0.125, 0.375, 0.625, 0.875]
    assert [record.learning_rate for record in history.epochs] == [0.05, 0.05]
    assert learning_rate_factor(lambda done: 2 * done, 0.75, warmup=0.9) == 1.5


def begun(out, **options):
    class Stop:
        def on_step(self, record):
            """Nothing."""

        def on_epoch_end(self, record):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        weights_after(out=out, callbacks=[Stop()], epochs=3, **options)


def rms(alpha):
    return lambda params: torch.optim.RMSprop(params, alpha=alpha)


@pytest.mark.parametrize(
    ("first", "second", "what"),
    [
        ({"optimizer": "RMSprop"}, {"optimizer": "Adamax"}, "optimizer "),
        (
            {"optimizer": "RMSprop", "optimizer_options": {"alpha": 0.5}},
            {"optimizer": "RMSprop", "optimizer_options": {"alpha": 0.6}},
            "optimizer_options",
        ),
        ({"optimizer": rms(0.5)}, {"optimizer": rms(0.6)}, "optimizer "),
        ({"schedule": lambda done: 1 - done}, {"schedule": lambda done: 1 - done / 2}, "schedule "),
    ],
)
def test_a_run_goes_on_only_with_what_it_was_started_with(tmp_path, first, second, what):
    begun(tmp_path, **first)
    with pytest.raises(TrainingError, match=f"differs in {what}"):
        weights_after(out=tmp_path, resume=True, epochs=3, **second)
    resumed, _ = weights_after(out=tmp_path, resume=True, epochs=3, **first)
    assert torch.equal(resumed, weights_after(epochs=3, **first)[0])


def test_functions_are_told_by_what_they_compute():
    assert told(rms(0.5)) == told(rms(0.5)) != told(rms(0.6))
    assert told(functools.partial(torch.optim.SGD, momentum=0.5)) != told(functools.partial(torch.optim.SGD))

    class Rule:
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, done):
            return self.rate

    assert told(Rule(1)) == told(Rule(1)) != told(Rule(2))
    assert told(Rule(1).__call__) != told(Rule(2).__call__)

    def again(done):
        return again(done)

    assert told(again) == told(again)
