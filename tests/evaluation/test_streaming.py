"""Scoring block by block: the same scores and files as all at once, and memory that does not grow with the rows."""

import dataclasses
import tracemalloc
import warnings

import numpy as np
import pandas as pd
import pytest

import rankkit as rk
from rankkit.data.text_ids import TextIds
from rankkit.errors import DataError, DataWarning
from rankkit.evaluation.matching import read_documents
from rankkit.evaluation.streaming import score_file
from rankkit.loaders.letor import cache
from rankkit.loaders.row_blocks import OtherIdsError, RowBlock, ScatteredError, whole_queries
from rankkit.loaders.scores import write_scores
from rankkit.loaders.tables import csv_batches, record_batches

BATCH = 37


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(cache, "BLOCK_SIZE", 1500)
    monkeypatch.setattr(record_batches, "_MOST_ROWS", 50)


@pytest.fixture(scope="module")
def data():
    return rk.make_ranking(25, n_features=5, list_size=(1, 60), seed=0, doc_ids=True)


@pytest.fixture(scope="module")
def scorer(data):
    """One that compares the documents of a query, so that a query in two pieces has other scores."""
    made = rk.MLPScorer(5, hidden=[8], transform="standardize", context="z+rank", seed=0)
    made.transform.fit(data.features, data.offsets)
    return made.eval()


def at_once(scorer, path, out, **reading):
    documents = read_documents(path, scorer, with_labels=False, **reading)
    write_scores(documents, rk.predict(scorer, documents, batch_docs=BATCH), out)


def same_files(scorer, path, folder, endings=(".csv",), **reading):
    for ending in endings:
        at_once(scorer, path, folder / f"once{ending}", **reading)
        score_file(scorer, path, folder / f"blocks{ending}", batch_docs=BATCH, reading=reading)
        assert (folder / f"once{ending}").read_bytes() == (folder / f"blocks{ending}").read_bytes()


@pytest.mark.parametrize(
    "name", ["d.txt", "d.txt.gz", "d.txt.zst", "d.txt.bz2", "d.csv", "d.csv.gz", "d.parquet", "d.arrow"]
)
def test_every_format_gives_the_files_of_all_at_once(data, scorer, tmp_path, name):
    rk.write(data, tmp_path / name)
    same_files(
        scorer, tmp_path / name, tmp_path, (".parquet", ".csv", ".txt", ".run") if name == "d.txt" else (".run",)
    )


def test_queries_numbered_by_a_file_beside(data, scorer, tmp_path):
    rk.write(data, tmp_path / "d.txt")
    bare = [
        " ".join(word for word in line.split(" ") if not word.startswith("qid:"))
        for line in (tmp_path / "d.txt").read_text().splitlines(keepends=True)
    ]
    (tmp_path / "d.txt").write_text("".join(bare))
    (tmp_path / "d.txt.query").write_text("".join(f"{size}\n" for size in data.list_sizes))
    with pytest.warns(DataWarning, match=r"counted by d\.txt\.query"):
        same_files(scorer, tmp_path / "d.txt", tmp_path)
    (tmp_path / "d.txt.query").write_text("1\n2\n")
    with pytest.raises(DataError, match=r"expected sizes that add up to .*; got 3 in 2 queries"):
        score_file(scorer, tmp_path / "d.txt", tmp_path / "s.csv", batch_docs=BATCH)


@pytest.mark.parametrize("ending", [".csv", ".txt"])
def test_ids_that_turn_out_to_be_text(data, scorer, tmp_path, ending):
    """The first blocks hold whole numbers and no document ids, the last ones text."""
    qids = [str(qid) for qid in data.qids[:-1]] + ["late"]
    rk.write(dataclasses.replace(data, qids=np.array(qids), doc_ids=None), tmp_path / f"d{ending}")
    if ending == ".txt":
        with (tmp_path / "d.txt").open("a") as file:
            file.write("0 qid:latest 1:1 # docid = last\n")
    same_files(scorer, tmp_path / f"d{ending}", tmp_path, (".parquet", ".csv"))
    assert pd.read_parquet(tmp_path / "blocks.parquet")["qid"].iloc[0] == "1"


def test_rows_of_a_query_that_lie_apart(data, scorer, tmp_path):
    rk.write(data, tmp_path / "d.csv")
    table = pd.read_csv(tmp_path / "d.csv")
    pd.concat([table[1:], table[:1]]).to_csv(tmp_path / "d.csv", index=False)
    with pytest.warns(DataWarning, match=r"d\.csv: The rows of a query do not stand together\. All rows are held"):
        same_files(scorer, tmp_path / "d.csv", tmp_path)
    rk.write(data, tmp_path / "d.txt")
    lines = (tmp_path / "d.txt").read_text().splitlines(keepends=True)
    (tmp_path / "d.txt").write_text("".join(lines[1:] + lines[:1]))
    with pytest.raises(DataError, match=rf"d\.txt:{len(lines)}: expected the rows of a qid to stand together"):
        score_file(scorer, tmp_path / "d.txt", tmp_path / "s.csv", batch_docs=BATCH)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same_files(scorer, tmp_path / "d.txt", tmp_path, regroup=True)


@pytest.mark.parametrize("name", ["d.txt", "d.csv"])
def test_a_fault_far_behind_names_its_row_and_leaves_nothing(data, scorer, tmp_path, name):
    rk.write(data, tmp_path / name)
    lines = (tmp_path / name).read_text().splitlines(keepends=True)
    place = len(lines) - 10
    lines[place] = lines[place].replace("1:", "1:x", 1) if name == "d.txt" else "1,1,d,oops,1,1,1,1\n"
    (tmp_path / name).write_text("".join(lines))
    with pytest.raises(DataError) as once:
        at_once(scorer, tmp_path / name, tmp_path / "s.csv")
    with pytest.raises(DataError) as blocks:
        score_file(scorer, tmp_path / name, tmp_path / "s.csv", batch_docs=BATCH)
    assert str(blocks.value) == str(once.value)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_what_is_said_of_a_file_is_said_once_in_the_same_words(data, scorer, tmp_path):
    rk.write(data, tmp_path / "d.txt")
    lines = (tmp_path / "d.txt").read_text().splitlines(keepends=True)
    lines[5], lines[-5] = (
        lines[5].split(" 1:")[0] + "\n",
        lines[-5].replace(" 2:", " 2:nan 3:", 1).split(" 3:")[0] + "\n",
    )
    (tmp_path / "d.txt").write_text("".join(lines))

    def said(run):
        with warnings.catch_warnings(record=True) as found:
            warnings.simplefilter("always")
            run()
        return sorted(str(warning.message) for warning in found)

    once = said(lambda: at_once(scorer, tmp_path / "d.txt", tmp_path / "a.csv"))
    assert len(once) == 2
    assert said(lambda: score_file(scorer, tmp_path / "d.txt", tmp_path / "b.csv", batch_docs=BATCH)) == once


def test_scores_that_are_no_numbers_name_their_row(data, tmp_path):
    class Late(rk.LinearScorer):
        def forward(self, features, offsets):
            return features[:, 0].where(features[:, 0] < 100, float("nan"))

    features = data.features.copy()
    features[-3, 0] = 200
    rk.write(dataclasses.replace(data, features=features), tmp_path / "d.txt")
    with pytest.raises(DataError, match=rf"got nan for row {data.n_docs - 3} \(from 0\), and 1 of"):
        score_file(Late(5), tmp_path / "d.txt", tmp_path / "s.csv", batch_docs=BATCH)
    assert not (tmp_path / "s.csv").exists()


@pytest.mark.parametrize("name", ["d.txt.gz", "d.csv", "d.parquet"])
def test_memory_does_not_grow_with_the_rows(tmp_path, name, monkeypatch):
    """What numpy and Python hold at the most while four times as many rows are scored."""
    scorer, peaks = rk.LinearScorer(40, transform="none"), []
    monkeypatch.setattr(record_batches, "_MOST_ROWS", 500)
    monkeypatch.setattr(cache, "BLOCK_SIZE", 2**14)
    monkeypatch.setattr(csv_batches, "_BLOCK", 2**14)
    for n_queries in (60, 60, 240):  # the first run fills what is kept between runs
        made = rk.make_ranking(n_queries, n_features=40, list_size=(20, 20), seed=0)
        rk.write(made, tmp_path / name)
        del made
        tracemalloc.start()
        score_file(scorer, tmp_path / name, tmp_path / "s.csv", batch_docs=200)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < 1.5 * peaks[1]


def test_a_batch_is_what_predict_scores_at_once():
    sizes = np.array([3, 1, 9, 2, 2, 2, 30, 1])
    offsets = np.append(0, np.cumsum(sizes))
    features = np.arange(offsets[-1], dtype=np.float32)[:, None]
    for n_rows in (1, 4, 7, 100):
        blocks = []
        for start in range(0, len(features), n_rows):
            query = np.repeat(np.arange(len(sizes)), sizes)[start : start + n_rows]
            starts = np.append(0, np.flatnonzero(np.diff(query)) + 1)
            blocks.append(RowBlock(features[start : start + n_rows], starts, query[starts]))
        found = [(batch.n_docs, batch.features[0, 0]) for batch, _ in whole_queries(blocks, 10)]
        assert found == [(4, 0), (9, 4), (6, 13), (30, 19), (1, 49)]


def test_ids_that_come_back_are_found_whenever_they_do():
    def blocks(qids):
        return [RowBlock(np.zeros((1, 1), np.float32), np.zeros(1, np.int64), np.array([qid])) for qid in qids]

    assert sum(batch.n_queries for batch, _ in whole_queries(blocks([5, 5, 7, -1, 9, 8, 8]), 1)) == 5
    with pytest.raises(ScatteredError):
        list(whole_queries(blocks([*range(100), 3]), 10))
    text = RowBlock(np.zeros((1, 1), np.float32), np.zeros(1, np.int64), TextIds(["a"]))
    with pytest.raises(OtherIdsError):
        list(whole_queries([*blocks([1]), text], 10))


def test_a_table_without_rows_is_named(scorer, tmp_path):
    path = tmp_path / "none.parquet"
    pd.DataFrame(columns=["qid", *"abcde"], dtype=float).to_parquet(path)
    for read in (lambda: score_file(scorer, path, tmp_path / "out.txt"), lambda: read_documents(path, scorer)):
        with pytest.raises(DataError, match=r"none.parquet: expected rows; got none"):
            read()
    assert not (tmp_path / "out.txt").exists()
