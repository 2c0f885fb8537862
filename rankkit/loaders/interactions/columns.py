"""The columns of a table as coded events: ids by first meeting, times as int64, values as float32."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.data.interactions.log import coded
from rankkit.data.text_ids import Ids, TextIds
from rankkit.errors import DataError, did_you_mean
from rankkit.loaders.interactions.forms import Wanted
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.kinds import plain_type
from rankkit.loaders.tables.ids import read_qids
from rankkit.numbers import how_many


@dataclass(frozen=True)
class Events:
    """Events in the order of the input.

    Args:
        users: int32 ``[event]``.
        items: int32 ``[event]``.
        user_ids: ``[user]``.
        item_ids: ``[item]``.
        times: int64 ``[event]``, or None.
        values: float32 ``[event]``, or None.
        remarks: What was decided, a line each.
        in_millionths: Whether times had fractions, so that they are counted in millionths of what they were.
    """

    users: NDArray[np.int32]
    items: NDArray[np.int32]
    user_ids: Ids
    item_ids: Ids
    times: NDArray[np.int64] | None
    values: NDArray[np.float32] | None
    remarks: tuple[str, ...]
    in_millionths: bool = False


def events_of(table: pa.Table, wanted: Wanted, source: Source) -> Events:
    """Read the columns of a table.

    Raises:
        DataError: If a column is not there, or holds what it cannot, with the place.
    """
    names = {role: _name(table, getattr(wanted, role), role, source) for role in ("user", "item", "time", "value")}
    if names["user"] is None or names["item"] is None:
        role = "user" if names["user"] is None else "item"
        raise DataError(
            f"{source.name}: expected a column of {role} ids; got columns {', '.join(table.column_names[:20])}. "
            f"Pass {role}=, or rename the column to {role}."
        )
    if names["user"] == names["item"]:
        raise DataError(
            f"{source.name}: expected users and items in two columns; got {names['user']!r} as both. "
            "Name the other one with item=."
        )
    users, user_ids = _codes(table[names["user"]], source, names["user"])
    items, item_ids = _codes(table[names["item"]], source, names["item"])
    remarks: list[str] = []
    times, in_millionths = None, False
    if names["time"] is not None:
        times, in_millionths = _times(table[names["time"]], source, names["time"], remarks)
    values = None if names["value"] is None else _values(table[names["value"]], source, names["value"])
    if times is None:
        others = [name for name in table.column_names if name not in names.values()]
        beside = f" Columns that were not read: {', '.join(others[:10])} (time= names one)." if others else ""
        remarks.append(f"no times: the events of a user stand in the order of the input.{beside}")
    return Events(users, items, user_ids, item_ids, times, values, tuple(remarks), in_millionths)


def _name(table: pa.Table, asked: str | int | None, role: str, source: Source) -> str | None:
    """The name of a column that was asked for, or that stands for a role; None where there is no such."""
    if asked is None:
        return role if role in table.column_names else None
    if isinstance(asked, int):
        if not 0 <= asked < table.num_columns:
            raise DataError(
                f"{source.name}: expected {role}= as a position from 0 to {table.num_columns - 1}; got {asked}. "
                "Count the fields of the first line."
            )
        return str(table.column_names[asked])
    if asked not in table.column_names:
        raise DataError(
            f"{source.name}: expected a column {asked!r} ({role}=); got {', '.join(table.column_names[:20])}. "
            f"{did_you_mean(asked, table.column_names)}"
        )
    return asked


def _codes(column: pa.ChunkedArray, source: Source, name: str) -> tuple[NDArray[np.int32], Ids]:
    """Codes by first meeting and the ids: int64 where all are plain integers, else text.

    Ids that are read as text are looked at once each, not once an event.
    """
    _refuse_missing(column, source, name, "an id")
    kind = plain_type(column.type)
    if pa.types.is_integer(kind) and kind == column.type and not pa.types.is_uint64(kind):
        return coded(column.cast(pa.int64()).to_numpy())
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    encoded = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if pa.types.is_string_view(encoded.type):
        encoded = encoded.cast(pa.large_string())
    try:
        encoded = encoded.dictionary_encode()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{source.name}: expected ids as whole numbers or text in column {name!r}; got {column.type}. Convert it."
        ) from error
    codes = np.asarray(encoded.indices.to_numpy(), np.int32)
    ids = read_qids(pa.chunked_array([encoded.dictionary]), source, name)
    if isinstance(ids, TextIds) or len(np.unique(ids)) == len(ids):
        return codes, ids
    again, different = coded(ids)  # "1" and "1" of two forms
    return again[codes], different


def _times(column: pa.ChunkedArray, source: Source, name: str, remarks: list[str]) -> tuple[NDArray[np.int64], bool]:
    """Times as whole numbers, and whether they are in millionths of what they were."""
    _refuse_missing(column, source, name, "a time")
    kind = column.type
    if pa.types.is_integer(kind):
        if kind == pa.uint64() and (pc.max(column).as_py() or 0) >= 2**63:
            row = int(np.argmax(column.to_numpy() >= 2**63))
            raise DataError(
                f"{source.at(row, name)}: expected a time below 2**63; got {column[row]}. Count from a later date."
            )
        return np.asarray(column.cast(pa.int64()).to_numpy()), False
    if pa.types.is_temporal(kind) and not pa.types.is_duration(kind) and not pa.types.is_time(kind):
        remarks.append("times are microseconds since 1970.")
        return np.asarray(column.cast(pa.timestamp("us"), safe=False).cast(pa.int64()).to_numpy()), False
    if pa.types.is_floating(kind):
        numbers = np.asarray(column.to_numpy(), np.float64)
        _refuse_infinite(numbers, source, name, "a time")
        if (numbers == np.rint(numbers)).all() and np.abs(numbers).max(initial=0) < 2**53:
            return numbers.astype(np.int64), False
        remarks.append(f"times in column {name!r} have fractions: they are counted in millionths.")
        if np.abs(numbers).max(initial=0) * 1e6 < 2**63:
            return np.rint(numbers * 1e6).astype(np.int64), True
    raise DataError(
        f"{source.name}: expected times as whole numbers, seconds or dates in column {name!r}; got {kind}, first "
        f"{str(column[0])[:40] if len(column) else 'nothing'!r}. Convert the column, or leave time= out."
    )


def _values(column: pa.ChunkedArray, source: Source, name: str) -> NDArray[np.float32]:
    _refuse_missing(column, source, name, "a value")
    kind = column.type
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise DataError(
            f"{source.name}: expected values as numbers in column {name!r}; got {kind}. Convert it, or leave it out."
        )
    with np.errstate(over="ignore"):
        numbers: NDArray[np.float32] = column.to_numpy().astype(np.float32)
    _refuse_infinite(numbers, source, name, "a value")
    return numbers


def _refuse_missing(column: pa.ChunkedArray, source: Source, name: str, what: str) -> None:
    if not column.null_count and not pa.types.is_floating(column.type):
        return
    missing = pc.is_null(column, nan_is_null=True)
    n_missing = pc.sum(missing).as_py() or 0
    if n_missing:
        row = pc.index(missing, True).as_py()
        raise DataError(
            f"{source.at(row, name)}: expected {what}; got none ({how_many(n_missing, 'row')} in all). "
            "Fill the column, or drop such rows."
        )


def _refuse_infinite(numbers: NDArray[Any], source: Source, name: str, what: str) -> None:
    wrong = ~np.isfinite(numbers)
    if wrong.any():
        row = int(wrong.argmax())
        raise DataError(
            f"{source.at(row, name)}: expected {what}, a finite number; got {numbers[row]}. Drop such rows."
        )
