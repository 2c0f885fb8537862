"""What is learnt of the columns of a table before its rows are read: which text has few values, and which."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankkit.data.columns.kinds import Bag, Category, Number, Text, Time, Vector
from rankkit.data.columns.kinds import Column as Kind
from rankkit.data.columns.schema import Schema
from rankkit.data.recoding import missing_columns
from rankkit.errors import DataError
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.assignment import Columns, Wanted, no_features, not_numeric
from rankkit.loaders.tables.columns.encoding import as_texts, as_times
from rankkit.loaders.tables.columns.kinds import (
    CATEGORY,
    DAY,
    LIST,
    NUMBER,
    ORDERED,
    PERIOD,
    TEXTS,
    Column,
    is_list,
    is_number,
    kind_of,
    laid_open,
)

Rows = Callable[[list[str]], Iterable[pa.RecordBatch]]
"""The record batches of a table with the columns of those names; can be asked for more than once."""

MOST_GUESSED = 10_000
"""Values of text that is taken for a category unasked."""
_ROWS_A_VALUE = 2  # on average, at least
_SHOWN = 12
_BATCH_ROWS = 65_536
_MOST_HELD = 64  # batches whose counts are kept apart


def learn(
    found: Sequence[Column],
    wanted: Wanted,
    columns: Columns,
    source: Source,
    rows: Rows,
    *,
    needs_features: bool = True,
) -> Columns:
    """What the features of a table are made of: the schema that is given, or one that is learnt from its rows.

    Args:
        found: The columns of the table.
        wanted: What the user asked for.
        columns: Which column is what, as far as their types say it.
        source: For messages.
        rows: Of the table.
        needs_features: Refuse a table without any.

    Raises:
        DataError: If a column is missing, no feature is left, or a value is not of the kind that was named.
    """
    dropped = wanted.dropped
    there = {column.name: column for column in found if column.name not in dropped}
    if wanted.schema is not None:
        return _as_given(there, wanted.schema.without(wanted.dropped), columns, source)
    asked = _asked(there, wanted, columns, source)
    if all(isinstance(one, Number) and one.side == "document" for one, _ in asked.values()):
        if needs_features and not columns.features and columns.vector is None:
            raise no_features(there.values(), columns.roles, source)
        return columns
    learning = {name: _Learning(one, is_guess) for name, (one, is_guess) in asked.items()}
    _look(learning, columns, source, rows)
    settled = {name: one.settle() for name, one in learning.items()}
    chosen = wanted.kinds.keys() | (set(columns.features) if wanted.features is not None else set())
    refused = next((name for name, one in settled.items() if one is None and name in chosen), None)
    if refused is not None:
        raise not_numeric(there[refused], source)
    kept = tuple(one for one in settled.values() if one is not None)
    if not kept and needs_features:
        raise no_features(there.values(), columns.roles, source)
    taken = {source for one in kept for source in one.sources}
    left_out = tuple((name, reason) for name, reason in columns.left_out if name not in taken)
    found_schema = Schema(kept)
    if found_schema.is_numbers:
        return replace(columns, features=found_schema.names, left_out=left_out)
    remarks = (*_guesses(learning, settled), *(line for name in settled for line in learning[name].cuts(settled[name])))
    return replace(columns, left_out=left_out, schema=found_schema, learnt=remarks)


def _as_given(there: Mapping[str, Column], schema: Schema, columns: Columns, source: Source) -> Columns:
    """The columns of a schema that was learnt before; those that it lacks are left out."""
    flat = frozenset(
        one.name for one in schema.columns if not set(one.sources) <= there.keys() and set(one.names) <= there.keys()
    )
    missing = [name for one in schema.columns if one.name not in flat for name in one.sources if name not in there]
    if missing:
        raise DataError(missing_columns(source.name, list(dict.fromkeys(missing)), list(there)))
    for one in schema.columns:
        if isinstance(one, Number) and there[one.name].kind != NUMBER:
            raise not_numeric(there[one.name], source)
    chosen = replace(columns, schema=schema, flat=flat, features=(), left_out=(), is_guess=False)
    known = {*chosen.used, *columns.roles}
    others = tuple((name, "not in the schema") for name in there if name not in known)
    if schema.is_numbers:
        chosen = replace(chosen, schema=None, features=schema.names)
    return replace(chosen, left_out=others)


def _asked(
    there: Mapping[str, Column], wanted: Wanted, columns: Columns, source: Source
) -> dict[str, tuple[Kind, bool]]:
    """By name, in the order of the table or of ``features``, what each feature becomes, and whether that is a guess."""
    kinds, reasons = wanted.kinds, dict(columns.left_out)
    if columns.vector is not None:
        if kinds:
            raise DataError(
                f"{source.name}: expected features in columns of their own beside columns=; got the one column "
                f"{columns.vector!r} of them all. Name it in columns= as 'vector' instead."
            )
        return {}
    numbers = set(columns.features)  # a table may have many columns
    named = dict.fromkeys(columns.features if wanted.features is not None else ())
    asked: dict[str, tuple[Kind, bool]] = {}
    for name in dict.fromkeys((*named, *there)):
        column = there[name]
        if name in kinds:
            asked[name] = kinds[name], False
        elif name in numbers and column.kind == NUMBER:
            asked[name] = Number(name), False
        elif name in named or (wanted.features is None and reasons.get(name) == column.kind):
            kind = _kind_by_type(column)
            if kind is None and name in named:
                raise not_numeric(column, source)
            if kind is not None:
                asked[name] = kind
    return asked


def _kind_by_type(column: Column) -> tuple[Kind, bool] | None:
    """What the type of a column says that it is, and whether its values have yet to show it; None for no feature."""
    name = column.name
    if column.kind == "text":
        return Category(name, ordered=column.detail == ORDERED), column.detail not in (CATEGORY, ORDERED)
    if column.kind == "date" and column.detail != PERIOD:
        return Time(name, parts=("days", "weekday") if column.detail == DAY else Time.parts), True
    if column.kind == LIST:
        return Vector(name), True
    return (Bag(name), True) if column.detail == TEXTS else None


@dataclass
class _Learning:
    """What is known of one column so far."""

    asked: Kind
    is_guess: bool
    counts: Counter[str] = field(default_factory=Counter)
    held: list[pa.Table] = field(default_factory=list)  # counts of batches that are not among these yet
    n_rows: int = 0
    n_queries: int = 0
    n_lists: int = 0  # the queries of all batches, those that go on counted again, ...
    n_values: int = 0  # ... and how many different values each of them has, in all
    longest: int = 0
    earliest: float | None = None
    has_hours: bool = False
    size: int | None = None
    is_out: bool = False
    order: tuple[str, ...] | None = None

    def look(self, batch: pa.RecordBatch, query: pa.Array | None, source: Source, first_row: int) -> None:
        """Look at some rows."""
        values = batch.column(self.asked.name)
        if isinstance(self.asked, Category):
            self._look_at_words(values, query, source)
        elif isinstance(self.asked, Bag):
            lists = laid_open(values)
            if (
                pa.types.is_list(lists.type)
                or pa.types.is_large_list(lists.type)
                or pa.types.is_fixed_size_list(lists.type)
            ):
                self.longest = max(self.longest, pc.max(pc.list_value_length(lists)).as_py() or 0)
                if pa.types.is_fixed_size_list(lists.type):
                    lists = lists.cast(pa.large_list(lists.type.value_type))
                self._look_at_words(lists.flatten(), None, source)
        elif isinstance(self.asked, Time):
            at = as_times(values, self.asked.name, source, first_row)
            if not np.isnat(at).all():
                earliest = float(np.nanmin(at[~np.isnat(at)].astype(np.int64))) / 1e6
                self.earliest = earliest if self.earliest is None else min(earliest, self.earliest)
                self.has_hours |= bool((at[~np.isnat(at)].astype(np.int64) % 86_400_000_000).any())
        elif isinstance(self.asked, Vector) and not self.is_out:
            self._look_at_sizes(values)

    def _look_at_words(self, values: pa.Array, query: pa.Array | None, source: Source) -> None:
        if self.order is None and pa.types.is_dictionary(values.type) and values.type.ordered:
            self.order = tuple(as_texts(values.dictionary, self.asked, source).to_pylist())
        if self.is_out or (self.asked.n_buckets is not None):  # type: ignore[union-attr]
            return
        texts = as_texts(values, self.asked, source)
        self.n_rows += len(texts) - texts.null_count
        found = pc.value_counts(texts.drop_null())
        self.held.append(pa.table({"word": found.field("values"), "count": found.field("counts")}))
        if self.is_guess or len(self.held) >= _MOST_HELD:
            self.count_up()
        if self.is_guess and len(self.counts) > MOST_GUESSED:
            self.is_out = True
            self.counts.clear()
        elif self.is_guess and query is not None:
            pairs = pa.table({"query": query, "value": texts})
            self.n_values += pairs.group_by(["query", "value"]).aggregate([]).num_rows
            self.n_lists += len(query.unique())

    def count_up(self) -> None:
        """Bring the counts of batches together: in one go, since a dictionary of a million words is slow to add to."""
        if not self.held:
            return
        if self.counts:
            self.held.append(
                pa.table({"word": pa.array(self.counts, pa.large_string()), "count": [*self.counts.values()]})
            )
        whole = pa.concat_tables(self.held).group_by("word").aggregate([("count", "sum")])
        pairs = zip(whole["word"].to_pylist(), whole["count_sum"].to_pylist(), strict=True)
        self.counts, self.held = Counter(dict(pairs)), []

    def _look_at_sizes(self, values: pa.Array) -> None:
        lists = laid_open(values)
        if not is_list(lists.type):
            return
        sizes = pc.list_value_length(lists).unique().drop_null().to_pylist()
        if self.size is None and sizes:
            self.size = sizes[0]
        # Of lists that were named, a wrong one is an error with its row, where they are read.
        self.is_out = self.is_guess and any(size != self.size for size in sizes)

    def settle(self) -> Kind | None:
        """The column with what was learnt; None where it is not what it was taken for."""
        self.count_up()
        asked = self.asked
        if isinstance(asked, Category):
            if self.is_guess and not self._has_few_values():
                return None
            if asked.n_buckets is not None:
                return asked
            return replace(asked, vocabulary=self._vocabulary(asked))
        if isinstance(asked, Bag):
            if self.is_guess and not self._has_few_values():
                return None
            words = None if asked.n_buckets is not None else self._vocabulary(asked)
            return replace(asked, vocabulary=words, places=asked.places or max(1, self.longest))
        if isinstance(asked, Time):
            if self.is_guess and not self.has_hours:  # dates in a type of times
                asked = replace(asked, parts=tuple(part for part in asked.parts if part != "hour"))
            return replace(asked, origin=float(np.floor((self.earliest or 0.0) / 86_400) * 86_400))
        if isinstance(asked, Vector):
            size = asked.size or self.size
            return None if self.is_out or not size else replace(asked, size=size)
        return asked

    def _has_few_values(self) -> bool:
        of_queries = self.n_lists > 0 and self.n_values == self.n_lists
        n_units = self.n_queries if of_queries else self.n_rows
        return not self.is_out and 0 < _ROWS_A_VALUE * len(self.counts) <= n_units

    def _vocabulary(self, asked: Category | Bag) -> tuple[str, ...]:
        pairs: Iterable[tuple[str, int]] = self.counts.items()
        if len(self.counts) > asked.max_size:
            pairs = sorted(pairs, key=lambda pair: (-pair[1], pair[0]))[: asked.max_size]
        kept = {word for word, count in pairs if count >= asked.min_count}
        if self.order is not None and isinstance(asked, Category) and asked.ordered:
            return tuple(word for word in self.order if word in kept)
        return tuple(sorted(kept))

    def cuts(self, settled: Kind | None) -> list[str]:
        """What was cut from the vocabulary, in a line, if anything was."""
        if not isinstance(settled, Category | Bag) or settled.vocabulary is None:
            return []
        n_cut = len(self.counts) - len(settled.vocabulary)
        if n_cut <= 0:
            return []
        kept = set(settled.vocabulary)
        n_rows = sum(count for word, count in self.counts.items() if word not in kept)
        return [
            f"{settled.name}: {n_cut:,} of {len(self.counts):,} values are not in the vocabulary "
            f"(min_count={settled.min_count}, max_size={settled.max_size}) and count as unseen, "
            f"{n_rows:,} of {self.n_rows:,} times."
        ]


def _look(learning: Mapping[str, _Learning], columns: Columns, source: Source, rows: Rows) -> None:
    """Show the columns that have something to be learnt of all rows."""
    unknown = {
        name: one
        for name, one in learning.items()
        if not isinstance(one.asked, Number | Text) and (one.is_guess or not _is_known(one.asked))
    }
    if not unknown:
        return
    has_guess = any(one.is_guess and isinstance(one.asked, Category) for one in unknown.values())
    qid = columns.qid if has_guess else None
    first_row, queries = 0, set[Any]()
    for batch in _even(rows(list(dict.fromkeys((*unknown, *([] if qid is None else [qid])))))):
        query = None
        if qid is not None:
            query = laid_open(batch.column(qid))
            if not (is_number(query.type) or kind_of(query.type) == "text"):
                return  # which the reader of ids refuses
            queries.update(query.unique().to_pylist())
        for one in unknown.values():
            one.look(batch, query, source, first_row)
        first_row += batch.num_rows
    for one in unknown.values():
        one.n_queries = len(queries)


def _even(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """The rows in batches of one size, so that what is learnt does not depend on how a table is stored."""
    held: list[pa.RecordBatch] = []
    n_held = 0
    for batch in batches:
        held.append(batch)
        n_held += batch.num_rows
        while n_held >= _BATCH_ROWS:
            whole = pa.Table.from_batches(held).combine_chunks()
            yield from whole.slice(0, _BATCH_ROWS).combine_chunks().to_batches()
            held = whole.slice(_BATCH_ROWS).to_batches()
            n_held -= _BATCH_ROWS
    if n_held:
        yield from pa.Table.from_batches(held).combine_chunks().to_batches()


def _is_known(asked: Kind) -> bool:
    if isinstance(asked, Category):
        return asked.n_buckets is not None
    return isinstance(asked, Vector) and asked.size is not None


def _guesses(learning: Mapping[str, _Learning], settled: Mapping[str, Kind | None]) -> list[str]:
    """What text was taken for categories unasked, in a line."""
    taken = [
        f"{name} ({one.n_codes:,} values)"
        for name, one in settled.items()
        if learning[name].is_guess and isinstance(one, Category | Bag)
    ]
    more = f", ... ({len(taken)} in all)" if len(taken) > _SHOWN else ""
    if not taken:
        return []
    return [
        f"text taken as categories: {', '.join(taken[:_SHOWN])}{more}. Name other kinds with columns=, or drop=[...]."
    ]
