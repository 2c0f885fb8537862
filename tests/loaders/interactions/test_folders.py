"""Logs and splits as folders."""

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rankkit as rk
from rankkit.data.interactions import rolling_splits, split_interactions
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.interactions.folders import read_split, write_split
from tests.models.recommenders.drawn import drawn_log


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("without", [(), ("times",), ("values",), ("times", "values")])
def test_a_log_is_read_as_it_was(tmp_path, text, without):
    log = replace(drawn_log(text=text), remarks=("one", "two"), **dict.fromkeys(without))
    log = replace(log, item_ids=np.append(np.asarray(log.item_ids), ["cold" if text else 999]))
    rk.write_log(log, tmp_path / "log")
    again = rk.read_log(tmp_path / "log")
    assert (again.fingerprint, again.remarks) == (log.fingerprint, log.remarks)
    assert again.n_items == log.n_items  # one without an event, too
    about = json.loads((tmp_path / "log" / "log.json").read_text())
    assert about["fingerprint"] == log.fingerprint


@pytest.mark.parametrize(
    "split",
    [
        lambda log: split_interactions(log, "time", valid=0.1),
        lambda log: split_interactions(log, "leave_last", valid=0),
        lambda log: split_interactions(log, "ratio", valid=0.2, order="random", seed=4),
        lambda log: rolling_splits(log, 3)[1],
    ],
)
def test_a_split_is_read_as_it_was(tmp_path, split):
    made = split(drawn_log(n_events=500))
    write_split(made, tmp_path / "split", by="some rule")
    again = read_split(tmp_path / "split")
    assert (again.rule, again.remarks) == (made.rule, made.remarks)
    assert again.train.fingerprint == made.train.fingerprint
    assert again.test.fingerprint == made.test.fingerprint
    assert (again.valid is None) == (made.valid is None)
    if made.valid is not None:
        assert again.valid.fingerprint == made.valid.fingerprint
    about = json.loads((tmp_path / "split" / "split.json").read_text())
    assert about["audit"]["n_test"] == made.test.targets.n_events
    assert rk.read_log(tmp_path / "split" / "test").n_events == made.test.targets.n_events


def test_a_log_is_replaced_and_a_folder_that_holds_anything_else_is_kept(tmp_path):
    (tmp_path / "log").mkdir()
    rk.write_log(drawn_log(), tmp_path / "log")
    other = drawn_log()[:3]
    rk.write_log(other, tmp_path / "log")
    assert rk.read_log(tmp_path / "log").fingerprint == other.fingerprint
    (tmp_path / "log" / "split").mkdir()
    with pytest.raises(ConfigError, match="got one with 'split'"):
        rk.write_log(drawn_log(), tmp_path / "log")
    assert rk.read_log(tmp_path / "log").fingerprint == other.fingerprint
    with pytest.raises(DataError, match=r"expected a folder with log\.json"):
        rk.read_log(tmp_path)
    with pytest.raises(ConfigError, match="expected no options for a log that was read before"):
        rk.read_interactions(tmp_path / "log", k_core=2)


@pytest.mark.parametrize(
    ("column", "change"),
    [
        ("user", lambda array: array[::-1]),
        ("user", lambda array: array + 1000),
        ("item", lambda array: array + 1000),
        ("time", lambda array: array[::-1]),
    ],
)
def test_damage_is_found(tmp_path, column, change):
    rk.write_log(drawn_log(), tmp_path / "log")
    path = tmp_path / "log" / "events.parquet"
    columns = {name: pq.read_table(path)[name].to_numpy() for name in pq.read_schema(path).names}
    columns[column] = np.ascontiguousarray(change(columns[column]))
    pq.write_table(pa.table(columns), path)
    with pytest.raises(DataError, match="expected the files of a log"):
        rk.read_log(tmp_path / "log")
