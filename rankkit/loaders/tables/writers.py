"""Writers of LETOR text, Parquet, Arrow and CSV: the data set bit for bit, a block of rows at a time."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Category, Vector
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import TextIds, to_arrow
from rankkit.errors import DataError
from rankkit.files.atomic import replacing
from rankkit.loaders.compression import packed
from rankkit.loaders.tables.columns.assignment import DOC_ID, DOC_WEIGHT, LABEL, QID, QUERY_WEIGHT, RESERVED
from rankkit.loaders.tables.columns.encoding import decode
from rankkit.loaders.tables.written import beside_names, metadata_of
from rankkit.naming import named

# Numbers that are in the data set and in the form of the file at the same time.
_BLOCK_NUMBERS = 4_000_000


def write_letor(data: RankingDataset, path: str | os.PathLike[str]) -> None:
    """Write LETOR text, one document a line in input row order; compressed for .gz, .bz2, .xz and .zst.

    Every feature is written, zeros too, so that the width survives; a missing value is ``nan``. Numbers have the fewest
    digits that give the same float32 again. Document ids follow as ``#docid = <id>``. LETOR text has no place for
    feature names, which are left out, nor for weights; features named "0", "1", ... keep these indices, with the
    comment that says so.

    Args:
        data: Documents with labels and without weights.
        path: Where to write; an existing file is replaced as a whole.

    Raises:
        DataError: If there are no labels, or there are weights, or an id cannot stand in a line of text.
    """
    path = Path(path)
    if data.labels is None:
        raise DataError(
            f"{path}: expected labels, which LETOR text needs; got documents without labels. Write Parquet or CSV."
        )
    if data.schema is not None:
        other = next(column for column in data.schema.columns if column.kind != "number")
        raise DataError(
            f"{path}: expected features that are numbers, for LETOR text; got {other.name!r}, a {other.kind}. "
            "Write Parquet."
        )
    if data.beside:
        raise DataError(
            f"{path}: expected documents with nothing beside features, labels and ids, for LETOR text; got a "
            f"{next(iter(data.beside))}. Write Parquet."
        )
    if data.weights is not None:
        raise DataError(
            f"{path}: expected data without weights, for which LETOR text has no place; got weights. Write Parquet."
        )
    with replacing(path) as temporary, packed(temporary, path.suffix) as file:
        first = 0 if data.feature_names == tuple(map(str, range(data.n_features))) else 1
        if first == 0:
            file.write(b"# Column indices are zero-based\n")
        for rows in _row_blocks(data):
            file.write(_letor_lines(data, data.labels, rows, path, first))


def write_parquet(data: RankingDataset, path: str | os.PathLike[str]) -> None:
    """Write a Parquet file, one document a row in input row order; :func:`rankkit.read_parquet` reads it back.

    Columns: label, qid, doc_id, doc_weight or query_weight (those that the data has), what is known beside them, then
    the features by name, or "1", "2", ... where they have no names. Categories and bags are written as their text,
    vectors as lists; of times, text and hashed values only the numbers are left, which are columns such as
    ``day[hour]``. The schema stands in the metadata of the file, so that nothing of it is lost.

    Args:
        data: Any data set.
        path: Where to write; an existing file is replaced as a whole.

    Raises:
        DataError: If two columns would have the same name.
    """
    import pyarrow.parquet as pq

    path = Path(path)
    schema = _schema(data, path)
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for rows in _row_blocks(data):
            writer.write_batch(_record_batch(data, rows, schema))


def write_arrow(data: RankingDataset, path: str | os.PathLike[str]) -> None:
    """Write an Arrow IPC file (Feather version 2), which :func:`rankkit.read_arrow` reads back.

    The columns are those of :func:`write_parquet`, not compressed, so that other tools can map the file into memory.

    Args:
        data: Any data set.
        path: Where to write; an existing file is replaced as a whole.

    Raises:
        DataError: If two columns would have the same name.
    """
    path = Path(path)
    schema = _schema(data, path)
    with replacing(path) as temporary, pa.ipc.new_file(str(temporary), schema) as writer:
        for rows in _row_blocks(data):
            writer.write_batch(_record_batch(data, rows, schema))


def write_csv(data: RankingDataset, path: str | os.PathLike[str], *, separator: str | None = None) -> None:
    """Write a CSV file with a header, one document a row in input row order; :func:`rankkit.read_csv` reads it back.

    The columns are those of :func:`write_parquet`, but that vectors are columns of numbers; numbers have the fewest
    digits that give the same float32 again. CSV has no place for a schema: read it back with ``schema=``, or kinds are
    learnt anew.

    Args:
        data: Any data set.
        path: Where to write; an existing file is replaced as a whole. Compressed where the name ends in .gz, .bz2, .xz
            or .zst.
        separator: What stands between fields; None: a tab where the name has ".tsv", else a comma.

    Raises:
        DataError: If two columns would have the same name.
    """
    from pyarrow import csv

    path = Path(path)
    schema = _schema(data, path, lists=False)
    options = csv.WriteOptions(delimiter=separator or ("\t" if ".tsv" in path.suffixes else ","))
    with (
        replacing(path) as temporary,
        packed(temporary, path.suffix) as file,
        csv.CSVWriter(file, schema, write_options=options) as writer,
    ):
        for rows in _row_blocks(data):
            writer.write_batch(_record_batch(data, rows, schema))


def _row_blocks(data: RankingDataset) -> Iterator[NDArray[np.int64]]:
    """The documents in input row order, some at a time."""
    order = np.arange(data.n_docs) if data.rows is None else np.argsort(data.rows, kind="stable")
    size = max(1, _BLOCK_NUMBERS // max(1, data.n_features))
    for start in range(0, data.n_docs, size):
        yield order[start : start + size]


def _feature_columns(data: RankingDataset, rows: NDArray[np.int64]) -> list[pa.Array]:
    return [pa.array(column) for column in np.ascontiguousarray(data.features[rows].T)]


def _qids(data: RankingDataset, rows: NDArray[np.int64]) -> pa.Array:
    return to_arrow(data.qids[np.searchsorted(data.offsets, rows, side="right") - 1])


def _weight_name(data: RankingDataset) -> str:
    return QUERY_WEIGHT if data.weights_per == "query" else DOC_WEIGHT


def _schema(data: RankingDataset, path: Path, *, lists: bool = True) -> pa.Schema:
    features = _feature_fields(data, path, lists)
    beside = beside_names(data)
    names = [*beside.values(), *(field.name for field in features)]
    taken = [name for name, count in Counter(names).items() if name in RESERVED or count > 1]
    if taken:
        raise DataError(
            f"{path}: expected feature names that differ, none of them one of {sorted(RESERVED)}; got {taken[0]!r}. "
            "Rename the feature."
        )
    qid_type = pa.large_string() if isinstance(data.qids, TextIds) else pa.int64()
    fields = [pa.field(LABEL, pa.float32())] if data.labels is not None else []
    fields.append(pa.field(QID, qid_type))
    if data.doc_ids is not None:
        fields.append(pa.field(DOC_ID, pa.large_string()))
    if data.weights is not None:
        fields.append(pa.field(_weight_name(data), pa.float32()))
    fields += [pa.field(name, _beside_array(data, role, np.arange(0)).type) for role, name in beside.items()]
    return pa.schema(fields + features, metadata=metadata_of(data))


def _feature_fields(data: RankingDataset, path: Path, lists: bool) -> list[pa.Field]:
    """The columns of the features: numbers by name, or as the schema has them."""
    if data.schema is None:
        return [pa.field(name, pa.float32()) for name in named(data.feature_names, data.n_features)]
    fields = []
    for column in data.schema.columns:
        if isinstance(column, Bag) and not lists:
            raise DataError(
                f"{path}: expected columns without lists, for CSV; got {column.name!r}, a bag. Write Parquet."
            )
        if isinstance(column, Category | Bag) and column.vocabulary is not None:
            text = pa.large_string()
            fields.append(pa.field(column.name, text if isinstance(column, Category) else pa.large_list(text)))
        elif isinstance(column, Vector) and lists:
            fields.append(pa.field(column.name, pa.list_(pa.float32(), len(column.names))))
        else:
            fields += [pa.field(name, pa.float32()) for name in column.names]
    return fields


def _feature_arrays(data: RankingDataset, rows: NDArray[np.int64], schema: pa.Schema) -> list[pa.Array]:
    """The values of :func:`_feature_fields`."""
    if data.schema is None:
        return _feature_columns(data, rows)
    arrays: list[pa.Array] = []
    for column in data.schema.columns:
        values = np.ascontiguousarray(data.features[rows, data.schema.spans[column.name]])
        if isinstance(column, Category | Bag) and column.vocabulary is not None:
            arrays.append(decode(column, values))
        elif isinstance(column, Vector) and column.name in schema.names:
            arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), values.shape[1]))
        else:
            arrays += [pa.array(part) for part in np.ascontiguousarray(values.T)]
    return arrays


def _beside_array(data: RankingDataset, role: str, rows: NDArray[np.int64]) -> pa.Array:
    """What is known of some documents beside their features."""
    values = data.beside[role][rows]
    if role == "time" and not isinstance(values, TextIds) and values.dtype == np.int64:
        return pa.array(values).cast(pa.timestamp("us"))
    return to_arrow(values) if role in ("session", "split") else pa.array(values)


def _record_batch(data: RankingDataset, rows: NDArray[np.int64], schema: pa.Schema) -> pa.RecordBatch:
    columns = [] if data.labels is None else [pa.array(data.labels[rows])]
    qids = _qids(data, rows)
    columns.append(qids)
    if data.doc_ids is not None:
        columns.append(data.doc_ids[rows].to_arrow())
    if data.weights is not None:
        places = rows
        if _weight_name(data) == QUERY_WEIGHT:
            places = np.searchsorted(data.offsets, rows, side="right") - 1
        columns.append(pa.array(data.weights[places]))
    columns += [_beside_array(data, role, rows) for role in data.beside]
    return pa.RecordBatch.from_arrays(columns + _feature_arrays(data, rows, schema), schema=schema)


def _letor_lines(
    data: RankingDataset, labels: NDArray[np.float32], rows: NDArray[np.int64], path: Path, first: int
) -> memoryview:
    """Some documents as bytes, features counted from ``first``; joined by Arrow from columns: no loop over rows."""
    pieces = [_digits(pa.array(labels[rows])), _large(" qid:"), _letor_qids(_qids(data, rows), path)]
    for number, column in enumerate(_feature_columns(data, rows), start=first):
        pieces += [_large(f" {number}:"), _digits(column)]
    if data.doc_ids is not None:
        pieces.append(_letor_comments(data.doc_ids[rows].to_arrow(), path))
    lines = pc.binary_join_element_wise(*pieces, _large("\n"), _large(""))
    _, characters = TextIds(lines).buffers()
    return characters.data


def _large(text: str) -> pa.Scalar:
    return pa.scalar(text, pa.large_string())


def _digits(values: pa.Array) -> pa.Array:
    """The shortest decimal text that gives the same float32 again."""
    return values.cast(pa.large_string())


def _letor_qids(qids: pa.Array, path: Path) -> pa.Array:
    qids = qids.cast(pa.large_string())
    bad = pc.match_substring_regex(qids, r"[\s\x0b#]|^$")
    if pc.any(bad).as_py():
        qid = qids.filter(bad)[0].as_py()
        raise DataError(
            f"{path}: expected query ids without white space and '#', for LETOR text; got {qid!r}. Write Parquet."
        )
    return qids


def _letor_comments(ids: pa.Array, path: Path) -> pa.Array:
    """What stands behind the features: ``#docid = <id>``, or the id alone where it holds white space."""
    bad = pc.match_substring_regex(ids, r"[\r\n\x00]|^[\s\x0b]|[\s\x0b]$|^docid.*[\s\x0b]")
    if pc.any(bad).as_py():
        doc_id = ids.filter(bad)[0].as_py()
        raise DataError(
            f"{path}: expected document ids of one line that white space neither begins nor ends, for LETOR text; "
            f"got {doc_id!r}. Write Parquet or CSV."
        )
    begin = pc.if_else(pc.match_substring_regex(ids, r"[\s\x0b]"), _large(" # "), _large(" #docid = "))
    return pc.binary_join_element_wise(pc.if_else(pc.equal(ids, _large("")), _large(""), begin), ids, _large(""))
