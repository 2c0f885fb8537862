"""Caches of tables, which are written some rows at a time, against the tables read whole."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

import rankkit as rk
from rankkit.errors import DataError
from rankkit.loaders.tables import record_batches

NAMES = ("t.parquet", "t.csv", "t.arrow")


def write(frame, path):
    if path.suffix == ".csv":
        frame.to_csv(path, index=False)
    elif path.suffix == ".parquet":
        frame.to_parquet(path, index=False, row_group_size=7)
    else:
        pa.feather.write_feather(pa.Table.from_pandas(frame, preserve_index=False), path)


def frame(order, qid=lambda number: number, **columns):
    rng = np.random.default_rng(3)
    n = len(order)
    return pd.DataFrame(
        {
            "label": rng.integers(0, 3, n),
            "qid": [qid(number) for number in order],
            "doc_id": [f"d{row}" for row in range(n)],
            "one": rng.normal(size=n),
            "two": rng.normal(size=n).astype(np.float32),
            **columns,
        }
    )


FRAMES = {
    "in order": lambda: frame(np.repeat(np.arange(9), 5)),
    "interleaved": lambda: frame(np.tile(np.arange(9), 5)),
    "text ids, first whole numbers": lambda: frame(np.repeat(np.arange(9), 5), lambda q: str(q) if q < 5 else f"q{q}"),
    "weights of documents": lambda: frame(np.tile(np.arange(3), 15), doc_weight=np.arange(45) / 4),
    "weights of queries": lambda: frame(np.tile(np.arange(9), 5), query_weight=np.tile(np.arange(9), 5) / 4),
    "no labels, no ids": lambda: frame(np.tile(np.arange(9), 5)).drop(columns=["label", "doc_id"]),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("make", FRAMES.values(), ids=FRAMES.keys())
def test_a_cache_is_what_the_table_is(make, name, tmp_path, monkeypatch):
    monkeypatch.setattr(record_batches, "_MOST_ROWS", 4)
    write(make(), tmp_path / name)
    whole, cached = rk.read(tmp_path / name), rk.read(tmp_path / name, cache=True)
    assert cached.fingerprint == whole.fingerprint
    assert cached.weights_per == whole.weights_per
    assert cached.feature_names == whole.feature_names
    assert type(cached.qids) is type(whole.qids)
    for array in ("doc_ids", "rows"):
        one, other = getattr(cached, array), getattr(whole, array)
        assert (one is None) == (other is None)
        assert one is None or one.tolist() == other.tolist()


@pytest.mark.parametrize("name", NAMES)
def test_errors_name_the_row_of_the_table(name, tmp_path, monkeypatch):
    monkeypatch.setattr(record_batches, "_MOST_ROWS", 4)
    first = 1 if name == "t.csv" else 0
    for column, value in (("label", -1), ("one", np.inf)):
        table = frame(np.repeat(np.arange(9), 5))
        table[column] = table[column].astype(float)
        table.loc[30, column] = value
        write(table, tmp_path / name)
        with pytest.raises(DataError, match=rf"row {30 + first}\b.*column '{column}'"):
            rk.read(tmp_path / name, cache=True)
    write(frame(np.tile(np.arange(9), 5), query_weight=np.arange(45) // 9), tmp_path / name)
    with pytest.raises(DataError, match=rf"row {9 + first}\b.*expected one query weight for qid 0; got 0 and 1"):
        rk.read(tmp_path / name, cache=True)
    assert sorted(entry.name for entry in tmp_path.iterdir()) == [name]


def test_lists_of_features_have_one_length(tmp_path, monkeypatch):
    monkeypatch.setattr(record_batches, "_MOST_ROWS", 1)
    for lists in ([[1.0, 2.0], [3.0, 4.0]], [[1.0, 2.0], [3.0]]):
        pq.write_table(pa.table({"qid": [1, 1], "label": [0, 1], "vector": lists}), tmp_path / "v.parquet")
        if len(lists[1]) == 2:
            assert rk.read(tmp_path / "v.parquet", features="vector", cache=True).features.tolist() == lists
            continue
        with pytest.raises(DataError, match=r"row 1 .*expected a list of 2 numbers, .*got 1"):
            rk.read(tmp_path / "v.parquet", features="vector", cache=True)


_PEAK = """
import sys, threading
from pathlib import Path
from rankkit.loaders.files import convert

peak, done = 0, threading.Event()

def watch():
    global peak
    while not done.wait(0.002):
        peak = max(peak, int(Path("/proc/self/status").read_text().split("RssAnon:")[1].split()[0]))

convert(sys.argv[1], sys.argv[2])
watching = threading.Thread(target=watch)
watching.start()
convert(sys.argv[3], sys.argv[4])
done.set()
watching.join()
print(peak)
"""


def write_rows(path, n_rows):
    """A table of 20 features in pieces, whose queries come back after others."""
    rng = np.random.default_rng(0)
    features = {f"f{number}": rng.normal(size=20_000).astype(np.float32) for number in range(20)}
    piece = pa.table({"label": np.arange(20_000) % 3, "qid": np.arange(20_000) // 40, **features})
    if path.suffix == ".csv":
        text = piece.to_pandas().to_csv(index=False)
        head, rows = text.split("\n", 1)
        path.write_text(head + "\n" + rows * (n_rows // 20_000))
        return
    kind = pq.ParquetWriter if path.suffix == ".parquet" else pa.ipc.new_file
    with kind(str(path), piece.schema) as writer:
        for _ in range(n_rows // 20_000):
            writer.write_table(piece)


def growth(folder, name, n_rows):
    """Times the bytes of the features by which the peak memory of a process grows with three times the rows.

    Pages of files do not count.
    """
    peaks = []
    for times in (1, 3):
        write_rows(folder / name, times * n_rows)
        write_rows(folder / f"small{Path(name).suffix}", 20_000)
        words = [folder / f"small{Path(name).suffix}", folder / "a.rkcache", folder / name, folder / "b.rkcache"]
        done = subprocess.run([sys.executable, "-c", _PEAK, *map(str, words)], check=True, capture_output=True)
        peaks.append(int(done.stdout))
    return (peaks[1] - peaks[0]) * 1024 / (2 * n_rows * 20 * 4)


@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize(("name", "n_rows"), [("t.parquet", 200_000), ("t.arrow", 200_000)])
def test_memory_does_not_grow_with_the_rows(name, n_rows, tmp_path):
    assert growth(tmp_path, name, n_rows) < 0.7  # a reader takes more than the features have


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="measures memory as Linux does")
@pytest.mark.parametrize("name", NAMES)
def test_memory_does_not_grow_with_a_million_rows(name, tmp_path):
    # Arrow's reader of CSV keeps blocks of text for its threads: of a CSV file more is noise.
    assert growth(tmp_path, name, 700_000) < (0.9 if name == "t.csv" else 0.4)
