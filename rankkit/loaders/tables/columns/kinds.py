"""What the type of a column says of it: numbers, lists of numbers, text, dates, ...; and its values as numbers."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.errors import DataError

NUMBER, LIST = "number", "list of numbers"
CATEGORY, ORDERED, TEXTS, DAY, PERIOD = "category", "ordered category", "texts", "day", "period"
_WORDS = (
    (pa.types.is_string, "text"),
    (pa.types.is_large_string, "text"),
    (pa.types.is_string_view, "text"),
    (pa.types.is_date, "date"),
    (pa.types.is_timestamp, "date"),
    (pa.types.is_time, "time"),
    (pa.types.is_duration, "time"),
    (pa.types.is_interval, "time"),
    (pa.types.is_binary, "bytes"),
    (pa.types.is_large_binary, "bytes"),
    (pa.types.is_binary_view, "bytes"),
    (pa.types.is_fixed_size_binary, "bytes"),
    (pa.types.is_struct, "struct"),
    (pa.types.is_map, "map"),
    (pa.types.is_union, "union"),
    (pa.types.is_list, "list"),
    (pa.types.is_large_list, "list"),
    (pa.types.is_fixed_size_list, "list"),
)


@dataclass(frozen=True)
class Column:
    """A column of a table before its values are read.

    Args:
        name: As text.
        kind: :data:`NUMBER`, :data:`LIST`, or one word for what is neither: "text", "date", "bytes", ...
        shown: Its type as the table calls it, for messages.
        is_row_index: It holds the row labels of a pandas frame, and was written with it unasked.
        detail: Of text whose type says that it is one of several values :data:`CATEGORY` or :data:`ORDERED`, of lists
            of text :data:`TEXTS`, of dates without a time of the day :data:`DAY`,
            of periods, which are no points in time, :data:`PERIOD`.
    """

    name: str
    kind: str
    shown: str
    is_row_index: bool = False
    detail: str = ""


def columns_of(schema: pa.Schema) -> list[Column]:
    """The columns of an Arrow table; row labels are known by the metadata that pandas leaves.

    Raises:
        DataError: If a name is not UTF-8.

    >>> columns_of(pa.schema([("a", pa.decimal128(5, 2)), ("b", pa.dictionary(pa.int8(), pa.string()))]))[1].kind
    'text'
    """
    try:
        index = (schema.pandas_metadata or {}).get("index_columns") or ()
        labels = {name for name in index if isinstance(name, str)}
    except (ValueError, AttributeError, TypeError, RecursionError):  # of metadata that pandas did not write
        labels = set()
    try:
        return [
            Column(field.name, kind_of(field.type), str(field.type), field.name in labels, detail_of(field.type))
            for field in schema
        ]
    except UnicodeDecodeError as error:
        raise DataError(
            f"a table: expected column names in UTF-8; got {error.object[:60]!r}. Rename the column."
        ) from error


def plain_type(kind: pa.DataType) -> pa.DataType:
    """What the values of a column are, without how they are stored: categories and runs laid open.

    Of extensions only Arrow's own form of booleans: others, such as the periods of pandas, are not what they store.
    """
    while True:
        if pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind):
            kind = kind.value_type
        elif _is_bool8(kind):
            kind = pa.bool_()
        else:
            return kind


def _is_bool8(kind: pa.DataType) -> bool:
    return isinstance(kind, pa.BaseExtensionType) and kind.extension_name == "arrow.bool8"


def kind_of(kind: pa.DataType) -> str:
    """Of a type: :data:`NUMBER`, :data:`LIST`, or a word for what is neither.

    Numbers are what becomes a float32; a column without any value is one of missing numbers.

    >>> kind_of(pa.bool_()), kind_of(pa.list_(pa.float64())), kind_of(pa.timestamp("s"))
    ('number', 'list of numbers', 'date')
    """
    kind = plain_type(kind)
    if is_number(kind):
        return NUMBER
    if is_list(kind):
        return LIST
    if isinstance(kind, pa.BaseExtensionType):
        return "date" if kind.extension_name == "pandas.period" else str(kind.extension_name)
    return next((word for test, word in _WORDS if test(kind)), str(kind))


def detail_of(kind: pa.DataType) -> str:
    """Of a type: what :class:`Column` has as detail.

    >>> detail_of(pa.dictionary(pa.int8(), pa.string())), detail_of(pa.list_(pa.string())), detail_of(pa.date32())
    ('category', 'texts', 'day')
    """
    if pa.types.is_dictionary(kind) and kind_of(kind) == "text":
        return ORDERED if kind.ordered else CATEGORY
    kind = plain_type(kind)
    if pa.types.is_date(kind):
        return DAY
    if isinstance(kind, pa.BaseExtensionType) and kind_of(kind) == "date":
        return PERIOD
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return TEXTS if listed and kind_of(kind.value_type) == "text" else ""


def is_number(kind: pa.DataType) -> bool:
    """True for the types that become a float32."""
    kind = plain_type(kind)
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_decimal(kind)
        or pa.types.is_null(kind)
    )


def is_list(kind: pa.DataType) -> bool:
    """True for a column of lists of numbers."""
    kind = plain_type(kind)
    listed = pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind)
    return bool(listed and is_number(kind.value_type))


def laid_open(values: pa.Array) -> pa.Array:
    """The values of an array in their :func:`plain_type`."""
    while True:
        if _is_bool8(values.type):
            values = values.storage.cast(pa.bool_())
        elif pa.types.is_dictionary(values.type):
            if pa.types.is_string_view(values.type.value_type):  # which few functions of Arrow take
                plain = values.dictionary.cast(pa.large_string())
                values = pa.DictionaryArray.from_arrays(values.indices, plain)
            values = values.dictionary_decode()
        elif pa.types.is_run_end_encoded(values.type):
            values = pc.run_end_decode(values)
        else:
            return values


def numbers(values: pa.Array | pa.ChunkedArray) -> NDArray[Any]:
    """A column of numbers as numpy, NaN where a value is missing."""
    if isinstance(values, pa.ChunkedArray):
        parts = [numbers(chunk) for chunk in values.chunks]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)
    values = laid_open(values)
    if pa.types.is_null(values.type):
        return np.full(len(values), np.nan, np.float32)
    if pa.types.is_boolean(values.type):
        values = values.cast(pa.uint8())
    if pa.types.is_decimal(values.type):
        values = values.cast(pa.float64())
    return np.asarray(values.to_numpy(zero_copy_only=False))
