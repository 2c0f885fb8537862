"""Attributes: what is known of users or of items beside their events, a row for each."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Category
from rankkit.data.columns.schema import Schema
from rankkit.errors import DataError, did_you_mean

_SCHEMA = b"rankkit.schema"
_FEATURES = "rankkit.features"  # the column of numbers beside those that were given


@dataclass(frozen=True, repr=False, eq=False)
class Attributes:
    """Columns of users or of items, in the order of their ids: as they were given, and as numbers.

    :func:`rankkit.read_interactions` reads them beside a log (``items=``, ``users=``), which holds them as
    ``log.item_columns`` and ``log.user_columns``.

    Args:
        table: The values as they were given ``[row]``, missing where a row is not known; without the ids.
        features: float32 ``[row, feature]``: the columns that became numbers; NaN where a value is missing.
        schema: Which columns of ``features`` are which; what it lacks, such as titles, can only be shown.

    Raises:
        DataError: If these do not fit together.

    Example:
        >>> table = pa.table({"genre": ["drama", "war", None], "title": ["x", "y", "z"]})
        >>> codes = np.array([[0], [1], [np.nan]], np.float32)
        >>> Attributes(table, codes, Schema((Category("genre", vocabulary=("drama", "war")),)))
        Attributes(3 rows; genre: category of 2; to be shown: title)
    """

    table: pa.Table
    features: NDArray[np.float32]
    schema: Schema

    def __post_init__(self) -> None:
        shape = (self.table.num_rows, self.schema.width)
        if self.features.shape != shape or self.features.dtype != np.float32:
            raise DataError(
                f"Attributes: expected features float32 {list(shape)}, a row for each of the table; got "
                f"{self.features.dtype} {list(self.features.shape)}. Read them with the log."
            )

    def __len__(self) -> int:
        return int(self.table.num_rows)

    @property
    def names(self) -> tuple[str, ...]:
        """The columns, as they were given."""
        return tuple(self.table.column_names)

    def select(self, rows: NDArray[np.integer[Any]]) -> "Attributes":
        """The given rows in the given order; one of -1 has no value."""
        taken = self.table.take(pa.array(rows, pa.int64(), mask=rows < 0))
        features = np.full((len(rows), self.features.shape[1]), np.nan, np.float32)
        features[rows >= 0] = self.features[rows[rows >= 0]]
        return Attributes(taken, features, self.schema)

    def part(self, first: int, last: int) -> "Attributes":
        """Rows ``first:last``, without copying."""
        return Attributes(self.table.slice(first, last - first), self.features[first:last], self.schema)

    def shown(self, where: str, names: Sequence[str]) -> pa.Table:
        """The columns of those names, as they were given.

        Raises:
            DataError: If there is no such column.
        """
        for name in names:
            if name not in self.table.column_names:
                raise DataError(
                    f"{where}: expected a column of {', '.join(self.table.column_names)}; got {name!r}. "
                    f"{did_you_mean(name, self.table.column_names)}"
                )
        return self.table.select(list(names))

    def numbers(self, where: str, names: Sequence[str]) -> NDArray[np.float64]:
        """float64 ``[row, number]`` of some columns, behind each other: what likeness can be computed of.

        A category or a bag is 0 or 1 for each of its values; of numbers, vectors, texts and parts of times each is
        itself. A value that is missing, or was not there when the vocabulary was learnt, is all 0.

        Raises:
            DataError: If there is no such column, or it has no numbers.

        >>> codes = np.array([[0], [1], [np.nan]], np.float32)
        >>> schema = Schema((Category("genre", vocabulary=("drama", "war")),))
        >>> Attributes(pa.table({"genre": ["drama", "war", None]}), codes, schema).numbers("x", ["genre"]).tolist()
        [[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]]
        """
        self.shown(where, names)
        by_name = {column.name: column for column in self.schema.columns}
        pieces = []
        for name in names:
            if name not in by_name:
                raise DataError(
                    f"{where}: expected a column that became numbers, {', '.join(by_name) or 'of which there is none'};"
                    f" got {name!r}, which can only be shown. Name its kind where the log is read."
                )
            values = self.features[:, self.schema.spans[name]]
            column = by_name[name]
            pieces.append(_indicators(values, column.n_codes) if isinstance(column, Category | Bag) else _plain(values))
        return np.concatenate(pieces, axis=1) if pieces else np.zeros((len(self), 0))

    def to_arrow(self) -> pa.Table:
        """One table of all that is held, which :meth:`from_arrow` reads."""
        table = self.table.replace_schema_metadata({_SCHEMA: json.dumps(self.schema.to_dict()).encode()})
        if not self.schema.width:
            return table
        flat = pa.array(np.ascontiguousarray(self.features).reshape(-1))
        return table.append_column(_FEATURES, pa.FixedSizeListArray.from_arrays(flat, self.schema.width))

    @classmethod
    def from_arrow(cls, table: pa.Table) -> "Attributes":
        """What :meth:`to_arrow` gave; it may come from anywhere.

        Raises:
            DataError: If it is none.
        """
        try:
            table.validate(full=True)
            schema = Schema.from_dict(json.loads((table.schema.metadata or {})[_SCHEMA]))
            features = np.empty((table.num_rows, 0), np.float32)
            if schema.width:
                lists = table[_FEATURES].cast(pa.list_(pa.float32(), schema.width)).combine_chunks()
                flat = lists.flatten() if isinstance(lists, pa.Array) else pa.concat_arrays(lists.chunks).flatten()
                features = flat.to_numpy(zero_copy_only=False).reshape(-1, schema.width)
                table = table.drop_columns([_FEATURES])
            return cls(table.replace_schema_metadata(None), features, schema)
        except (pa.ArrowException, KeyError, ValueError, TypeError, RecursionError) as error:
            raise DataError(
                f"Attributes: expected columns as rankkit wrote them; got '{str(error)[:200]}'. Read the log anew."
            ) from error

    def to_bytes(self) -> NDArray[np.uint8]:
        """:meth:`to_arrow` as the bytes of an Arrow stream."""
        sink = pa.BufferOutputStream()
        table = self.to_arrow()
        with pa.ipc.new_stream(sink, table.schema) as writer:
            writer.write_table(table)
        return np.frombuffer(sink.getvalue(), np.uint8)

    @classmethod
    def from_bytes(cls, written: NDArray[np.uint8]) -> "Attributes":
        """What :meth:`to_bytes` gave.

        Raises:
            DataError: If it is none.
        """
        try:
            table = pa.ipc.open_stream(pa.py_buffer(np.ascontiguousarray(written, np.uint8))).read_all()
        except (pa.ArrowException, OSError, ValueError) as error:
            raise DataError(
                f"Attributes: expected columns as rankkit wrote them; got '{str(error)[:200]}'. Read the log anew."
            ) from error
        return cls.from_arrow(table)

    def __repr__(self) -> str:
        shown = [name for name in self.names if name not in {column.name for column in self.schema.columns}]
        columns = repr(self.schema).removeprefix("Schema(").removesuffix(")")
        parts = [f"{len(self):,} rows", columns, f"to be shown: {', '.join(shown)}" if shown else ""]
        return f"Attributes({'; '.join(part for part in parts if part)})"


def missing_share(attributes: Attributes) -> dict[str, float]:
    """By column the share of rows without a value, those with any.

    >>> missing_share(Attributes(pa.table({"x": [1, None]}), np.zeros((2, 0), np.float32), Schema(())))
    {'x': 0.5}
    """
    counts = {name: attributes.table[name].null_count for name in attributes.names}
    return {name: count / len(attributes) for name, count in counts.items() if count}


def _indicators(codes: NDArray[np.float32], n_codes: int) -> NDArray[np.float64]:
    """1 where a row has a code; codes beyond the vocabulary have no place."""
    table = np.zeros((len(codes), n_codes))
    rows, places = np.nonzero(codes < n_codes)  # of NaN False
    table[rows, codes[rows, places].astype(np.int64)] = 1.0
    return table


def _plain(values: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.nan_to_num(values.astype(np.float64), nan=0.0)
