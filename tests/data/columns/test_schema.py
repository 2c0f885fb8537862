"""Schemas: spans, JSON, parts."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankkit.data.columns.asking import as_column
from rankkit.data.columns.kinds import Bag, Category, Number, Text, Time, Vector, bag, category, text, time, vector
from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError, DataError

EVERY = Schema(
    (
        Number("price"),
        Category("brand", min_count=2, vocabulary=("elm", "oak")),
        Time("day", parts=("days", "age"), reference="asked", origin=86400.0),
        Vector("image", size=2),
        Text("title", size=2, against="query"),
        Bag("genres", places=3, vocabulary=("a",)),
        Category("item", n_buckets=100),
        Category("size", ordered=True, vocabulary=("s", "m", "l")),
        Number("age", side="query"),
    )
)


def test_spans_and_names_of_every_kind():
    assert EVERY.width == len(EVERY.names) == 1 + 1 + 2 + 2 + 3 + 3 + 1 + 1 + 1
    assert EVERY.spans["title"] == slice(6, 9)
    assert EVERY.names[6:9] == ("title[0]", "title[1]", "title[like query]")
    assert EVERY.sources == (
        "price",
        "brand",
        "day",
        "asked",
        "image",
        "title",
        "query",
        "genres",
        "item",
        "size",
        "age",
    )
    assert not EVERY.is_numbers


def test_json_gives_the_same_schema_again():
    assert Schema.from_dict(json.loads(json.dumps(EVERY.to_dict()))) == EVERY


names = st.text(min_size=1, max_size=5).filter(lambda name: "[" not in name)
words = st.lists(st.text(min_size=1, max_size=4), unique=True, max_size=5).map(tuple)
columns = st.one_of(
    st.builds(Number, name=names, side=st.sampled_from(["document", "query"])),
    st.builds(Category, name=names, ordered=st.booleans(), vocabulary=words, min_count=st.integers(1, 9)),
    st.builds(Category, name=names, n_buckets=st.integers(1, 10**7)),
    st.builds(Time, name=names, origin=st.floats(-1e9, 1e9)),
    st.builds(Vector, name=names, size=st.integers(1, 9)),
    st.builds(Text, name=names, size=st.integers(1, 9), analyzer=st.sampled_from(["characters", "words"])),
    st.builds(Bag, name=names, places=st.integers(1, 4), vocabulary=words),
)


@given(st.lists(columns, max_size=5, unique_by=lambda column: column.name))
def test_json_gives_any_schema_again(chosen):
    schema = Schema(tuple(chosen))
    assert Schema.from_dict(json.loads(json.dumps(schema.to_dict()))) == schema


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"columns": [{"kind": "color", "name": "x"}]},
        {"columns": [{"kind": "number"}]},
        {"columns": [{"kind": "number", "name": "x", "size": 3}]},
        {"columns": [{"kind": "category", "name": "x"}]},
        {"columns": [{"kind": "category", "name": "x", "vocabulary": ["a", "a"]}]},
        {"columns": [{"kind": "category", "name": "x", "vocabulary": "ab"}]},
        {"columns": [{"kind": "category", "name": "x", "n_buckets": 10**9}]},
        {"columns": [{"kind": "vector", "name": "x", "size": True}]},
        {"columns": [{"kind": "time", "name": "x", "origin": float("nan")}]},
        {"columns": [{"kind": "vector", "name": "x", "size": 10**7}, {"kind": "number", "name": "y"}]},
        {"columns": [{"kind": "number", "name": "x", "side": "user"}]},
        {"columns": 3},
    ],
)
def test_a_file_that_makes_no_sense_is_refused(change):
    with pytest.raises((DataError, ConfigError), match="expected"):
        Schema.from_dict({"version": 1, "columns": [], **change})


def test_one_name_twice_is_refused():
    with pytest.raises(DataError, match="expected columns that differ; got 'x' twice"):
        Schema((Number("x"), Category("x", vocabulary=())))
    with pytest.raises(DataError, match=r"got 'x\[0\]' twice"):
        Schema((Number("x[0]"), Vector("x", size=1)))


def test_parts_of_a_schema():
    assert EVERY.select([0]) is None
    kept = EVERY.select([1, 4, 5, 6])
    assert kept.columns == (EVERY.columns[1], EVERY.columns[3], Number("title[0]"))
    span = EVERY.spans["genres"]
    assert EVERY.select(range(span.start, span.stop)).columns == (EVERY.columns[5],)
    with pytest.raises(ConfigError, match="expected all places of 'genres' or none"):
        EVERY.select([span.start])


def test_kinds_by_name_and_by_constructor():
    assert as_column("brand", "category") == Category("brand")
    assert as_column("title", text(8)).size == 8
    assert as_column("day", time("hour")).parts == ("hour",)
    assert as_column("v", vector(3)).size == 3
    assert as_column("g", bag(places=2)).places == 2
    with pytest.raises(ConfigError, match=r"expected the kind of 'x'; got 'categry'\. Did you mean 'category'"):
        as_column("x", "categry")
    with pytest.raises(ConfigError, match="expected the kind of 'x'"):
        as_column("x", 3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: category(min_count=0), "min_count: expected a whole number from 1"),
        (lambda: category(n_buckets=5, min_count=2), "expected n_buckets without min_count"),
        (lambda: category(n_buckets=5, ordered=True), "expected n_buckets without ordered"),
        (lambda: text(0), "expected a size of at least 1"),
        (lambda: text(analyzer="bytes"), "expected an analyzer"),
        (lambda: text(n=(3, 2)), "expected n as the shortest and the longest"),
        (lambda: time("hours"), "expected parts of a time; got 'hours'. Did you mean 'hour'"),
        (lambda: time("age"), "expected a reference for the age"),
        (lambda: time("hour", "hour"), "each once"),
        (lambda: vector(0), "size: expected a whole number from 1"),
    ],
)
def test_options_that_cannot_work(build, message):
    with pytest.raises(ConfigError, match=message):
        build()


def test_kinds_come_as_tables_of_options_too():
    assert as_column("d", {"kind": "time", "parts": ["age"], "reference": "asked"}).parts == ("age",)
    assert as_column("t", {"kind": "text", "size": 0, "against": "q", "n": [1, 1]}).n == (1, 1)
    for wrong, message in (
        ({"size": 3}, "expected the kind of 'x'"),
        ({"kind": "text", "size": "3"}, "expected another value of size; got '3'"),
        ({"kind": "time", "parts": "age"}, "expected another value of parts"),
        ({"kind": "category", "vocabulary": ["a"]}, "expected options of a category; got 'vocabulary'"),
        ({"kind": "bag", "places": 0}, "bag: places: expected a whole number from 1"),
    ):
        with pytest.raises(ConfigError, match=message):
            as_column("x", wrong)


def test_a_schema_is_summed_up_in_a_line():
    assert EVERY.summary == "2 numbers, 3 categories, 1 time, 1 vector, 1 text, 1 bag"
