"""``rankkit explain`` prints, writes and draws, from files and folders alike."""

import json
import sys

import numpy as np
import pandas as pd
import pytest

import rankkit as rk
from rankkit.cli.using import explain_picture
from rankkit.cli.using.explain import find_document
from rankkit.cli.using.explain_picture import draw_attributions, draw_importance


def test_it_prints_and_writes_the_importance_of_features(rankkit, files, trained, tmp_path):
    answer = rankkit("explain", trained, files / "test.txt", "--out", tmp_path, "--top", "2", "--repeats", "2")
    assert answer.code == 0, answer.err
    expected = rk.permutation_importance(rk.load(trained), rk.read(files / "test.txt"), n_repeats=2)
    assert answer.out.startswith(expected.table(2))
    frame = pd.read_csv(tmp_path / "importance.csv")
    np.testing.assert_allclose(frame["drop"], expected.to_pandas()["drop"])
    assert json.loads((tmp_path / "importance.json").read_text()) == expected.to_dict()
    assert (tmp_path / "importance.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (tmp_path / "importance.svg").read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {f"importance.{end}" for end in ("csv", "json", "svg", "png")}


def test_documents_are_drawn_and_the_metric_is_chosen(rankkit, files, trained):
    out = rankkit("explain", trained, files / "test.txt", "--max-docs", "100", "--metric", "mrr@5", "--seed", "1").out
    expected = rk.permutation_importance(
        rk.load(trained), rk.read(files / "test.txt"), metric="mrr@5", max_docs=100, seed=1
    )
    assert out == f"{expected.table(20)}\n"
    assert "drawn from 20" in " ".join(out.split())


def test_it_explains_documents_with_labels_or_without(rankkit, files, trained, tmp_path):
    pytest.importorskip("captum", reason="needs the extra [explain]")
    out = rankkit("explain", trained, files / "test.txt", "--doc", "1:0", "--doc", "3:2", "--out", tmp_path).out
    expected = rk.attribute(rk.load(trained), rk.read(files / "test.txt"), [(1, 0), (3, 2)])
    assert expected.table() in out
    assert json.loads((tmp_path / "attributions.json").read_text()) == expected.to_dict()
    np.testing.assert_allclose(pd.read_csv(tmp_path / "attributions.csv")["attribution"], expected.values.ravel())
    assert (tmp_path / "attributions.png").read_bytes().startswith(b"\x89PNG")

    rankkit("convert", files / "test.txt", tmp_path / "test.parquet")
    pd.read_parquet(tmp_path / "test.parquet").drop(columns="label").to_csv(tmp_path / "bare.csv", index=False)
    answer = rankkit("explain", trained, tmp_path / "bare.csv", "--doc", "1:0", "--doc", "3:2")
    assert answer.out.strip() == expected.table()
    answer = rankkit("explain", trained, tmp_path / "bare.csv")
    assert answer.code == 2
    assert "expected labels, to measure ndcg@10; got none" in answer.err


def test_it_explains_trees_without_captum(rankkit, files, tmp_path, monkeypatch):
    test = rk.read(files / "test.txt")
    scorer = rk.LightGBM(num_leaves=4, min_data_in_leaf=3)
    rk.fit(scorer, "lambdarank", test, epochs=3, progress=False)
    rk.save(scorer, tmp_path / "run")
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    answer = rankkit("explain", tmp_path / "run", files / "test.txt", "--doc", "1:0", "--out", tmp_path / "out")
    assert answer.code == 0, answer.err
    assert rk.attribute(scorer, test, [(1, 0)]).table() in answer.out
    assert (tmp_path / "out" / "attributions.png").read_bytes().startswith(b"\x89PNG")


def test_of_a_sum_over_columns_it_shows_what_values_add(rankkit, files, tmp_path):
    test = rk.read(files / "test.txt")
    for name, options in {"plain": {}, "within": {"context": "z"}}.items():
        scorer = rk.AdditiveScorer(test.n_features, hidden=(4,), seed=0, **options)
        rk.fit(scorer, "ranknet", test, epochs=1, device="cpu", progress=False)
        rk.save(scorer, tmp_path / name, feature_names=test.feature_names)
    answer = rankkit("explain", tmp_path / "plain", files / "test.txt", "--out", tmp_path / "out", "--repeats", "1")
    assert answer.code == 0, answer.err
    expected = rk.shapes(rk.load(tmp_path / "plain"), test)
    assert expected.table(20) in answer.out
    frame = pd.read_csv(tmp_path / "out" / "shapes.csv")
    np.testing.assert_allclose(frame["added"], expected.to_pandas()["added"])
    assert json.loads((tmp_path / "out" / "shapes.json").read_text()) == expected.to_dict()
    assert (tmp_path / "out" / "shapes.png").read_bytes().startswith(b"\x89PNG")
    answer = rankkit("explain", tmp_path / "within", files / "test.txt", "--out", tmp_path / "no", "--repeats", "1")
    assert answer.code == 0, answer.err
    assert "got context='z', which compares the documents of a query" in " ".join(answer.out.split())
    assert not (tmp_path / "no" / "shapes.csv").exists()


def test_what_cannot_work_is_told_before_anything_is_computed(rankkit, files, trained, tmp_path, monkeypatch):
    def compute(*arguments, **options):
        raise AssertionError("it computes")

    monkeypatch.setattr("rankkit.explaining.permutation_importance", compute)
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    answer = rankkit("explain", trained, files / "test.txt", "--doc", "1:0")
    assert (answer.code, answer.out) == (2, "")
    assert "pip install 'rankkit-torch[explain]'" in answer.err
    (tmp_path / "file").touch()
    answer = rankkit("explain", trained, files / "test.txt", "--out", tmp_path / "file")
    assert answer.code == 2
    assert "expected to write it; got a file where a folder has to be" in answer.err


@pytest.mark.parametrize(
    ("words", "found"),
    [("7:1", (7, 1)), ("7:b", (7, 1)), ("8:0", (8, 0)), ("8:x:y", (8, 0))],
)
def test_a_document_is_found_by_row_or_id(words, found):
    data = rk.from_arrays([[1.0], [2.0], [3.0]], None, [7, 7, 8], doc_ids=["a", "b", "x:y"])
    assert find_document(data, words) == found


def test_a_query_id_may_hold_a_colon_and_an_id_goes_before_a_row():
    data = rk.from_arrays([[1.0], [2.0]], None, ["de:hut", "de:hut"], doc_ids=["1", "0"])
    assert find_document(data, "de:hut:0") == ("de:hut", 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("7", "expected a query of the data and a row, as 7:0; got '7'"),
        ("9:0", "expected a query of the data and a row, as 7:0; got '9:0'"),
        ("7:2", "expected a row from 0 to 1 or a document id such as a for query 7; got '7:2'"),
        ("7:c", "expected a row from 0 to 1 or a document id such as a for query 7; got '7:c'"),
    ],
)
def test_a_document_that_is_not_there_is_refused(words, message):
    data = rk.from_arrays([[1.0], [2.0], [3.0]], None, [7, 7, 8], doc_ids=["a", "b", "x:y"])
    with pytest.raises(rk.ConfigError, match=message):
        find_document(data, words)


def test_pictures_hold_names_as_they_are_and_are_the_same_again():
    data = rk.make_ranking(6, n_features=3, seed=0)
    data = rk.with_feature_names(data, ["a" * 60, "$x_1$ <&>", "c"])
    scorer = rk.LinearScorer(3, transform="none", seed=0)
    with pytest.warns(rk.DataWarning, match="matched by number"):
        importance = rk.permutation_importance(scorer, data, n_repeats=1)
    pictures = draw_importance(importance, 20)
    text = pictures["svg"].decode()
    assert "$x_1$ &lt;&amp;&gt;" in text
    assert f"{'a' * 29}..." in text
    assert pictures == draw_importance(importance, 20)
    assert "the first 2 of 3 features" in draw_importance(importance, 2)["svg"].decode()


def test_the_picture_of_many_documents_says_how_many_it_leaves_out(monkeypatch):
    monkeypatch.setattr(explain_picture, "_MOST_DOCUMENTS", 2)
    numbers = np.arange(3)
    found = rk.Attributions(
        ("bm25",), np.full(3, 7), numbers, None, np.full(3, 3), numbers / 2, numbers / 4,
        np.ones((3, 1), np.float32), numbers[:, None] / 4, np.full(3, 64),
    )  # fmt: skip
    assert "The first 2 of 3 documents" in draw_attributions(found, 20)["svg"].decode()
