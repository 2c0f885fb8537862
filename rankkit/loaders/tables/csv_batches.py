"""CSV text into Arrow record batches, with numbers read as float32 straight from their digits."""

import contextlib
import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from rankkit.data.columns.kinds import Category, Number, Text
from rankkit.data.columns.schema import Schema
from rankkit.errors import DataError
from rankkit.loaders.compression import compression_of, damage_named, unpacking
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.columns.assignment import Columns, Wanted, check_once, choose_columns
from rankkit.loaders.tables.columns.kinds import columns_of, is_number, numbers
from rankkit.loaders.tables.columns.learning import learn
from rankkit.loaders.tables.columns.suspicions import merges

# What looks like a number, though it may be one of another country: "1,5".
_NUMBER_LIKE = r"^\s*[-+]?([0-9]*[.,]?[0-9]+|[0-9]+[.,]|[0-9]{1,3}([.,][0-9]{3})+([.,][0-9]+)?)([eE][-+]?[0-9]+)?\s*$"
_BLOCK = 2**20  # bytes that Arrow takes at a time; a row has to fit
_LONGEST_ROW = 2**26
_ARROW_ERROR = re.compile(r"In CSV column #(\d+): .*CSV conversion error to \w+: invalid value '(.*)'", re.DOTALL)


def open_csv(
    path: Path, wanted: Wanted, source: Source, separator: str | None
) -> tuple[pa.Schema, Columns, Iterator[pa.RecordBatch]]:
    """Open a CSV file twice: once to learn its columns, once to read them in the types that they need.

    Returns:
        The schema of the batches, which column is what, and the batches.

    Raises:
        DataError: If the file cannot be read, or a column that looks like numbers holds something else.
    """
    separator = separator or _separator_of(path)
    first = next(_batches(path, source, separator, {}, None))
    check_once(_names_of(first.schema, source), source)
    schema = _mend_numbers(first, wanted)
    found = columns_of(schema)
    columns = choose_columns(found, wanted, source, lambda name: numbers(first.column(name)))
    kinds = wanted.kinds if wanted.schema is None else {one.name: one for one in wanted.schema.columns}
    texts = {source for one in kinds.values() if isinstance(one, Category | Text) for source in one.sources}

    def rows(names: list[str]) -> Iterator[pa.RecordBatch]:
        known = {name: _type_of(name, schema.field(name).type, (columns.qid,), frozenset(), texts) for name in names}
        return _batches(path, source, separator, known, names)

    columns = learn(found, wanted, columns, source, rows)
    if columns.schema is None:
        merged = [place for place, name in enumerate(columns.features) if merges(numbers(first.column(name)))]
        columns = replace(columns, merged=tuple(merged))
    used, ids = columns.used, columns.ids
    features = frozenset(columns.features) if columns.schema is None else _numbers_of(columns.schema, columns.flat)
    types = {name: _type_of(name, schema.field(name).type, ids, features, texts) for name in used}
    for name in ids:  # pandas writes 7.0 once an id was missing
        seen = numbers(first.column(name)) if pa.types.is_floating(schema.field(name).type) else np.empty(0)
        if len(seen) and (seen == np.floor(seen)).all():
            types[name] = pa.float64()
    batches = _batches(path, source, separator, types, used)
    return pa.schema(list(types.items())), columns, batches


def csv_batches(path: Path) -> Iterator[pa.RecordBatch]:
    """The batches of a file with all columns, in the types that their first rows have.

    Raises:
        DataError: If the file cannot be read.
    """
    source = Source(str(path), below_header=True)
    separator = _separator_of(path)
    first = next(_batches(path, source, separator, {}, None))
    types = {field.name: field.type for field in first.schema}
    return _batches(path, source, separator, types, list(types))


def header_of(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        DataError: If the file cannot be read.
    """
    source = Source(str(path))
    return _names_of(next(_batches(path, source, _separator_of(path), {}, None)).schema, source)


def _names_of(schema: pa.Schema, source: Source) -> list[str]:
    """The names of the columns.

    Raises:
        DataError: If one is no text.
    """
    try:
        return list(schema.names)
    except UnicodeDecodeError as error:
        raise DataError(
            f"{source.name}: expected column names in UTF-8; got the bytes {error.object[:60]!r}. "
            "Save the file as UTF-8."
        ) from None


def _separator_of(path: Path) -> str:
    return "\t" if ".tsv" in path.suffixes else ","


def _mend_numbers(first: pa.RecordBatch, wanted: Wanted) -> pa.Schema:
    """The schema of the first batch, where a column that is mostly numbers counts as numbers.

    One bad value is then an error; without this it would turn the column into text, and drop it from the features.
    """
    fields = []
    ids = {wanted.qid, wanted.doc_id}
    for field in first.schema:
        if pa.types.is_string(field.type) and field.name not in ids:
            like = pc.match_substring_regex(first.column(field.name), _NUMBER_LIKE)
            if 2 * pc.sum(like).as_py() > len(like):
                field = field.with_type(pa.float32())
        fields.append(field)
    return pa.schema(fields)


def _numbers_of(schema: Schema, flat: Collection[str]) -> frozenset[str]:
    """The columns of a table that are features as they are."""
    columns = schema.columns
    return frozenset(name for one in columns if isinstance(one, Number) or one.name in flat for name in one.names)


def _type_of(
    name: str, kind: pa.DataType, ids: tuple[str | None, ...], features: frozenset[str], texts: Collection[str]
) -> pa.DataType:
    if name in ids or name in texts:
        return pa.string()
    if pa.types.is_boolean(kind) or not is_number(kind):
        return kind
    return pa.float32() if name in features else pa.float64()


def _batches(
    path: Path, source: Source, separator: str, types: dict[str, pa.DataType], names: list[str] | None
) -> Iterator[pa.RecordBatch]:
    """The record batches of a file: of all columns with their types guessed, or of the named ones."""
    from pyarrow import csv

    convert = csv.ConvertOptions(column_types=types, include_columns=names, strings_can_be_null=False)
    parse = csv.ParseOptions(delimiter=separator, newlines_in_values=True)
    try:
        read = csv.ReadOptions(block_size=_block_size(path))
        with (
            _opened(path) as stream,
            csv.open_csv(stream, read_options=read, parse_options=parse, convert_options=convert) as reader,
        ):
            yield from reader
            if reader.schema is not None and names is None:
                yield pa.RecordBatch.from_pylist([], schema=reader.schema)
    except UnicodeEncodeError as error:  # of a name that Linux allows and Arrow does not take
        raise DataError(f"{path}: expected a file name in UTF-8; got another. Rename the file.") from error
    except OSError as error:
        raise DataError(f"{path}: expected a table with a header; got {error}. Check the path.") from error
    except (pa.ArrowInvalid, pa.ArrowKeyError) as error:
        raise _explain(str(error), path, source, separator, types) from error


def _block_size(path: Path) -> int:
    """How many bytes Arrow takes at a time: several rows, however wide the first ones are."""
    with _opened(path) as stream:
        head = bytes(stream.read(_BLOCK))
        while head.count(b"\n") < 2 and len(head) < _LONGEST_ROW:
            more = stream.read(_BLOCK)
            if not more:
                break
            head += more
    return max(_BLOCK, 4 * max(map(len, head.split(b"\n", 2)[:2])))


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[Any]:
    with path.open("rb") as file:
        compression = compression_of(path, file.peek(8)[:8])
        if compression is None:
            with pa.OSFile(str(path)) as plain:
                yield plain
            return
        with damage_named(path, compression), unpacking(file, compression) as unpacked:
            yield unpacked


def _explain(message: str, path: Path, source: Source, separator: str, types: dict[str, pa.DataType]) -> DataError:
    """Arrow's message in our words, with the row, which Arrow leaves out when it reads with threads."""
    found = _ARROW_ERROR.search(message)
    if found is None:
        return DataError(f"{source.name}: expected a table with a header; got '{message}'. Mend the file.")
    place, value = int(found[1]), found[2]
    name = next(_batches(path, source, separator, {}, None)).schema.names[place]
    row = 0
    for batch in _batches(path, source, separator, {name: pa.string()}, [name]):
        here = pc.index(pc.utf8_trim_whitespace(batch.column(0)), value.strip()).as_py()
        if here >= 0:
            return DataError(
                f"{source.at(row + here, name)}: expected a number; got {value!r}. Mend the field, leave it empty "
                "for a missing value, or leave the column out with features=[...]."
            )
        row += batch.num_rows
    return DataError(f"{source.name}: expected numbers in column {name!r}; got {value!r}. Mend the field.")
