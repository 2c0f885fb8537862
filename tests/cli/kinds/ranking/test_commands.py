"""A scorer that learns in one go, through the commands that any scorer takes."""

import json
import sys

import pytest

import rankkit as rk


def test_the_best_feature_is_trained_saved_and_measured(rankkit, tmp_path):
    for seed, part in enumerate(("train", "valid")):
        rk.write(rk.make_ranking(20, n_features=3, seed=seed), tmp_path / f"{part}.txt")
    out = tmp_path / "run"
    words = (
        "--train",
        tmp_path / "train.txt",
        "--valid",
        tmp_path / "valid.txt",
        "--scorer",
        "one_feature",
        "--out",
        out,
    )
    answer = rankkit("train", *words)
    assert answer.code == 0, answer.err
    assert "in one go" in answer.out
    assert "Chosen: feature" in answer.out
    measured = json.loads(rankkit("evaluate", out, tmp_path / "valid.txt", "--json").out)
    chosen = rk.load(out)
    expected = rk.evaluate(chosen, rk.read(tmp_path / "valid.txt")).means
    assert {name: one["mean"] for name, one in measured["metrics"].items()} == expected
    assert "objective" not in (out / "experiment.toml").read_text()
    assert rankkit("train", *words).code == 2  # there is a run


def test_it_takes_no_objective(rankkit, tmp_path):
    rk.write(rk.make_ranking(5, n_features=3, seed=0), tmp_path / "train.txt")
    words = ("--train", tmp_path / "train.txt", "--scorer", "one_feature", "--objective", "ranknet")
    answer = rankkit("train", *words, "--out", tmp_path / "run")
    assert answer.code == 2
    assert "expected no objective for OneFeature" in answer.err


@pytest.mark.parametrize("library", ["lightgbm", "xgboost", "catboost"])
def test_a_library_that_is_not_installed_is_told_before_data_is_read(library, rankkit, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, library, None)
    (tmp_path / "train.txt").write_text("no data\n")
    data = ("--train", tmp_path / "train.txt")
    answer = rankkit("train", *data, "--scorer", library, "--objective", "lambdarank", "--out", tmp_path / "run")
    assert (answer.code, answer.out) == (2, "")
    assert f"{library}: expected the library that grows these trees; got none installed" in answer.err
    file = tmp_path / "file.toml"
    file.write_text(
        f'scorers = ["{library}"]\nobjectives = ["lambdarank", "softmax"]\n[data]\ntrain = "{tmp_path}/train.txt"\n'
    )
    with file.open("a") as text:
        text.write(f'valid = "{tmp_path}/train.txt"\ntest = "{tmp_path}/train.txt"\n')
    answer = rankkit("compare", file, "--out", tmp_path / "compared")
    assert answer.code == 2
    assert f"{library}: expected the library" in answer.err
    assert not (tmp_path / "compared").exists()
