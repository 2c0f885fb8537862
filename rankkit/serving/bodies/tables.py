"""Bodies besides JSON, for thousands of documents: numpy arrays and Arrow tables, plain or packed by gzip."""

import io
import zlib

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rankkit.data.columns.schema import Schema
from rankkit.errors import DataError
from rankkit.serving.bodies.asked import Asked, Id, Kind
from rankkit.serving.bodies.form import MAX_ID, Form
from rankkit.serving.refusal import RefusedError

NPY = "application/x-npy"
ARROW = "application/vnd.apache.arrow.stream"
ARROW_FILE = "application/vnd.apache.arrow.file"
TABLES = frozenset((NPY, ARROW, ARROW_FILE))
_ID, _QUERY = "id", "query_id"


def unpacked(body: bytes | bytearray, max_bytes: int) -> bytes:
    """What gzip has packed.

    Raises:
        RefusedError: With 413 if it is longer than ``max_bytes``, with 422 if it is not of gzip.
    """
    packed = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        data = packed.decompress(bytes(body), max_bytes + 1)
    except zlib.error:
        data = b""
    if len(data) > max_bytes:
        raise RefusedError(
            413, f"body: expected at most {max_bytes} bytes when unpacked; got more. Send fewer documents at once."
        )
    if not packed.eof or packed.unused_data:
        raise RefusedError(
            422, "body: expected one whole gzip stream; got something else. Pack it again, or not at all."
        )
    return data


def read_table(body: bytes | bytearray, kind: Kind, content_type: str, form: Form) -> Asked:
    """What an array or a table asks.

    An array has the features in their order, and its rows are the documents of one query. A table has a column of each
    feature; in ``id`` the ids of documents to be ranked (else they are numbered), in ``query_id`` those of queries to
    be scored, of which equal neighbours are one (else all are one).

    Raises:
        RefusedError: With 422, if it is none, or not of the form.
    """
    if content_type == NPY:
        features = _array(body, form)
        ids: list[Id] = list(range(len(features)))
        return Asked(features, [len(features)], [None], ids if kind == "rank" else None)
    table = _arrow(body, form)
    n_docs = table.num_rows
    if form.schema is None:
        features = np.empty((n_docs, len(form.names)), np.float32)
        for place, name in enumerate(form.names):
            features[:, place] = _column(table, name)
        _check(features, form)
    else:
        features = _encoded(table, form.schema)
    known = {*form.names, _ID if kind == "rank" else _QUERY}
    n_left_out = len(set(table.column_names) - known)
    if kind == "rank":
        _few(n_docs, form.max_list_size)
        ids = _ids(table, _ID) if _ID in table.column_names else list(range(n_docs))
        return Asked(features, [n_docs], [None], ids, n_left_out=n_left_out)
    sizes: list[int] = [n_docs]
    queries: list[Id | None] = [None]
    if _QUERY in table.column_names:
        sizes, queries = _queries(_ids(table, _QUERY))
    _few(max(sizes, default=0), form.max_list_size)
    return Asked(features, sizes, queries, n_left_out=n_left_out)


def _encoded(table: pa.Table, schema: Schema) -> NDArray[np.float32]:
    """The matrix of columns of every kind, as the readers of tables make it.

    Raises:
        RefusedError: With 422, if a value is not of the kind of its column.
    """
    from rankkit.loaders.tables.arrays import Source, fill
    from rankkit.loaders.tables.columns.encoding import encode

    source = Source("body")
    arrays = {name: table[name].combine_chunks() for name in schema.sources}
    features = np.empty((table.num_rows, schema.width), np.float32)
    try:
        columns = [values for column in schema.columns for values in encode(column, arrays, source, 0)]
        fill(features, columns, source, names=schema.names)
    except DataError as error:
        raise RefusedError(422, str(error)) from None
    return features


def _array(body: bytes | bytearray, form: Form) -> NDArray[np.float32]:
    if form.schema is not None:
        raise _refused(
            "columns by name, of which some are no numbers", "an array of numpy", "Send JSON or an Arrow table."
        )
    stream = io.BytesIO(body)
    try:
        version = np.lib.format.read_magic(stream)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, fortran, dtype = read_header(stream)
    except Exception as error:  # numpy parses the header as Python; a damaged one fails in a dozen ways
        raise _refused("an array of numpy (.npy)", type(error).__name__, "Write it with numpy.save.") from None
    if dtype.kind not in "fiu" or dtype.hasobject:
        raise _refused("an array of numbers", f"one of {str(dtype)[:60]}", "Send float32.")
    if len(shape) != 2 or shape[1] != len(form.names):
        raise _refused(
            f"an array [document, {len(form.names)}]", f"{list(shape)}"[:60], "See /metadata for the features."
        )
    _few(shape[0], form.max_list_size)
    data = memoryview(body)[stream.tell() :]
    if len(data) != shape[0] * shape[1] * dtype.itemsize:
        raise _refused(f"{shape[0]} x {shape[1]} values", f"{len(data)} bytes", "Write it with numpy.save.")
    values = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
    with np.errstate(over="ignore"):
        features = np.ascontiguousarray(values, dtype=np.float32)
    _check(features, form)
    return features


def _arrow(body: bytes | bytearray, form: Form) -> pa.Table:
    try:
        source = pa.py_buffer(body)
        is_file = bytes(body[:6]) == b"ARROW1"
        reader = pa.ipc.open_file(source) if is_file else pa.ipc.open_stream(source)
        table = reader.read_all()
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _refused("an Arrow stream or file", type(error).__name__, "Write it with pyarrow.ipc.") from None
    if table.num_rows > form.max_docs:
        raise _refused(f"at most {form.max_docs} documents in all", str(table.num_rows), "Send fewer at once.")
    repeated = [name for name in form.names if table.column_names.count(name) > 1]
    missing = [name for name in form.names if name not in table.column_names]
    if repeated or missing:
        got = f"none named {missing[0]!r}" if missing else f"two named {repeated[0]!r}"
        raise _refused(f"a column of each of {len(form.names)} features", got, "See /metadata for the features.")
    return table


def _column(table: pa.Table, name: str) -> NDArray[np.float32]:
    column = table[name]
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        raise RefusedError(422, f"{name!r}: expected a column of numbers; got {str(kind)[:60]}. Send float32.")
    values: NDArray[np.float32] = column.cast(pa.float32(), safe=False).to_numpy()
    return values


def _ids(table: pa.Table, name: str) -> list[Id]:
    if table.column_names.count(name) > 1:
        raise RefusedError(422, f"{name!r}: expected one column; got several. Leave the others out.")
    kind = table[name].type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_signed_integer(kind)):
        raise RefusedError(422, f"{name!r}: expected a column of text or whole numbers; got {str(kind)[:60]}. Cast it.")
    try:
        values = table[name].to_pylist()
    except UnicodeDecodeError:
        raise RefusedError(422, f"{name!r}: expected text in UTF-8; got other bytes. Encode it.") from None
    for place, value in enumerate(values):
        if value is None or (isinstance(value, str) and len(value) > MAX_ID):
            got = "null" if value is None else f"{len(value)} characters"
            raise RefusedError(
                422, f"{name!r}[{place}]: expected an id of at most {MAX_ID} characters; got {got}. Mend it."
            )
    return list(values)


def _queries(row_ids: list[Id]) -> tuple[list[int], list[Id | None]]:
    sizes: list[int] = []
    queries: list[Id | None] = []
    for place, query in enumerate(row_ids):
        if place and query == row_ids[place - 1]:
            sizes[-1] += 1
        else:
            sizes.append(1)
            queries.append(query)
    return sizes, queries


def _few(n_docs: int, most: int) -> None:
    if n_docs > most:
        raise _refused(f"at most {most} documents of a query", str(n_docs), "Send the best candidates only.")


def _check(features: NDArray[np.float32], form: Form) -> None:
    wrong = np.isinf(features) if form.takes_missing else ~np.isfinite(features)
    if wrong.any():
        doc, feature = (int(place) for place in np.argwhere(wrong)[0])
        raise RefusedError(
            422,
            f"row {doc}, {form.names[feature]!r}: expected a number that float32 can hold; got "
            f"{features[doc, feature]}. Send a value such as the ranker was trained on.",
        )


def _refused(expected: str, got: str, action: str) -> RefusedError:
    return RefusedError(422, f"body: expected {expected}; got {got}. {action}")
