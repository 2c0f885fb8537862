"""One rule for columns: every type through every door, row labels of pandas, roles, drop, foreign errors."""

import contextlib
import datetime
import decimal
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from rankkit.errors import DataError, DataWarning, RankkitError
from rankkit.loaders.files import read, write
from rankkit.loaders.tables.given_arrays import from_arrays
from rankkit.loaders.tables.tabular import from_arrow, from_pandas, read_arrow, read_csv, read_parquet

NAN = np.nan
D = decimal.Decimal
DAY = datetime.date(2024, 5, 1)
NOON = datetime.datetime(2024, 5, 1, 12)
LEFT = object()

# A column of Arrow, and its values as features, or LEFT.
TYPES = {
    "bool": (pa.array([True, None, False, True]), [1, NAN, 0, 1]),
    **{f"int{n}": (pa.array([1, None, 3, -4], f"int{n}"), [1, NAN, 3, -4]) for n in (8, 16, 32, 64)},
    **{f"uint{n}": (pa.array([1, None, 3, 4], f"uint{n}"), [1, NAN, 3, 4]) for n in (8, 16, 32, 64)},
    "halffloat": (pa.array(np.float16([1, 2, 3, 4])), [1, 2, 3, 4]),
    "float": (pa.array([1.5, None, 3, 4], "float"), [1.5, NAN, 3, 4]),
    "double": (pa.array([1.5, None, NAN, 4], "double"), [1.5, NAN, NAN, 4]),
    "decimal128": (pa.array([D("1.50"), None, D("3"), D("-4")], pa.decimal128(9, 2)), [1.5, NAN, 3, -4]),
    "decimal256": (pa.array([D("1.50"), None, D("3"), D("-4")], pa.decimal256(50, 2)), [1.5, NAN, 3, -4]),
    "null": (pa.nulls(4), [NAN] * 4),
    "categories of integers": (pa.array([7, 9, None, 7]).dictionary_encode(), [7, 9, NAN, 7]),
    "categories of text": (pa.array(["a", "b", "a", None]).dictionary_encode(), [0, 1, 0, NAN]),
    "runs": (pa.RunEndEncodedArray.from_arrays(pa.array([2, 4], "int32"), pa.array([1.5, 2.5])), [1.5, 1.5, 2.5, 2.5]),
    "text": (pa.array(["a", "b", None, "a"]), LEFT),
    "large text": (pa.array(["1", "2", "3", "4"], pa.large_string()), LEFT),
    "text view": (pa.array(["1", "2", "3", "4"], pa.string_view()), LEFT),
    "bytes": (pa.array([b"a", b"b", b"c", b"d"]), LEFT),
    "time": (pa.array([datetime.time(1)] * 4), LEFT),
    "duration": (pa.array([datetime.timedelta(1)] * 4), LEFT),
    "lists of two lengths": (pa.array([[1.0, 2.0], [1.0], [1.0], [1.0]]), LEFT),
    "list of structs": (pa.array([[{"a": 1}]] * 4), LEFT),
    "struct": (pa.array([{"a": 1}] * 4), LEFT),
}  # fmt: skip


def table_of(column, **others):
    return pa.table({"qid": [1, 1, 2, 2], "label": [0, 1, 2, 0], "a": [0.5, 1, 2, 3], "c": column, **others})


def through_pandas(table, tmp_path):
    return from_pandas(table.to_pandas(types_mapper=pd.ArrowDtype))


def through_plain_pandas(table, tmp_path):
    return from_pandas(table.to_pandas())


def through_polars(table, tmp_path):
    return from_arrow(pl.from_arrow(table))


def through_arrow(table, tmp_path):
    return from_arrow(table)


def through_stream(table, tmp_path):
    return from_arrow(table.to_reader(max_chunksize=3))


def through_parquet(table, tmp_path):
    pq.write_table(table, tmp_path / "t.parquet")
    return read_parquet(tmp_path / "t.parquet")


def through_arrow_file(table, tmp_path):
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema) as file:
        file.write_table(table)
    return read_arrow(tmp_path / "t.arrow")


def through_a_cache(table, tmp_path):
    with pa.ipc.new_file(tmp_path / "t.arrow", table.schema) as file:
        file.write_table(table)
    return read(tmp_path / "t.arrow", cache=True)


DOORS = [
    through_pandas,
    through_plain_pandas,
    through_polars,
    through_arrow,
    through_stream,
    through_parquet,
    through_arrow_file,
    through_a_cache,
]
# What a tool has no type for never comes to the door.
NOT_THERE = {
    through_polars: ("decimal256", "halffloat", "runs"),
    through_pandas: ("runs", "text view", "categories of integers", "categories of text"),
    through_plain_pandas: ("runs",),
    through_parquet: ("runs",),
}


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
@pytest.mark.parametrize("kind", TYPES)
def test_every_type_is_the_same_at_every_door(kind, door, tmp_path):
    if kind in NOT_THERE.get(door, ()):
        return
    column, expected = TYPES[kind]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = door(table_of(column), tmp_path)
    if expected is LEFT:
        assert data.feature_names == ("a",)
        (remark,) = data.remarks
        assert remark.startswith("left out: c (")
        assert [remark in str(found.message) for found in caught] == [True]
        assert caught[0].category is DataWarning
    else:
        assert data.feature_names == ("a", "c")
        np.testing.assert_array_equal(data.features[:, 1], np.float32(expected))
        assert (data.remarks, caught) == ((), [])


# A column of Arrow, and what becomes of its parts.
PARTS = {
    "date": (pa.array([DAY, None, DAY, DAY]), {"c[days]": [0, NAN, 0, 0], "c[weekday]": [2, NAN, 2, 2]}),
    "timestamp": (pa.array([NOON] * 4), {"c[days]": [0.5] * 4, "c[weekday]": [2] * 4, "c[hour]": [12] * 4}),
    "list": (pa.array([[1.0, 2.0], None] * 2), {"c[0]": [1, NAN] * 2, "c[1]": [2, NAN] * 2}),
    "list of text": (pa.array([["x"], ["y", "x"]] * 2), {"c[0]": [0, 1] * 2, "c[1]": [NAN, 0] * 2}),
}


@pytest.mark.parametrize("door", DOORS, ids=lambda door: door.__name__)
@pytest.mark.parametrize("kind", PARTS)
@pytest.mark.filterwarnings("ignore:.*text taken as categories. c .2 values:rankkit.errors.DataWarning")
def test_every_type_of_several_parts_is_the_same_at_every_door(kind, door, tmp_path):
    column, expected = PARTS[kind]
    data = door(table_of(column), tmp_path)
    assert data.feature_names == ("a", *expected)
    np.testing.assert_array_equal(data.features[:, 1:], np.float32([*expected.values()]).T)


OBJECTS = {
    "integers and None": ([1, None, 3, 4], [1, NAN, 3, 4]),
    "pandas' NA": ([1.5, pd.NA, 3, 4], [1.5, NAN, 3, 4]),
    "decimals": ([D("1.5"), None, D("3"), D("4")], [1.5, NAN, 3, 4]),
    "booleans": ([True, None, False, True], [1, NAN, 0, 1]),
    "every kind of number": ([True, 2, 3.5, D("4")], [1, 2, 3.5, 4]),
    "numbers of numpy": ([np.float32(1), np.int8(2), np.float64(3), None], [1, 2, 3, NAN]),
    "nothing": ([None] * 4, [NAN] * 4),
    "large integers": ([10**20, 1, 2, 3], [1e20, 1, 2, 3]),
    "text": (["a", None, "b", "c"], "text"),
    "text that reads as numbers": (["1", "2", "3", "4"], "text"),
    "text and numbers": (["a", 1, 2, 3], "mixed objects"),
    "lists": ([[1, 2], [3]] * 2, "list of numbers"),
    "dicts": ([{"a": 1}] * 4, "struct"),
    "complex": ([1j, 2j, 3j, 4j], "complex"),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_are_what_they_hold(kind):
    values, expected = OBJECTS[kind]
    frame = pd.DataFrame({"qid": [1, 1, 2, 2], "a": [0.5, 1, 2, 3]})
    frame["c"] = pd.Series(values, dtype=object)
    if isinstance(expected, str):
        with pytest.warns(DataWarning, match=rf"from_pandas: left out: c \({expected}\)\. Choose"):
            assert from_pandas(frame).feature_names == ("a",)
    else:
        np.testing.assert_array_equal(from_pandas(frame).features[:, 1], np.float32(expected))


@pytest.mark.parametrize(
    "values",
    [
        np.array([1, 2, 3, 4], ">i4"),
        np.array([1, 2, 3, 4], ">f8"),
        np.array([1, 2, 3, 4], np.longdouble),
        np.array([1, 2, 3, 4], np.float16),
        pd.array([1, 2, 3, 4], dtype="Int8"),
        pd.array([1, 2, 3, 4], dtype="Float32"),
        pd.arrays.SparseArray([1, 2, 3, 4]),
        pd.Categorical([1, 2, 3, 4]),
        pd.Categorical([1.0, 2.0, 3.0, 4.0]),
        pd.array([1, 2, 3, 4], dtype="uint16[pyarrow]"),
    ],
    ids=lambda values: f"{values.dtype}",
)
def test_numbers_of_pandas_are_numbers_however_they_are_stored(values):
    frame = pd.DataFrame({"qid": [1, 1, 2, 2], "label": values, "a": values, "doc_weight": values})
    data = from_pandas(frame)
    for found in (data.features[:, 0], data.labels, data.weights):
        np.testing.assert_array_equal(found, np.float32([1, 2, 3, 4]))
    np.testing.assert_array_equal(from_pandas(frame, qid="a", features=["label"], label=None).qids, [1, 2, 3, 4])


def test_arrays_are_numbers_however_they_are_stored():
    dense = np.array([[1, 0], [0, 2.5], [3, 0]])
    masked = np.ma.masked_array(dense, [[0, 0], [0, 1], [0, 0]])
    hidden = np.where(masked.mask, NAN, dense)
    objects = np.array([[1, None], [pd.NA, 2.5], [D("3"), 0]], object)
    for values, expected in [
        (sparse.csr_matrix(dense), dense),
        (sparse.coo_array(dense), dense),
        (dense.astype(">f4"), dense),
        (dense.astype(np.longdouble), dense),
        (masked, hidden),
        (pd.DataFrame(dense).astype("Float64"), dense),
        (objects, [[1, NAN], [NAN, 2.5], [3, 0]]),
        (dense.tolist(), dense),
    ]:
        np.testing.assert_array_equal(from_arrays(values, None, [1, 1, 2]).features, np.float32(expected))
    masked_ids = np.ma.masked_array([1, 1, -999], [0, 0, 1])
    with pytest.raises(DataError, match=r"row 2 \(from 0\), column 'labels': expected a label.*got nan"):
        from_arrays(dense, masked_ids, [1, 1, 2])
    with pytest.raises(DataError, match=r"row 2 \(from 0\), column 'qids': expected an id; got none"):
        from_arrays(dense, None, masked_ids)


def frame_with_index():
    frame = pd.DataFrame({"qid": [1, 1, 2, 2], "label": [0, 2, 1, 0], "a": [0.5, 1, 2, 3]})
    return frame.iloc[[3, 0, 2, 1]]


def test_row_labels_that_pandas_wrote_are_no_feature(tmp_path):
    frame_with_index().to_parquet(tmp_path / "d.parquet")
    with pytest.warns(DataWarning, match=r"left out: __index_level_0__ \(row index of pandas\)"):
        assert read_parquet(tmp_path / "d.parquet").feature_names == ("a",)
    named = frame_with_index().rename_axis("row")
    with pytest.warns(DataWarning, match=r"left out: row \(row index of pandas\)"):
        assert from_arrow(pa.Table.from_pandas(named)).feature_names == ("a",)
    assert from_arrow(pa.Table.from_pandas(named), features=["row"]).feature_names == ("row",)


def test_an_index_that_a_keyword_names_is_that_column_at_every_door():
    frame = frame_with_index().set_index(["qid", "label"])
    ours, arrows = from_pandas(frame), from_arrow(pa.Table.from_pandas(frame))
    assert (ours.fingerprint, ours.feature_names) == (arrows.fingerprint, ("a",))


@pytest.mark.parametrize("order", [[0, 1, 2, 3], [3, 0, 2, 1]])
def test_an_unnamed_column_of_row_numbers_is_no_feature(order, tmp_path):
    frame_with_index().sort_index().iloc[order].to_csv(tmp_path / "d.csv")
    with pytest.warns(DataWarning, match=r"left out: '' \(row numbers\)"):
        assert read_csv(tmp_path / "d.csv").feature_names == ("a",)
    again = pd.read_csv(tmp_path / "d.csv")
    with pytest.warns(DataWarning, match=r"left out: Unnamed: 0 \(row numbers\)"):
        assert from_pandas(again).feature_names == ("a",)
    again["Unnamed: 0"] = [0.5, 0.5, 1, 2]
    assert from_pandas(again).feature_names == ("Unnamed: 0", "a")


def test_reserved_names_are_told_unless_their_role_was_said_not_to_be_there():
    frame = frame_with_index().assign(grade=[1, 0, 1, 0])
    with pytest.warns(DataWarning, match=r"left out: label \(reserved name\)"):
        assert from_pandas(frame, label="grade").feature_names == ("a",)
    assert from_pandas(frame, label=None).feature_names == ("a", "grade")


@pytest.mark.parametrize("suffix", [".parquet", ".arrow", ".csv"])
def test_columns_can_be_dropped(suffix, tmp_path):
    path = tmp_path / f"d{suffix}"
    write(from_arrays(np.eye(4), [0, 1, 0, 1], [1, 1, 2, 2], feature_names=list("abcd")), path)
    assert read(path, drop=["a", "c"]).feature_names == ("b", "d")
    assert read(path, drop="a", cache=True).feature_names == ("b", "c", "d")
    unlabelled = read(path, drop=["label"])
    assert (unlabelled.labels, unlabelled.feature_names) == (None, tuple("abcd"))
    with pytest.raises(DataError, match=r"expected a column 'e'; got .*\. Name a column that is there"):
        read(path, drop=["e"])
    for keywords in ({"drop": "qid"}, {"drop": "a", "features": ["a", "b"]}):
        with pytest.raises(DataError, match="expected drop to name columns that are not used"):
            read(path, **keywords)


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.binary(max_size=3), st.dates(),
    st.decimals(), st.complex_numbers(), st.lists(st.integers(), max_size=2), st.just(pd.NA), st.just(pd.NaT),
    st.just({}), st.just(object()), st.just(np.array([1.0])),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(VALUES, VALUES, VALUES, VALUES), min_size=1, max_size=4), st.booleans())
def test_no_error_of_another_library_comes_out(rows, as_named):
    columns = zip("qlab", zip(*rows, strict=True), strict=True)
    frame = pd.DataFrame({name: pd.Series(list(column), dtype=object) for name, column in columns})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        keywords = {"features": ["a", "b"]} if as_named else {}
        for door in (
            lambda: from_pandas(frame, qid="q", label="l", **keywords),
            lambda: from_arrays(frame[["a", "b"]], frame["l"], frame["q"]),
            lambda: from_arrays(frame[["a", "b"]].to_numpy(), list(frame["l"]), list(frame["q"])),
        ):
            with contextlib.suppress(RankkitError):
                assert not np.isinf(door().features).any()


class Broken:
    def __arrow_c_stream__(self, requested_schema=None):
        raise TypeError("no such type")


def test_what_cannot_be_handed_over_is_told_in_our_words():
    with pytest.raises(DataError, match="from_arrow: expected a table that Arrow can read; got TypeError: no such"):
        from_arrow(Broken())


@pytest.mark.parametrize("door", [through_plain_pandas, through_arrow, through_parquet, through_arrow_file])
def test_periods_are_dates_however_they_are_stored(door, tmp_path):
    days = pd.DataFrame({"day": pd.period_range("2020", periods=4, freq="D")})
    table = (
        pa.Table.from_pandas(days).append_column("qid", pa.array([1, 1, 2, 2])).append_column("a", pa.array([0.5] * 4))
    )
    with pytest.warns(DataWarning, match=r"left out: day \(date\)"):
        assert door(table, tmp_path).feature_names == ("a",)
    with pytest.raises(DataError, match="expected numbers in column 'day'"):
        from_arrow(table, label="day")


@pytest.mark.parametrize("values", [[7.0, 7.0, 3.0, 3.0], [D("7"), D("7"), D("3"), D("3")], [7, 7, 3, 3]])
def test_whole_numbers_are_the_same_ids_at_every_door(values, tmp_path):
    frame = pd.DataFrame({"qid": values, "doc_id": values, "a": [0.5, 1, 2, 3]})
    frame.to_csv(tmp_path / "d.csv", index=False)
    pq.write_table(pa.Table.from_pandas(frame), tmp_path / "d.parquet")
    runs = pa.array([7, 7, 3, 3]).dictionary_encode()
    for data in (
        from_pandas(frame),
        from_arrow(pa.Table.from_pandas(frame)),
        read(tmp_path / "d.csv"),
        read(tmp_path / "d.parquet"),
        from_arrow(pa.table({"qid": runs, "doc_id": runs, "a": frame["a"]})),
    ):
        assert (data.qids.tolist(), data.doc_ids.tolist()) == ([7, 3], ["7", "7", "3", "3"])
    (tmp_path / "text.csv").write_text("qid,a\n007,1\n1.5,2\n")
    assert read_csv(tmp_path / "text.csv").qids.tolist() == ["007", "1.5"]


def test_names_come_in_any_container():
    frame = frame_with_index().assign(b=1.0, c=2.0)
    for features in (pd.Index(["a", "b"]), np.array(["a", "b"]), (name for name in "ab"), {"a": 0, "b": 0}):
        assert from_pandas(frame, features=features).feature_names == ("a", "b")
    assert from_pandas(frame, drop=pd.Index(["b"]), features=None).feature_names == ("a", "c")
    assert from_pandas(frame.rename(columns={"b": 2}), features=2).feature_names == ("2",)


def test_roles_and_features_that_cannot_be_are_refused_in_words(tmp_path):
    frame = frame_with_index()
    with pytest.raises(DataError, match="expected labels and query ids in columns of their own; got 'qid' as both"):
        from_pandas(frame, label="qid")
    with pytest.raises(DataError, match="expected each feature once; got 'a' twice"):
        from_pandas(frame, features=["a", "a"])
    with pytest.raises(DataError, match=r"from_pandas: expected a pandas data frame; got polars.*rankkit.from_arrow"):
        from_pandas(pl.from_pandas(frame))
    (tmp_path / "d.csv").write_text("qid,label,a,a\n1,0,x,y\n1,1,z,w\n")
    with pytest.raises(DataError, match="expected column names that differ; got 'a' more than once"):
        read_csv(tmp_path / "d.csv")


def test_addresses_and_versions_are_text(tmp_path):
    (tmp_path / "d.csv").write_text("qid,a,ip\n1,0.5,10.0.0.1\n1,1.5,10.0.0.2\n")
    with pytest.warns(DataWarning, match=r"left out: ip \(text\)"):
        assert read_csv(tmp_path / "d.csv").feature_names == ("a",)
    (tmp_path / "e.csv").write_text('qid,a\n1,"1,5"\n1,"2,5"\n')
    with pytest.raises(DataError, match=r"column 'a': expected a number; got '1,5'"):
        read_csv(tmp_path / "e.csv")


@pytest.mark.parametrize("make", [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas])
def test_from_arrays_takes_the_features_of_tables_by_name(make):
    frame = pd.DataFrame({"a": [0.5, 1, 2], "brand": ["x", "y", "z"], "b": [1, 0, 1]})
    with pytest.warns(DataWarning, match=r"from_arrays: left out: brand \(text\)"):
        data = from_arrays(make(frame), [0, 1, 0], [1, 1, 2])
    assert data.feature_names == ("a", "b")
    assert data.features.tolist() == [[0.5, 1], [1, 0], [2, 1]]


def test_named_features_are_never_suspicious():
    rows = np.arange(20)
    frame = pd.DataFrame({"qid": rows // 4, "label": rows % 2, "copy": rows % 2, "one": 1.0})
    assert from_pandas(frame, features=["copy", "one"]).remarks == ()
