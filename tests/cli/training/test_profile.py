"""``rankkit train --profile``: one table, one trace; refused where there are no steps."""

import json

import pytest

SMALL = ("--set", "scorer.hidden=[4]", "--set", "training.epochs=2", "--set", "training.batch_queries=4")


def test_a_table_and_a_trace(rankkit, files, tmp_path):
    out = tmp_path / "run"
    words = ("train", "--train", files / "train.txt", "--valid", files / "vali.txt", "--out", out, *SMALL)
    answer = rankkit(*words, "--profile")
    assert answer.code == 0, answer.err
    begins = [line.split()[0] for line in answer.out.splitlines() if " s " in line and "%" in line]
    assert begins == [
        *("all", "read", "prepare", "load", "transform", "forward", "objective", "backward", "optimiser"),
        *("validation", "save", "measure", "other"),
    ]
    assert f"A trace of some steps, for Perfetto: {out / 'trace.json'}" in answer.out
    assert json.loads((out / "trace.json").read_text())["traceEvents"]
    plain = rankkit(*words[: -len(SMALL) - 1], tmp_path / "plain", *SMALL)
    assert plain.code == 0
    assert (tmp_path / "plain" / "scorer.safetensors").read_bytes() == (out / "scorer.safetensors").read_bytes()
    assert "optimiser" not in plain.out
    assert not (tmp_path / "plain" / "trace.json").exists()


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--scorer", "one_feature"], "the scorer 'one_feature', which learns in one go"),
        (["--scorer", "lightgbm"], "the scorer 'lightgbm', which grows trees"),
        (["--recommender", "ease", "--log"], "the recommender 'ease', which learns in one go"),
    ],
)
def test_what_has_no_steps_is_refused_before_anything_is_read(rankkit, files, tmp_path, words, what):
    given = [*words, files / "train.txt"] if words[-1] == "--log" else [*words, "--train", files / "train.txt"]
    answer = rankkit("train", *given, "--out", tmp_path / "run", "--profile")
    assert answer.code == 2
    assert f"--profile: expected a model that is trained in steps; got {what}. Leave it out." in answer.err
    assert not (tmp_path / "run" / "experiment.toml").exists()


def test_folds_are_refused(rankkit, files, tmp_path):
    fold = tmp_path / "folds" / "Fold1"
    fold.mkdir(parents=True)
    for name in ("train", "vali", "test"):
        (fold / f"{name}.txt").write_bytes((files / f"{name}.txt").read_bytes())
    answer = rankkit("train", "--folds", tmp_path / "folds", "--out", tmp_path / "run", *SMALL, "--profile")
    assert answer.code == 2
    assert "--profile: expected one run; got a folder of folds" in answer.err
