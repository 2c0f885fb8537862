"""The inputs of an ONNX file with ``--strings``: a tensor a column of the table, and how rows become them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Category, Number, Time
from rankkit.data.columns.row_encoder import RowError, list_of, micros_of, text_of
from rankkit.data.columns.schema import Schema
from rankkit.errors import DataError, ExportError

RESERVED = ("features", "score")
"""Names that the file has itself."""


@dataclass(frozen=True)
class ColumnInput:
    """An input of the file.

    Args:
        name: Of the column.
        dtype: ``"string"`` (``""``: missing), ``"float32"`` (NaN: missing) or ``"float64"``: seconds from 1970 (NaN:
            missing).
        width: Of a row; None: one value, and the tensor has one dimension.
        holds: What it is, in words.
    """

    name: str
    dtype: str
    width: int | None
    holds: str

    def to_json(self) -> dict[str, Any]:
        """As the manifest has it."""
        shape = ["n"] if self.width is None else ["n", self.width]
        return {"name": self.name, "dtype": self.dtype, "shape": shape, "holds": self.holds}


def column_inputs(schema: Schema) -> dict[str, ColumnInput]:
    """The inputs of a file for a schema, by name, in order.

    Raises:
        ExportError: If a column is called as the file calls something of its own, or is to be of two types.

    >>> from rankkit.data.columns.kinds import Bag, Category
    >>> schema = Schema((Category("brand", vocabulary=("oak",)), Bag("tags", places=2, vocabulary=("new",))))
    >>> [(one.name, one.dtype, one.width) for one in column_inputs(schema).values()]
    [('brand', 'string', None), ('tags', 'string', 2)]
    """
    found: dict[str, ColumnInput] = {}
    for column in schema.columns:
        made = [_input_of(column)]
        if isinstance(column, Time) and column.reference is not None:
            made.append(ColumnInput(column.reference, "float64", None, _SECONDS))
        for one in made:
            if one.name in RESERVED:
                raise ExportError(
                    f"strings: expected columns of other names than {' and '.join(RESERVED)}; got {one.name!r}. "
                    "Rename it in the training data, or leave strings out."
                )
            if found.setdefault(one.name, one) != one:
                raise ExportError(
                    f"strings: expected one type of {one.name!r}; got {found[one.name].holds} and {one.holds}. "
                    "Leave strings out."
                )
    return found


_SECONDS = "seconds from 1970, UTC"


def _input_of(column: Any) -> ColumnInput:
    if isinstance(column, Category):
        return ColumnInput(column.name, "string", None, "text")
    if isinstance(column, Bag):
        return ColumnInput(column.name, "string", int(column.places or 0), "text, the first values")
    if isinstance(column, Time):
        return ColumnInput(column.name, "float64", None, _SECONDS)
    if isinstance(column, Number):
        return ColumnInput(column.name, "float32", None, "a number")
    holds = "numbers" if column.kind == "vector" else "n-grams, as RowEncoder hashes them"
    return ColumnInput(column.name, "float32", len(column.names), holds)


def tensors_of(schema: Schema, rows: Sequence[Mapping[str, Any]]) -> dict[str, NDArray[Any]]:
    """Rows as people write them, as the inputs of the file.

    Args:
        schema: Of the ranker.
        rows: As :meth:`rankkit.Schema.encode` takes them.

    Raises:
        DataError: If a column is not there, or a value is not of its kind.

    >>> from rankkit.data.columns.kinds import Category, Time
    >>> schema = Schema((Category("brand", vocabulary=("oak",)), Time("day", origin=0.0)))
    >>> tensors_of(schema, [{"brand": "yew", "day": "1970-01-02"}, {"brand": None, "day": None}])
    {'brand': array(['yew', ''], dtype=object), 'day': array([86400.,    nan])}
    """
    plain = {column.name: Schema((column,)) for column in schema.columns}
    found: dict[str, NDArray[Any]] = {}
    try:
        for one in column_inputs(schema).values():
            if one.dtype == "float32":
                encoded = plain[one.name].encode(rows)
                found[one.name] = encoded[:, 0] if one.width is None else encoded
                continue
            for place, row in enumerate(rows):
                if one.name not in row:
                    raise RowError(place, one.name, "every column of the schema", "none of this name")
            values = [row[one.name] for row in rows]
            if one.dtype == "float64":
                micros = [micros_of(place, one.name, value) for place, value in enumerate(values)]
                found[one.name] = np.array([np.nan if at is None else at / 1e6 for at in micros], np.float64)
            elif one.width is None:
                words = [text_of(place, one.name, value) or "" for place, value in enumerate(values)]
                found[one.name] = np.array(words, object)
            else:
                found[one.name] = _words(one, values)
    except RowError as error:
        raise DataError(f"strings: {error}") from None
    return found


def _words(one: ColumnInput, values: Sequence[Any]) -> NDArray[Any]:
    """The first values of each list, and ``""`` behind the last."""
    width = int(one.width or 0)
    found = np.full((len(values), width), "", object)
    for place, value in enumerate(values):
        words = [text_of(place, one.name, word) for word in list_of(place, one.name, value, "text") or []]
        kept = [word for word in words if word is not None][:width]
        found[place, : len(kept)] = kept
    return found
