"""A profiled run: phases add up, some steps are traced, and the weights are those of any other run."""

import json

import pytest
import torch

import rankkit as rk
from rankkit.training.gradient import profiling
from rankkit.training.gradient.profiling import TRACE_FILE, Profile

TRAIN = rk.make_ranking(40, n_features=3, seed=0)


def train(callbacks=(), valid=None, **options):
    scorer = rk.MLPScorer(3, hidden=[4], seed=0)
    rk.fit(scorer, "ranknet", TRAIN, valid, batch_queries=5, progress=False, callbacks=callbacks, **options)
    return scorer


def names_of(trace):
    return {event.get("name") for event in json.loads(trace.read_text())["traceEvents"]}


def test_phases_of_a_run_and_a_trace_of_its_steps(tmp_path):
    profile = Profile(tmp_path)
    with profile.watching():
        scorer = train([profile], TRAIN, epochs=2)
    rows = profile.table()
    assert [name for name, _, _ in rows] == [
        *("prepare", "load", "transform", "forward", "objective", "backward", "optimiser", "validation", "other")
    ]
    assert all(seconds >= 0 for _, seconds, _ in rows)
    assert sum(seconds for _, seconds, _ in rows) == pytest.approx(profile.total)
    assert profile.n_steps == 16
    assert {"load", "transform", "forward", "objective", "backward", "optimiser"} <= names_of(tmp_path / TRACE_FILE)
    assert str(profile).splitlines()[0].endswith("100.0%  16 steps")
    for one, other in zip(
        scorer.state_dict().values(), train(epochs=2, valid=TRAIN).state_dict().values(), strict=True
    ):
        assert torch.equal(one, other)


def test_an_encoder_too(tmp_path):
    examples = rk.read_labelled("digits")
    profile = Profile(tmp_path)
    encoder = rk.MLPEncoder(examples.input_shape, hidden=[8], seed=0)
    with profile.watching():
        rk.fit_encoder(encoder, "triplet", examples, epochs=1, progress=False, callbacks=[profile])
    assert {"forward", "objective", "backward"} <= {name for name, _, _ in profile.table()}


def test_an_epoch_that_ends_early_ends_the_trace(tmp_path, monkeypatch):
    monkeypatch.setattr(profiling, "_LAST", 1000)
    profile = Profile(tmp_path)
    with profile.watching():
        train([profile], epochs=1)
    assert "forward" in names_of(tmp_path / TRACE_FILE)
    assert profile.phases.mark is None


@pytest.mark.parametrize(("epochs", "is_traced"), [(5, True), (3, False)])
def test_epochs_of_one_step_each_are_traced_too(tmp_path, epochs, is_traced):
    profile = Profile(tmp_path)
    with profile.watching():
        rk.fit(rk.LinearScorer(3), "ranknet", TRAIN, TRAIN, epochs=epochs, progress=False, callbacks=[profile])
    assert profile.n_steps == epochs
    trace = tmp_path / TRACE_FILE
    assert ({"forward", "backward", "optimiser"} <= names_of(trace)) if is_traced else not trace.exists()


def test_a_step_that_fails_leaves_a_trace_of_those_before(tmp_path):
    class Stop:
        def on_step(self, record):
            if record.step == 4:
                raise RuntimeError("stop")

    profile = Profile(tmp_path)
    with pytest.raises(RuntimeError, match="stop"), profile.watching():
        train([profile, Stop()], epochs=1)
    assert "forward" in names_of(tmp_path / TRACE_FILE)


def test_few_steps_have_no_trace(tmp_path):
    profile = Profile(tmp_path)
    with profile.watching():
        scorer = rk.LinearScorer(3)
        rk.fit(scorer, "ranknet", TRAIN, epochs=1, progress=False, callbacks=[profile])
    assert profile.n_steps == 1
    assert not (tmp_path / TRACE_FILE).exists()
