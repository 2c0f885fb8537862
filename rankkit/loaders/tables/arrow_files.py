"""Files of record batches: Parquet and Arrow IPC, one or a folder of them, and folders that Hugging Face saved."""

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError
from rankkit.loaders.row_blocks import RowBlock
from rankkit.loaders.sources import is_hidden
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.assignment import Columns, Wanted, choose_columns
from rankkit.loaders.tables.columns.kinds import columns_of, numbers
from rankkit.loaders.tables.columns.learning import learn
from rankkit.loaders.tables.record_batches import read_batches, read_blocks
from rankkit.loaders.tables.written import as_written

PARQUET = (".parquet", ".pq")
ARROW = (".arrow", ".feather", ".ipc", ".arrows")

_FILE_MAGIC = b"ARROW1"
_FEATHER_1 = b"FEA1"
_BATCH_ROWS = 65_536  # rows of a Parquet file that are in columns and in rows of the matrix at the same time
_BUFFER = 2**20  # bytes of a column that are read at a time; else all of a row group are
_SPLITS = "dataset_dict.json"  # what Hugging Face writes for several splits, and for one
_STATE = "state.json"


def read_files(path: Path, wanted: Wanted, extensions: tuple[str, ...]) -> RankingDataset:
    """Read one file, or the files of a folder one after the other in the order of their names.

    Args:
        path: A Parquet or Arrow file, or a folder of such.
        wanted: Which column is what.
        extensions: Of the files to take from a folder: PARQUET or ARROW.

    Raises:
        DataError: If there is no such file, one is damaged, or the columns of two differ.
    """
    n_rows = _count_rows(data_files(path, extensions)) if extensions == PARQUET else None
    return read_batches(*open_files(path, wanted, extensions), n_rows=n_rows)


def read_file_blocks(path: Path, wanted: Wanted, extensions: tuple[str, ...]) -> Generator[RowBlock, None, None]:
    """The rows that :func:`read_files` reads, some at a time.

    Raises:
        DataError: As :func:`read_files`.
        ScatteredError: As :func:`rankkit.loaders.tables.record_batches.read_blocks`.
    """
    n_rows = _count_rows(data_files(path, extensions)) if extensions == PARQUET else None
    return read_blocks(*open_files(path, wanted, extensions), n_rows=n_rows)


def open_files(
    path: Path, wanted: Wanted, extensions: tuple[str, ...]
) -> tuple[pa.Schema, Iterator[pa.RecordBatch], Columns, Source]:
    """What :func:`read_files` reads: the schema, the batches, which column is what, and the source for messages.

    Raises:
        DataError: As :func:`read_files`.
    """
    paths, source = data_files(path, extensions), Source(f"{path}")
    schema = schema_of(path, extensions)

    def first(name: str) -> NDArray[Any]:
        with _opened(paths[0]) as file:
            return next((numbers(batch.column(name)) for batch in file.batches([name])), np.empty(0))

    found = columns_of(schema)
    wanted, remark = as_written(schema, wanted, source)
    columns = choose_columns(found, wanted, source, first)
    columns = learn(found, wanted, columns, source, lambda names: _columns(paths, schema, names))
    if remark is not None:
        columns = replace(columns, learnt=(*columns.learnt, remark))
    return schema, _batches(paths, schema, columns), columns, source


def schema_of(path: Path, extensions: tuple[str, ...]) -> pa.Schema:
    """The columns and types of a file, or of the first file of a folder.

    Raises:
        DataError: If there is no such file, or it is damaged.
    """
    with _opened(data_files(path, extensions)[0]) as first:
        return first.schema


def data_files(path: Path, extensions: tuple[str, ...]) -> list[Path]:
    """The file itself, or the files of a folder in the order of their names; hidden ones are left out.

    Raises:
        DataError: If a folder holds no such file, or holds them in parts or splits.
    """
    if not path.is_dir():
        return [path]
    if (path / _SPLITS).is_file():
        splits = json.loads((path / _SPLITS).read_text(encoding="utf-8")).get("splits", [])
        raise DataError(
            f"{path}: expected one data set; got the splits {', '.join(splits)}. "
            f"Read one of them, for example {path / str(splits[0] if splits else 'train')}."
        )
    if (path / _STATE).is_file() and extensions == ARROW:
        return _saved_files(path)
    found = sorted(
        file
        for file in path.rglob("*")
        if file.suffix.lower() in extensions and file.is_file() and not is_hidden(file.relative_to(path))
    )
    if not found:
        raise DataError(f"{path}: expected files that end in {' or '.join(extensions)}; got none. Check the folder.")
    parts = [part for file in found for part in file.relative_to(path).parent.parts if "=" in part]
    if parts:
        raise DataError(
            f"{path}: expected all columns inside the files; got a folder named {parts[0]!r}, which stands for one. "
            "Write the data again without partitions, or read it with pyarrow.dataset and rankkit.from_arrow."
        )
    return found


def _saved_files(path: Path) -> list[Path]:
    """The files that ``datasets.Dataset.save_to_disk`` wrote, in its order."""
    try:
        state = json.loads((path / _STATE).read_text(encoding="utf-8"))
        return [path / file["filename"] for file in state["_data_files"]]
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            f"{path / _STATE}: expected what Dataset.save_to_disk writes; got {error!r}. Save the data set again."
        ) from error


@dataclass(frozen=True)
class _File:
    """An open file: its schema, and the batches of the columns of those names."""

    schema: pa.Schema
    batches: Callable[[list[str]], Iterable[pa.RecordBatch]]


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[_File]:
    """Open a file for a while; what Arrow says about damage names the file."""
    is_parquet = path.suffix.lower() in PARQUET
    try:
        with _parquet(path) if is_parquet else _ipc(path) as file:
            yield file
    except FileNotFoundError as error:
        raise DataError(f"{path}: expected a file; got {error.strerror}. Check the path.") from error
    except UnicodeEncodeError as error:  # of a name that Linux allows and Arrow does not take
        raise DataError(f"{path}: expected a file name in UTF-8; got another. Rename the file.") from error
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, EOFError, OSError) as error:
        kind = "a Parquet" if is_parquet else "an Arrow IPC"
        raise DataError(f"{path}: expected {kind} file; got {error}. Write it again.") from error


@contextlib.contextmanager
def _parquet(path: Path) -> Iterator[_File]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
        yield _File(file.schema_arrow, lambda names: file.iter_batches(batch_size=_BATCH_ROWS, columns=names))


@contextlib.contextmanager
def _ipc(path: Path) -> Iterator[_File]:
    """An Arrow file or stream: which of the two, its first bytes tell."""
    with pa.memory_map(str(path)) as mapped:
        magic = mapped.read(len(_FILE_MAGIC))
        mapped.seek(0)
        if magic.startswith(_FEATHER_1):
            raise DataError(
                f"{path}: expected Feather version 2; got version 1. Write it again with pyarrow.feather.write_feather."
            )
        if not magic.startswith(_FILE_MAGIC):
            with pa.ipc.open_stream(mapped) as stream:
                yield _File(stream.schema, lambda names: _sound(stream, names))
            return
        with pa.ipc.open_file(mapped) as file:
            yield _File(file.schema, lambda names: _sound(map(file.get_batch, range(file.num_record_batches)), names))


def _sound(batches: Iterable[pa.RecordBatch], names: list[str]) -> Iterator[pa.RecordBatch]:
    """Batches whose columns point nowhere but into themselves: Arrow maps a file as it is, whoever wrote it.

    Raises:
        pyarrow.ArrowInvalid: If one does not, so that to read it would end the process.
    """
    for batch in batches:
        for name in names:
            # All numbers are sound ones; an index or a place among characters is not.
            column = batch.column(name)
            column.validate(full=not pa.types.is_primitive(column.type))
        yield batch


def _count_rows(paths: Sequence[Path]) -> int:
    import pyarrow.parquet as pq

    n_rows = 0
    for path in paths:
        with _opened(path):
            n_rows += pq.read_metadata(path).num_rows
    return n_rows


def all_batches(path: Path, extensions: tuple[str, ...]) -> Iterator[pa.RecordBatch]:
    """The batches of a file, or of all files of a folder, with all columns.

    Raises:
        DataError: As :func:`read_files`.
    """
    paths, schema = data_files(path, extensions), schema_of(path, extensions)
    return _columns(paths, schema, list(schema.names))


def some_batches(paths: Sequence[Path], names: Iterable[str]) -> tuple[pa.Schema, Iterator[pa.RecordBatch]]:
    """Those of the named columns that the first file has: their types, and the batches of all files.

    Raises:
        DataError: If a file is damaged, or has other columns than the first.
    """
    with _opened(paths[0]) as file:
        schema = file.schema
    there = [name for name in dict.fromkeys(names) if name in schema.names]
    return pa.schema([schema.field(name) for name in there]), _columns(paths, schema, there)


def _columns(paths: Sequence[Path], schema: pa.Schema, names: list[str]) -> Iterator[pa.RecordBatch]:
    """The batches of all files with the columns of those names, in the types of the first."""
    for path in paths:
        with _opened(path) as file:
            _check_has(file, names, path, paths[0])
            for batch in file.batches(names):
                chosen = batch.select(names)
                for name in names:
                    chosen = _cast(chosen, name, schema.field(name).type, path)
                yield chosen


def _check_has(file: _File, names: Iterable[str], path: Path, first: Path) -> None:
    counts = Counter(file.schema.names)
    for name in names:
        if counts[name] != 1:
            raise DataError(
                f"{path}: expected a column {name!r}, as in {first.name}; got "
                f"{', '.join(file.schema.names[:20])}. Give all files of the folder the same columns."
            )


def _batches(paths: Sequence[Path], schema: pa.Schema, columns: Columns) -> Iterator[pa.RecordBatch]:
    """The batches of all files with the columns that are used; ids, labels and weights in the types of the first."""
    used = columns.used
    for path in paths:
        with _opened(path) as file:
            _check_has(file, used, path, paths[0])
            for batch in file.batches(used):
                chosen = batch.select(used)
                for name in columns.roles:
                    chosen = _cast(chosen, name, schema.field(name).type, path)
                yield chosen


def _cast(batch: pa.RecordBatch, name: str, kind: pa.DataType, path: Path) -> pa.RecordBatch:
    column = batch.column(name)
    if column.type == kind:
        return batch
    try:
        return batch.set_column(batch.schema.get_field_index(name), name, column.cast(kind))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"{path}: expected {kind} in column {name!r}, as in the first file of the folder; got {column.type} "
            f"({error}). Write the files with one schema."
        ) from error
