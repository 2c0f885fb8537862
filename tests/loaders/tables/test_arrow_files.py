"""Parquet and Arrow files and folders, and data sets of Hugging Face and polars."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from rankkit.data.synthetic import make_ranking
from rankkit.errors import DataError
from rankkit.loaders.files import read, write
from rankkit.loaders.tables.tabular import from_arrow, read_arrow, read_parquet

pytestmark = pytest.mark.filterwarnings("ignore:.*left out. t(itle)? :rankkit.errors.DataWarning")


def table(first=0, n_rows=6, **columns):
    rows = np.arange(first, first + n_rows)
    values = {"label": rows % 3, "qid": rows // 4, "x": rows / 2, "title": [f"t{row}" for row in rows]}
    return pa.table(values | columns)


def whole(*tables):
    return from_arrow(pa.concat_tables(tables)).fingerprint


def stream(path, rows):
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=4)


def saved_by_hugging_face(folder, *tables):
    """The layout of datasets.Dataset.save_to_disk."""
    folder.mkdir(parents=True)
    names = [f"data-{number:05d}-of-{len(tables):05d}.arrow" for number in range(len(tables))]
    for name, rows in zip(names, tables, strict=True):
        stream(folder / name, rows)
    state = {"_data_files": [{"filename": name} for name in names], "_fingerprint": "f", "_split": None}
    (folder / "state.json").write_text(json.dumps(state))
    (folder / "dataset_info.json").write_text("{}")


def test_arrow_files_and_streams_are_told_apart_by_content(tmp_path):
    rows = table()
    stream(tmp_path / "stream.arrow", rows)
    feather.write_feather(rows, tmp_path / "plain.feather", compression="uncompressed")
    feather.write_feather(rows, tmp_path / "packed.feather", compression="zstd")
    with pa.OSFile(str(tmp_path / "file.arrow"), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
        writer.write_table(rows, max_chunksize=1)
    for name in ("stream.arrow", "plain.feather", "packed.feather", "file.arrow"):
        data = read(tmp_path / name)
        assert data.fingerprint == whole(rows)
        assert data.feature_names == ("x",)


def test_columns_are_named_as_in_parquet(tmp_path):
    stream(tmp_path / "d.arrow", table().rename_columns(["grade", "query", "x", "title"]))
    data = read_arrow(tmp_path / "d.arrow", label="grade", qid="query")
    assert data.fingerprint == whole(table())


@pytest.mark.parametrize("content", [b"", b"label,qid\n1,2\n", b"ARROW1\0\0" + bytes(50)])
def test_a_file_that_is_no_arrow(tmp_path, content):
    (tmp_path / "d.arrow").write_bytes(content)
    with pytest.raises(DataError, match=r"d\.arrow: expected an Arrow IPC file; got "):
        read(tmp_path / "d.arrow")


def test_feather_1_is_named(tmp_path):
    (tmp_path / "d.feather").write_bytes(b"FEA1" + bytes(20))
    with pytest.raises(DataError, match="expected Feather version 2; got version 1"):
        read(tmp_path / "d.feather")


@pytest.mark.parametrize("row_group", [1, 4, 100])
def test_a_parquet_folder_is_its_files_in_order_of_their_names(tmp_path, row_group):
    folder = tmp_path / "data"
    (folder / "more").mkdir(parents=True)
    parts = [table(first) for first in (0, 6, 12)]
    names = ("part-0.parquet", "part-1.parquet", "more/part-2.parquet")
    for name, rows in zip(names, (*parts[1:], parts[0]), strict=True):
        pq.write_table(rows, folder / name, row_group_size=row_group)
    (folder / "_SUCCESS").write_text("")
    (folder / "_metadata.parquet").write_text("not read")
    assert read(folder).fingerprint == whole(parts[0], parts[1], parts[2])
    assert read_parquet(folder, features=["x"]).n_docs == 18


def test_types_of_ids_may_differ_between_files_where_they_can_be_cast(tmp_path):
    pq.write_table(table(), tmp_path / "a.parquet")
    pq.write_table(table(6, qid=pa.array([9, 9, 9, 9, 9, 9], pa.int32())), tmp_path / "b.parquet")
    assert read(tmp_path).n_docs == 12
    pq.write_table(table(6, qid=["u"] * 6), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"b\.parquet: expected int64 in column 'qid', as in the first file"):
        read(tmp_path)


def test_folders_that_are_no_data_set(tmp_path):
    with pytest.raises(DataError, match="expected a folder of Parquet files, of Arrow files, or a cache; got none"):
        read(tmp_path)
    pq.write_table(table(), tmp_path / "a.parquet")
    pq.write_table(table().drop_columns("x"), tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"b\.parquet: expected a column 'x', as in a\.parquet; got label, qid, title"):
        read(tmp_path)
    (tmp_path / "b.parquet").unlink()
    stream(tmp_path / "c.arrow", table())
    with pytest.raises(DataError, match="got both kinds of files"):
        read(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"expected files that end in \.parquet or \.pq; got none"):
        read_parquet(tmp_path / "empty")


def test_partitions_are_refused_since_their_column_would_be_lost(tmp_path):
    (tmp_path / "lang=en").mkdir()
    pq.write_table(table(), tmp_path / "lang=en" / "a.parquet")
    with pytest.raises(DataError, match="got a folder named 'lang=en', which stands for one"):
        read(tmp_path)


def test_what_hugging_face_saved(tmp_path):
    saved_by_hugging_face(tmp_path / "one", table(), table(6))
    assert read(tmp_path / "one").fingerprint == whole(table(), table(6))
    (tmp_path / "one" / "state.json").write_text("{}")
    with pytest.raises(DataError, match=r"state\.json: expected what Dataset.save_to_disk writes; got KeyError"):
        read(tmp_path / "one")


def test_splits_of_hugging_face_are_named(tmp_path):
    for split in ("train", "test"):
        saved_by_hugging_face(tmp_path / split, table())
    (tmp_path / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    with pytest.raises(DataError, match=r"got the splits train, test\. Read one of them, for example .*train"):
        read(tmp_path)
    assert read(tmp_path / "train").n_docs == 6


def test_arrow_files_keep_everything(tmp_path):
    data = make_ranking(30, n_features=3, doc_ids=True)
    write(data, tmp_path / "d.arrow")
    back = read(tmp_path / "d.arrow")
    assert back.fingerprint == data.fingerprint
    assert back.doc_ids.tolist() == data.doc_ids.tolist()
    assert feather.read_table(tmp_path / "d.arrow").num_rows == data.n_docs


def test_a_data_set_in_memory_of_hugging_face():
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_dict({"qid": [1, 1, 2, 2], "label": [0, 1, 2, 0], "x": [1.0, 2.0, 3.0, 4.0]})
    assert from_arrow(rows).features[:, 0].tolist() == [1, 2, 3, 4]
    assert from_arrow(rows.select([3, 0])).features[:, 0].tolist() == [4, 1]
    assert from_arrow(rows.to_iterable_dataset()).n_docs == 4
    with pytest.raises(DataError, match="expected a data set with rows; got none"):
        from_arrow(rows.select([]))


class HuggingFaceLike:
    """What from_arrow uses of a datasets.Dataset, which lacks the Arrow interface."""

    def __init__(self, rows):
        self._rows = rows

    def with_format(self, name):
        assert name == "arrow"
        return self

    def iter(self, batch_size):
        return (self._rows.slice(first, 4) for first in range(0, self._rows.num_rows, 4))


def test_an_object_with_the_interface_of_hugging_face():
    assert from_arrow(HuggingFaceLike(table())).fingerprint == whole(table())


def test_polars():
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"qid": ["b", "a", "b"], "label": [0, 2, 1], "x": [1.5, None, 2.5], "t": ["u", "v", "w"]})
    data = from_arrow(frame)
    assert data.feature_names == ("x",)
    np.testing.assert_array_equal(data.features[:, 0], np.float32([1.5, 2.5, np.nan]))
    categories = frame.with_columns(polars.col("qid").cast(polars.Categorical))
    assert from_arrow(categories).fingerprint == data.fingerprint


@pytest.mark.parametrize("kind", [pa.string_view(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_every_kind_of_text_is_an_id(kind):
    rows = table()
    texts = pa.array(["7", "7", "8", "9", "9", "9"]).cast(kind)
    assert from_arrow(rows.set_column(1, "qid", texts)).qids.tolist() == [7, 8, 9]
    assert from_arrow(rows.append_column("doc_id", texts)).doc_ids.tolist() == ["7", "7", "8", "9", "9", "9"]
