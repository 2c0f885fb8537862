"""The commands as a user types them; the modules are rankkit.cli.app, rankkit.cli.training.train,
rankkit.cli.using.evaluate, rankkit.cli.using.score, rankkit.cli.data.inspect and rankkit.cli.data.convert.
"""

import dataclasses
import inspect
import json
import tomllib

import numpy as np
import pandas as pd
import pytest
import torch

import rankkit as rk
from rankkit.cli.kinds.commands import load_experiment
from rankkit.objectives.module import option_names
from rankkit.registry import OBJECTIVES


def test_every_command_is_explained(rankkit):
    answer = rankkit("--help")
    assert answer.code == 0
    for command in ("inspect", "train", "evaluate", "score", "convert", "objectives"):
        assert command in answer.out
        assert rankkit(command, "--help").code == 0
    assert rankkit("--version").out.startswith("rankkit 0.")


def test_inspect_shows_what_a_file_holds(rankkit, files):
    out = rankkit("inspect", files / "train.txt").out
    assert "train.txt" in out
    assert "20" in out


def test_train_saves_a_run_that_evaluates_and_scores(rankkit, files, tmp_path):
    run = tmp_path / "run"
    answer = rankkit(
        "train", "--train", files / "train.txt", "--valid", files / "vali.txt", "--test", files / "test.txt",
        "--objective", "listnet", "--out", run, "--set", "scorer.hidden=[8]", "--set", "training.epochs=2",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    assert "ndcg@10" in answer.out
    assert {"scorer.safetensors", "model.json", "metrics.jsonl", "experiment.toml"} <= {p.name for p in run.iterdir()}
    assert len((run / "metrics.jsonl").read_text().splitlines()) == 2
    resolved = tomllib.loads((run / "experiment.toml").read_text())
    assert resolved["scorer"]["hidden"] == [8]
    assert resolved["training"]["epochs"] == 2
    assert {"learning_rate", "optimizer", "schedule"} <= set(resolved["training"])

    report = json.loads(
        rankkit("evaluate", run, files / "test.txt", "--json", "--per-query", tmp_path / "q.parquet").out
    )
    expected = rk.evaluate(rk.load(run), rk.read(files / "test.txt"), ["ndcg@10", "mrr@10"])
    assert {name: value["mean"] for name, value in report["metrics"].items()} == expected.means
    assert len(pd.read_parquet(tmp_path / "q.parquet")) == 20
    assert f"{expected.means['ndcg@10']:.4f}" in answer.out

    rankkit("score", run, files / "test.txt", "--out", tmp_path / "s.txt")
    assert np.array_equal(
        np.loadtxt(tmp_path / "s.txt", dtype=np.float32), rk.predict(rk.load(run), rk.read(files / "test.txt"))
    )


# Most of their time is compilation: the others run with the slow tests.
USUAL = {"cross_entropy", "lambdarank", "softmax"}


@pytest.mark.parametrize("name", [pytest.param(n, marks=() if n in USUAL else pytest.mark.slow) for n in OBJECTIVES])
def test_every_objective_trains_from_the_command_line(rankkit, files, tmp_path, name):
    answer = rankkit(
        "train", "--train", files / "train.txt", "--objective", name, "--out", tmp_path / name,
        "--set", "scorer.hidden=[4]", "--set", "training.epochs=1",
    )  # fmt: skip
    assert answer.code == 0, answer.err


@pytest.mark.parametrize("name", OBJECTIVES)
def test_every_objective_and_its_options_can_stand_in_an_experiment_file(files, tmp_path, name):
    words = [f"objective.{key}={json.dumps(value)}" for key, value in _plain_options(OBJECTIVES[name]).items()]
    data = {"data": {"train": str(files / "train.txt")}, "objective": name, "out": str(tmp_path / "run")}
    assert load_experiment(None, data, words).objective.options == _plain_options(OBJECTIVES[name])


def _plain_options(function):
    """The options that an experiment file can hold, as they are by default; TOML has no None."""
    defaults = {name: inspect.signature(function).parameters[name].default for name in option_names(function)}
    return {name: value for name, value in defaults.items() if isinstance(value, (bool, int, float, str))}


def test_ordinal_regression_from_training_to_scores(rankkit, files, tmp_path):
    run = tmp_path / "run"
    answer = rankkit(
        "train", "--train", files / "train.txt", "--valid", files / "vali.txt", "--objective", "ordinal", "--out", run,
        "--set", "scorer.hidden=[4]", "--set", "training.epochs=1", "--set", "scorer.tied_outputs=true",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    scorer = rk.load(run)
    best = int(rk.read(files / "train.txt").labels.max())
    assert (scorer.n_outputs, scorer.readout) == (best, "sum_of_sigmoids")
    assert scorer.output.weight.shape[0] == 1
    assert rankkit("evaluate", run, files / "test.txt").code == 0
    assert rankkit("score", run, files / "test.txt", "--out", tmp_path / "s.txt").code == 0
    scores = np.loadtxt(tmp_path / "s.txt")
    assert ((scores >= 0) & (scores <= best)).all()
    assert rankkit("train", "--resume", "--out", run).code == 0


def test_two_grades_are_no_case_for_several_outputs(rankkit, tmp_path):
    binary = rk.make_ranking(5, n_features=2, seed=0)
    rk.write(dataclasses.replace(binary, labels=(binary.labels > 0).astype(np.float32)), tmp_path / "binary.txt")
    answer = rankkit("train", "--train", tmp_path / "binary.txt", "--objective", "ordinal", "--out", tmp_path / "run")
    assert answer.code == 2
    assert "expected labels of more grades for the objective ordinal; got 0..1. Train with bce" in answer.err


def test_unlabelled_tables_are_scored(rankkit, files, trained, tmp_path):
    rankkit("convert", files / "test.txt", tmp_path / "test.parquet")
    table = pd.read_parquet(tmp_path / "test.parquet").drop(columns="label")
    table.to_csv(tmp_path / "bare.csv", index=False)
    assert rankkit("score", trained, tmp_path / "bare.csv", "--out", tmp_path / "s.parquet").code == 0
    expected = rk.predict(rk.load(trained), rk.read(files / "test.txt"))
    np.testing.assert_array_equal(pd.read_parquet(tmp_path / "s.parquet")["score"].to_numpy(np.float32), expected)


def test_convert_there_and_back_is_lossless(rankkit, files, tmp_path):
    rankkit("convert", files / "train.txt", tmp_path / "a.parquet")
    rankkit("convert", tmp_path / "a.parquet", tmp_path / "b.csv")
    rankkit("convert", tmp_path / "b.csv", tmp_path / "c.txt")
    assert rk.read(tmp_path / "c.txt").fingerprint == rk.read(files / "train.txt").fingerprint


def test_convert_to_a_cache_and_train_from_caches(rankkit, files, tmp_path):
    answer = rankkit("convert", files / "train.txt", tmp_path / "fast.rkcache")
    assert "20 queries, 4 features" in answer.out
    assert rk.read(tmp_path / "fast.rkcache").fingerprint == rk.read(files / "train.txt").fingerprint
    for number, train in enumerate((tmp_path / "fast.rkcache", files / "train.txt")):
        answer = rankkit(
            "train", "--train", train, "--valid", files / "vali.txt", "--out", tmp_path / f"run{number}",
            "--set", "scorer.hidden=[4]", "--set", "training.epochs=1", "--set", f"data.cache='{tmp_path / 'caches'}'",
        )  # fmt: skip
        assert answer.code == 0, answer.err
    runs = [rk.load(tmp_path / f"run{number}") for number in range(2)]
    data = rk.read(files / "test.txt")
    np.testing.assert_array_equal(*(rk.predict(run, data) for run in runs))
    assert len(list((tmp_path / "caches").iterdir())) == 2


def test_convert_leaves_bad_rows_out_if_asked(rankkit, tmp_path):
    (tmp_path / "a.txt").write_text("1 qid:1 1:5\n0 qid:1 1:x\n2 qid:1 1:7\n")
    assert "a.txt:2: expected" in rankkit("convert", tmp_path / "a.txt", tmp_path / "b.csv").err
    said = rankkit("convert", tmp_path / "a.txt", tmp_path / "b.csv", "--on-bad-line", "skip").err
    assert said.startswith("rankkit: warning: ")
    assert "a.txt: 1 rows are left out" in said
    assert rk.read(tmp_path / "b.csv").features.tolist() == [[5], [7]]


def test_a_run_is_not_overwritten(rankkit, files, trained):
    answer = rankkit("train", "--train", files / "train.txt", "--out", trained)
    assert answer.code == 2
    assert "holds one. Choose another --out, go on with --resume, or delete it." in answer.err


def test_resume_needs_only_the_folder(rankkit, trained):
    answer = rankkit("train", "--resume", "--out", trained)
    assert answer.code == 0, answer.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["inspect", "absent.txt"], "absent.txt"),
        (["evaluate", "absent", "x.txt"], "absent"),
        (["train", "--train", "x.txt", "--out", "y", "--objective", "boost"], "got 'boost'. Known: "),
    ],
)
def test_mistakes_are_one_message_and_exit_code_2(rankkit, tmp_path, monkeypatch, words, message):
    monkeypatch.chdir(tmp_path)
    answer = rankkit(*words)
    assert answer.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err


def test_a_refused_resume_leaves_the_run_as_it_was(rankkit, trained):
    before = (trained / "experiment.toml").read_text()
    refused = rankkit("train", "--resume", "--out", trained, "--set", "training.learning_rate=0.5")
    assert refused.code == 2
    assert (trained / "experiment.toml").read_text() == before
    assert rankkit("train", "--resume", "--out", trained).code == 0


@pytest.mark.parametrize("name", ["absent.parquet", "absent.csv", "absent.txt"])
def test_a_missing_file_is_one_message(rankkit, tmp_path, name):
    answer = rankkit("inspect", tmp_path / name)
    assert answer.code == 2
    assert name in answer.err


def test_scores_do_not_replace_the_data(rankkit, files, trained):
    answer = rankkit("score", trained, files / "test.txt", "--out", files / "test.txt")
    assert answer.code == 2
    assert "expected another file than the data" in answer.err
    assert rk.read(files / "test.txt").n_queries == 20


def test_per_query_values_are_parquet(rankkit, files, trained, tmp_path):
    answer = rankkit("evaluate", trained, files / "test.txt", "--per-query", tmp_path / "out.csv")
    assert answer.code == 2
    assert "ends in .parquet" in answer.err


def test_dual_learning_trains_on_a_click_log_from_the_command_line(rankkit, tmp_path):
    data = rk.make_ranking(30, seed=0)
    shown = rk.shown_lists(data, data.features[:, 0], top_k=5)
    rk.write(rk.simulate_clicks(shown, rk.PositionBasedModel(), n_sessions=3), tmp_path / "clicks.txt")
    command = ["train", "--train", tmp_path / "clicks.txt", "--objective", "dual_learning", "--scorer", "linear"]
    answer = rankkit(*command, "--out", tmp_path / "run", "--set", "objective.n_positions=5")
    assert answer.code == 0, answer.err
    weights = torch.load(tmp_path / "run" / "checkpoint.pt", weights_only=True)["weights"]
    assert (weights["objective.position_logits"][1:] != 0).all()
    too_few = rankkit(*command, "--out", tmp_path / "few", "--set", "objective.n_positions=4")
    assert too_few.code == 2
    assert "expected lists of at most 4 documents; got one of 5" in too_few.err


def test_rows_of_a_query_that_stand_apart_are_brought_together_if_asked(rankkit, files, trained, tmp_path):
    lines = (files / "test.txt").read_text().splitlines(keepends=True)
    apart = tmp_path / "apart.txt"
    apart.write_text("".join(lines[::2] + lines[1::2]))
    expected = json.loads(rankkit("evaluate", trained, files / "test.txt", "--json").out)["metrics"]
    answer = rankkit("evaluate", trained, apart, "--json")
    assert answer.code == 2
    assert "Pass --regroup to bring its rows together" in answer.err
    assert json.loads(rankkit("evaluate", trained, apart, "--json", "--regroup").out)["metrics"] == expected

    for data, out in ((files / "test.txt", "a.txt"), (apart, "b.txt")):
        answer = rankkit("score", trained, data, "--out", tmp_path / out, "--regroup")
        assert answer.code == 0, answer.err
    scores, of_apart = (np.loadtxt(tmp_path / name, dtype=np.float32) for name in ("a.txt", "b.txt"))
    np.testing.assert_allclose(of_apart, np.concatenate([scores[::2], scores[1::2]]), rtol=1e-5)


def test_text_without_labels_is_scored(rankkit, files, trained, tmp_path):
    lines = (files / "test.txt").read_text().splitlines()
    (tmp_path / "new.txt").write_text("\n".join(line.split(" ", 1)[1] for line in lines) + "\n")
    for data, out in ((files / "test.txt", "a.txt"), (tmp_path / "new.txt", "b.txt")):
        answer = rankkit("score", trained, data, "--out", tmp_path / out)
        assert answer.code == 0, answer.err
    assert (tmp_path / "a.txt").read_text() == (tmp_path / "b.txt").read_text()


LITTLE_TO_LEARN = "".join(f"{int(i == 0)} qid:{i // 4} 1:{i % 7}\n" for i in range(80))


def test_train_refuses_data_that_teaches_nothing(rankkit, tmp_path):
    (tmp_path / "train.txt").write_text("".join(f"{i % 3} qid:{i} 1:{i % 7}\n" for i in range(20)))
    options = ("--train", tmp_path / "train.txt", "--out", tmp_path / "run", "--scorer", "linear")
    answer = rankkit("train", *options, "--objective", "ranknet")
    assert answer.code == 2
    assert "teach ranknet something" in answer.err
    assert "20 queries: all with one document" in answer.err
    # What it advises works, in the same folder.
    assert rankkit("train", *options, "--objective", "mse", "--set", "training.epochs=1").code == 0


def test_train_says_in_one_line_that_little_can_be_learnt(rankkit, tmp_path):
    (tmp_path / "train.txt").write_text(LITTLE_TO_LEARN)
    answer = rankkit(
        "train", "--train", tmp_path / "train.txt", "--out", tmp_path / "run", "--scorer", "linear",
        "--objective", "ranknet", "--set", "training.epochs=1",
    )  # fmt: skip
    assert answer.code == 0
    (line,) = [line for line in answer.err.splitlines() if "teach" in line]
    assert line.startswith("rankkit: warning: training: 19 of 20 training queries teach ranknet nothing (all with one")
