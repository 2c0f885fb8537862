"""Learning rates by layer: the trunk at a share of that of the last layer, where a scorer has both."""

import copy

import pytest
import torch

import rankkit as rk
from rankkit.errors import ConfigError
from rankkit.training import TrainingInterrupted
from tests.training.test_resume import Interrupt

PLAIN = {"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0, "schedule": "constant", "warmup": 0.0, "epochs": 1}
QUIET = {"progress": False, "device": "cpu", "seed": 0, "batch_queries": 1000}


def moved(scorer, train, **options):
    """By how much one step of plain descent moves each weight."""
    before = copy.deepcopy(dict(scorer.named_parameters()))
    rk.fit(scorer, "softmax", train, **{**PLAIN, **QUIET, **options})
    return {name: (after - before[name]).detach() for name, after in scorer.named_parameters()}


@pytest.mark.parametrize("name", ["mlp", "dcn", "attention", "tabm", "additive"])
def test_all_layers_but_the_last_move_by_that_share(train, name):
    def fresh():
        own = {"n_blocks": 1, "n_inner": 8} if name == "attention" else {}
        return rk.build("scorer", name, train.n_features, hidden=(8,), dropout=0.0, seed=0, **own)

    whole, slower = moved(fresh(), train), moved(fresh(), train, trunk_rate=0.25)
    for weight, step in whole.items():
        factor = 1.0 if weight.startswith("output.") else 0.25
        torch.testing.assert_close(slower[weight], factor * step, rtol=1e-3, atol=1e-7)
    assert any(float(step.abs().max()) > 1e-4 for weight, step in whole.items() if not weight.startswith("output."))


def test_an_interrupted_run_goes_on_with_both_rates(train, new_scorer, tmp_path):
    options = {"trunk_rate": 0.3, "epochs": 4, "progress": False, "device": "cpu"}
    whole = new_scorer(dropout=0.3)
    rk.fit(whole, "softmax", train, **options)
    with pytest.raises(TrainingInterrupted):
        rk.fit(new_scorer(dropout=0.3), "softmax", train, out=tmp_path, callbacks=[Interrupt(3)], **options)
    resumed = new_scorer(dropout=0.3)
    rk.fit(resumed, "softmax", train, out=tmp_path, resume=True, **options)
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed.state_dict()[name]), name
    with pytest.raises(rk.TrainingError, match=r"differs in trunk_rate \(checkpoint 0.3, now None\)"):
        rk.fit(new_scorer(), "softmax", train, out=tmp_path, resume=True, **{**options, "trunk_rate": 1.0})


def test_what_has_no_trunk_is_refused(train):
    with pytest.raises(ConfigError, match=r"trunk_rate: expected a network with layers .* got LinearScorer"):
        rk.fit(rk.LinearScorer(train.n_features), "softmax", train, trunk_rate=0.5)
    with pytest.raises(ConfigError, match="trunk_rate: expected a finite number above 0"):
        rk.fit(rk.MLPScorer(train.n_features), "softmax", train, trunk_rate=0.0)
