import gzip
import json
import math
import subprocess

import numpy as np
import pyarrow.parquet as pq
import pytest

from rankkit.errors import ConfigError, DataError
from rankkit.evaluation import evaluate_run
from rankkit.evaluation.trec import read_labels

QRELS = {"a": {"x": 1, "y": 0, "z": 2}, "b": {"x": 0, "y": 0}, "c": {"x": 1}, "d": {"x": 0, "y": 1}}
RUN = {"a": {"x": 1.0, "y": 3.0, "z": 2.0}, "b": {"x": 1.0}, "d": {"x": 1.0, "y": 1.0}, "e": {"x": 1.0}}


def write(path, lines):
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture
def files(tmp_path):
    judged = [f"{qid} 0 {doc} {label}" for qid, docs in QRELS.items() for doc, label in docs.items()]
    ranked = [f"{qid}\tQ0 {doc} 9 {score} my tag" for qid, docs in RUN.items() for doc, score in docs.items()]
    return write(tmp_path / "q.qrels", ["# judged", "", *judged]), write(tmp_path / "r.run", ranked)


def test_values_means_and_counts(files):
    for qrels, run in ((QRELS, RUN), files):
        report = evaluate_run(qrels, run, ["nDCG@10", "RR", "AP(rel=2)", "NumRet"])
        assert report.qids.tolist() == ["a", "b", "c", "d"]
        # a: y, z, x; b: nothing relevant; c: missing; d: tied, y before x by document id from high to low.
        dcg, best = 2 / math.log2(3) + 1 / math.log2(4), 2 + 1 / math.log2(3)
        assert report.per_query["nDCG@10"] == pytest.approx([dcg / best, 0, 0, 1])
        assert report.per_query["RR"].tolist() == [1 / 2, 0, 0, 1]
        assert report.per_query["AP(rel=2)"].tolist() == [1 / 2, 0, 0, 0]
        assert report.means["RR"] == (1 / 2 + 1) / 4
        assert (report.means["NumRet"], report.sums) == (6, ("NumRet",))
        assert (report.n_queries, report.n_missing_from_run, report.n_missing_from_qrels) == (4, 1, 1)
        assert evaluate_run(qrels, run, ["NumQ", "NumRel"]).means == {"NumQ": 4, "NumRel": 4}
        assert (report.n_empty, report.n_tied) == (1, 1)


def test_the_report_says_who_broke_ties_how(files, tmp_path):
    report = evaluate_run(*files, ["RR", "RR@10", "Judged@10", "NumRet"])
    assert report.per_query["RR"][3] == 1
    assert report.per_query["RR@10"][3] == 1 / 2
    text = " ".join(str(report).split())
    assert "RR, NumRet: trec_eval, ties by document id, high to low, scores compared as float32" in text
    assert "RR@10: the script of MS MARCO, ties by document id, low to high" in text
    assert "Judged@10: ir_measures (judged)" in text
    assert "4 queries: 1 of the qrels missing from the run (count as 0), 1 of the run missing from the qrels" in text
    assert "NumRet 6 in all" in text
    saved = json.loads(report.to_json())
    assert saved["metrics"]["NumRet"] == {"sum": 6}
    assert set(saved["metrics"]["RR"]) == {"mean", "low", "high"}
    assert set(saved["versions"]) == {"ir-measures", "pytrec-eval-terrier"}
    report.to_parquet(tmp_path / "out" / "q.parquet")
    table = pq.read_table(tmp_path / "out" / "q.parquet")
    assert table.column_names == ["qid", "RR", "RR@10", "Judged@10", "NumRet"]
    assert json.loads(table.schema.metadata[b"rankkit"]) == saved
    assert repr(evaluate_run(*files, "RR")) == "RunEvaluation(RR=0.3750; 4 queries)"
    assert evaluate_run(*files, ["NumRet"]).intervals == {}


def test_exponential_gain_is_computed_without_perl(files, monkeypatch):
    def refuse(*_, **__):
        raise AssertionError("a program was started")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    report = evaluate_run(*files, ["nDCG(dcg='exp-log2')@10", "nDCG(dcg='exp-log2')"])
    dcg, best = 3 / math.log2(3) + 1 / math.log2(4), 3 + 1 / math.log2(3)
    for values in report.per_query.values():
        assert values == pytest.approx([dcg / best, 0, 0, 1])
    with pytest.raises(ConfigError, match=r"got 'ERR@10', which needs another program. rankkit's 'err'"):
        evaluate_run(*files, ["ERR@10"])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("ndcg@10", r"got 'ndcg@10', a name of rankkit. Write 'nDCG@10'"),
        ("mrr", "Write 'RR'"),
        ("nDGC@10", r"a measure of ir_measures, such as 'nDCG@10'; got 'nDGC@10'"),
        ("nDCG@", "got 'nDCG@'"),
        ("alpha_nDCG@10", "needs another program"),
        ([], "at least one metric"),
    ],
)
def test_measures_that_are_refused(files, name, text):
    with pytest.raises(ConfigError, match=text):
        evaluate_run(*files, name)


@pytest.mark.parametrize(
    ("qrels", "run", "text"),
    [
        (["q 0 d"], None, r"q.qrels:1: expected '<qid> 0 <doc_id> <label>'; got 'q 0 d'"),
        (["q 0 d 1 2"], None, "q.qrels:1"),
        (["q 0 d 1", "q 0 d 0"], None, r"q.qrels:2: expected a document once for a query; got 'd' of qid q"),
        (["q 0 d x"], None, "a whole number as label; got 'x'"),
        (["q 0 d 1.5"], None, "a whole number as label; got '1.5'"),
        ([], None, "q.qrels: expected"),
        (["# nothing"], None, "expected judged queries; got none"),
        (None, ["q Q0 d 1 0.5"], r"r.run:1: expected '<qid> Q0 <doc_id> <rank> <score> <tag>'"),
        (None, ["q Q0 d 1 high t"], "a number as score; got 'high'"),
        (None, ["q Q0 d 1 nan t"], "a number as score; got NaN"),
        (None, ["q Q0 d 1 2 t", "q Q0 d 2 1 t"], "r.run:2: expected a document once"),
    ],
)
def test_files_that_cannot_be(tmp_path, qrels, run, text):
    paths = write(tmp_path / "q.qrels", qrels or []), write(tmp_path / "r.run", run or [])
    if qrels is None:
        write(paths[0], ["q 0 d 1"])
    if not qrels and run is None:
        paths[0].write_text("")
    with pytest.raises(DataError, match=text):
        evaluate_run(*paths)


def expected_values(path):
    """``{qid or "all": {name: value}}`` of an expected output of trec_eval."""
    values = {}
    for line in path.read_text().splitlines():
        name, qid, value = line.split()
        values.setdefault(qid, {})[name] = value
    return values


def in_ir_measures(name, level=None):
    """The name in ir_measures of a measure of trec_eval, or None where it has none."""
    rel = "" if level is None else f"(rel={level})"
    whole = {
        "map": f"AP{rel}", "recip_rank": f"RR{rel}", "Rprec": f"Rprec{rel}", "bpref": f"Bpref{rel}", "ndcg": "nDCG",
        "set_P": f"SetP{rel}", "set_recall": f"SetR{rel}", "set_F": f"SetF{rel}", "infAP": f"infAP{rel}",
        "set_map": f"SetAP{rel}", "num_ret": "NumRet", "num_q": "NumQ",
        "num_rel": "NumRel", "num_rel_ret": f"NumRet(rel={level or 1})",
    }  # fmt: skip
    if level is not None:
        # ir_measures counts relevant documents from label 1 on only.
        whole.pop("num_rel")
    if name in whole:
        return whole[name]
    stem, _, k = name.rpartition("_")
    cut = {
        "P": f"P{rel}", "recall": f"R{rel}", "map_cut": f"AP{rel}", "ndcg_cut": "nDCG", "success": f"Success{rel}",
        "iprec_at_recall": f"IPrec{rel}",
    }  # fmt: skip
    return f"{cut[stem]}@{float(k) if stem == 'iprec_at_recall' else k}" if stem in cut else None


def rounds_otherwise(recall, qid, n_relevant):
    """Whether recall is a number of relevant documents that pytrec_eval's trec_eval rounds up and later ones do not."""
    counts = n_relevant.values() if qid == "all" else [n_relevant[qid]]
    return any(int(recall * count + 0.9) != int(recall * count + 0.5) for count in counts)


CASES = {
    "out.test": ("qrels.test", "results.test", None, 28),
    "out.comment.test": ("qrels.comment.test.gz", "results.comment.test.gz", None, 28),
    "out.test.a": ("qrels.test", "results.test", None, 64),
    "out.test.aq": ("qrels.test", "results.test", None, 64),
    "out.test.aqc": ("qrels.test", "results.trunc", None, 64),
    "out.test.aql": ("qrels.rel_level", "results.test", 2, 63),
    "out.test.meas_params": ("qrels.test", "results.test", None, 16),
}


@pytest.mark.realdata
@pytest.mark.parametrize("case", CASES)
def test_expected_outputs_of_trec_eval(real_data, case):
    folder = real_data / "trec_eval"
    qrels, run, level, at_least = CASES[case]
    expected = expected_values(folder / case)
    names = {name: in_ir_measures(name, level) for values in expected.values() for name in values}
    names = {name: measure for name, measure in names.items() if measure is not None}
    assert len(names) >= at_least
    report = evaluate_run(folder / qrels, folder / run, list(dict.fromkeys(names.values())))
    place = {str(qid): i for i, qid in enumerate(report.qids)}
    judged = read_labels(folder / qrels)
    n_relevant = {qid: sum(label >= (level or 1) for label in judged[qid].values()) for qid in judged}
    compared = 0
    for qid, values in expected.items():
        for name, value in values.items():
            if name not in names:
                continue
            if name.startswith("iprec") and rounds_otherwise(float(name.rpartition("_")[2]), qid, n_relevant):
                continue
            ours = report.means[names[name]] if qid == "all" else report.per_query[names[name]][place[qid]]
            assert abs(ours - float(value)) <= 0.5e-4 + 1e-9, (qid, name)
            compared += 1
    assert compared >= at_least - 8


@pytest.mark.realdata
def test_comments_and_compression_change_nothing(real_data, tmp_path):
    folder = real_data / "trec_eval"
    plain = evaluate_run(folder / "qrels.test", folder / "results.test")
    packed = tmp_path / "r.gz"
    packed.write_bytes(gzip.compress((folder / "results.test").read_bytes()))
    other = evaluate_run(folder / "qrels.test.with-comments", packed)
    for name, values in plain.per_query.items():
        np.testing.assert_array_equal(values, other.per_query[name])
