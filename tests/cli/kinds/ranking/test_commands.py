"""A scorer that learns in one go, through the commands that any scorer takes."""

import json

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
