"""Query ids and document ids: int64 where all of them are plain integers, else text."""

from numbers import Integral
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids, TextIds
from rankkit.errors import DataError
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.kinds import laid_open, plain_type

# Decimal text of an integer that could be written in no other way: "7" or "-1", but not "07" or "+7".
_PLAIN_INTEGER = r"^(0|-?[1-9][0-9]{0,18})$"


def as_column(values: Any, source: Source, column: str) -> pa.ChunkedArray:
    """One id a document, from any array-like, as an Arrow column; what Python calls None or NaN is missing.

    Raises:
        DataError: If the values have more than one axis, or none, or are neither text nor numbers.
    """
    if isinstance(values, TextIds):
        return pa.chunked_array([values.to_arrow()])
    if np.ma.is_masked(values):
        mask, values = np.ma.getmaskarray(values), np.ma.getdata(values).astype(object)
        values[mask] = None
    is_mixed = isinstance(values, list | tuple) and any(isinstance(value, str) for value in values)
    try:
        array = _objects(values) if is_mixed else np.asarray(values)
    except (ValueError, TypeError, RuntimeError) as error:  # such as lists of several lengths, or tensors elsewhere
        raise DataError(f"{source.name}: expected {column} [doc]; got {error}. Pass one a document.") from error
    if array.ndim != 1:
        raise DataError(f"{source.name}: expected {column} [doc]; got shape {array.shape}. Pass one a document.")
    if array.dtype.kind == "T":
        array = array.astype(object)
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    try:
        kind = pa.large_string() if array.dtype.kind == "U" else None
        return pa.chunked_array([pa.array(array, kind, from_pandas=True)])
    except pa.ArrowNotImplementedError as error:
        raise DataError(
            f"{source.name}: expected {column} as whole numbers or text; got {array.dtype}. Convert them."
        ) from error
    except (pa.ArrowInvalid, TypeError, ArithmeticError):  # integers beside strings, or beyond 64 bits
        return pa.chunked_array([pa.array(_texts(array, source, column), pa.large_string())])
    except UnicodeError as error:
        raise DataError(f"{source.name}: expected {column} that have a UTF-8 form; got {error}. Rename it.") from error


def _objects(values: Any) -> NDArray[Any]:
    """An array of Python objects: one of text would give each the room of the longest."""
    objects = np.empty(len(values), object)
    objects[:] = values
    return objects


def _texts(values: NDArray[Any], source: Source, column: str) -> list[str | None]:
    import pandas as pd

    texts: list[str | None] = []
    for row, value in enumerate(values):
        is_missing = value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value)
        if not is_missing and (type(value) is bool or not isinstance(value, str | Integral)):
            raise DataError(
                f"{source.at(row, column)}: expected text or a whole number as id; got {type(value).__name__} "
                f"{str(value)[:60]!r}. Convert the column to integers or strings."
            )
        texts.append(None if is_missing else str(value))
    return texts


def read_texts(values: pa.ChunkedArray, source: Source, column: str) -> TextIds:
    """A column of ids as text; whole numbers become their digits.

    Raises:
        DataError: If a value is missing, or the column holds something else.
    """
    _refuse_missing(values, source, column)
    values = _plain(values, source, column)
    if not (pa.types.is_integer(values.type) or _is_text(values.type) or len(values) == 0):
        raise DataError(
            f"{source.name}: expected text or whole numbers in column {column!r}; got {values.type}. "
            "Convert the column."
        )
    return TextIds(values.cast(pa.large_string()))


def read_qids(values: pa.ChunkedArray, source: Source, column: str) -> Ids:
    """A column of query ids: int64, or text where one of them is no plain integer.

    Whole numbers in a floating-point column, which pandas makes of integers beside a missing value, are integers.

    Raises:
        DataError: If a query id is missing, empty, or no whole number and no text.
    """
    _refuse_missing(values, source, column)
    values = _plain(values, source, column)
    is_number = pa.types.is_integer(values.type)
    if is_number or (_is_text(values.type) and pc.all(pc.match_substring_regex(values, _PLAIN_INTEGER)).as_py()):
        try:
            return np.asarray(values.cast(pa.int64()).to_numpy())
        except pa.ArrowInvalid:  # a number beyond int64
            pass
    texts = read_texts(values, source, column)
    empty = texts == ""
    if empty.any():
        raise DataError(f"{source.at(int(empty.argmax()), column)}: expected an id; got empty text. Fill the column.")
    return texts


def _plain(values: pa.ChunkedArray, source: Source, column: str) -> pa.ChunkedArray:
    """Categories and runs as what they stand for, whole numbers with a decimal point as integers.

    String views, which few functions of Arrow take, become text.

    Raises:
        DataError: If a number is not whole.
    """
    kind = plain_type(values.type)
    if kind != values.type:
        chunks = [laid_open(chunk) for chunk in values.chunks]
        values = pa.chunked_array(chunks, chunks[0].type if chunks else kind)
    if pa.types.is_string_view(values.type):
        return values.cast(pa.large_string())
    if not (pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return values
    try:
        return values.cast(pa.int64())
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{source.name}: expected whole numbers or text as ids in column {column!r}; got {error}. "
            "Convert the column to integers or strings."
        ) from error


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _refuse_missing(values: pa.ChunkedArray, source: Source, column: str) -> None:
    try:
        values.validate(full=True)
    except pa.ArrowInvalid as error:
        raise DataError(
            f"{source.name}: expected ids in UTF-8 in column {column!r}; got {str(error)[:200]}. Convert the column."
        ) from error
    missing = pc.is_null(values, nan_is_null=True)
    if pc.any(missing).as_py():
        raise DataError(
            f"{source.at(pc.index(missing, True).as_py(), column)}: expected an id; got none. Fill the column."
        )
