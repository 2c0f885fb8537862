"""rankkit train --prior: ids are read as keys, in files of every kind, and the saved run finds them again."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.data.synthetic import make_ranking


@pytest.fixture
def table(tmp_path):
    data = make_ranking(30, n_features=3, seed=0)
    frame = rk.from_arrays(data.features, data.labels, qids=data.qids.repeat(data.list_sizes))
    path = tmp_path / "train.csv"
    rk.write(frame, path)
    lines = path.read_text().splitlines()
    ids = ["doc_id", *(f"d{number % 7}" for number in range(len(lines) - 1))]
    rows = [f"{line},{doc_id}" for line, doc_id in zip(lines, ids, strict=True)]
    path.write_text("\n".join(rows))
    return path


@pytest.mark.parametrize("scorer", ["linear", "lightgbm"])
def test_ids_are_read_as_keys_and_are_no_features(scorer, rankkit, table, tmp_path):
    if scorer == "lightgbm":
        pytest.importorskip("lightgbm")
    few = ("--scorer", scorer, "--set", "training.epochs=2", "--out", tmp_path / "run")
    answer = rankkit("train", "--train", table, "--prior", "doc_id", "--prior", "doc_id+1", *few)
    assert answer.code == 0, answer.err
    assert "prior of doc_id: 7 keys" in answer.err
    saved = rk.load(tmp_path / "run")
    assert [column.key for column in saved.schema.columns if column.kind == "category"] == [True]
    again = rankkit("train", "--config", tmp_path / "run" / "experiment.toml", "--out", tmp_path / "again")
    assert again.code == 0, again.err
    assert rk.load(tmp_path / "again").options["prior"] == saved.options["prior"]
    scored = rankkit("score", tmp_path / "run", table, "--out", tmp_path / "scores.csv")
    assert scored.code == 0, scored.err


def test_features_of_letor_text_are_keys_by_their_numbers(rankkit, tmp_path):
    made = make_ranking(30, n_features=3, seed=0)
    features = made.features.copy()
    features[:, 1:] = np.round(features[:, 1:])
    rk.write(rk.from_arrays(features, made.labels, qids=made.qids.repeat(made.list_sizes)), tmp_path / "train.txt")
    few = ("--scorer", "linear", "--set", "training.epochs=2", "--out", tmp_path / "run")
    answer = rankkit("train", "--train", tmp_path / "train.txt", "--prior", "2+3", *few)
    assert answer.code == 0, answer.err
    assert rk.load(tmp_path / "run").options["prior"]["keys"] == [[1, 2]]


def test_a_key_that_is_no_column_is_refused(rankkit, table, tmp_path):
    answer = rankkit("train", "--train", table, "--prior", "doc_idd", "--out", tmp_path / "run")
    assert answer.code == 2
    assert "expected prior= as columns of the data; got 'doc_idd'" in answer.err
    assert "--columns" in answer.err


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        (("--prior", "doc_id"), "scorer.prior=['1']"),
        (("--prior", "doc_id"), "scorer.prior.smoothing=20"),
        (("--prior", "doc_id"), "scorer={name='linear', prior='1'}"),
        (("--context", "rank"), "scorer.context=z"),
    ],
)
def test_an_option_that_is_named_twice_is_refused(option, setting, rankkit, table, tmp_path):
    answer = rankkit("train", "--train", table, *option, "--set", setting, "--out", tmp_path / "run")
    assert answer.code == 2
    assert f"expected scorer.{option[0][2:]} to be named once" in answer.err
    assert not (tmp_path / "run").exists()
