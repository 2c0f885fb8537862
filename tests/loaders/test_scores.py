from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.loaders.scores import write_scores


@pytest.fixture
def data():
    """Rows came as b, a, b, a: query b first; regrouped as b, b, a, a."""
    return RankingDataset(
        features=np.zeros((4, 1), np.float32),
        labels=None,
        offsets=np.array([0, 2, 4]),
        qids=np.array(["b", "a"]),
        doc_ids=np.array(["b0", "b2", "a1", "a3"]),
        rows=np.array([0, 2, 1, 3]),
    )


SCORES = np.array([0.1, 0.2, 0.30000001, 0.4], np.float32)


@pytest.mark.parametrize("name", ["s.parquet", "s.csv"])
def test_tables_keep_row_order_and_every_bit(data, tmp_path, name):
    path = tmp_path / name
    write_scores(data, SCORES, path)
    table = pd.read_parquet(path) if name.endswith("parquet") else pd.read_csv(path)
    assert table["qid"].tolist() == ["b", "a", "b", "a"]
    assert table["doc_id"].tolist() == ["b0", "a1", "b2", "a3"]
    assert table["score"].to_numpy(np.float32).tolist() == SCORES.tolist()


def test_text_is_one_score_a_line(data, tmp_path):
    write_scores(data, SCORES, tmp_path / "s.txt")
    assert np.loadtxt(tmp_path / "s.txt", dtype=np.float32).tolist() == SCORES.tolist()


def test_a_run_is_best_first_within_each_query(data, tmp_path):
    write_scores(data, SCORES, tmp_path / "s.run", tag="mine")
    rows = [line.split() for line in (tmp_path / "s.run").read_text().splitlines()]
    assert [(q, d, r) for q, _, d, r, _, _ in rows] == [
        ("b", "b2", "1"),
        ("b", "b0", "2"),
        ("a", "a3", "1"),
        ("a", "a1", "2"),
    ]
    assert {row[5] for row in rows} == {"mine"}


def test_a_run_needs_doc_ids(tmp_path):
    bare = RankingDataset(np.zeros((1, 1), np.float32), None, np.array([0, 1]), np.array([1]))
    with pytest.raises(DataError, match="expected doc ids for a TREC run"):
        write_scores(bare, np.zeros(1, np.float32), tmp_path / "s.run")
    assert not list(tmp_path.iterdir())


def test_an_unknown_extension_and_a_wrong_count_are_refused(data, tmp_path):
    with pytest.raises(ConfigError, match=r"expected a name that ends in \.parquet"):
        write_scores(data, SCORES, tmp_path / "s.doc")
    with pytest.raises(ShapeError, match="expected 4 scores"):
        write_scores(data, SCORES[:3], tmp_path / "s.csv")


def test_a_failed_write_leaves_the_old_file(data, tmp_path, monkeypatch):
    path = tmp_path / "s.csv"
    path.write_text("old")

    def broken(self, to, **options):
        to.write_text("half")
        raise OSError("disk full")

    monkeypatch.setattr(pd.DataFrame, "to_csv", broken)
    with pytest.raises(OSError, match="disk full"):
        write_scores(data, SCORES, path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["s.csv"]


def test_a_run_has_six_fields_whatever_the_names(data, tmp_path):
    write_scores(data, SCORES, tmp_path / "s.run", tag="my run")
    assert all(len(line.split(" ")) == 6 and '"' not in line for line in (tmp_path / "s.run").read_text().splitlines())
    spaced = replace(data, doc_ids=np.array(["b 0", "b2", "a1", "a3"]))
    with pytest.raises(DataError, match="got the doc id 'b 0'"):
        write_scores(spaced, SCORES, tmp_path / "t.run")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_scores_that_are_no_numbers_are_not_written(data, tmp_path, value):
    """A table would hold an empty field, and the command would end as if all was well."""
    with pytest.raises(DataError, match=r"finite numbers; got .* for row 1 \(from 0\), and 1 of 4 in all"):
        write_scores(data, np.array([0, value, 0, 0], np.float32), tmp_path / "s.csv")
    with pytest.raises(DataError, match="expected documents; got none"):
        write_scores(data[:0], np.zeros(0, np.float32), tmp_path / "s.csv")
    assert not list(tmp_path.iterdir())
