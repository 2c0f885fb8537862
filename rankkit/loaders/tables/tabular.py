"""Readers of tables: pandas, anything with the Arrow interface, Parquet, Arrow and CSV files."""

import contextlib
import itertools
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError, RankkitError
from rankkit.loaders.sources import Readable, as_file
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.arrow_files import ARROW, PARQUET, read_files
from rankkit.loaders.tables.columns.assignment import Columns, First, Wanted, choose_columns, choose_features
from rankkit.loaders.tables.columns.kinds import Column, columns_of, numbers
from rankkit.loaders.tables.columns.learning import learn
from rankkit.loaders.tables.pandas_columns import (
    as_arrow,
    columns_of_frame,
    frame_batches,
    frame_columns,
    with_named_index,
)
from rankkit.loaders.tables.record_batches import read_batches, read_columns

if TYPE_CHECKING:
    import pandas as pd

# Rows that are in columns and in rows of the matrix at the same time.
_BATCH_ROWS = 65_536


def from_pandas(
    frame: "pd.DataFrame",
    *,
    label: str | None = "label",
    qid: str = "qid",
    features: Sequence[str] | str | None = None,
    doc_id: str | None = "doc_id",
    weight: str | None = "doc_weight",
    query_weight: str | None = "query_weight",
    drop: Sequence[str] | str | None = None,
    columns: Mapping[str, Any] | None = None,
    schema: Schema | None = None,
    position: str | None = None,
    propensity: str | None = None,
    time: str | None = None,
    session: str | None = None,
    split: str | None = None,
) -> RankingDataset:
    """Make a data set of a pandas DataFrame, one document a row.

    Of the keywords, those that stand at their default may name columns that are not there: without a column "label" the
    documents have no labels and can be scored. Rows of one query need not stand together; predictions come back in the
    order of the frame all the same.

    Args:
        frame: The documents. Of its index only levels that a keyword or default names are used.
        label: Column of graded relevance, 0 or more, or None for documents without labels.
        qid: Column of query ids: integers or strings.
        features: Columns, or the name of one column of lists. None takes every column that can be a feature and is
            nothing else, in order: numbers, categories, dates, lists of numbers, text of few values. What is left out,
            and text that is taken, is told in a :class:`rankkit.errors.DataWarning` and in the ``remarks`` of the data
            set. :mod:`rankkit.loaders.tables.columns.assignment` has the rule. Missing values become NaN.
        doc_id: Column of document names, or None.
        weight: Column of the importance of documents, or None.
        query_weight: Column of the importance of queries, equal for all rows of one, or None.
        drop: Columns that count as not there.
        columns: Kinds of columns by name, where their type does not say it: ``"number"``, ``"category"``, ``"time"``,
            ``"vector"``, ``"text"``, ``"bag"``, or with options :func:`rankkit.category`, :func:`rankkit.text`, ...
        schema: That of a data set that was read before, as a rule of the training data: columns are found by name, in
            any order, and values that its vocabularies lack count as unseen.
        position: Column of the place at which a document was shown: documents come into this order within their query.
        propensity: Column of how likely that place is looked at, for :func:`rankkit.propensity_weighted`.
        time: Column of when a query was asked, for :func:`rankkit.split`: dates, or numbers in a unit of their own.
        session: Column of sessions, kept in ``beside`` of the data set.
        split: Column of parts, kept in ``beside`` of the data set. Columns with these five roles are features only if
            ``columns`` names them too.

    Raises:
        DataError: If a column is not there or of the wrong type, a label is missing or negative, or a number is
            infinite or beyond float32. Rows in messages count from 0.

    Example:
        >>> import pandas as pd
        >>> frame = pd.DataFrame({"query": ["b", "b", "a"], "bm25": [1.5, 0.5, 2.0], "title": ["x", "y", "z"]})
        >>> data = from_pandas(frame, qid="query", drop=["title"])
        >>> data.feature_names, data.labels, data.qids.tolist()
        (('bm25',), None, ['b', 'a'])
    """
    roles = {"position": position, "propensity": propensity, "time": time, "session": session, "split": split}
    wanted = Wanted(label, qid, features, doc_id, weight, query_weight, drop, columns, schema, **roles)
    source = Source("from_pandas")
    if not is_frame(frame):
        raise DataError(
            f"from_pandas: expected a pandas data frame; got {type(frame).__module__}.{type(frame).__name__}. "
            "Pass other tables to rankkit.from_arrow, arrays to rankkit.from_arrays."
        )
    frame = with_named_index(frame, wanted.named)
    found = columns_of_frame(frame)
    chosen = choose_columns(found, wanted, source, first_of_frame(frame, found, source))
    chosen = learn(found, wanted, chosen, source, lambda names: frame_columns(frame, found, source, _BATCH_ROWS, names))
    types, batches = frame_batches(frame, found, chosen, source, _BATCH_ROWS)
    return read_batches(types, batches, chosen, source, n_rows=len(frame))


def from_arrow(
    table: Any,
    *,
    label: str | None = "label",
    qid: str = "qid",
    features: Sequence[str] | str | None = None,
    doc_id: str | None = "doc_id",
    weight: str | None = "doc_weight",
    query_weight: str | None = "query_weight",
    drop: Sequence[str] | str | None = None,
    columns: Mapping[str, Any] | None = None,
    schema: Schema | None = None,
    position: str | None = None,
    propensity: str | None = None,
    time: str | None = None,
    session: str | None = None,
    split: str | None = None,
) -> RankingDataset:
    """Make a data set of an Arrow table, or of anything with ``__arrow_c_stream__``: polars, DuckDB, Arrow readers.

    Data sets of Hugging Face, which lack that interface, are taken too. A stream is read batch by batch, unless there
    is a vocabulary to learn: then it is held as a whole until that is known. The keywords are those of
    :func:`from_pandas`.

    Raises:
        DataError: As :func:`from_pandas`, and for an object without the Arrow interface.

    Example:
        >>> import pyarrow as pa
        >>> table = pa.table({"qid": [1, 1], "label": [0, 2], "vector": [[0.5, 1.0], [0.1, 3.0]]})
        >>> from_arrow(table, features="vector")
        RankingDataset(1 query, 2 docs, 2 features, labels 0..2)
    """
    source = Source("from_arrow")
    roles = {"position": position, "propensity": propensity, "time": time, "session": session, "split": split}
    wanted = Wanted(label, qid, features, doc_id, weight, query_weight, drop, columns, schema, **roles)
    types, first, batches, n_rows = open_arrow(table, source)
    with foreign_errors(source):
        found = columns_of(types)
        chosen = choose_columns(found, wanted, source, first)
        held: list[pa.RecordBatch] = []

        def rows(names: list[str]) -> Iterator[pa.RecordBatch]:
            # A stream passes once: what has a vocabulary to learn is held until it is known.
            nonlocal batches
            if not held:
                held.extend(batches)
                batches = iter(held)
            return (batch.select(names) for batch in held)

        chosen = learn(found, wanted, chosen, source, rows)
        return read_batches(types, batches, chosen, source, n_rows=n_rows)


def open_arrow(table: Any, source: Source) -> tuple[pa.Schema, First, Iterator[pa.RecordBatch], int | None]:
    """A table with the Arrow interface: its schema, a look at the first values, its batches, and how many rows.

    Raises:
        DataError: If it has no such interface, or fails there.
    """
    n_rows = None
    if isinstance(table, pa.Table):
        n_rows, table = table.num_rows, table.to_reader(max_chunksize=_BATCH_ROWS)
    if hasattr(table, "with_format") and hasattr(table, "iter"):
        table = _hugging_face_reader(table)
    if not hasattr(table, "__arrow_c_stream__"):
        raise DataError(
            f"{source.name}: expected an Arrow table or an object with __arrow_c_stream__; got {type(table).__name__}. "
            "Use from_pandas or from_arrays for other tables."
        )
    with foreign_errors(source):
        reader = pa.RecordBatchReader.from_stream(table)
        head = next((batch for batch in reader if batch.num_rows), None)
    batches = itertools.chain(() if head is None else (head,), reader)
    return reader.schema, lambda name: np.empty(0) if head is None else numbers(head.column(name)), batches, n_rows


@contextlib.contextmanager
def foreign_errors(source: Source) -> Iterator[None]:
    """What other libraries raise while they hand over a table, in our words.

    Raises:
        DataError: In place of it.
    """
    try:
        yield
    except (pa.ArrowException, TypeError, ValueError, ArithmeticError) as error:
        if isinstance(error, RankkitError):
            raise
        raise DataError(
            f"{source.name}: expected a table that Arrow can read; got {type(error).__name__}: {str(error)[:200]}. "
            "Convert the column that this names, or leave it out with drop=[...]."
        ) from error


def first_of_frame(frame: "pd.DataFrame", found: Sequence[Column], source: Source) -> First:
    """A look at the first values of a column of a frame."""
    kinds = {column.name: (place, column.kind) for place, column in enumerate(found)}

    def first(name: str) -> NDArray[Any]:
        place, kind = kinds[name]
        return numbers(as_arrow(frame.iloc[:_BATCH_ROWS, place], kind, name, source))

    return first


def features_of(table: Any, source: Source, wanted: Wanted | None = None) -> tuple[NDArray[np.float32], Columns]:
    """The features of a table without anything else: a matrix ``[row, feature]``, and which columns they were.

    Args:
        table: A pandas data frame, or what :func:`from_arrow` takes.
        source: For messages.
        wanted: The kinds of columns, or the schema, by which columns that are no numbers are read; None: they are left
            out.

    Raises:
        DataError: As :func:`from_pandas`.
    """
    if is_frame(table):
        found = columns_of_frame(table)
        columns = choose_features(found, source, first_of_frame(table, found, source), needs_numbers=wanted is None)
        if wanted is not None:
            columns = learn(
                found, wanted, columns, source, lambda names: frame_columns(table, found, source, _BATCH_ROWS, names)
            )
        schema, batches = frame_batches(table, found, columns, source, _BATCH_ROWS)
        return read_columns(schema, batches, columns, source, n_rows=len(table))[0], columns
    schema, first, batches, n_rows = open_arrow(table, source)
    with foreign_errors(source):
        found = columns_of(schema)
        columns = choose_features(found, source, first, needs_numbers=wanted is None)
        if wanted is not None:
            held = list(batches)
            batches = iter(held)
            columns = learn(found, wanted, columns, source, lambda names: (batch.select(names) for batch in held))
        return read_columns(schema, batches, columns, source, n_rows=n_rows)[0], columns


def is_table(values: Any) -> bool:
    """Whether something has named columns: a data frame of pandas or polars, an Arrow table."""
    return hasattr(values, "__arrow_c_stream__") or is_frame(values)


def is_frame(table: Any) -> bool:
    """Whether something is a pandas data frame, without loading pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(table, pandas.DataFrame)


def _hugging_face_reader(dataset: Any) -> pa.RecordBatchReader:
    """The rows of a ``datasets.Dataset``, with its filters and shuffles, as a stream of Arrow batches."""
    tables = iter(dataset.with_format("arrow").iter(_BATCH_ROWS))
    first = next(tables, None)
    if first is None:
        raise DataError("from_arrow: expected a data set with rows; got none. Check what was filtered.")
    batches = (batch for table in itertools.chain([first], tables) for batch in table.to_batches())
    return pa.RecordBatchReader.from_batches(first.schema, batches)


def read_parquet(
    path: Readable,
    *,
    label: str | None = "label",
    qid: str = "qid",
    features: Sequence[str] | str | None = None,
    doc_id: str | None = "doc_id",
    weight: str | None = "doc_weight",
    query_weight: str | None = "query_weight",
    drop: Sequence[str] | str | None = None,
    columns: Mapping[str, Any] | None = None,
    schema: Schema | None = None,
    position: str | None = None,
    propensity: str | None = None,
    time: str | None = None,
    session: str | None = None,
    split: str | None = None,
) -> RankingDataset:
    """Read a Parquet file, or the Parquet files of a folder in the order of their names, one document a row.

    Only the columns that are used are read, a batch of rows at a time. Features in columns "1", "2", ... have no names.
    A file that rankkit wrote needs no keywords; they are those of :func:`from_pandas`.

    Raises:
        DataError: As :func:`from_pandas`, for a file that is not Parquet, and for files with other columns.
    """
    roles = {"position": position, "propensity": propensity, "time": time, "session": session, "split": split}
    wanted = Wanted(label, qid, features, doc_id, weight, query_weight, drop, columns, schema, **roles)
    with as_file(path, ".parquet") as file:
        return read_files(file, wanted, PARQUET)


def read_arrow(
    path: Readable,
    *,
    label: str | None = "label",
    qid: str = "qid",
    features: Sequence[str] | str | None = None,
    doc_id: str | None = "doc_id",
    weight: str | None = "doc_weight",
    query_weight: str | None = "query_weight",
    drop: Sequence[str] | str | None = None,
    columns: Mapping[str, Any] | None = None,
    schema: Schema | None = None,
    position: str | None = None,
    propensity: str | None = None,
    time: str | None = None,
    session: str | None = None,
    split: str | None = None,
) -> RankingDataset:
    """Read an Arrow IPC file (.arrow, .feather), or a folder of such, one document a row.

    Files and streams of Arrow are told apart by their content. A folder is read in the order of the file names, or in
    the order that Hugging Face's ``Dataset.save_to_disk`` states; of a ``DatasetDict``, name the folder of one split.
    The keywords are those of :func:`from_pandas`.

    Raises:
        DataError: As :func:`from_pandas`, and for a file that is not Arrow IPC.
    """
    roles = {"position": position, "propensity": propensity, "time": time, "session": session, "split": split}
    wanted = Wanted(label, qid, features, doc_id, weight, query_weight, drop, columns, schema, **roles)
    with as_file(path, ".arrow") as file:
        return read_files(file, wanted, ARROW)


def read_csv(
    path: Readable,
    *,
    label: str | None = "label",
    qid: str = "qid",
    features: Sequence[str] | str | None = None,
    doc_id: str | None = "doc_id",
    weight: str | None = "doc_weight",
    query_weight: str | None = "query_weight",
    drop: Sequence[str] | str | None = None,
    columns: Mapping[str, Any] | None = None,
    schema: Schema | None = None,
    position: str | None = None,
    propensity: str | None = None,
    time: str | None = None,
    session: str | None = None,
    split: str | None = None,
    separator: str | None = None,
) -> RankingDataset:
    """Read a CSV or TSV file with a header, one document a row, plain or compressed (.gz, .bz2, .xz, .zst).

    Numbers become float32 straight from their digits. Empty fields, ``NA``, ``NULL`` and ``nan`` among features are
    missing values, NaN. A column whose first values are mostly numbers is a column of numbers, and text in it an
    error. Text and dates are what :func:`from_pandas` makes of them; empty fields among them are missing. Features in
    columns "1", "2", ... have no names. The other keywords are those of :func:`from_pandas`; a file of numbers that
    rankkit wrote needs none.

    Args:
        path: The file.
        label: See :func:`from_pandas`.
        qid: See :func:`from_pandas`.
        features: See :func:`from_pandas`; a CSV file has no columns of lists.
        doc_id: See :func:`from_pandas`.
        weight: See :func:`from_pandas`.
        query_weight: See :func:`from_pandas`.
        drop: See :func:`from_pandas`.
        columns: See :func:`from_pandas`.
        schema: See :func:`from_pandas`.
        position: See :func:`from_pandas`.
        propensity: See :func:`from_pandas`.
        time: See :func:`from_pandas`.
        session: See :func:`from_pandas`.
        split: See :func:`from_pandas`.
        separator: What stands between fields; None: a tab where the name has ".tsv", else a comma.

    Raises:
        DataError: As :func:`from_pandas`, and for a field that cannot be read. Data rows in messages count from 1.
    """
    roles = {"position": position, "propensity": propensity, "time": time, "session": session, "split": split}
    wanted = Wanted(label, qid, features, doc_id, weight, query_weight, drop, columns, schema, **roles)
    with as_file(path, ".csv") as file:
        return read_batches(*open_table(file, wanted, separator))


def open_table(
    path: Path, wanted: Wanted, separator: str | None = None
) -> tuple[pa.Schema, Iterator[pa.RecordBatch], Columns, Source]:
    """What :func:`read_csv` reads: the schema, the batches, which column is what, and the source for messages."""
    from rankkit.loaders.tables.csv_batches import open_csv

    source = Source(f"{path}", below_header=True)
    schema, columns, batches = open_csv(path, wanted, source, separator)
    return schema, batches, columns, source
