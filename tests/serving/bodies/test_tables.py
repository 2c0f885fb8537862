"""Arrays and tables score as JSON does; what is hostile is refused."""

import contextlib
import gzip
import io
import json

import numpy as np
import pyarrow as pa
import pytest

from rankkit.serving.bodies.asked import Asked
from rankkit.serving.bodies.form import Form
from rankkit.serving.bodies.reading import How, read
from rankkit.serving.bodies.tables import ARROW, ARROW_FILE, NPY
from rankkit.serving.refusal import RefusedError

FORM = Form(("a", "b"), True, 4, 6)
ROWS = np.array([[1, 2], [3, np.nan], [5, 6]], np.float32)


def npy(array, **options):
    stream = io.BytesIO()
    np.save(stream, array, **options)
    return stream.getvalue()


def arrow(columns, *, file=False):
    table = pa.table(columns)
    stream = io.BytesIO()
    with (pa.ipc.new_file if file else pa.ipc.new_stream)(stream, table.schema) as writer:
        writer.write_table(table)
    return stream.getvalue()


def asked(body, kind, content_type, **options) -> Asked:
    return read(body, How(kind, FORM, content_type, **options))


@pytest.mark.parametrize("array", [ROWS, ROWS.astype(np.float64), np.asfortranarray(ROWS), ROWS.astype(">f4")])
def test_an_array_is_the_documents_of_one_query(array):
    read_ = asked(npy(array), "rank", NPY)
    np.testing.assert_array_equal(read_.features, ROWS)
    assert (read_.ids, read_.list_sizes, read_.query_ids) == ([0, 1, 2], [3], [None])
    assert asked(npy(array), "score", NPY).ids is None


@pytest.mark.parametrize(("file", "content_type"), [(False, ARROW), (True, ARROW_FILE)])
def test_a_table_is_read_by_name(file, content_type):
    columns = {
        "b": [2.0, None, 6.0],
        "x": ["?", "?", "?"],
        "a": [1, 3, 5],
        "id": ["p", "q", "r"],
        "query_id": [7, 7, 8],
    }
    body = arrow(columns, file=file)
    ranked = asked(body, "rank", content_type)
    np.testing.assert_array_equal(ranked.features, ROWS)
    assert (ranked.ids, ranked.n_left_out) == (["p", "q", "r"], 2)
    scored = asked(body, "score", content_type)
    assert (scored.list_sizes, scored.query_ids) == ([2, 1], [7, 8])


def test_a_table_without_ids_is_one_query():
    body = arrow({"a": [1.0, 2.0], "b": [1.0, 2.0]})
    assert asked(body, "rank", ARROW).ids == [0, 1]
    assert asked(body, "score", ARROW).list_sizes == [2]
    assert asked(
        arrow({"a": pa.array([], pa.float32()), "b": pa.array([], pa.float32())}), "score", ARROW
    ).list_sizes == [0]


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b"", NPY, "expected an array of numpy"),
        (b"\x93NUMPY\x01\x00\xff\xff{", NPY, "expected an array of numpy"),
        (npy(np.array([[{}, 1]], dtype=object), allow_pickle=True), NPY, "expected an array of numbers"),
        (npy(np.array([["x", "y"]])), NPY, "expected an array of numbers"),
        (npy(ROWS[:, :1]), NPY, "expected an array [document, 2]; got [3, 1]"),
        (npy(ROWS.ravel()), NPY, "expected an array [document, 2]; got [6]"),
        (npy(np.zeros((5, 2))), NPY, "expected at most 4 documents of a query; got 5"),
        (npy(ROWS)[:-1], NPY, "expected 3 x 2 values; got 23 bytes"),
        (npy(np.array([[1e39, 1]])), NPY, "row 0, 'a': expected a number that float32 can hold; got inf"),
        (b"", ARROW, "expected an Arrow stream"),
        (arrow({"a": [1.0], "b": [1.0]})[:-40], ARROW, "expected an Arrow stream"),
        (arrow({"a": [1.0]}), ARROW, "got none named 'b'"),
        (arrow({"a": ["x"], "b": [1.0]}), ARROW, "'a': expected a column of numbers; got string"),
        (arrow({"a": [1.0] * 7, "b": [1.0] * 7}), ARROW, "expected at most 6 documents in all; got 7"),
        (arrow({"a": [1.0] * 5, "b": [1.0] * 5}), ARROW, "expected at most 4 documents of a query; got 5"),
        (arrow({"a": [1.0], "b": [1.0], "id": [None]}), ARROW, "'id': expected a column of text"),
        (arrow({"a": [1.0], "b": [1.0], "id": ["x" * 513]}), ARROW, "'id'[0]: expected an id"),
    ],
)
def test_what_is_not_of_the_form_is_refused(body, content_type, message):
    with pytest.raises(RefusedError) as error:
        asked(body, "rank", content_type)
    assert error.value.status == 422
    assert message in error.value.message


def test_damaged_tables_are_refused_or_read():
    rng = np.random.default_rng(0)
    whole = {NPY: npy(ROWS), ARROW: arrow({"a": [1.0, 2.0], "b": [1, 2], "id": ["x", "y"]})}
    for content_type, body in whole.items():
        for _ in range(300):
            damaged = bytearray(body)
            for place in rng.integers(0, len(body), rng.integers(1, 4)):
                damaged[place] = rng.integers(0, 256)
            with contextlib.suppress(RefusedError):
                asked(damaged, "rank", content_type)


def test_gzip_is_unpacked_up_to_the_limit():
    body = json.dumps({"documents": [{"id": 1, "features": [1, 2]}]}).encode()
    assert asked(gzip.compress(body), "rank", "application/json", is_packed=True, max_bytes=len(body)).ids == [1]
    for packed, status in (
        (gzip.compress(b" " * 10**7), 413),
        (gzip.compress(body)[:-3], 422),
        (gzip.compress(body) + b"x", 422),
        (body, 422),
        (b"", 422),
    ):
        with pytest.raises(RefusedError) as error:
            asked(packed, "rank", "application/json", is_packed=True, max_bytes=1000)
        assert error.value.status == status


def test_the_service_takes_them(service):
    rows = np.array([[1, 2, 3], [3, 2, 1]], np.float32)
    content = {"queries": [{"features": rows.tolist()}]}
    expected = service.post("/score", content).json()
    assert service.post("/score", npy(rows), content_type=NPY).json() == expected
    packed = gzip.compress(json.dumps(content).encode())
    assert service.post("/score", packed, content_encoding="gzip").json() == expected
    assert service.post("/score", packed, content_encoding="br").status_code == 415
