"""Columns of a pandas data frame: what they are, and their values as Arrow arrays some rows at a time."""

import decimal
import itertools
import numbers as abstract
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from rankkit.errors import DataError
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.assignment import Columns
from rankkit.loaders.tables.columns.kinds import (
    CATEGORY,
    DAY,
    LIST,
    NUMBER,
    ORDERED,
    PERIOD,
    TEXTS,
    Column,
    detail_of,
    kind_of,
    numbers,
)
from rankkit.loaders.tables.ids import as_column

if TYPE_CHECKING:
    import pandas as pd

# What pandas' infer_dtype calls objects, where that tells what they are.
_OBJECTS = {
    "integer": NUMBER,
    "floating": NUMBER,
    "mixed-integer-float": NUMBER,
    "decimal": NUMBER,
    "boolean": NUMBER,
    "empty": NUMBER,
    "string": "text",
    "bytes": "bytes",
    "date": "date",
    "datetime": "date",
    "datetime64": "date",
    "period": "date",
    "time": "time",
    "timedelta": "time",
    "timedelta64": "time",
    "interval": "interval",
    "complex": "complex",
}
_MIXED = "mixed objects"


def columns_of_frame(frame: "pd.DataFrame") -> list[Column]:
    """The columns of a frame, whose names are text."""
    names, dtypes = frame.columns.tolist(), frame.dtypes.tolist()
    # To take out a column costs more than all else here.
    kinds = [_kind_of_numpy(dtype) or _kind_of(frame.iloc[:, place]) for place, dtype in enumerate(dtypes)]
    return [
        Column(str(name), kind, str(dtype), detail="" if kind == NUMBER else _detail(frame.iloc[:, place], kind))
        for place, (name, kind, dtype) in enumerate(zip(names, kinds, dtypes, strict=True))
    ]


def with_named_index(frame: "pd.DataFrame", wanted: set[str]) -> "pd.DataFrame":
    """The frame with those levels of its index as columns that are wanted by name, as a file of it has them."""
    names = {str(name) for name in frame.columns}
    levels = [name for name in frame.index.names if name is not None and str(name) in wanted - names]
    return frame.reset_index(levels) if levels else frame


def frame_batches(
    frame: "pd.DataFrame", found: list[Column], columns: Columns, source: Source, n_rows: int
) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """The columns that are used as Arrow record batches of so many rows, and the schema of those that are no features.

    Raises:
        DataError: If objects of one column cannot be read.
    """
    place_of = {column.name: place for place, column in enumerate(found)}
    series = {name: frame.iloc[:, place_of[name]] for name in columns.used}
    kinds = {name: found[place_of[name]].kind for name in columns.used}
    whole = {name: as_column(series[name], source, name) for name in columns.ids}
    if columns.time is not None and columns.time not in whole:
        array = as_arrow(series[columns.time], kinds[columns.time], columns.time, source)
        whole[columns.time] = pa.chunked_array([array])
    schema = pa.schema([(name, whole[name].type if name in whole else pa.float64()) for name in columns.roles])
    features = frozenset(columns.of_features)

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(frame), n_rows):
            rows = slice(start, start + n_rows)
            arrays = []
            for name in columns.used:
                if name in whole:
                    arrays.append(whole[name][rows].combine_chunks())
                else:
                    array = as_arrow(series[name].iloc[rows], kinds[name], name, source)
                    is_role = name in columns.roles and name not in features
                    arrays.append(pa.array(numbers(array).astype(np.float64)) if is_role else array)
            yield pa.RecordBatch.from_arrays(arrays, names=columns.used)

    return schema, batches()


def frame_columns(
    frame: "pd.DataFrame", found: list[Column], source: Source, n_rows: int, names: Sequence[str]
) -> Iterator[pa.RecordBatch]:
    """Some columns as Arrow record batches of so many rows, as they are.

    Raises:
        DataError: If objects of one column cannot be read.
    """
    place_of = {column.name: place for place, column in enumerate(found)}
    for start in range(0, len(frame), n_rows):
        rows = slice(start, start + n_rows)
        arrays = [
            as_arrow(frame.iloc[rows, place_of[name]], found[place_of[name]].kind, name, source) for name in names
        ]
        yield pa.RecordBatch.from_arrays(arrays, names=list(names))


def as_arrow(series: "pd.Series[Any]", kind: str, name: str, source: Source) -> pa.Array:
    """The values of a column.

    Args:
        series: The column.
        kind: As :func:`columns_of_frame` has it.
        name: Of the column, for messages.
        source: For messages.

    Raises:
        DataError: If they are of several kinds.
    """
    import pandas as pd

    dtype: Any = series.dtype
    try:
        if kind == NUMBER and not isinstance(dtype, pd.ArrowDtype):
            if isinstance(dtype, np.dtype) and dtype.kind in "iufb" and dtype.itemsize <= 8:
                values = series.to_numpy()
                return pa.array(values if dtype.isnative else values.astype(dtype.newbyteorder("=")))
            if isinstance(dtype, pd.CategoricalDtype):
                series = series.astype(object)
            return pa.array(series.to_numpy(dtype=np.float64, na_value=np.nan))
        array = pa.array(series, from_pandas=True)
        return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array
    except (pa.ArrowException, TypeError, ValueError, ArithmeticError) as error:
        raise DataError(
            f"{source.name}: expected one kind of values in column {name!r}; got {type(error).__name__}: "
            f"{str(error)[:200]}. Convert the column, for example with astype."
        ) from error


def _kind_of_numpy(dtype: Any) -> str | None:
    return NUMBER if isinstance(dtype, np.dtype) and dtype.kind in "iufb" else None


def _kind_of(series: "pd.Series[Any]") -> str:
    import pandas as pd

    dtype: Any = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return _kind_of(dtype.categories.to_series())
    if isinstance(dtype, pd.ArrowDtype):
        return kind_of(dtype.pyarrow_dtype)
    if isinstance(dtype, pd.SparseDtype):
        return _kind_of(pd.Series([], dtype=dtype.subtype))
    if isinstance(dtype, pd.StringDtype):
        return "text"
    if getattr(dtype, "kind", None) == "O" and isinstance(dtype, np.dtype):
        return _kind_of_objects(series)
    if isinstance(dtype, pd.PeriodDtype | pd.DatetimeTZDtype):
        return "date"
    kind = getattr(dtype, "kind", "O")
    words = {"M": "date", "m": "time", "c": "complex", "U": "text", "T": "text", "S": "bytes"}
    return NUMBER if kind in "iufb" else words.get(kind, str(dtype))


def _detail(series: "pd.Series[Any]", kind: str) -> str:
    """What the type says besides, as a Column has it."""
    import pandas as pd

    dtype: Any = series.dtype
    if isinstance(dtype, pd.CategoricalDtype):
        return "" if kind != "text" else ORDERED if dtype.ordered else CATEGORY
    if isinstance(dtype, pd.ArrowDtype):
        return detail_of(dtype.pyarrow_dtype)
    if kind == "list":
        there = (value for value in series if isinstance(value, list | tuple | np.ndarray))
        is_text = all(isinstance(word, str) or word is None for value in itertools.islice(there, 100) for word in value)
        return TEXTS if is_text else ""
    if isinstance(dtype, pd.PeriodDtype) or (kind == "date" and pd.api.types.infer_dtype(series) == "period"):
        return PERIOD
    return DAY if kind == "date" and pd.api.types.infer_dtype(series, skipna=True) == "date" else ""


def _kind_of_objects(series: "pd.Series[Any]") -> str:
    import pandas as pd

    try:
        found = _OBJECTS.get(pd.api.types.infer_dtype(series, skipna=True))
        if found is not None:
            return found
        there = [value for value in series if isinstance(value, list | tuple | np.ndarray | dict) or not pd.isna(value)]
    except ArithmeticError:  # of a decimal that signals
        return _MIXED
    if all(_is_real(value) for value in there):
        return NUMBER
    if all(isinstance(value, list | tuple | np.ndarray) for value in there):
        return LIST if all(_is_real(number) for value in there[:100] for number in value) else "list"
    return "struct" if all(isinstance(value, dict) for value in there) else _MIXED


def _is_real(value: Any) -> bool:
    return isinstance(value, abstract.Real | np.bool_ | decimal.Decimal)
