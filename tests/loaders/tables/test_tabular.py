"""Tables to data sets: what is taken, what is refused, and what the messages say."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from rankkit.data.text_ids import TextIds
from rankkit.errors import DataError, DataWarning
from rankkit.loaders.files import column_names, read
from rankkit.loaders.tables.given_arrays import from_arrays
from rankkit.loaders.tables.tabular import from_arrow, from_pandas, read_csv, read_parquet

NAN, INF = float("nan"), float("inf")


class PolarsLike:
    """Nothing but the Arrow stream interface, as other data frames have it."""

    def __init__(self, table):
        self._table = table

    def __arrow_c_stream__(self, requested_schema=None):
        return self._table.__arrow_c_stream__(requested_schema)


def frame(**columns):
    return pd.DataFrame({"label": [0, 2, 1], "qid": ["b", "a", "b"], "x": [1.5, 2.5, NAN], "y": [1, 2, 3]} | columns)


def test_arrays_of_any_kind_give_the_same_data():
    features = [[1.0, 2.0], [3.0, NAN]]
    expected = from_arrays(features, [0, 1], [1, 1]).fingerprint
    for other in (np.array(features), np.asfortranarray(features), torch.tensor(features), pd.DataFrame(features)):
        assert from_arrays(other, np.array([0, 1], np.int8), pd.Series([1, 1])).fingerprint == expected


def test_rows_of_a_query_are_brought_together_and_remembered():
    data = from_arrays([[1], [2], [3]], [0, 1, 2], ["b", "a", "b"], weights=[1, 2, 3], doc_ids=[10, 11, 12])
    assert data.features[:, 0].tolist() == [1, 3, 2]
    assert data.labels.tolist() == [0, 2, 1]
    assert data.weights.tolist() == [1, 3, 2]
    assert data.doc_ids.tolist() == ["10", "12", "11"]
    assert data.in_row_order(data.features[:, 0]).tolist() == [1, 2, 3]


def test_float32_rows_in_order_are_not_copied_and_read_only_ones_are_fine():
    features = np.ones((2, 3), np.float32)
    features.flags.writeable = False
    assert from_arrays(features, None, [1, 1]).features is features


@pytest.mark.parametrize(
    ("qids", "expected"),
    [
        ([3, 3], [3]),
        (["3", "4"], [3, 4]),
        (["-3", "x"], ["-3", "x"]),
        (["03", "4"], ["03", "4"]),
        ([1.0, 2.0], [1, 2]),
        ([2**63 + 1, 5], [str(2**63 + 1), "5"]),
        (["9223372036854775807", "1"], [2**63 - 1, 1]),
        (["9223372036854775808", "1"], ["9223372036854775808", "1"]),
        (np.array([1, "a"], dtype=object), ["1", "a"]),
        (pd.Series(["u", "v"], dtype="category"), ["u", "v"]),
    ],
)
def test_qids_are_integers_or_text(qids, expected):
    if isinstance(qids, list) and qids[0] == 2**63 + 1:
        qids = np.array(qids, np.uint64)
    data = from_arrays([[1], [2]], None, qids)
    assert data.qids.tolist() == expected
    assert isinstance(data.qids, np.ndarray if isinstance(expected[0], int) else TextIds)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": [[1, 2], [3, INF]]}, r"from_arrays: row 1 \(from 0\), column 1: expected a number .*got inf"),
        ({"features": [[1, 1e39], [3, 4]]}, r"row 0 \(from 0\), column 1: .* got 1e\+39"),
        ({"features": np.array([[1, -INF], [3, 4]], np.float32)}, "row 0 .*got -inf"),
        ({"features": [[1, 1e39], [3, 4]], "feature_names": ["a", "b"]}, "column 'b'"),
        ({"features": [1, 2]}, r"expected features as an array of numbers \[doc, feature\]; got int64 of shape \(2,\)"),
        ({"features": [[1], [2, 3]]}, "expected features as an array of numbers"),
        ({"features": [["a"], ["b"]]}, "expected features as an array of numbers"),
        ({"labels": [0, NAN]}, r"row 1 \(from 0\), column 'labels': expected a label, a finite number >= 0; got nan"),
        ({"labels": [-1, 0]}, "row 0 .*got -1"),
        ({"labels": [INF, 0]}, "row 0 .*got inf"),
        ({"labels": [0]}, "expected 2 labels, one a row of features; got 1"),
        ({"qids": [1, 1, 1]}, "expected 2 qids, one a row of features; got 3"),
        ({"qids": [1, None]}, r"row 1 \(from 0\), column 'qids': expected an id; got none"),
        ({"qids": [1.5, 2]}, "expected whole numbers or text as ids in column 'qids'"),
        ({"qids": ["", "a"]}, r"row 0 .*expected an id; got empty text"),
        ({"qids": [[1], [1]]}, r"expected qids \[doc\]; got shape \(2, 1\)"),
        ({"doc_ids": ["a"]}, "expected 2 doc_ids, one a row of features; got 1"),
        ({"doc_ids": ["a", None]}, "row 1 .*'doc_ids': expected an id; got none"),
        ({"weights": [1, -2]}, "row 1 .*'weights': expected a weight, a finite number >= 0; got -2"),
        ({"weights": [1, 2, 3]}, r"expected weights for 1 queries or 2 documents; got shape \(3,\)"),
        ({"feature_names": ["a"]}, "expected 2 feature_names, one a column; got 1"),
    ],
)  # fmt: skip
def test_bad_arrays(change, message):
    arguments = {"features": [[1, 2], [3, 4]], "labels": [0, 1], "qids": [7, 7]} | change
    with pytest.raises(DataError, match=message):
        from_arrays(**arguments)


def test_frame_takes_numbers_and_leaves_text_out():
    with pytest.warns(DataWarning, match=r"from_pandas: left out: title \(text\)\. Choose with features="):
        data = from_pandas(frame(title=["u", "v", "w"], good=[True, False, True], doc_id=[7, 8, 9]))
    assert data.remarks == ("left out: title (text)",)
    assert data.feature_names == ("x", "y", "good")
    assert data.doc_ids.tolist() == ["7", "9", "8"]
    np.testing.assert_array_equal(data.features, np.float32([[1.5, 1, 1], [NAN, 3, 1], [2.5, 2, 0]]))


def test_frame_with_named_columns_and_numbered_columns():
    table = pd.DataFrame({"grade": [1, 0], "query": [4, 4], 0: [0.5, 0.25], 1: [3, 4]})
    data = from_pandas(table, label="grade", qid="query", features=[1, 0])
    assert data.feature_names == ("1", "0")
    assert data.features.tolist() == [[3, 0.5], [4, 0.25]]


def test_a_label_is_no_feature_unless_it_is_asked_for():
    assert from_pandas(frame(), label=None).feature_names == ("x", "y")
    assert from_pandas(frame(), label=None).labels is None
    assert from_pandas(frame(), label=None, features=["label", "y"]).feature_names == ("label", "y")
    assert from_pandas(frame(qid=[1, 2, 1]), features=["qid"]).features[:, 0].tolist() == [1, 1, 2]
    with pytest.raises(DataError, match="expected features without the label; got 'label' as both"):
        from_pandas(frame(), features=["label"])


def test_column_of_lists():
    table = frame(vector=[np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, NAN])])
    data = from_pandas(table, features="vector")
    assert data.feature_names is None
    np.testing.assert_array_equal(data.features, np.float32([[1, 2], [5, NAN], [3, 4]]))
    fixed = pa.FixedSizeListArray.from_arrays(pa.array([1.0, 2, 3, 4]), 2)
    assert from_arrow(pa.table({"qid": [1, 1], "v": fixed}), features="v").features.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ([[1.0, 2.0], [3.0], [4.0, 5.0]], r"row 1 \(from 0\), column 'v': expected a list of 2 numbers.*got 1"),
        ([[1.0], None, [2.0]], r"row 1 \(from 0\), column 'v': expected a list of numbers; got none"),
        ([[1.0], [INF], [2.0]], r"row 1 \(from 0\), column 0: .*got inf"),
    ],
)
def test_bad_lists(lists, message, monkeypatch):
    table = pa.table({"qid": [1, 1, 1], "v": lists})
    with pytest.raises(DataError, match=message):
        from_arrow(table, features="v")
    monkeypatch.setattr("rankkit.loaders.tables.tabular._BATCH_ROWS", 1)
    with pytest.raises(DataError, match=message):
        from_arrow(table, features="v")


@pytest.mark.parametrize(
    ("table", "keywords", "message"),
    [
        (frame(), {"qid": "quid"}, r"expected a column 'quid'; got label, qid, x, y\. Did you mean 'qid'\?"),
        (frame().drop(columns="qid"), {}, "expected a column 'qid'; got .* Name the column of query ids"),
        (frame(), {"label": "grade"}, "expected a column 'grade'"),
        (frame(), {"features": ["x", "z"]}, "expected a column 'z'"),
        (frame().drop(columns="label"), {"features": ["label"], "label": None}, "expected a column 'label'"),
        (frame(t=["a", "b", "c"]), {"features": ["t"]}, "expected numbers in column 't'; got str"),
        (frame(label=["a", "b", "c"]), {}, "expected numbers in column 'label'; got str"),
        (frame()[["label", "qid"]], {}, r"expected columns of numbers beside \['label', 'qid'\]; got label .*, qid"),
        (frame(label=[0, NAN, 1]), {}, r"row 1 \(from 0\), column 'label': expected a label.*got nan"),
        (frame(x=[0, 1e39, 1]), {}, r"row 1 \(from 0\), column 'x': .*got 1e\+39"),
        (frame(qid=["a", None, "b"]), {}, r"row 1 \(from 0\), column 'qid': expected an id; got none"),
        (frame(doc_weight=[1, 1, 1], query_weight=[1, 1, 1]), {}, "expected weights of documents or of queries"),
        (frame(query_weight=[1, 1, 2]), {}, r"row 2 \(from 0\): expected one query weight for qid b; got 1 and 2"),
        (frame(qid=["a", {}, 3]), {}, r"row 1 .*'qid': expected text or a whole number as id; got dict"),
        (pd.concat([frame(), frame()[["x"]]], axis=1), {}, "expected column names that differ; got 'x' more than once"),
    ],
)  # fmt: skip
def test_bad_frames(table, keywords, message):
    with pytest.raises(DataError, match=message):
        from_pandas(table, **keywords)


def test_weights_of_documents_and_of_queries():
    assert from_pandas(frame(doc_weight=[1, 2, 3])).weights.tolist() == [1, 3, 2]
    assert from_pandas(frame(query_weight=[1, 2, 1])).weights.tolist() == [1, 2]
    assert from_pandas(frame(doc_weight=[1, 2, 3]), weight=None).feature_names == ("x", "y")


@pytest.mark.parametrize("batch_rows", [1, 2, 65_536])
def test_stream_of_another_library_equals_the_table(monkeypatch, batch_rows):
    monkeypatch.setattr("rankkit.loaders.tables.tabular._BATCH_ROWS", batch_rows)
    table = pa.Table.from_pandas(frame())
    expected = from_pandas(frame()).fingerprint
    assert from_arrow(table).fingerprint == expected
    assert from_arrow(PolarsLike(table)).fingerprint == expected
    assert from_arrow(table.to_reader()).fingerprint == expected


def test_an_object_without_the_arrow_interface():
    with pytest.raises(DataError, match=r"from_arrow: expected an Arrow table .*; got dict"):
        from_arrow({"qid": [1]})


def test_parquet_of_any_origin(tmp_path):
    path = tmp_path / "d.parquet"
    frame(**{"a.b": [1, 2, 3]}).to_parquet(path)
    data = read_parquet(path)
    assert data.feature_names == ("x", "y", "a.b")
    assert data.features[:, 2].tolist() == [1, 3, 2]
    pq.write_table(pa.table({"qid": [1, 1], "v": [[1.0, 2.0], [3.0, 4.0]]}), path)
    assert read_parquet(path, features="v").features.tolist() == [[1, 2], [3, 4]]


def test_a_file_that_is_no_parquet(tmp_path):
    path = tmp_path / "d.parquet"
    path.write_text("label,qid\n")
    with pytest.raises(DataError, match=r"d\.parquet: expected a Parquet file; got "):
        read_parquet(path)
    with pytest.raises(DataError, match="No such file"):
        read_parquet(tmp_path / "missing.parquet")


def csv(tmp_path, text, name="d.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
    return path


def test_csv_with_text_missing_values_and_windows_lines(tmp_path):
    path = csv(tmp_path, '\ufefflabel,qid,title,x,y\r\n1,007,"a, b",0.1,\r\n0,007,NA,NA,-3e2\r\n')
    with pytest.warns(DataWarning, match=r"d\.csv: left out: title \(text\)"):
        data = read_csv(path)
    assert data.qids.tolist() == ["007"]
    assert data.feature_names == ("x", "y")
    np.testing.assert_array_equal(data.features, np.float32([[0.1, NAN], [NAN, -300]]))


def test_csv_separator_by_extension_or_by_name(tmp_path):
    assert read_csv(csv(tmp_path, "qid\tx\n1\t2\n", "d.tsv")).features.tolist() == [[2]]
    assert read_csv(csv(tmp_path, "qid;x\n1;2\n"), separator=";").features.tolist() == [[2]]


def test_csv_ids_stay_text(tmp_path):
    data = read_csv(csv(tmp_path, "qid,doc_id,x\nNA,007,1\nNA,null,2\n"))
    assert (data.qids.tolist(), data.doc_ids.tolist()) == (["NA"], ["007", "null"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"d\.csv: expected a table with a header; got 'Empty CSV file'"),
        ("qid,x\n1,2\n1\n", r"d\.csv: expected a table with a header; got '.*Expected 2 columns, got 1"),
        ("qid,x\n1,2\n1,3\n1,abc\n", r"d\.csv: data row 3, column 'x': expected a number; got 'abc'"),
        ("qid,x,y\n1,2,0\n1,3,0\n1,\"1,5\",0\n", r"data row 3, column 'x': expected a number; got '1,5'"),
        ("qid,x\n1,2\n1,inf\n", r"data row 2, column 'x': expected a number within float32"),
        ("qid,x\n1,2\n1,1e400\n", r"data row 2, column 'x': expected a number within float32"),
        ("label,qid,x\n1,1,2\n,1,3\n", r"data row 2, column 'label': expected a label"),
        ("label,qid,x\n1,1,2\nbad,1,3\n0,1,3\n", r"data row 2, column 'label': expected a number; got 'bad'"),
        ("qid,x,x\n1,2,3\n", "expected column names that differ; got 'x' more than once"),
        ("qid;x\n1;2\n", "expected a column 'qid'; got qid;x"),
        ("qid,x\n,2\n", "data row 1, column 'qid': expected an id; got empty text"),
    ],
)  # fmt: skip
def test_bad_csv(tmp_path, text, message):
    with pytest.raises(DataError, match=message):
        read_csv(csv(tmp_path, text))


def test_csv_bad_value_beyond_the_first_block_is_found(tmp_path):
    path = csv(tmp_path, "qid,x\n" + "1,2\n" * 400_000 + "1,abc\n")
    with pytest.raises(DataError, match=r"data row 400001, column 'x': expected a number; got 'abc'"):
        read_csv(path)


@pytest.mark.filterwarnings("ignore:.*counts the rows:rankkit.errors.DataWarning")
def test_csv_longer_than_a_block_has_every_row(tmp_path):
    rows = np.arange(300_000)
    text = "qid,x\n" + "\n".join(f"{row // 100},{row}" for row in rows.tolist()) + "\n"
    data = read_csv(csv(tmp_path, text))
    np.testing.assert_array_equal(data.features[:, 0], rows)
    assert data.n_queries == 3000


@pytest.mark.parametrize("header", [b"q\xffid,label,a", b"qid,label,a\xff"])
def test_a_header_that_is_no_text_is_named(tmp_path, header):
    path = tmp_path / "x.csv"
    path.write_bytes(header + b"\n1,2,0.5\n1,0,0.25\n")
    for door in (read, column_names):
        with pytest.raises(
            DataError, match=r"x\.csv: expected column names in UTF-8; got the bytes b'.*\\xff.*'\. Save"
        ):
            door(path)
