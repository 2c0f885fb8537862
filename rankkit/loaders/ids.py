"""Query ids and document ids: int64 where all of them are plain integers, else text."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.errors import DataError
from rankkit.loaders.arrays import Source

# Decimal text of an integer that could be written in no other way: "7" or "-1", but not "07" or "+7".
_PLAIN_INTEGER = r"^(0|-?[1-9][0-9]{0,18})$"


def as_column(values: Any, source: Source, column: str) -> pa.ChunkedArray:
    """One id a document, from any array-like, as an Arrow column; what Python calls None or NaN is missing.

    Raises:
        DataError: If the values have more than one axis, or none.
    """
    array = np.asarray(values)
    if array.ndim != 1:
        raise DataError(f"{source.name}: expected {column} [doc]; got shape {array.shape}. Pass one a document.")
    try:
        return pa.chunked_array([pa.array(array, from_pandas=True)])
    except (pa.ArrowInvalid, pa.ArrowTypeError):  # integers beside strings
        texts = [None if value is None or value != value else str(value) for value in array]
        return pa.chunked_array([pa.array(texts, pa.string())])


def read_texts(values: pa.ChunkedArray, source: Source, column: str) -> NDArray[np.str_]:
    """A column of ids as text; whole numbers become their digits.

    Raises:
        DataError: If a value is missing, or the column holds something else.
    """
    _refuse_missing(values, source, column)
    values = _plain(values)
    if not (pa.types.is_integer(values.type) or _is_text(values.type) or len(values) == 0):
        raise DataError(
            f"{source.name}: expected text or whole numbers in column {column!r}; got {values.type}. "
            "Convert the column."
        )
    return np.array(values.cast(pa.large_string()).to_pylist(), dtype=np.str_)


def read_qids(values: pa.ChunkedArray, source: Source, column: str) -> NDArray[Any]:
    """A column of query ids: int64, or str where one of them is no plain integer.

    Whole numbers in a floating-point column, which pandas makes of integers beside a missing value, are integers.

    Raises:
        DataError: If a query id is missing, empty, or no whole number and no text.
    """
    _refuse_missing(values, source, column)
    if pa.types.is_floating(values.type):
        try:
            values = values.cast(pa.int64())
        except pa.ArrowInvalid as error:
            raise DataError(
                f"{source.name}: expected whole numbers or text as query ids in column {column!r}; got {error}. "
                "Convert the column to integers or strings."
            ) from error
    texts: NDArray[Any]
    if pa.types.is_integer(values.type):
        try:
            return np.asarray(values.cast(pa.int64()).to_numpy())
        except pa.ArrowInvalid:
            return read_texts(values, source, column)
    values = _plain(values)
    if _is_text(values.type) and pc.all(pc.match_substring_regex(values, _PLAIN_INTEGER)).as_py():
        try:
            return np.asarray(values.cast(pa.int64()).to_numpy())
        except pa.ArrowInvalid:
            pass
    texts = read_texts(values, source, column)
    empty = texts == ""
    if empty.any():
        raise DataError(
            f"{source.at(int(empty.argmax()), column)}: expected a query id; got empty text. Name the query."
        )
    return texts


def _plain(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Categories as what they stand for; string views, which polars has and few functions of Arrow take, as text."""
    if pa.types.is_dictionary(values.type):
        plain = [_plain(pa.chunked_array([chunk.dictionary])).take(chunk.indices) for chunk in values.chunks]
        kind = plain[0].type if plain else values.type.value_type
        values = pa.chunked_array([piece for chunk in plain for piece in chunk.chunks], kind)
    return values.cast(pa.large_string()) if pa.types.is_string_view(values.type) else values


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _refuse_missing(values: pa.ChunkedArray, source: Source, column: str) -> None:
    missing = pc.is_null(values, nan_is_null=True)
    if pc.any(missing).as_py():
        raise DataError(
            f"{source.at(pc.index(missing, True).as_py(), column)}: expected an id; got none. Fill the column."
        )
