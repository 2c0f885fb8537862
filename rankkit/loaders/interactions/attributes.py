"""Tables of users and of items beside a log: read in their forms, joined by id, made into numbers."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Number
from rankkit.data.columns.schema import Schema
from rankkit.data.interactions.attributes import Attributes
from rankkit.data.interactions.log import positions_of
from rankkit.data.text_ids import Ids, first_places
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.compression import SUFFIXES
from rankkit.loaders.interactions.forms import text_of
from rankkit.loaders.interactions.tables import as_table
from rankkit.loaders.sources import Readable, as_file, is_file_name
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.assignment import Wanted, choose_features, not_numeric
from rankkit.loaders.tables.columns.kinds import columns_of, numbers
from rankkit.loaders.tables.columns.learning import learn
from rankkit.loaders.tables.ids import read_qids
from rankkit.loaders.tables.record_batches import read_columns
from rankkit.loaders.tables.tabular import is_table
from rankkit.remarks import say

_RECBOLE = {"user": "user_id", "item": "item_id"}
_MOVIELENS: Mapping[tuple[str, int], tuple[str, ...]] = {
    ("::", 3): ("item", "title", "genres"),
    ("::", 5): ("user", "gender", "age", "occupation", "zip"),
    ("|", 5): ("user", "age", "gender", "occupation", "zip"),
    ("|", 24): ("item", "title", "released", "video", "url"),  # and a mark for each of 19 genres
}
_GENRES = (
    *("unknown", "Action", "Adventure", "Animation", "Children's", "Comedy", "Crime", "Documentary", "Drama"),
    *("Fantasy", "Film-Noir", "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Thriller", "War", "Western"),
)
_NUMBERS, _DAY = ("age",), "released"
_LIST = "|"
_ROWS_A_PART = 2  # of a list in text, on average, at least: else its parts tell nothing


class TableBeside:
    """A table of users or items that stands beside a log.

    Args:
        source: A table as :func:`rankkit.read_interactions` takes one, MovieLens' ``movies.dat``, ``users.dat``,
            ``u.item`` and ``u.user``, RecBole's ``.item`` and ``.user``.
        role: ``"user"`` or ``"item"``.

    Raises:
        DataError: If it cannot be read.
    """

    def __init__(self, source: Readable | Any, role: str) -> None:
        self.role = role
        self.table, self.source = _table_of(source, role)

    @property
    def names(self) -> list[str]:
        """Of its columns."""
        names: list[str] = self.table.column_names
        return names

    def joined(
        self, ids: Ids, *, column: str | int | None, kinds: Mapping[str, Any]
    ) -> tuple[Attributes, tuple[str, ...]]:
        """What it knows of the users or items of a log, a row for each of them, and what was decided about it.

        Args:
            ids: Of the log.
            column: Of ids, as the log calls it; None, or where there is no such: ``user``, ``user_id`` or ``id``.
            kinds: By column what it is, where its type does not say so.

        Raises:
            DataError: If there are no ids, one stands twice, or a value is not of its kind.
        """
        table, source, role = self.table, self.source, self.role
        name = _id_column(table, role, column, source)
        found = read_qids(table[name], source, name)
        again = np.flatnonzero(first_places(found) != np.arange(len(found)))
        if len(again):
            raise DataError(
                f"{source.at(int(again[0]), name)}: expected one row {_a(role)}; got {found[int(again[0])]} again "
                f"({len(again):,} such rows in all). Keep one row of each."
            )
        if table.num_columns == 1:
            raise DataError(f"{source.name}: expected columns beside the ids; got none. Leave the table out.")
        table, lists = _lists_apart(_without_views(table.drop_columns([name])), set(kinds))
        remarks = [f"{', '.join(lists)}: lists, with {_LIST} between their values."] if lists else []
        places = positions_of(ids, found)
        n_missing = int((places < 0).sum())
        if n_missing == len(places):
            raise DataError(
                f"{source.name}: expected rows of {role}s of the log, such as {ids[0]}; got none of them, first "
                f"{found[0] if len(found) else 'nothing'}. Check the file and its column {name!r}."
            )
        if n_missing:
            remarks.append(
                f"{n_missing:,} of {len(places):,} {role}s of the log have no row: their values are missing."
            )
        n_others = len(found) - (len(places) - n_missing)
        if n_others:
            remarks.append(f"{n_others:,} of {len(found):,} rows are of no {role} of the log: left out.")
        joined = table.take(pa.array(places, mask=places < 0))
        features, schema, learnt = _numbers_of(joined, source, kinds)
        known = Attributes(joined, features, schema)
        return known, (*remarks, *learnt)


class TablesBeside:
    """The tables of users and items that stand beside a log, those that are given.

    Args:
        given: By role a table, or None.
        named: By role the column of ids, as the log calls it, or None.
        kinds: By column what it is, where its type does not say so.

    Raises:
        DataError: If one cannot be read.
        ConfigError: If a kind is named of a column that none of them has.
    """

    def __init__(
        self, given: Mapping[str, Any], named: Mapping[str, str | int | None], kinds: Mapping[str, Any] | None
    ) -> None:
        self._opened = {role: TableBeside(table, role) for role, table in given.items() if table is not None}
        self._named, self._kinds = named, dict(kinds or {})
        unknown = [name for name in self._kinds if not any(name in one.names for one in self._opened.values())]
        if unknown:
            raise ConfigError(
                f"columns: expected names of columns of the tables of users and items (users=, items=); got "
                f"{unknown[0]!r}. Rename it."
            )

    def joined(self, ids: Mapping[str, Ids]) -> tuple[dict[str, Attributes], list[str]]:
        """By role what is known of the ids, and what was decided, which is said too.

        Raises:
            DataError: If a table does not go with them.
        """
        found, remarks = {}, []
        for role, beside in self._opened.items():
            own = {name: kind for name, kind in self._kinds.items() if name in beside.names}
            found[role], told = beside.joined(ids[role], column=self._named[role], kinds=own)
            for remark in told:
                say(f"{beside.source.name}: {remark}")
                remarks.append(f"{role}s: {remark}")
        return found, remarks


def _a(role: str) -> str:
    return "an item" if role == "item" else "a user"


def _id_column(table: pa.Table, role: str, column: str | int | None, source: Source) -> str:
    names = table.column_names
    asked = [column] if isinstance(column, str) else []
    name = next((name for name in (*asked, role, f"{role}_id", "id") if name in names), None)
    if name is None:
        raise DataError(
            f"{source.name}: expected a column of {role} ids, {' or '.join((*asked, role, f'{role}_id', 'id'))}; got "
            f"{', '.join(names[:20])}. Rename it."
        )
    if len(set(names)) < len(names):
        raise DataError(f"{source.name}: expected columns of different names; got some twice. Rename them.")
    return name


def _table_of(source: Any, role: str) -> tuple[pa.Table, Source]:
    if is_table(source) or hasattr(source, "with_format"):
        shown = Source(f"{role}s")
        return as_table(source, shown), shown
    if is_file_name(source) and not Path(source).is_file():
        raise DataError(f"{source}: expected a table of {role}s; got none there. Check the path.")
    with as_file(source, None if is_file_name(source) else "") as path:
        return _file(path, role), Source(f"{path}", below_header=True)


def _file(path: Path, role: str) -> pa.Table:
    import pyarrow.feather as feather
    import pyarrow.parquet as pq

    suffixes = [suffix.lower() for suffix in path.suffixes if suffix not in SUFFIXES]
    suffix = suffixes[-1] if suffixes else ""
    try:
        if suffix == ".parquet":
            return pq.read_table(path)
        if suffix in (".arrow", ".feather"):
            return feather.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: expected a table; got '{str(error)[:200]}'. Check the file.") from error
    text = text_of(path)
    line = text[: text.find(b"\n")].rstrip(b"\r")
    for separator in ("::", "|"):
        names = _MOVIELENS.get((separator, line.count(separator.encode()) + 1))
        if names is not None and names[0] == role and line.split(separator.encode())[0].isdigit():
            return _movielens(path, text, separator, names)
    if suffix in (".item", ".user"):
        return _recbole(path, text, role)
    separator = "\t" if line.count(b"\t") > line.count(b",") else ","
    header = line.decode(errors="replace").split(separator)
    names = tuple(name.strip().strip('"') for name in header)
    as_text = {name: pa.string() for name in (role, f"{role}_id", "id", *names[:1])}
    return _csv(path, text[text.find(b"\n") + 1 :], separator, names, as_text)


def _csv(path: Path, text: bytes, separator: str, names: Sequence[str], types: Mapping[str, Any]) -> pa.Table:
    from pyarrow import csv

    try:
        return csv.read_csv(
            pa.BufferReader(text),
            csv.ReadOptions(column_names=list(names)),
            csv.ParseOptions(
                delimiter=separator, quote_char='"' if separator == "," else False, newlines_in_values=True
            ),
            csv.ConvertOptions(column_types=dict(types), null_values=[""], strings_can_be_null=True),
        )
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise DataError(
            f"{path}: expected a table with {len(names)} fields a row; got '{str(error)[:200]}'. Mend the file."
        ) from error


def _movielens(path: Path, text: bytes, separator: str, names: tuple[str, ...]) -> pa.Table:
    """A file of MovieLens, which has no header, and is in Latin-1 where it is not in UTF-8."""
    try:
        lines = text.decode().splitlines()
    except UnicodeDecodeError:
        lines = text.decode("latin-1").splitlines()
    n_fields = len(lines[0].split(separator))
    rows = [line.split(separator) for line in lines if line]
    wrong = next((place for place, row in enumerate(rows) if len(row) != n_fields), None)
    if wrong is not None:
        raise DataError(
            f"{path}:{wrong + 1}: expected {n_fields} fields with {separator} between; got {len(rows[wrong])}. Mend "
            "the line."
        )
    columns: dict[str, Any] = {}
    for place, name in enumerate(names):
        fields = [row[place] or None for row in rows]
        if not any(fields):  # as the dates of videos, of which no release has any
            continue
        columns[name] = pa.array(fields, pa.string())
        if name in _NUMBERS:
            columns[name] = columns[name].cast(pa.int64())
        elif name == _DAY:
            days = pc.strptime(columns[name], format="%d-%b-%Y", unit="s", error_is_null=True)
            columns[name] = days.cast(pa.date32())
    if n_fields > len(names):
        marks = [row[len(names) :] for row in rows]
        columns["genres"] = pa.array(
            [[genre for genre, mark in zip(_GENRES, row, strict=True) if mark == "1"] for row in marks],
            pa.list_(pa.string()),
        )
    return pa.table(columns)


def _recbole(path: Path, text: bytes, role: str) -> pa.Table:
    """RecBole's atomic file: tabs, a header of ``name:type``, and blanks between the values of a sequence."""
    header = text[: text.find(b"\n")].decode(errors="replace").rstrip("\r").split("\t")
    if not all(":" in field for field in header):
        raise DataError(
            f"{path}: expected a header such as '{_RECBOLE[role]}:token<tab>name:token_seq'; got {header[0][:60]!r}. "
            "Rename a file that is none of RecBole's."
        )
    kinds = dict(field.rsplit(":", 1) for field in header)
    types = {name: pa.float64() if kind == "float" else pa.string() for name, kind in kinds.items()}
    table = _csv(path, text[text.find(b"\n") + 1 :], "\t", tuple(kinds), types)
    for place, (name, kind) in enumerate(kinds.items()):
        if kind.endswith("_seq"):
            lists = pc.split_pattern(table[name], " ")
            if kind == "float_seq":
                lists = lists.cast(pa.list_(pa.float64()))
            table = table.set_column(place, name, lists)
    return table


def _without_views(table: pa.Table) -> pa.Table:
    """Text of views, which few functions of Arrow take, as text."""
    for place, field in enumerate(table.schema):
        kind = field.type
        inner = kind.value_type if pa.types.is_list(kind) or pa.types.is_large_list(kind) else kind
        if pa.types.is_string_view(inner):
            plain = pa.large_string() if inner is kind else pa.large_list(pa.large_string())
            table = table.set_column(place, field.name, table.column(place).cast(plain))
    return table


def _lists_apart(table: pa.Table, named: set[str]) -> tuple[pa.Table, list[str]]:
    """Text with ``|`` between few values that come again and again, such as genres, as lists; their names too."""
    found = []
    for place, (name, column) in enumerate(zip(table.column_names, table.columns, strict=True)):
        kind = column.type
        if name in named or not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            continue
        if not pc.any(pc.match_substring(column, _LIST)).as_py():
            continue
        lists = pc.split_pattern(column, _LIST)
        parts = pc.list_flatten(lists)
        if len(parts.unique()) * _ROWS_A_PART <= len(parts):
            table = table.set_column(place, name, lists)
            found.append(name)
    return table, found


def _numbers_of(
    table: pa.Table, source: Source, kinds: Mapping[str, Any]
) -> tuple[NDArray[np.float32], Schema, tuple[str, ...]]:
    """The columns that become numbers, and what there is to say of them; there may be none."""
    whole = table.combine_chunks()
    batches = whole.to_batches() or [pa.RecordBatch.from_pylist([], whole.schema)]
    found = columns_of(whole.schema)
    columns = choose_features(found, source, lambda name: numbers(batches[0].column(name)), needs_numbers=False)
    columns = learn(
        found,
        Wanted(columns=dict(kinds)),
        columns,
        source,
        lambda names: (batch.select(names) for batch in batches),
        needs_features=False,
    )
    schema = columns.schema or Schema(tuple(Number(name) for name in columns.features))
    known = {column.name for column in schema.columns}
    refused = next((column for column in found if column.name in kinds and column.name not in known), None)
    if refused is not None:
        raise not_numeric(refused, source)
    features, _ = read_columns(whole.schema, batches, columns, source, n_rows=len(whole))
    # Nothing is dropped here: a column that is no feature is kept to be shown.
    learnt = tuple(line.replace(", or drop=[...]", "") for line in columns.learnt)
    return features, schema, learnt
