"""rankkit distill: teachers out of fold, a student within a time, one table; what a run does not have is refused."""

import json

import numpy as np
import pandas as pd
import pytest

import rankkit as rk
from rankkit.data.synthetic import make_ranking


@pytest.fixture
def teacher(rankkit, tmp_path):
    for name, seed in (("train", 0), ("vali", 1), ("more", 2)):
        rk.write(make_ranking(20, n_features=3, seed=seed), tmp_path / f"{name}.txt")
    few = ("--scorer", "linear", "--set", "training.epochs=2", "--out", tmp_path / "teacher")
    answer = rankkit("train", "--train", tmp_path / "train.txt", "--valid", tmp_path / "vali.txt", *few)
    assert answer.code == 0, answer.err
    return tmp_path / "teacher"


def test_a_student_is_saved_with_what_it_is_worth(rankkit, teacher, tmp_path):
    few = ("--folds", 2, "--set", "training.epochs=2", "--set", "scorer.hidden=[16]", "--max-latency-ms", 1000)
    answer = rankkit("distill", teacher, "--unlabelled", tmp_path / "more.txt", *few, "--out", tmp_path / "small")
    assert answer.code == 0, answer.err
    assert "mlp hidden=[16]" in answer.out
    assert "teacher 2 of 2" in answer.out
    told = json.loads((tmp_path / "small" / "distilled.json").read_text())
    assert (told["folds"], told["copies"]) == (2, 3)
    table = told["results"]
    assert list(table) == ["teacher", "student on labels", "student distilled"]
    assert all(row["valid"] > 0 for row in table.values())
    assert answer.out.count(" ms\n") == 3
    evaluated = rankkit("evaluate", tmp_path / "small", tmp_path / "vali.txt")
    assert f"{table['student distilled']['valid']:.4f}" in evaluated.out
    again = rankkit("distill", teacher, *few, "--out", tmp_path / "small")
    assert again.code == 2
    assert "expected a folder without a run" in again.err


def test_a_student_that_takes_longer_in_the_end_than_it_may_is_said(rankkit, teacher, tmp_path, monkeypatch):
    few = ("--folds", 2, "--set", "training.epochs=1", "--set", "scorer.hidden=[8]", "--max-latency-ms", 1)
    times = iter((0.5, 0.9, 0.9, 2.0, 0.5, 0.9, 0.9, 1.0))
    monkeypatch.setattr("rankkit.cli.training.distill._Work._milliseconds", lambda work, scorer: next(times))
    said = "The student takes 2.00 ms now, more than the 1 for which"
    assert said in rankkit("distill", teacher, *few, "--out", tmp_path / "slow").out
    assert "The student takes" not in rankkit("distill", teacher, *few, "--out", tmp_path / "fast").out


def test_a_time_that_no_student_keeps_is_refused_before_teachers_are_trained(rankkit, teacher, tmp_path):
    answer = rankkit("distill", teacher, "--max-latency-ms", 0.000001, "--out", tmp_path / "small")
    assert answer.code == 2
    assert "expected a limit that a student can keep" in answer.err
    assert "hidden=[8, 8, 8]" in answer.out
    assert "teacher 1" not in answer.out


def test_a_teacher_with_a_memory_has_a_student_without_and_it_is_said(rankkit, teacher, tmp_path):
    few = ("--scorer", "linear", "--set", "training.epochs=1", "--out", tmp_path / "knows")
    data = ("--train", tmp_path / "train.txt", "--valid", tmp_path / "vali.txt")
    assert rankkit("train", *data, "--prior", "1", *few).code == 0
    small = ("--folds", 2, "--set", "training.epochs=1", "--set", "scorer.hidden=[8]", "--out", tmp_path / "small")
    said = "The student has no prior: what the teacher remembers reaches it through its scores alone."
    assert said in rankkit("distill", tmp_path / "knows", *small).out
    assert said not in rankkit("distill", teacher, *small[:-1], tmp_path / "other").out


def test_a_teacher_without_a_run_or_without_validation_data_is_refused(rankkit, teacher, tmp_path):
    rk.save(rk.load(teacher), tmp_path / "bare")
    answer = rankkit("distill", tmp_path / "bare", "--out", tmp_path / "small")
    assert answer.code == 2
    assert "expected the folder of a run, from which teachers can be trained" in answer.err
    few = ("--scorer", "linear", "--set", "training.epochs=1", "--out", tmp_path / "alone")
    assert rankkit("train", "--train", tmp_path / "train.txt", *few).code == 0
    answer = rankkit("distill", tmp_path / "alone", "--out", tmp_path / "small")
    assert answer.code == 2
    assert "expected a run with validation data" in answer.err


def test_what_cannot_be_is_refused_before_teachers_are_trained(rankkit, teacher, tmp_path):
    for words, message in (
        (("--corruption", 2), "expected a corruption between 0 and 1"),
        (("--share", 0), "expected a share above 0"),
        (("--set", "scorer.prior=['1']"), "expected a student without prior"),
    ):
        answer = rankkit("distill", teacher, *words, "--out", tmp_path / "small")
        assert answer.code == 2
        assert message in answer.err
        assert "teacher 1" not in answer.out
    few = ("--train", tmp_path / "train.txt", "--valid", tmp_path / "vali.txt", "--set", "training.epochs=1")
    assert rankkit("train", *few, "--from", teacher, "--out", tmp_path / "more").code == 0
    answer = rankkit("distill", tmp_path / "more", "--out", tmp_path / "small")
    assert answer.code == 2
    assert "expected a run that began with nothing" in answer.err


def test_a_run_that_goes_on_trains_no_fold_again_and_takes_no_other_teacher(rankkit, teacher, tmp_path):
    few = ("--folds", 2, "--set", "training.epochs=1", "--set", "scorer.hidden=[8]", "--out", tmp_path / "small")
    assert rankkit("distill", teacher, *few).code == 0
    before = (tmp_path / "small" / "distilled.json").read_text()
    again = rankkit("distill", teacher, *few, "--resume")
    assert again.code == 0, again.err
    assert "teacher 1" not in again.out
    assert json.loads(before)["teacher"] == json.loads((tmp_path / "small" / "distilled.json").read_text())["teacher"]
    other = ("--scorer", "linear", "--set", "training.epochs=3", "--out", tmp_path / "other")
    data = ("--train", tmp_path / "train.txt", "--valid", tmp_path / "vali.txt")
    assert rankkit("train", *data, *other).code == 0
    refused = rankkit("distill", tmp_path / "other", *few, "--resume")
    assert refused.code == 2
    assert "expected scores by this teacher" in refused.err


def test_tables_without_labels_are_read_as_the_teacher_reads_its_data(rankkit, tmp_path):
    rng = np.random.default_rng(0)
    n = 200
    table = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(20), 10),
            "label": rng.integers(0, 3, n),
            "price": rng.random(n),
            "brand": rng.choice(["oak", "elm", "ash"], n),
        }
    )
    table.to_parquet(tmp_path / "train.parquet")
    other = table.assign(extra=1.0, brand=rng.choice(["oak", "yew"], n))[["brand", "extra", "qid", "label", "price"]]
    other.to_parquet(tmp_path / "more.parquet")
    few = ("--valid-fraction", 0.3, "--scorer", "linear", "--set", "training.epochs=2", "--out", tmp_path / "teacher")
    assert rankkit("train", "--train", tmp_path / "train.parquet", *few).code == 0
    short = ("--folds", 2, "--set", "training.epochs=1", "--set", "scorer.hidden=[8]", "--out", tmp_path / "small")
    answer = rankkit("distill", tmp_path / "teacher", "--unlabelled", tmp_path / "more.parquet", *short)
    assert answer.code == 0, answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--scorer", "lightgbm", "--max-latency-ms", 5), "expected a student with hidden layers"),
        (("--scorer", "one_feature"), "expected one that an objective trains; got one_feature"),
        (("--set", "objective=ranknet"), "expected keys of scorer, training or evaluation"),
        (("--set", "out=elsewhere"), "expected keys of scorer, training or evaluation"),
    ],
)
def test_options_that_a_student_has_not_are_refused_at_once(words, message, rankkit, teacher, tmp_path):
    answer = rankkit("distill", teacher, *words, "--out", tmp_path / "small")
    assert answer.code == 2
    assert message in answer.err
    assert "teacher 1" not in answer.out


def test_another_run_is_left_as_it_was(rankkit, teacher, tmp_path):
    before = sorted(path.name for path in teacher.iterdir())
    answer = rankkit("distill", teacher, "--out", teacher, "--resume")
    assert answer.code == 2
    assert "expected a distillation that was cut off; got another run" in answer.err
    assert sorted(path.name for path in teacher.iterdir()) == before
