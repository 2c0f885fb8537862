"""The parts below the readers of tables: roles of columns, conversions, ids, batches of CSV."""

import decimal

import numpy as np
import pyarrow as pa
import pytest

from rankkit.errors import DataError, DataWarning
from rankkit.loaders.tables.arrays import Source, fill
from rankkit.loaders.tables.columns.assignment import Wanted, choose_columns
from rankkit.loaders.tables.columns.kinds import columns_of, numbers
from rankkit.loaders.tables.csv_batches import open_csv
from rankkit.loaders.tables.ids import as_column, read_qids, read_texts
from rankkit.loaders.tables.record_batches import read_batches

HERE = Source("here")


def test_rows_are_counted_as_the_source_counts_them():
    assert HERE.at(4, "x") == "here: row 4 (from 0), column 'x'"
    assert Source("d.csv", below_header=True).at(4) == "d.csv: data row 5"


def test_fill_over_more_rows_than_a_block_names_the_row():
    columns = [np.arange(3000), np.ones(3000)]
    rows = np.empty((3000, 2), np.float32)
    fill(rows, columns, HERE, names=["a", "b"])
    np.testing.assert_array_equal(rows, np.stack(columns, axis=1))
    columns[1][2500] = np.inf
    with pytest.raises(DataError, match=r"row 2600 \(from 0\), column 'b'"):
        fill(rows, columns, HERE, first_row=100, names=["a", "b"])


def test_roles_and_features_of_a_schema():
    schema = pa.schema([(name, pa.float64()) for name in ("1", "label", "2", "doc_weight")] + [("qid", pa.string())])
    columns = choose_columns(columns_of(schema), Wanted(), HERE, None)
    assert columns.roles == ("qid", "label", "doc_weight")
    assert (columns.features, columns.feature_names) == (("1", "2"), None)
    assert choose_columns(columns_of(schema), Wanted(features=["2"]), HERE, None).feature_names == ("2",)


def test_numbers_of_every_type():
    values = [True, None, False], [1, None, 3], [decimal.Decimal("1.5"), None, decimal.Decimal("2.0")]
    expected = [1, np.nan, 0], [1, np.nan, 3], [1.5, np.nan, 2]
    for column, wanted in zip(values, expected, strict=True):
        np.testing.assert_array_equal(numbers(pa.array(column)).astype(np.float64), wanted)
    assert np.isnan(numbers(pa.nulls(2))).all()


def test_ids_of_mixed_objects_are_text():
    column = as_column(np.array([1, "a", 2], dtype=object), HERE, "ids")
    assert read_texts(column, HERE, "ids").tolist() == ["1", "a", "2"]
    assert read_qids(as_column(["1", "2"], HERE, "ids"), HERE, "ids").dtype == np.int64
    with pytest.raises(
        DataError, match=r"here: expected whole numbers or text as ids in column 'ids'; got Float value 1.5"
    ):
        read_texts(as_column([1.5], HERE, "ids"), HERE, "ids")


def test_csv_columns_get_the_types_that_they_need(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("label,qid,x,title\n1,2,3,t\n")
    schema, columns, batches = open_csv(path, Wanted(), HERE, None)
    assert {field.name: field.type for field in schema} == {
        "label": pa.float64(),
        "qid": pa.string(),
        "x": pa.float32(),
    }
    with pytest.warns(DataWarning, match=r"here: left out: title \(text\)"):
        data = read_batches(schema, batches, columns, HERE)
    assert data.features.tolist() == [[3.0]]
