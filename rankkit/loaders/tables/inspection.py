"""Each column of a table in a line: its type, some values, what is missing, and what it becomes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankkit.data.columns.schema import described
from rankkit.loaders.tables.arrow_files import ARROW, PARQUET, all_batches, open_files
from rankkit.loaders.tables.columns.assignment import Columns, Wanted
from rankkit.loaders.tables.columns.kinds import laid_open
from rankkit.loaders.tables.csv_batches import csv_batches
from rankkit.loaders.tables.tabular import open_table

_MOST_DISTINCT = 100_000
_EXAMPLES, _LONGEST = 3, 24
_ROLES = {"qid": "query id", "label": "label", "doc_id": "document id", "weight": "document weight"}


@dataclass
class ColumnLine:
    """A column of a table.

    Args:
        name: Of the column.
        type: As Arrow calls it.
        becomes: A feature of some kind, a role, or nothing, with the reason.
    """

    name: str
    type: str
    becomes: str
    n_rows: int = 0
    n_missing: int = 0
    examples: list[str] = field(default_factory=list)
    distinct: set[Any] = field(default_factory=set)

    @property
    def n_distinct(self) -> str:
        """How many different values there are, as text."""
        more = len(self.distinct) > _MOST_DISTINCT
        return f"over {_MOST_DISTINCT:,}" if more else f"{len(self.distinct):,}"

    @property
    def missing(self) -> str:
        """The share of rows without a value, as text."""
        return f"{self.n_missing / self.n_rows:.1%}" if self.n_missing else "0"

    def look(self, values: pa.Array) -> None:
        """Look at some more rows."""
        values = laid_open(values)
        self.n_rows += len(values)
        nested = pa.types.is_nested(values.type)
        gone = values.is_null() if nested else pc.is_null(values, nan_is_null=True)
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            gone = pc.or_(gone, pc.fill_null(pc.equal(values, ""), False))
        self.n_missing += int(np.asarray(gone).sum())
        there = values.filter(pc.invert(gone))
        if len(self.distinct) > _MOST_DISTINCT and len(self.examples) >= _EXAMPLES:
            return
        found = there if nested else there.unique()
        for value in found.to_pylist():
            known = str(value) if nested else value
            if known not in self.distinct and len(self.examples) < _EXAMPLES:
                self.examples.append(_shown(value))
            self.distinct.add(known)


def column_lines(path: Path, kind: Literal["csv", "parquet", "arrow"], wanted: Wanted) -> list[ColumnLine]:
    """What each column of a table is, in the order of the table.

    Raises:
        DataError: As the readers.
    """
    if kind == "csv":
        columns = open_table(path, wanted)[2]
        batches: Iterator[pa.RecordBatch] = csv_batches(path)
    else:
        extensions = PARQUET if kind == "parquet" else ARROW
        columns = open_files(path, wanted, extensions)[2]
        batches = all_batches(path, extensions)
    becomes = what_becomes(columns)
    lines: dict[str, ColumnLine] = {}
    for batch in batches:
        for name, values in zip(batch.schema.names, batch.columns, strict=True):
            if name not in lines:
                gone = "dropped" if name in wanted.dropped else "nothing"
                lines[name] = ColumnLine(name, str(values.type), becomes.get(name, gone))
            lines[name].look(values)
    return list(lines.values())


def what_becomes(columns: Columns) -> dict[str, str]:
    """By name, what becomes of a column.

    >>> what_becomes(Columns("qid", "label", None, None, None, ("bm25",), None, (("title", "text"),)))
    {'title': 'left out: text', 'bm25': 'number', 'qid': 'query id', 'label': 'label'}
    """
    found = {name: f"left out: {reason}" for name, reason in columns.left_out}
    found |= dict.fromkeys(columns.features, "number")
    if columns.vector is not None:
        found[columns.vector] = "all features"
    for column in () if columns.schema is None else columns.schema.columns:
        if column.name in columns.flat:
            found |= {name: f"{described(column)}, as written" for name in column.names}
        else:
            found[column.name] = described(column)
    roles = {words: getattr(columns, role) for role, words in _ROLES.items()}
    roles["query weight"] = columns.query_weight
    roles |= columns.beside
    for words, name in roles.items():
        if name is not None:
            found[name] = f"{words} and {found[name]}" if name in columns.of_features else words
    return found


def table_of(lines: Iterable[ColumnLine]) -> str:
    """The lines one below the other, in columns of text."""
    head = ("column", "type", "becomes", "missing", "distinct", "examples")
    rows = [
        (line.name, _cut(line.type), line.becomes, line.missing, line.n_distinct, ", ".join(line.examples))
        for line in lines
    ]
    widths = [max(len(row[place]) for row in (head, *rows)) for place in range(5)]
    texts = []
    for row in (head, *rows):
        cells = [
            cell.rjust(width) if place in (3, 4) else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=False))
        ]
        texts.append("  ".join((*cells, row[5])).rstrip())
    return "\n".join(texts)


def _shown(value: Any) -> str:
    return _cut(f"{value:g}" if isinstance(value, float) else str(value))


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST else plain[: _LONGEST - 3] + "..."
