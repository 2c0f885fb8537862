"""The part of an ONNX file that reads columns gives the numbers of RowEncoder, every one of them."""

import datetime as dt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.data.columns.kinds import Bag, Category, Number, Text, Time, Vector
from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError, DataError, ExportError
from rankkit.export import export
from rankkit.export.strings.graph import put_before, write_scorer_part
from rankkit.export.strings.inputs import column_inputs, tensors_of
from rankkit.models.scorers import LinearScorer

onnx = pytest.importorskip("onnx", reason="the [export] extra is not installed")
ort = pytest.importorskip("onnxruntime", reason="the [export] extra is not installed")

PARTS = ("seconds", "days", "weekday", "hour", "yearday", "age")
SCHEMA = Schema(
    (
        Category("brand", vocabulary=("elm", "oak", "Größe")),
        Category("seller", n_buckets=97),
        Time("day", PARTS, reference="asked", origin=1e9),
        Number("price"),
        Bag("tags", places=2, vocabulary=("a", "b")),
        Bag("hashed", places=3, n_buckets=11),
        Vector("image", size=2),
        Text("title", size=4),
    )
)
words = st.one_of(st.none(), st.sampled_from(["oak", "elm", "Größe", "yew", ""]), st.text(max_size=9))
lists = st.one_of(st.none(), st.lists(st.one_of(st.sampled_from(["a", "b", "z"]), st.none()), max_size=5))
times = st.one_of(st.none(), st.integers(-60_000_000_000, 60_000_000_000).map(float), st.floats(-6e10, 6e10))
# Outside of these years seconds in float64 do not hold every microsecond.
exact = st.datetimes(dt.datetime(1830, 1, 1), dt.datetime(2110, 1, 1))
dates = st.one_of(st.none(), exact.map(lambda at: at.isoformat()))
rows = st.fixed_dictionaries(
    {
        "brand": words,
        "seller": words,
        "day": st.one_of(times, dates),
        "asked": times,
        "price": st.one_of(st.none(), st.floats(-1e30, 1e30)),
        "tags": lists,
        "hashed": lists,
        "image": st.one_of(st.none(), st.just([1.5, -2.0])),
        "title": words,
    }
)


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A scorer that gives the matrix back, behind the columns."""
    path = tmp_path_factory.mktemp("file") / "identity.onnx"
    floats = [onnx.helper.make_tensor_value_info(name, 1, ["n", SCHEMA.width]) for name in ("features", "score")]
    graph = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["features"], ["score"], name="0")], "g", floats[:1], floats[1:]
    )
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    model.ir_version = 10
    onnx.save(model, str(path))
    put_before(path, SCHEMA)
    return path


@pytest.fixture(scope="module")
def session(file):
    return ort.InferenceSession(str(file))


@settings(deadline=None, max_examples=60)
@given(st.lists(rows, min_size=1, max_size=20))
def test_the_matrix_is_that_of_row_encoder(session, table):
    # Text may hold a lone surrogate, which no tensor can.
    table = [
        {k: v.encode("utf-8", "ignore").decode() if isinstance(v, str) else v for k, v in row.items()} for row in table
    ]
    found = session.run(["score"], tensors_of(SCHEMA, table))[0]
    np.testing.assert_array_equal(found, SCHEMA.encode(table))


def test_the_first_days_and_leap_days(session):
    days = ["1600-02-29", "1899-12-31T23:59:59.999999", "1900-03-01", "1970-01-01", "2000-02-29", "2000-12-31"]
    days += ["2023-12-31", "2024-02-29T12:00", "2024-12-31", "2100-02-28", "2100-03-01", "0001-01-01", "9999-12-31"]
    table = [{**dict.fromkeys(SCHEMA.sources), "day": day} for day in days]
    found = session.run(["score"], tensors_of(SCHEMA, table))[0]
    np.testing.assert_array_equal(found, SCHEMA.encode(table))


def test_what_follows_the_matrix_is_a_file_of_its_own(file, tmp_path):
    write_scorer_part(file, SCHEMA.width, tmp_path / "part.onnx")
    matrix = np.ones((3, SCHEMA.width), np.float32)
    found = ort.InferenceSession(str(tmp_path / "part.onnx")).run(["score"], {"features": matrix})[0]
    np.testing.assert_array_equal(found, matrix)


def test_mistakes(tmp_path):
    with pytest.raises(DataError, match="brand"):
        tensors_of(Schema((Category("brand", vocabulary=("a",)),)), [{"brand": "a"}, {"brand": ["a"]}])
    with pytest.raises(DataError, match="brand"):
        tensors_of(Schema((Category("brand", vocabulary=("a",)),)), [{"brnad": "a"}])
    with pytest.raises(ExportError, match="other names than features and score; got 'score'"):
        column_inputs(Schema((Category("score", vocabulary=("a",)),)))
    both = Schema((Category("asked", vocabulary=("a",)), Time("day", ("age",), reference="asked", origin=0.0)))
    with pytest.raises(ExportError, match="expected one type of 'asked'; got text and seconds"):
        column_inputs(both)
    plain = LinearScorer(2, transform="none", seed=0)
    with pytest.raises(ExportError, match="got one of numbers alone"):
        export(plain, "onnx", tmp_path / "x.onnx", strings=True)
    with pytest.raises(ConfigError, match="expected the target onnx, which alone has it, without int8; got 'numpy'"):
        export(plain, "numpy", tmp_path / "x", strings=True)
    assert not list(tmp_path.iterdir())


def test_a_ranker_that_compares_documents_is_refused(tmp_path):
    schema = Schema((Category("brand", vocabulary=("a",)), Number("price")))
    scorer = LinearScorer(2, transform="query_minmax", schema=schema, seed=0)
    scorer.transform.fit(np.zeros((2, 2), np.float32), np.array([0, 2]))
    scorer.feature_names = schema.names
    with pytest.raises(ExportError, match="looks at one document at a time"):
        export(scorer, "onnx", tmp_path / "x.onnx", strings=True)
