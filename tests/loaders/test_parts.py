"""Parts of the data that are read alike: indices of features, and rows."""

import pytest

from rankkit.errors import ConfigError, DataError, DataWarning
from rankkit.loaders.parts import read_parts

ZERO = "# Column indices are zero-based\n1 qid:1 0:5 1:6\n"


def test_the_base_of_the_first_part_holds_for_the_others(tmp_path):
    (tmp_path / "train.txt").write_text(ZERO)
    (tmp_path / "vali.txt").write_text("1 qid:1 1:7\n")
    parts = read_parts({"train": tmp_path / "train.txt", "valid": tmp_path / "vali.txt"}, {})
    assert parts["valid"].features.tolist() == [[0, 7]]
    parts = read_parts({"train": tmp_path / "vali.txt", "valid": tmp_path / "vali.txt"}, {"zero_based": True})
    assert parts["valid"].features.tolist() == [[0, 7]]
    with pytest.raises(DataError, match=r"train\.txt:2: expected feature indices from 1 on"):
        read_parts({"train": tmp_path / "vali.txt", "valid": tmp_path / "train.txt"}, {})


def test_a_part_without_rows_is_refused(tmp_path):
    (tmp_path / "train.csv").write_text("qid,label,a\n1,0,5\n")
    (tmp_path / "test.csv").write_text("qid,label,a\n")
    with pytest.raises(DataError, match=r"test\.csv: expected rows; got none"):
        read_parts({"train": tmp_path / "train.csv", "test": tmp_path / "test.csv"}, {})


def test_each_part_takes_the_options_of_its_kind(tmp_path):
    (tmp_path / "train.csv").write_text("qid,grade,1\n1,0,5\n1,2,6\n")
    (tmp_path / "test.txt").write_text("1 qid:7 1:5\n0 qid:8 1:6\n2 qid:7 1:7\n")
    sources = {"train": tmp_path / "train.csv", "test": tmp_path / "test.txt"}
    parts = read_parts(sources, {"label": "grade", "regroup": True, "labels": "grades"})
    assert [part.labels.tolist() for part in parts.values()] == [[0, 2], [1, 2, 0]]
    with pytest.raises(ConfigError, match=r"Leave labels='grades' out"):
        read_parts({"train": tmp_path / "train.csv"}, {"label": "grade", "labels": "grades"})


def test_a_part_may_lack_what_the_training_data_has_besides(tmp_path):
    (tmp_path / "log.csv").write_text("qid,label,a,pos\n1,0,5,2\n1,1,6,1\n")
    (tmp_path / "judged.csv").write_text("qid,label,a\n1,0,5\n")
    sources = {"train": tmp_path / "log.csv", "test": tmp_path / "judged.csv"}
    with pytest.warns(DataWarning, match=r"judged.csv: read without what .* besides: 'pos' \(position\)"):
        parts = read_parts(sources, {"position": "pos"})
    assert "position" in parts["train"].beside
    assert not parts["test"].beside
    with pytest.raises(DataError, match="'pos'"):
        read_parts({"train": tmp_path / "judged.csv"}, {"position": "pos"})
