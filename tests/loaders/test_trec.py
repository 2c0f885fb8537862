"""TREC qrels: written, read back, read by ir_measures; every line that is none."""

from dataclasses import replace

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ConfigError, DataError
from rankkit.loaders.tables.given_arrays import from_arrays
from rankkit.loaders.trec import read_qrels, write_qrels

WORDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=6)
QIDS = WORDS.filter(lambda text: not text.startswith("#")) | st.integers(-9, 9).map(str)


def small():
    return from_arrays([[1], [2], [3]], [0, 3, 1], ["q2", "q1", "q2"], doc_ids=["a", "b", "#c"])


def test_lines_stand_in_input_order(tmp_path):
    write_qrels(small(), tmp_path / "x.qrels")
    assert (tmp_path / "x.qrels").read_text() == "q2 0 a 0\nq1 0 b 3\nq2 0 #c 1\n"


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.tuples(QIDS, WORDS), st.integers(0, 2**24), min_size=1, max_size=12), st.data())
def test_what_is_written_comes_back(tmp_path_factory, judgments, draw):
    judged = draw.draw(st.permutations(list(judgments.items())))
    data = from_arrays(
        np.zeros((len(judged), 0)),
        [label for _, label in judged],
        [qid for (qid, _), _ in judged],
        doc_ids=[doc_id for (_, doc_id), _ in judged],
    )
    path = tmp_path_factory.mktemp("qrels") / "x.qrels"
    write_qrels(data, path)
    back = read_qrels(path)
    for name in ("labels", "offsets", "qids", "doc_ids"):
        assert getattr(back, name).tolist() == getattr(data, name).tolist()
    assert (back.rows is None) == (data.rows is None)
    if data.rows is not None:
        assert back.rows.tolist() == data.rows.tolist()
    theirs = {(each.query_id, each.doc_id): each.relevance for each in ir_measures.read_trec_qrels(str(path))}
    assert theirs == judgments


@pytest.mark.parametrize("suffix", ["gz", "bz2", "xz", "zst"])
def test_compressed_by_extension(tmp_path, suffix):
    for name in ("a", "b"):
        write_qrels(small(), tmp_path / f"{name}.qrels.{suffix}")
    assert read_qrels(tmp_path / f"a.qrels.{suffix}").labels.tolist() == [0, 1, 3]
    assert (tmp_path / f"a.qrels.{suffix}").read_bytes() == (tmp_path / f"b.qrels.{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": None}, "expected labels and document ids, .* got data without labels"),
        ({"doc_ids": None}, "got data without document ids"),
        ({"labels": np.float32([0, 0.5, 1])}, r"expected labels that are whole numbers .* got 0\.5 in qid q2"),
        ({"labels": np.float32([0, 1, 1e9])}, r"got 1e\+09 in qid q1"),
        ({"doc_ids": np.array(["a", "b c", "d"])}, "expected document ids that are one word each, .* got 'b c'"),
        ({"doc_ids": np.array(["a", "", "d"])}, "got ''"),
        ({"doc_ids": np.array(["a", "b\u00a0c", "d"])}, r"got 'b\\xa0c'"),
        ({"qids": np.array(["#q", "r"])}, "expected query ids that are one word each, .* got '#q'"),
        ({"doc_ids": np.array(["a", "a", "d"])}, "expected one judgment .* got 'a' of qid q2 more than once"),
    ],
)
def test_what_qrels_cannot_hold_is_an_error_and_leaves_the_file(tmp_path, change, message):
    path = tmp_path / "x.qrels"
    path.write_text("kept")
    with pytest.raises(DataError, match=message):
        write_qrels(replace(small(), **change), path)
    assert [file.name for file in tmp_path.iterdir()] == ["x.qrels"]
    assert path.read_text() == "kept"


def test_reading_passes_over_comments_and_takes_any_white_space(tmp_path):
    (tmp_path / "x.qrels").write_bytes(b"# judged by hand\n\nT1\t00  D1   1\r\nT2 Q0 D#2 +2\nT1 0 D3 0")
    data = read_qrels(tmp_path / "x.qrels")
    assert data.qids.tolist() == ["T1", "T2"]
    assert data.doc_ids.tolist() == ["D1", "D3", "D#2"]
    assert data.labels.tolist() == [1, 0, 2]
    assert data.rows.tolist() == [0, 2, 1]
    assert data.n_features == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 0 a 1\n1 0 b\n", r":2: expected '<qid> 0 <doc_id> <label>'; got '1 0 b'"),
        ("1 0 a 1 x\n", r":1: expected .* got '1 0 a 1 x'"),
        ("1 0 a 1.5\n", r":1: expected a whole number .* as label; got '1\.5'"),
        ("1 0 a 1_0\n", "got '1_0'"),
        ("1 0 a 99999999\n", "got '99999999'"),
        ("1 0 a 1\n\n1 0 a 2\n", r":3: expected one judgment .* got 'a' of qid 1 again \(first in line 1\)"),
        ("1 0 a -1\n", r":1: expected a label of 0 or more; got -1\. Pass negative='zero'"),
        ("# nothing\n", "expected lines '<qid> 0 <doc_id> <label>'; got none"),
        (b"1 0 \xff 1\n", ":1: expected UTF-8 text"),
    ],
)
def test_lines_that_are_no_judgments(tmp_path, text, message):
    path = tmp_path / "x.qrels"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DataError, match=message):
        read_qrels(path)


def test_negative_labels_can_count_as_zero(tmp_path):
    (tmp_path / "x.qrels").write_text("1 0 spam -2\n1 0 good 1\n")
    assert read_qrels(tmp_path / "x.qrels", negative="zero").labels.tolist() == [0, 1]
    with pytest.raises(ConfigError, match="expected negative='error' or 'zero'; got 'drop'"):
        read_qrels(tmp_path / "x.qrels", negative="drop")


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "n_queries", "n_docs"),
    [
        ("trec_eval/qrels.test", 3, 3681),
        ("trec_eval/qrels.test.with-comments", 3, 3681),
        ("ir_measures/compat.qrels", 2, 311),
        ("ir_measures/cwl.qrels", 3, 23),
        ("vaswani_npl/qrels", 93, 2083),
    ],
)
def test_real_qrels_have_the_counts_that_their_readme_states(real_data, tmp_path, name, n_queries, n_docs):
    data = read_qrels(real_data / name)
    assert (data.n_queries, data.n_docs) == (n_queries, n_docs)
    path = tmp_path / "again.qrels"
    write_qrels(data, path)
    lines = [line.split() for line in (real_data / name).read_text().splitlines() if not line.startswith("#")]
    judged = [(each.query_id, each.doc_id, each.relevance) for each in ir_measures.read_trec_qrels(str(path))]
    assert judged == [(qid, doc_id, int(label)) for qid, _, doc_id, label in lines]


@pytest.mark.realdata
def test_the_qrels_of_trec_news_judge_its_documents(real_data):
    data = read_qrels(real_data / "trec_news_2018" / "newsir18-entity.qrel")
    assert data.n_features == 0
    assert data.labels.max() <= 4
