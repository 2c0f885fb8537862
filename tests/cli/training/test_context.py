"""rankkit train --context: trees and networks alike take it, and what cannot be is refused before training."""

import pytest

import rankkit as rk
from rankkit.data.synthetic import make_ranking


@pytest.fixture
def train(tmp_path):
    rk.write(make_ranking(30, n_features=3, seed=0), tmp_path / "train.txt")
    return tmp_path / "train.txt"


@pytest.mark.parametrize("scorer", ["linear", "lightgbm"])
def test_every_scorer_takes_it(scorer, rankkit, train, tmp_path):
    if scorer == "lightgbm":
        pytest.importorskip("lightgbm")
    few = ("--scorer", scorer, "--set", "training.epochs=2", "--out", tmp_path / "run")
    answer = rankkit("train", "--train", train, "--context", "z+rank", *few)
    assert answer.code == 0, answer.err
    assert rk.load(tmp_path / "run").options["context"] == "z+rank"
    again = rankkit("train", "--config", tmp_path / "run" / "experiment.toml", "--out", tmp_path / "again")
    assert again.code == 0, again.err
    assert rk.load(tmp_path / "again").options["context"] == "z+rank"


def test_other_words_are_refused_and_leave_nothing(rankkit, train, tmp_path):
    answer = rankkit("train", "--train", train, "--context", "z+ranks", "--out", tmp_path / "run")
    assert answer.code == 2
    assert "expected words of z, rank, share, gap" in answer.err
    assert not (tmp_path / "run").exists()
