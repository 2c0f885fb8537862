"""Values of every kind as numbers, and back."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from rankkit.data.columns.kinds import Bag, Category, Number, Text, Time, Vector
from rankkit.errors import DataError
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.encoding import UNSEEN, as_times, decode, encode

HERE, NAN = Source("here"), np.nan
BRAND = Category("x", vocabulary=("elm", "oak"))


def encoded(column, **arrays):
    return np.stack(encode(column, {name: pa.array(values) for name, values in arrays.items()}, HERE, 0), axis=1)


def same(found, wanted):
    np.testing.assert_array_equal(found, np.asarray(wanted, found.dtype))


def test_a_category_is_its_code_the_next_one_where_it_is_unseen_and_nan_where_it_is_missing():
    same(encoded(BRAND, x=["oak", "elm", "ash", None, ""]), [[1], [0], [2], [NAN], [NAN]])


@pytest.mark.parametrize(
    "values",
    [
        pa.array(["7", "8", None]),
        pa.array([7, 8, None]),
        pa.array([7.0, 8.0, NAN]),
        pa.array([7.0, 8.0, None]),
        pa.array(["7", "8", None]).dictionary_encode(),
        pa.array(["7", "8", None], pa.string_view()),
        pa.array(["7", "8", None], pa.large_string()),
    ],
    ids=lambda values: str(values.type),
)
def test_a_category_is_the_same_in_every_type(values):
    same(np.stack(encode(Category("x", vocabulary=("7", "8")), {"x": values}, HERE, 0), axis=1), [[0], [1], [NAN]])


def test_a_hashed_category_has_codes_below_its_number_of_buckets():
    found = encoded(Category("x", n_buckets=7), x=[f"word {number}" for number in range(500)])
    assert set(np.unique(found)) == set(range(7))
    same(encoded(Category("x", n_buckets=7), x=["word 3", None]), [found[3], [NAN]])


def test_a_bag_has_its_codes_and_nan_behind_them():
    bag = Bag("x", places=2, vocabulary=("a", "b"))
    lists = [["b", "a"], ["b"], [], None, ["c", None, "a"], ["a", "b", "a"]]
    wanted = [[1, 0], [1, NAN], [NAN, NAN], [NAN, NAN], [2, 0], [0, 1]]
    same(encoded(bag, x=lists), wanted)
    same(
        np.stack(encode(bag, {"x": pa.array([["b", "a"], None], pa.list_(pa.string(), 2))}, HERE, 0), axis=1),
        wanted[:1] + wanted[3:4],
    )


def test_parts_of_a_time():
    column = Time("x", parts=("seconds", "days", "weekday", "hour", "yearday", "age"), reference="y", origin=0.0)
    at = datetime.datetime(1970, 1, 5, 12, 30)  # a Monday
    seconds = 4 * 86_400 + 12.5 * 3600
    wanted = [[seconds, seconds / 86_400, 0, 12.5, 4 + 12.5 / 24, 2.0], [NAN] * 6]
    found = encoded(column, x=[at, None], y=[at + datetime.timedelta(days=2), at])
    np.testing.assert_allclose(found, wanted, rtol=1e-6)


@pytest.mark.parametrize(
    "values",
    [
        pa.array([datetime.datetime(2026, 3, 1, 12), None]),
        pa.array([datetime.datetime(2026, 3, 1, 12), None], pa.timestamp("ns")),
        pa.array([datetime.datetime(2026, 3, 1, 13, tzinfo=datetime.timezone(datetime.timedelta(hours=1))), None]),
        pa.array(["2026-03-01T12:00", None]),
        pa.array(["2026-03-01T13:00+01:00", ""]),
        pa.array([1772366400, None]),
        pa.array([1772366400.0, NAN]),
    ],
    ids=lambda values: str(values.type),
)
def test_a_time_in_every_type(values):
    same(as_times(values, "x", HERE, 0), np.array(["2026-03-01T12:00", "NaT"], "datetime64[us]"))


def test_vectors_of_one_length():
    same(encoded(Vector("x", size=2), x=[[1.0, 2.0], None, [3.0, None]]), [[1, 2], [NAN, NAN], [3, NAN]])
    with pytest.raises(DataError, match=r"here: row 1 .*'x': expected a list of 2 numbers.*; got 1"):
        encoded(Vector("x", size=2), x=[[1.0, 2.0], [1.0]])


def test_text_is_hashed_to_length_one_and_compared_with_other_text():
    found = encoded(Text("x", size=32, against="y"), x=["red shoe", "red shoe", None], y=["red shoe", "blue hat", "a"])
    np.testing.assert_allclose((found[:2, :32] ** 2).sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found[0, 32], 1, rtol=1e-5)
    assert abs(found[1, 32]) < 0.2
    assert np.isnan(found[2]).all()


def test_codes_become_text_again():
    values = np.float32([[1], [2], [NAN], [0]])
    assert decode(BRAND, values).to_pylist() == ["oak", UNSEEN, None, "elm"]
    bag = Bag("x", places=2, vocabulary=("a", UNSEEN))
    assert decode(bag, np.float32([[1, 2], [0, NAN], [NAN, NAN]])).to_pylist() == [[UNSEEN, UNSEEN + "?"], ["a"], None]


@pytest.mark.parametrize(
    ("column", "values", "message"),
    [
        (Number("x"), ["a"], "expected numbers in column 'x', a number; got string"),
        (BRAND, [["a"]], "expected text or numbers in column 'x', a category; got list"),
        (
            Bag("x", places=1, vocabulary=()),
            ["a"],
            "expected lists of text or numbers in column 'x', a bag; got string",
        ),
        (Time("x", origin=0.0), ["2026-03-01", "yesterday"], r"row 1 .*expected a date such as .*; got 'yesterday'"),
        (Time("x", origin=0.0), [True], "expected dates or times in column 'x'; got bool"),
        (Time("x", origin=0.0), [1e14], "expected a time in seconds from 1970; got 1e\\+14"),
        (Vector("x", size=1), [1.0], "expected lists of numbers in column 'x', a vector; got double"),
        (Text("x"), [["a"]], "expected text in column 'x', a text; got list"),
    ],
)
def test_what_is_not_of_the_kind_is_refused(column, values, message):
    with pytest.raises(DataError, match=message):
        encoded(column, x=values)
