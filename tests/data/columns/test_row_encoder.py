"""Rows as people write them, encoded with numpy alone: the same numbers as the readers of tables give."""

import datetime
import inspect
import json
import math
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.utils import murmurhash3_32

from rankkit.data.columns import row_encoder
from rankkit.data.columns.kinds import bag, category, text, time
from rankkit.data.columns.row_encoder import RowEncoder, RowError, murmurhash
from rankkit.errors import DataError
from rankkit.loaders.tables.tabular import from_pandas

ROWS = [
    {
        "price": 3.5,
        "stock": True,
        "brand": "oak",
        "shop": 7,
        "item": "a",
        "size": "s",
        "day": "2026-03-01T12:00",
        "asked": "2026-03-02",
        "tags": ["new", "sale"],
        "image": [1.0, 2.5],
        "title": "An oak chair, 4 legs",
        "query": "chair of OAK",
    },
    {
        "price": None,
        "stock": None,
        "brand": None,
        "shop": None,
        "item": None,
        "size": None,
        "day": None,
        "asked": None,
        "tags": None,
        "image": None,
        "title": None,
        "query": None,
    },
    {
        "price": -1,
        "stock": False,
        "brand": "elm",
        "shop": 9,
        "item": "b",
        "size": "m",
        "day": "2025-12-31 23:59:59.5",
        "asked": "2026-03-02T00:00:00Z",
        "tags": ["eco", "new", "sale"],
        "image": [0.1, -3.0],
        "title": "a b ab 桜の椅子",
        "query": "a",
    },
]
KINDS = {
    "brand": "category",
    "shop": "category",
    "item": category(n_buckets=50),
    "size": "category",
    "day": time("days", "seconds", "weekday", "hour", "yearday", "age", reference="asked"),
    "tags": bag(),
    "image": "vector",
    "title": text(8, against="query"),
    "query": text(5, analyzer="words", n=(1, 2)),
}
NEW = [
    {**ROWS[0], "brand": "yew", "shop": 8, "tags": ["unheard", None, "eco"], "extra": 1},
    {**ROWS[2], "brand": "", "tags": [], "day": "2024-02-29", "title": "", "item": "never"},
]


def frame_of(rows):
    return pd.DataFrame(rows).assign(qid=1)


@pytest.fixture(scope="module")
def train():
    return from_pandas(frame_of(ROWS), columns=KINDS)


def test_every_kind_is_encoded_as_the_readers_do(train):
    np.testing.assert_allclose(train.schema.encode(ROWS), train.features, atol=1e-6)
    new = from_pandas(frame_of(NEW).drop(columns="extra"), schema=train.schema)
    np.testing.assert_allclose(train.schema.encode(NEW), new.features, atol=1e-6)
    assert not np.array_equal(np.isnan(train.features[0]), np.isnan(train.features[1]))


def test_it_needs_nothing_but_numpy(train, tmp_path):
    (tmp_path / "encoder.py").write_text(inspect.getsource(row_encoder))
    (tmp_path / "schema.json").write_text(json.dumps(train.schema.to_dict()))
    (tmp_path / "rows.json").write_text(json.dumps(ROWS + NEW))
    program = """
import sys, json
for name in ("torch", "rankkit", "scipy", "pandas", "pyarrow", "sklearn"):
    sys.modules[name] = None
from encoder import RowEncoder
import numpy as np
encoder = RowEncoder(json.load(open("schema.json")))
np.save("matrix.npy", encoder.encode(json.load(open("rows.json"))))
"""
    subprocess.run([sys.executable, "-c", program], cwd=tmp_path, check=True, env={})
    np.testing.assert_allclose(np.load(tmp_path / "matrix.npy"), train.schema.encode(ROWS + NEW), atol=1e-6)


@given(st.text(max_size=20))
@example("é桜\U0001f600")
def test_hashes_are_those_of_the_readers(word):
    assert murmurhash(word) == murmurhash3_32(word, positive=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=4), st.sampled_from(["characters", "words"]))
def test_any_text_is_hashed_as_the_readers_do(texts, analyzer):
    kinds = {"t": text(7, analyzer=analyzer, n=(1, 3), against="u"), "u": text(3)}
    rows = [{"t": one, "u": other} for one, other in zip(texts, reversed(texts), strict=True)]
    data = from_pandas(frame_of(rows), columns=kinds)
    np.testing.assert_allclose(RowEncoder(data.schema.to_dict()).encode(rows), data.features, atol=1e-6)


def test_dates_come_in_many_forms(train):
    zone = datetime.timezone(datetime.timedelta(hours=2))
    at = datetime.datetime(2026, 3, 1, 14, 0, tzinfo=zone)
    seconds = at.timestamp()
    forms = [at, seconds, int(seconds), "2026-03-01T14:00:00+02:00", "2026-03-01 12:00", np.datetime64("2026-03-01T12")]
    forms += [pd.Timestamp("2026-03-01T12:00"), "20260301T1200"]
    found = train.schema.encode([{**ROWS[0], "day": form} for form in forms])
    np.testing.assert_array_equal(found, found[[0] * len(found)])
    day = train.schema.encode([{**ROWS[0], "day": form} for form in ("2026-03", datetime.date(2026, 3, 1))])
    np.testing.assert_array_equal(day[0], day[1])
    missing = train.schema.encode([{**ROWS[0], "day": form} for form in (pd.NaT, pd.NA, None, math.nan, "")])
    assert np.isnan(missing[:, train.schema.spans["day"]]).all()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("price", "3.5", r"'price': expected a number or null; got text"),
        ("price", [1], r"'price': expected a number or null; got a list"),
        ("price", 1e39, r"'price': expected numbers that float32 can hold"),
        ("price", 10**400, r"'price': expected numbers that float32 can hold"),
        ("brand", ["oak"], r"'brand': expected text, a number or null; got a list"),
        ("brand", {"a": 1}, r"'brand': expected text, a number or null; got an object"),
        ("day", "yesterday", r"'day': expected a date such as .*; got other text"),
        ("day", True, r"'day': expected a date such as .*; got true or false"),
        ("day", 1e12, r"'day': expected a date such as .*; got a larger number"),
        ("asked", "soon", r"'asked': expected a date"),
        ("image", [1.0], r"'image': expected a list of 2 numbers or null; got 1 of them"),
        ("image", [1.0, "2"], r"'image': expected a number or null; got text"),
        ("tags", "new", r"'tags': expected a list of text or null; got text"),
        ("title", ["a"], r"'title': expected text, a number or null; got a list"),
    ],
)
def test_a_value_of_another_kind_is_named_with_its_place(train, column, value, message):
    rows = [ROWS[0], {**ROWS[2], column: value}]
    with pytest.raises(DataError, match=rf"encode: row 1 \(from 0\), {message}"):
        train.schema.encode(rows)


def test_a_column_that_is_not_there_is_named(train):
    with pytest.raises(DataError, match=r"row 0 \(from 0\), 'asked': expected every column of the schema; got none"):
        train.schema.encode([{name: value for name, value in ROWS[0].items() if name != "asked"}])
    with pytest.raises(RowError):
        RowEncoder(train.schema.to_dict()).encode([{}])
    assert train.schema.encode([]).shape == (0, train.schema.width)


def test_a_schema_of_another_version_is_refused():
    with pytest.raises(ValueError, match="expected version 1; got 2"):
        RowEncoder({"version": 2, "columns": []})
