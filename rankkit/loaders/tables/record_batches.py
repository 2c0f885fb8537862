"""Arrow record batches into a row-major RankingDataset, a batch at a time: no second copy of the features."""

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Column, Number, Text, Vector
from rankkit.data.ranking_dataset import RankingDataset, Roles
from rankkit.data.sides import check_sides
from rankkit.data.text_ids import TextIds
from rankkit.errors import DataError
from rankkit.loaders.row_blocks import RowBlock, ScatteredError
from rankkit.loaders.tables.arrays import Source, assemble, check_finite, check_labels, check_weights, fill
from rankkit.loaders.tables.columns.assignment import Columns
from rankkit.loaders.tables.columns.encoding import as_times, encode
from rankkit.loaders.tables.columns.kinds import is_number, laid_open, numbers, plain_type
from rankkit.loaders.tables.columns.suspicions import Suspicions
from rankkit.loaders.tables.ids import read_qids, read_texts
from rankkit.remarks import say_of_columns

_NUMBERS = 4_000_000  # features that are in columns and in rows at the same time
_MOST_ROWS = 65_536


def read_batches(
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    columns: Columns,
    source: Source,
    *,
    n_rows: int | None = None,
) -> RankingDataset:
    """Read the record batches of a whole table into one data set, as :func:`read_rows`, and say what is to be said."""
    suspicions = suspicions_of(columns)
    data = read_rows(schema, batches, columns, source, n_rows=n_rows, suspicions=suspicions)
    remarks = (*columns.remarks, *_gaps(data), *(() if suspicions is None else suspicions.remarks()))
    say_of_columns(source.name, remarks)
    return replace(data, remarks=remarks)


def _gaps(data: RankingDataset) -> tuple[str, ...]:
    """What there is to say of positions that are not 1, 2, 3, ... or 0, 1, 2, ..."""
    if "position" not in data.beside or not data.n_docs:
        return ()
    place = np.arange(data.n_docs) - np.repeat(data.offsets[:-1], data.list_sizes)
    ahead = np.asarray(data.beside["position"]) - place
    lists = np.repeat(np.arange(data.n_queries), data.list_sizes)
    n_uneven = len(np.unique(lists[ahead != ahead.min()]))
    if not n_uneven and ahead.min() in (0, 1):
        return ()
    n_uneven = n_uneven or data.n_queries
    return (
        f"positions of {n_uneven:,} of {data.n_queries:,} lists have gaps or begin late: documents count as shown at "
        "their places among those that are there.",
    )


def suspicions_of(columns: Columns) -> Suspicions | None:
    """What is to be suspected of the features; None where they were named."""
    if not columns.is_guess:
        return None
    schema = columns.schema
    many = () if schema is None else tuple(one for one in schema.columns if isinstance(one, Text | Vector | Bag))
    quiet = frozenset(place for one in many for place in range(*schema.spans[one.name].indices(schema.width)))  # type: ignore[union-attr]
    return Suspicions(columns.feature_names, columns.merged, quiet=quiet)


def read_rows(
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    columns: Columns,
    source: Source,
    *,
    n_rows: int | None = None,
    suspicions: Suspicions | None = None,
) -> RankingDataset:
    """Read record batches, of a whole table or of some of its rows, into one data set.

    Args:
        schema: Of the batches.
        batches: With at least the columns that are used.
        columns: Which column is what.
        source: For messages.
        n_rows: How many rows will come, where that is known: the matrix is then allocated once.
        suspicions: Is shown the rows.

    Raises:
        DataError: If a value cannot be used, with its row and column.
    """
    features, whole = read_columns(schema, batches, columns, source, n_rows=n_rows, suspicions=suspicions)
    data = _assemble(features, whole, columns, source)
    check_sides(source.name, data)
    if suspicions is not None:
        suspicions.look(data)
    return data


def read_blocks(
    schema: pa.Schema, batches: Iterable[pa.RecordBatch], columns: Columns, source: Source, *, n_rows: int | None = None
) -> Generator[RowBlock, None, None]:
    """The rows that :func:`read_batches` reads, some at a time; what is to be said is said once they have all come.

    Args:
        schema: Of the batches.
        batches: With at least the columns that are used.
        columns: Which column is what.
        source: For messages.
        n_rows: How many rows will come, where that is known.

    Raises:
        DataError: As :func:`read_rows`.
        ScatteredError: If rows have positions, so that a query has an order of its own.
    """
    if "position" in columns.beside:
        raise ScatteredError
    suspicions, n_read, width = suspicions_of(columns), 0, None
    for batch in small_batches(batches, columns):
        part = read_rows(schema, [batch], columns, replace(source, first_row=n_read), suspicions=suspicions)
        if width not in (None, part.n_features):
            raise uneven(source, columns.vector, n_read, width or 0, part.n_features)
        width, n_read = part.n_features, n_read + part.n_docs
        query = part.in_row_order(np.repeat(np.arange(part.n_queries), part.list_sizes))
        starts = np.append(0, np.flatnonzero(np.diff(query)) + 1)
        yield RowBlock(
            part.in_row_order(part.features),
            starts,
            part.qids[query[starts]],
            doc_ids=None if part.doc_ids is None else part.in_row_order(part.doc_ids),
            feature_names=part.feature_names,
            schema=part.schema,
            progress=None if n_rows is None else n_read / max(n_rows, 1),
        )
    say_of_columns(source.name, (*columns.remarks, *(() if suspicions is None else suspicions.remarks())))


def read_columns(
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
    columns: Columns,
    source: Source,
    *,
    n_rows: int | None = None,
    suspicions: Suspicions | None = None,
) -> tuple[NDArray[np.float32], dict[str, pa.ChunkedArray]]:
    """The features of record batches as one matrix ``[row, feature]``, and the other columns by name; as read_rows.

    Raises:
        DataError: If a value cannot be used, with its row and column.
    """
    chunks: dict[str, list[pa.Array]] = {name: [] for name in columns.roles}
    width = len(columns.features) if columns.schema is None else columns.schema.width
    features = np.empty((n_rows or 0, width), np.float32)
    n_read = 0
    for batch in batches:
        if batch.num_rows == 0:
            continue
        parts = _feature_columns(batch, columns, source, n_read)
        if n_read == 0 and len(parts) != features.shape[1]:
            features = np.empty((n_rows or 0, len(parts)), np.float32)
        if suspicions is not None:
            for place, part in enumerate(parts):
                suspicions.note_merged(place, part)
        last = n_read + batch.num_rows
        if last > len(features):
            # Grown in place: the allocator moves the pages of a large array, it does not copy them.
            features.resize((max(last, len(features) * 5 // 4), features.shape[1]), refcheck=False)
        names = range(len(parts)) if columns.vector is not None else columns.feature_names or columns.features
        if len(parts) != features.shape[1]:
            raise uneven(source, columns.vector, n_read, features.shape[1], len(parts))
        fill(features[n_read:last], parts, source, first_row=n_read, names=names)
        for name, pieces in chunks.items():
            pieces.append(batch.column(name))
        n_read = last
    features.resize((n_read, features.shape[1]), refcheck=False)
    return features, {name: pa.chunked_array(pieces, schema.field(name).type) for name, pieces in chunks.items()}


def _assemble(
    features: NDArray[np.float32], whole: dict[str, pa.ChunkedArray], columns: Columns, source: Source
) -> RankingDataset:
    label, doc_id, weight, query_weight = columns.label, columns.doc_id, columns.weight, columns.query_weight
    qid = str(columns.qid)
    beside = {role: _beside(role, whole[name], source, name) for role, name in columns.beside.items()}
    return assemble(
        source,
        features,
        None if label is None else check_labels(numbers(whole[label]), source, label),
        read_qids(whole[qid], source, qid),
        weights=None if weight is None else check_weights(numbers(whole[weight]), source, weight),
        query_weights=None
        if query_weight is None
        else check_weights(numbers(whole[query_weight]), source, query_weight),
        doc_ids=None if doc_id is None else read_texts(whole[doc_id], source, doc_id),
        feature_names=columns.feature_names,
        roles=Roles(label, qid, doc_id, weight, query_weight, columns.vector, **columns.beside),
        schema=columns.schema,
        beside=beside,
    )


def _beside(role: str, values: pa.ChunkedArray, source: Source, column: str) -> NDArray[Any] | TextIds:
    """What is known of documents beside their features, as the role has it."""
    if role in ("session", "split"):
        return read_qids(values, source, column)
    if role == "time":
        if is_number(values.type) and not pa.types.is_boolean(plain_type(values.type)):
            return check_finite(numbers(values), source, column, "a time")
        parts = [as_times(chunk, column, source, 0) for chunk in values.chunks]
        at = np.concatenate(parts) if parts else np.empty(0, "datetime64[us]")
        if np.isnat(at).any():
            row = int(np.isnat(at).argmax())
            raise DataError(f"{source.at(row, column)}: expected a time; got none. Fill the column, or drop the row.")
        return at.astype(np.int64)
    given = check_finite(numbers(values), source, column, f"a {role}")
    if role == "position":
        bad = (given < 0) | (given != np.floor(given))
        if bad.any():
            row = int(bad.argmax())
            raise DataError(
                f"{source.at(row, column)}: expected a position, a whole number from 0 or 1; got {given[row]:g}. "
                "Name the column of positions with position=."
            )
        return given.astype(np.int64)
    bad = ~((given > 0) & (given < np.inf))
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            f"{source.at(row, column)}: expected a propensity above 0; got {given[row]:g}. "
            "Name the column of propensities with propensity=."
        )
    return given.astype(np.float32)


def _feature_columns(batch: pa.RecordBatch, columns: Columns, source: Source, first_row: int) -> Sequence[NDArray[Any]]:
    """One array a feature, from one column each, from the lists of one column, or as the schema says."""
    if columns.schema is not None:
        return [
            part for one in columns.schema.columns for part in _column_parts(one, batch, columns, source, first_row)
        ]
    if columns.vector is None:
        return [numbers(batch.column(name)) for name in columns.features]
    lists = laid_open(batch.column(columns.vector))
    if lists.null_count:
        row = first_row + pc.index(pc.is_null(lists), True).as_py()
        raise DataError(f"{source.at(row, columns.vector)}: expected a list of numbers; got none. Fill the column.")
    sizes = np.asarray(pc.list_value_length(lists).to_numpy(zero_copy_only=False))
    differs = sizes != sizes[0]
    if differs.any():
        row = int(differs.argmax())
        raise uneven(source, columns.vector, first_row + row, int(sizes[0]), int(sizes[row]))
    flat = numbers(lists.flatten())
    return list(flat.reshape(len(sizes), int(sizes[0])).T)


def _column_parts(
    one: Column, batch: pa.RecordBatch, columns: Columns, source: Source, first_row: int
) -> Sequence[NDArray[Any]]:
    """One array a column of the matrix, of one column of the schema."""
    if one.name in columns.flat:
        return [
            part for name in one.names for part in encode(Number(name), {name: batch.column(name)}, source, first_row)
        ]
    return encode(one, {name: batch.column(name) for name in one.sources}, source, first_row)


def small_batches(batches: Iterable[pa.RecordBatch], columns: Columns) -> Iterator[pa.RecordBatch]:
    """The rows of the batches, so many at a time that their features are few."""
    for batch in batches:
        width = len(columns.features) if columns.schema is None else columns.schema.width
        if columns.vector is not None and batch.num_rows:
            width = len(batch.column(columns.vector)[0].as_py() or ())
        n_rows = min(_MOST_ROWS, max(1, _NUMBERS // max(1, width)))
        for start in range(0, batch.num_rows, n_rows):
            yield batch.slice(start, n_rows)


def uneven(source: Source, column: str | None, row: int, expected: int, got: int) -> DataError:
    """The error for a row whose list of features is longer or shorter than those before."""
    return DataError(
        f"{source.at(row, column)}: expected a list of {expected} numbers, as in the rows before; got {got}. "
        "Give every document the same features."
    )
