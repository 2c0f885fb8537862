"""What an objective cannot work with is refused as soon as its options are known."""

import inspect
from functools import partial

import numpy as np
import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError
from rankkit.objectives.module import Objective, option_names
from rankkit.registry import CLICK_OBJECTIVES, EMBEDDING_OBJECTIVES, OBJECTIVES
from rankkit.tasks.gradient.objectives import build_objective
from rankkit.tasks.gradient.trial import try_objective
from rankkit.training.beforehand import check_training

EVERY = {**OBJECTIVES, **EMBEDDING_OBJECTIVES}
# Options that have to be above or at least 0, or at least 1, wherever they are.
NEVER_NEGATIVE = ("sigma", "margin", "temperature", "k", "gamma", "noise", "n_samples", "scale", "alpha")


@pytest.mark.parametrize("name", EVERY)
def test_every_objective_works_as_it_is_by_default(name):
    try_objective(
        build_objective(name, {}, kind="embedding objective" if name in EMBEDDING_OBJECTIVES else "objective")
    )


@pytest.mark.parametrize(
    ("name", "option"),
    [
        (name, option)
        for name, function in EVERY.items()
        for option in option_names(function)
        if option in NEVER_NEGATIVE and not isinstance(inspect.signature(function).parameters[option].default, bool)
    ],
)
def test_negative_numbers_are_refused_before_there_is_data(name, option):
    value = -3 if option in ("k", "n_samples") else -3.0
    for objective in (Objective(EVERY[name], **{option: value}), partial(EVERY[name], **{option: value})):
        with pytest.raises(ConfigError, match=r"expected .*; got -3"):
            try_objective(objective)


def test_objectives_of_ones_own_are_not_called():
    def own(scores, labels, mask):
        raise AssertionError

    for objective in (own, Objective(own), *(build() for build in CLICK_OBJECTIVES.values())):
        try_objective(objective)


def test_a_trial_draws_nothing_from_the_global_generator():
    before = torch.get_rng_state()
    for name in OBJECTIVES:
        try_objective(Objective(OBJECTIVES[name]))
    assert torch.equal(before, torch.get_rng_state())


def test_fit_refuses_before_the_transform_is_fitted(tmp_path):
    data = rk.make_ranking(5, n_features=2, seed=0)
    scorer = rk.MLPScorer(2, hidden=[4], seed=0)
    with pytest.raises(ConfigError, match="expected k to be 1 or more"):
        rk.fit(scorer, Objective(rk.lambdarank_loss, k=0), data, out=tmp_path / "run")
    assert not scorer.transform.fitted
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "options",
    [
        {"epochs": 0},
        {"metric": "ndgc"},
        {"device": "gpu"},
        {"batch_queries": 0},
        {"clip_norm": np.nan},
        {"warmup": 1.0},
    ],
)
def test_options_of_a_run_are_refused_without_data_as_fit_refuses_them(options):
    with pytest.raises(ConfigError) as early:
        check_training(options)
    with pytest.raises(ConfigError) as late:
        rk.fit(rk.LinearScorer(2), rk.ranknet_loss, rk.make_ranking(5, n_features=2, seed=0), **options)
    assert str(early.value) == str(late.value)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        (lambda scores, labels, mask: (scores - labels)[0], r"a tensor \[3\]"),
        (lambda scores, labels, mask: scores.sum().item(), "got float"),
        (lambda scores, labels, mask: None, "got NoneType"),
        (lambda scores, labels, mask: scores.detach().sum(), "without gradient"),
        (lambda scores, labels, mask: labels.sum(), "without gradient"),
    ],
)
def test_objectives_of_ones_own_that_give_no_number_to_learn_from(own, message):
    data = rk.from_arrays(np.arange(6).reshape(3, 2), [0, 1, 2], [1, 1, 1])
    scorer = rk.LinearScorer(2, seed=0)
    before = {name: values.clone() for name, values in scorer.named_parameters()}
    with pytest.raises(ConfigError, match=f"expected one number, .*{message}"):
        rk.fit(scorer, own, data, epochs=1)
    assert all((values == before[name]).all() for name, values in scorer.named_parameters())
