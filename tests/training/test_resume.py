import json
import os
import re
import signal
import sys

import pytest
import torch

from rankkit.errors import ConfigError, DiskError, TrainingError
from rankkit.models.scorers import LinearScorer
from rankkit.objectives import listnet_loss, softmax_loss
from rankkit.training import Callback, TrainingInterrupted
from tests.file_limits import files_as_before, limit_files


class Interrupt(Callback):
    """Ctrl-C at one step, raised by an observer or sent as a signal."""

    def __init__(self, step, how="raise"):
        self.step, self.how = step, how

    def on_step(self, record):
        if record.step != self.step:
            return
        if self.how == "signal":
            os.kill(os.getpid(), signal.SIGINT)
        else:
            raise KeyboardInterrupt


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def same(first, second):
    return all(torch.equal(value, second.state_dict()[name]) for name, value in first.state_dict().items())


@pytest.mark.parametrize("how", ["raise", "signal"])
@pytest.mark.parametrize("step", [1, 4, 6, 12])
def test_an_interrupted_run_goes_on_to_the_same_weights(quick, new_scorer, tmp_path, how, step):
    whole = new_scorer(dropout=0.3)
    expected = quick(whole, epochs=4)

    handler = signal.getsignal(signal.SIGINT)
    with pytest.raises(TrainingInterrupted, match=r"saved in .*resume=True \(rankkit train .* --resume\)") as caught:
        quick(new_scorer(dropout=0.3), epochs=4, out=tmp_path, callbacks=[Interrupt(step, how)])
    assert signal.getsignal(signal.SIGINT) is handler
    assert caught.value.history.stopped == "interrupted"
    assert len(lines(tmp_path)) == len(caught.value.history) == (step - 1) // 4

    again = new_scorer(dropout=0.3)
    history = quick(again, epochs=4, out=tmp_path, resume=True)
    assert same(whole, again)
    assert [(r.epoch, r.step, r.loss, r.valid) for r in history.epochs] == [
        (r.epoch, r.step, r.loss, r.valid) for r in expected.epochs
    ]
    assert lines(tmp_path) == [record.to_dict() for record in history.epochs]


def test_ctrl_c_without_a_folder_says_that_nothing_was_saved(quick, new_scorer):
    with pytest.raises(TrainingInterrupted, match="Nothing was saved"):
        quick(new_scorer(), callbacks=[Interrupt(2)])


def test_an_interrupt_at_the_end_of_an_epoch_keeps_the_best_so_far(quick, new_scorer, tmp_path):
    class AfterSecond(Callback):
        def on_epoch_end(self, record):
            if record.epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted) as caught:
        quick(new_scorer(), out=tmp_path, callbacks=[AfterSecond()])
    assert len(caught.value.history) == 2
    assert caught.value.history.best_epoch in (1, 2)
    assert quick(new_scorer(), out=tmp_path, resume=True).stopped == "epochs"


def test_metrics_hold_one_line_an_epoch(quick, new_scorer, tmp_path):
    history = quick(new_scorer(), out=tmp_path)
    assert lines(tmp_path) == [record.to_dict() for record in history.epochs]
    assert list(lines(tmp_path)[0]) == [
        "epoch",
        "step",
        "loss",
        "valid_ndcg@10",
        "learning_rate",
        "docs_per_second",
        "seconds",
    ]


def test_a_finished_run_resumed_returns_its_history_at_once(quick, new_scorer, tmp_path):
    scorer, again = new_scorer(), new_scorer()
    history = quick(scorer, out=tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    assert quick(again, out=tmp_path, resume=True, callbacks=[Interrupt(1)]) == history
    assert same(scorer, again)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_resume_without_a_checkpoint_starts_and_a_start_over_a_run_is_refused(quick, new_scorer, tmp_path, caplog):
    with caplog.at_level("INFO", logger="rankkit"):
        history = quick(new_scorer(), out=tmp_path / "new" / "run", resume=True)
    assert "no checkpoint, starting anew" in caplog.text
    assert len(history) == 3
    with pytest.raises(ConfigError, match=r"got one with a checkpoint\. Go on with resume=True"):
        quick(new_scorer(), out=tmp_path / "new" / "run")


def test_a_checkpoint_of_another_run_is_refused_by_what_differs(quick, new_scorer, tmp_path, valid):
    quick(new_scorer(), out=tmp_path)
    for options, difference in [
        ({"learning_rate": 0.5}, r"learning_rate \(checkpoint 0.002, now 0.5\)"),
        ({"data": valid}, "training data"),
        ({"valid": None}, "validation data"),
        ({"objective": listnet_loss}, "objective .checkpoint 'softmax_loss', now 'listnet_loss'"),
        ({"seed": 1}, "seed"),
    ]:
        with pytest.raises(TrainingError, match=difference):
            quick(new_scorer(), out=tmp_path, resume=True, **options)
    with pytest.raises(TrainingError, match=r"scorer.hidden \(checkpoint \[16\], now \[8\]\)"):
        quick(new_scorer(hidden=(8,)), out=tmp_path, resume=True)
    with pytest.raises(TrainingError) as told:
        quick(LinearScorer(valid.n_features), out=tmp_path, resume=True)
    assert "scorer (checkpoint 'MLPScorer', now 'LinearScorer')" in str(told.value)
    assert "scorer." not in str(told.value)  # options of one kind are none of the other


def test_a_damaged_checkpoint_is_refused_in_words(quick, new_scorer, tmp_path):
    quick(new_scorer(), out=tmp_path)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(TrainingError, match="expected a checkpoint of rankkit"):
        quick(new_scorer(), out=tmp_path, resume=True)


def test_the_checkpoint_holds_tensors_and_plain_values_alone(quick, new_scorer, tmp_path):
    quick(new_scorer(), softmax_loss, out=tmp_path)
    saved = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert set(saved) == {"format", "identity", "run", "records", "best_weights", "weights", "optimizer", "random"}


class FullAfter(Callback):
    """A disk that takes nothing any more after some epochs."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, record):
        if record.epoch == self.epochs:
            limit_files(100)


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files")
def test_a_disk_that_fills_up_says_which_checkpoint_is_safe(quick, new_scorer, tmp_path):
    whole, resumed = new_scorer(dropout=0.3), new_scorer(dropout=0.3)
    expected = quick(whole, epochs=4)
    with pytest.raises(DiskError) as raised, files_as_before():
        quick(new_scorer(dropout=0.3), epochs=4, out=tmp_path, callbacks=[FullAfter(2)])
    steps = expected.epochs[1].step
    assert re.fullmatch(
        r".*checkpoint\.pt: expected to write it; got a limit on the size of files, with .* free in .*\. "
        rf"The checkpoint after {steps} steps is safe\. Make room, then go on with resume=True \(rankkit train .*\)\.",
        str(raised.value),
    )
    quick(resumed, epochs=4, out=tmp_path, resume=True)
    assert same(whole, resumed)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "metrics.jsonl"]
    assert len(lines(tmp_path)) == 4
