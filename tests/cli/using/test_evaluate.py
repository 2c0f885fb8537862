"""rankkit evaluate under other protocols and on TREC files; rankkit qrels."""

import json
from dataclasses import replace

import numpy as np
import pytest

import rankkit as rk


@pytest.fixture(scope="module")
def judged(files, tmp_path_factory):
    """Test data with document ids."""
    data = rk.read(files / "test.txt")
    path = tmp_path_factory.mktemp("judged") / "test.parquet"
    rk.write(replace(data, doc_ids=np.array([f"d{i}" for i in range(data.n_docs)])), path)
    return path


def test_a_protocol_by_name(rankkit, trained, files):
    answer = rankkit("evaluate", trained, files / "test.txt", "--protocol", "catboost", "-m", "ndcg@5", "-m", "map")
    expected = rk.evaluate(rk.load(trained), rk.read(files / "test.txt"), ["ndcg@5", "map"], protocol="catboost")
    assert answer.out == f"{expected}\n"
    assert "catboost: gain label" in answer.out
    skipping = rankkit("evaluate", trained, files / "test.txt", "--protocol", "lightgbm", "--empty", "skip", "--json")
    assert json.loads(skipping.out)["protocol"]["empty"] == "skip"


def test_all_protocols_in_one_table(rankkit, trained, judged):
    words = ("evaluate", trained, judged, "--all-protocols", "-m", "ndcg@10", "-m", "map")
    expected = rk.evaluate_protocols(rk.load(trained), rk.read(judged), ["ndcg@10", "map"])
    assert rankkit(*words).out == f"{expected}\n"
    saved = json.loads(rankkit(*words, "--json").out)
    assert saved == json.loads(expected.to_json())
    assert saved["protocols"]["trec"]["means"]["map"] == expected.means["trec"]["map"]
    assert not saved["left_out"]


def test_run_and_qrels_files_give_what_the_data_gives(rankkit, trained, judged, tmp_path):
    assert rankkit("score", trained, judged, "--out", tmp_path / "run.trec").code == 0
    answer = rankkit("qrels", judged, "--out", tmp_path / "q.qrels")
    data = rk.read(judged)
    assert answer.out == f"{tmp_path / 'q.qrels'}: {data.n_docs} judgments of 20 queries\n"
    answer = rankkit(
        "evaluate", "--qrels", tmp_path / "q.qrels", "--run", tmp_path / "run.trec",
        "-m", "nDCG@10", "-m", "RR", "-m", "AP", "--json", "--per-query", tmp_path / "values.parquet",
    )  # fmt: skip
    assert answer.code == 0, answer.err
    saved = json.loads(answer.out)
    names = {"nDCG@10": "ndcg@10", "RR": "mrr", "AP": "map"}
    expected = rk.evaluate(rk.load(trained), data, list(names.values()), protocol="trec")
    for theirs, ours in names.items():
        assert saved["metrics"][theirs]["mean"] == pytest.approx(expected.means[ours], abs=1e-9)
    assert (saved["n_queries"], saved["n_missing_from_run"], saved["n_missing_from_qrels"]) == (20, 0, 0)
    assert (tmp_path / "values.parquet").exists()
    printed = rankkit("evaluate", "--qrels", tmp_path / "q.qrels", "--run", tmp_path / "run.trec").out
    assert [line.split()[0] for line in printed.splitlines()[:3]] == ["nDCG@10", "RR", "AP"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "expected RUN and DATA, or --qrels and --run; got nothing"),
        (["run"], "got RUN alone"),
        (["--qrels", "q"], "Add --run"),
        (["--run", "r"], "Add --qrels"),
        (["run", "data", "--qrels", "q", "--run", "r"], "--qrels: expected it without RUN"),
        (["--qrels", "q", "--run", "r", "--protocol", "trec"], "--qrels: expected it without --protocol"),
        (["--qrels", "q", "--run", "r", "--all-protocols"], "--qrels: expected it without --all-protocols"),
        (["run", "data", "--all-protocols", "--ties", "trec"], "--all-protocols: expected it without --ties"),
        (["run", "data", "--all-protocols", "--per-query", "x.parquet"], "without --per-query"),
        (["--qrels", "absent", "--run", "r"], "absent: expected a readable file"),
    ],
)
def test_mistakes(rankkit, tmp_path, monkeypatch, words, text):
    monkeypatch.chdir(tmp_path)
    answer = rankkit("evaluate", *words)
    assert answer.code == 2
    assert text in answer.err


def test_names_of_either_side_are_refused_on_the_other(rankkit, trained, judged, files, tmp_path):
    rankkit("score", trained, judged, "--out", tmp_path / "run.trec")
    rankkit("qrels", judged, "--out", tmp_path / "q.qrels")
    answer = rankkit("evaluate", "--qrels", tmp_path / "q.qrels", "--run", tmp_path / "run.trec", "-m", "ndcg@10")
    assert answer.code == 2
    assert "a name of rankkit. Write 'nDCG@10'" in answer.err
    answer = rankkit("evaluate", trained, files / "test.txt", "-m", "nDCG@10")
    assert answer.code == 2
    assert "a name of ir_measures" in answer.err


def test_a_protocol_of_recommenders_is_refused_before_the_data_is_read(rankkit, trained, tmp_path):
    (tmp_path / "broken.txt").write_text("no LETOR at all\n")
    told = rankkit("evaluate", trained, tmp_path / "broken.txt", "--protocol", "recbole")
    assert told.code == 2
    assert "protocol: expected a name or a Protocol; got 'recbole'" in told.err


def test_an_unknown_protocol_and_data_without_ids(rankkit, trained, files, tmp_path):
    answer = rankkit("evaluate", trained, files / "test.txt", "--protocol", "lightgmb")
    assert answer.code == 2
    assert "Did you mean 'lightgbm'?" in answer.err
    answer = rankkit("qrels", files / "test.txt", "--out", tmp_path / "q.qrels")
    assert answer.code == 2
    assert "document ids" in answer.err
    answer = rankkit("qrels", files / "test.txt", "--out", files / "test.txt")
    assert "expected another file than the data" in answer.err
