"""Moving averages of weights: the formula step by step, what is validated and kept, and going on from a checkpoint."""

import copy

import pytest
import torch

import rankkit as rk
from rankkit.training import Callback, TrainingInterrupted
from rankkit.training.gradient.average import Average


class Weights(Callback):
    """The weights after each step, and whether the run stops after one."""

    def __init__(self, model, stop_after=None):
        self.model, self.stop_after, self.steps = model, stop_after, []

    def on_step(self, record):
        self.steps.append(copy.deepcopy(self.model.state_dict()))
        if record.step == self.stop_after:
            raise KeyboardInterrupt


def mean_of(first, steps, decay):
    """The average after those steps, by the formula."""
    mean = {name: value.clone() for name, value in first.items()}
    for step, weights in enumerate(steps, start=1):
        share = min(decay, (1 + step) / (10 + step))
        mean = {name: share * value + (1 - share) * weights[name] for name, value in mean.items()}
    return mean


@pytest.mark.parametrize("decay", [0.3, 0.999])
def test_kept_is_the_average_of_the_weights_along_the_run(train, new_scorer, decay):
    scorer, plain = new_scorer(), new_scorer()
    first = copy.deepcopy(scorer.state_dict())
    watch = Weights(scorer)
    rk.fit(scorer, "softmax", train, epochs=3, ema=decay, device="cpu", progress=False, callbacks=[watch])
    rk.fit(plain, "softmax", train, epochs=3, device="cpu", progress=False)
    for name, weight in plain.state_dict().items():  # training goes on with the weights themselves
        torch.testing.assert_close(watch.steps[-1][name], weight, rtol=0, atol=0)
    expected = mean_of(first, watch.steps, decay)
    for name, weight in scorer.named_parameters():
        torch.testing.assert_close(weight.detach(), expected[name])


def test_validated_is_the_average_and_the_best_epoch_is_of_averages(quick, train, valid, new_scorer):
    scorer = new_scorer()
    history = quick(scorer, epochs=4, ema=0.9)
    assert history.best_value == rk.evaluate(scorer, valid, [history.metric]).means[history.metric]
    assert [epoch.valid for epoch in history.epochs] != [epoch.valid for epoch in quick(new_scorer(), epochs=4).epochs]


def test_without_a_word_of_it_nothing_is_averaged(quick, new_scorer):
    one, other = new_scorer(), new_scorer()
    quick(one, epochs=2)
    quick(other, epochs=2, ema=None)
    assert all(torch.equal(value, other.state_dict()[name]) for name, value in one.state_dict().items())


@pytest.mark.parametrize("step", [1, 4, 6, 12])
@pytest.mark.parametrize("with_valid", [True, False])
def test_an_interrupted_run_goes_on_to_the_same_average(train, valid, new_scorer, tmp_path, step, with_valid):
    parts = (train, valid) if with_valid else (train,)
    options = {"epochs": 4, "batch_queries": 5, "ema": 0.9, "device": "cpu", "progress": False}
    whole, again = new_scorer(dropout=0.3), new_scorer(dropout=0.3)
    rk.fit(whole, "softmax", *parts, **options)
    stopped = new_scorer(dropout=0.3)
    with pytest.raises(TrainingInterrupted):
        rk.fit(stopped, "softmax", *parts, **options, out=tmp_path, callbacks=[Weights(stopped, stop_after=step)])
    rk.fit(again, "softmax", *parts, **options, out=tmp_path, resume=True)
    finished = new_scorer(dropout=0.3)
    rk.fit(finished, "softmax", *parts, **options, out=tmp_path, resume=True)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, again.state_dict()[name])
        assert torch.equal(value, finished.state_dict()[name])
    with pytest.raises(rk.TrainingError, match=r"differs in ema \(checkpoint 0.9, now 0.99\)"):
        rk.fit(new_scorer(dropout=0.3), "softmax", *parts, **{**options, "ema": 0.99}, out=tmp_path, resume=True)


def test_encoders_average_too(seen):
    encoders = [rk.MLPEncoder(seen.input_shape, hidden=(4,), seed=0) for _ in range(2)]
    for encoder, ema in zip(encoders, (None, 0.9), strict=True):
        rk.fit_encoder(encoder, "supcon", seen, epochs=1, ema=ema, device="cpu", progress=False)
    weights = [encoder.projection.weight for encoder in encoders]
    assert not torch.equal(*weights)


def test_for_a_while_means_a_while():
    model = torch.nn.Linear(1, 1)
    with torch.no_grad():
        model.weight.fill_(1)
    average = Average(model, 0.5)
    with torch.no_grad():
        model.weight.fill_(3)
    average.add(1)

    def within():
        with average.in_place():
            assert model.weight.item() == pytest.approx(1 * 2 / 11 + 3 * 9 / 11)
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        within()
    assert model.weight.item() == 3


@pytest.mark.parametrize("ema", [0, 1, 1.5, float("nan"), "0.9", True])
def test_a_decay_that_cannot_work(quick, new_scorer, ema):
    with pytest.raises(rk.ConfigError, match=r"ema: expected a number above 0 and below 1; got"):
        quick(new_scorer(), ema=ema)


def test_trees_refuse_it(train):
    with pytest.raises(rk.ConfigError, match=r"expected no ema, which training by gradients has; got 0.9"):
        rk.fit(rk.LightGBM(), "lambdarank", train, ema=0.9, progress=False)
