"""cache_interactions(): the folder of what read_interactions reads, in whatever parts, within bounded memory."""

import gzip
import json
import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

import rankkit as rk
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.interactions import batches, caching
from rankkit.loaders.interactions.forms import Wanted
from tests.models.recommenders.drawn import drawn_log

pytestmark = pytest.mark.filterwarnings("ignore::rankkit.DataWarning")


def frame(text=False):
    return drawn_log(n_events=600, text=text).to_pandas().sample(frac=1, random_state=0)


def written(folder, kind, table):
    """A file of a kind, and what has to be said to read it."""
    path = folder / f"events{kind}"
    if kind == ".parquet":
        pq.write_table(pa.Table.from_pandas(table), path, row_group_size=70)
    elif kind == ".feather":
        feather.write_feather(table, path, chunksize=70)
    elif kind == ".inter":
        names = {"user": "user_id:token", "item": "item_id:token", "time": "timestamp:float", "value": "rating:float"}
        table.rename(columns=names).to_csv(path, sep="\t", index=False)
    elif kind == ".dat":
        rows = table[["user", "item", "value", "time"]].astype({"value": int}).to_numpy()
        path.write_text("\n".join("::".join(map(str, row)) for row in rows))  # the last line does not end
    elif kind == ".txt":
        path.write_text("".join(f"{user} {' '.join(map(str, own))}\n" for user, own in table.groupby("user")["item"]))
    else:
        text = table.to_csv(index=False)
        path.write_bytes(gzip.compress(text.encode()) if kind.endswith(".gz") else b"\xef\xbb\xbf" + text.encode())
    return path


def same(folder, log):
    again = rk.read_log(folder)
    assert again.fingerprint == log.fingerprint
    assert again.remarks == log.remarks
    assert json.loads((folder / "log.json").read_text())["fingerprint"] == log.fingerprint
    return again


@pytest.fixture
def small(monkeypatch):
    """Many batches of any form."""
    monkeypatch.setattr(batches, "CHUNK", 500)
    monkeypatch.setattr(
        caching, "table_batches", lambda path, wanted: batches.table_batches(path, wanted, batches.CHUNK)
    )


@pytest.mark.parametrize("part", [1, 100, 10_000])
@pytest.mark.parametrize("kind", [".parquet", ".feather", ".csv", ".csv.gz", ".inter", ".dat", ".txt"])
def test_it_is_the_log_that_is_read_at_once(tmp_path, small, kind, part):
    path = written(tmp_path, kind, frame())
    log = rk.read_interactions(path)
    made = rk.cache_interactions(path, tmp_path / "log", part=part)
    same(tmp_path / "log", log)
    assert repr(made) == repr(log)
    assert (made.sizes == log.sizes).all()
    assert (made.item_counts == log.item_counts).all()
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted(["log", path.name])


@pytest.mark.parametrize(
    "options",
    [
        {"duplicates": "last"},
        {"duplicates": "first", "min_value": 3},
        {"duplicates": "keep", "k_core": 12},
    ],
)
def test_every_decision_is_the_same(tmp_path, small, options):
    path = written(tmp_path, ".csv", frame(text=True))
    log = rk.read_interactions(path, **options)
    rk.cache_interactions(path, tmp_path / "log", part=100, **options)
    same(tmp_path / "log", log)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"min_value": 6}, "expected events; got none that are left"),
        ({"k_core": 1000}, "expected events; got none that are left"),
        ({"duplicates": "error"}, "expected one event of a user with an item"),
    ],
)
def test_what_is_refused_is_refused_and_leaves_nothing(tmp_path, small, options, message):
    path = written(tmp_path, ".csv", frame(text=True))
    for read in (rk.read_interactions, lambda path, **given: rk.cache_interactions(path, tmp_path / "log", **given)):
        with pytest.raises(DataError, match=message):
            read(path, **options)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_columns_are_joined(tmp_path, small):
    path = written(tmp_path, ".csv", frame())
    options = {"items": pd.DataFrame({"item": range(25), "genre": list("abcde") * 5}), "k_core": 10}
    log = rk.read_interactions(path, **options)
    rk.cache_interactions(path, tmp_path / "log", part=50, **options)
    assert same(tmp_path / "log", log).item_columns.table.equals(log.item_columns.table)


def test_ids_and_times_are_decided_over_all_rows(tmp_path, small):
    """In the first rows ids are numbers and times whole: later ones say that they are not."""
    table = frame().reset_index(drop=True)
    table["user"] = [*table["user"][:-1].astype(str), "007"]
    table["time"] = [*table["time"][:-1].astype(str), "3.5"]
    path = written(tmp_path, ".csv", table)
    log = rk.read_interactions(path)
    rk.cache_interactions(path, tmp_path / "log", part=100)
    again = same(tmp_path / "log", log)
    assert again.user_ids.tolist()[-1] == "007"
    assert again.times.max() == 199_000_000


def test_a_wrong_row_is_named_by_its_place_in_the_file(tmp_path, small):
    table = frame().astype({"time": object}).reset_index(drop=True)
    table.loc[500, "time"] = None
    path = written(tmp_path, ".csv", table)
    with pytest.raises(DataError, match="data row 501, column 'time': expected a time; got none"):
        rk.cache_interactions(path, tmp_path / "log")
    path.write_text("user,item\n" + "1,2\n" * 500 + "1\n")
    with pytest.raises(DataError, match=r"behind data row 4.*expected a table with 2 fields"):
        rk.cache_interactions(path, tmp_path / "log")
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_what_is_there_is_not_lost_and_a_log_is_refused(tmp_path):
    path = written(tmp_path, ".csv", frame())
    rk.cache_interactions(path, tmp_path / "log")
    rk.cache_interactions(path, tmp_path / "log")  # one that is there is replaced
    with pytest.raises(ConfigError, match="got the folder of one"):
        rk.cache_interactions(tmp_path / "log", tmp_path / "other")
    (tmp_path / "log" / "mine.txt").write_text("x")
    with pytest.raises(ConfigError, match=r"got one with 'mine\.txt'"):
        rk.cache_interactions(path, tmp_path / "log")


def test_folders_of_hugging_face(tmp_path):
    table = pa.Table.from_pandas(frame(), preserve_index=False)
    log = rk.read_interactions(table)
    hub = tmp_path / "hub" / "data"
    hub.mkdir(parents=True)
    (tmp_path / "hub" / "README.md").write_text("---\ndataset_info: {}\n---\n")
    for shard in range(2):
        pq.write_table(table.slice(shard * 300, 300), hub / f"train-0000{shard}-of-00002.parquet")
    saved = tmp_path / "saved"
    saved.mkdir()
    names = [f"data-0000{shard}-of-00002.arrow" for shard in range(2)]
    for shard, name in enumerate(names):
        with pa.ipc.new_stream(saved / name, table.schema) as stream:
            stream.write_table(table.slice(shard * 300, 300))
    (saved / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (saved / "dataset_info.json").write_text("{}")
    for folder in (tmp_path / "hub", saved):
        assert rk.read_interactions(folder).fingerprint == log.fingerprint
        rk.cache_interactions(folder, tmp_path / "log", part=100)
        same(tmp_path / "log", log)
    pq.write_table(table, hub / "test-00000-of-00001.parquet")
    for read in (rk.read_interactions, lambda path: rk.cache_interactions(path, tmp_path / "log")):
        with pytest.raises(DataError, match="expected the files of one split; got those of test, train"):
            read(tmp_path / "hub")


def test_events_are_never_in_memory_together(tmp_path):
    n_events = 600_000
    random = np.random.default_rng(0)
    table = {"user": random.integers(0, 3000, n_events), "item": random.integers(0, 500, n_events)}
    pq.write_table(pa.table({**table, "time": np.arange(n_events)}), tmp_path / "events.parquet")
    rk.cache_interactions(tmp_path / "events.parquet", tmp_path / "once", part=2**15)  # compiles
    tracemalloc.start()
    rk.cache_interactions(tmp_path / "events.parquet", tmp_path / "log", part=2**15)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < n_events * 20 / 1.5  # 20 bytes an event; in one part all are there more than twice
    assert len(list(batches.table_batches(tmp_path / "events.parquet", Wanted(None, None, None, None)))) > 5
