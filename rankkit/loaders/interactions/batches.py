"""A file of interactions, or a folder of such, as tables of some rows each, so that only these are in memory."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa

from rankkit.loaders.compression import compression_of, damage_named, unpacking
from rankkit.loaders.interactions.forms import (
    Wanted,
    asked_of,
    check_names,
    form_by_content,
    form_by_name,
    lists_in_text,
    open_text,
    shards,
    text_settled,
)
from rankkit.loaders.tables.arrow_files import some_batches

CHUNK = 2**24
"""Bytes of text that become a table at a time."""


def table_batches(path: Path, wanted: Wanted, chunk: int = CHUNK) -> Iterator[tuple[pa.Table, Wanted]]:
    """The rows of a file in order, some at a time, with which of their columns is what.

    One user a line is a form whose lines are looked at together: such a file is one table.

    Args:
        path: As :func:`rankkit.read_interactions` takes it.
        wanted: As asked.
        chunk: Bytes of text at a time.

    Raises:
        DataError: If the file is not of its form.
        ConfigError: If columns are named that its form does not have.
    """
    form = form_by_name(path, wanted)
    if form in ("parquet", "arrow"):
        check_names(path, wanted)
        for batch in some_batches(shards(path, form), asked_of(wanted))[1]:
            yield pa.Table.from_batches([batch]), wanted
        return
    with _pieces(path, chunk) as pieces:
        first = next(pieces, b"")
        text = text_settled(path, first)
        form = form or form_by_content(path, text, wanted)
        if form in ("sequences", "counted_lists"):
            yield lists_in_text(path, b"".join([text, *pieces]), form, wanted)
            return
        n_rows, header = 0, b""
        while True:
            table, columns = open_text(path, header + text, form, wanted, n_before=n_rows)
            if table.num_rows:
                yield table, columns
            n_rows += table.num_rows
            if form == "recbole" or (form == "table" and columns.counts_rows and _has_header(wanted)):
                header = header or text[: text.find(b"\n") + 1]
            following = next(pieces, None)
            if following is None:
                return
            text = following if following.endswith(b"\n") else following + b"\n"


def _has_header(wanted: Wanted) -> bool:
    return not any(isinstance(column, int) for column in wanted.named.values())


@contextlib.contextmanager
def _pieces(path: Path, chunk: int) -> Iterator[Iterator[bytes]]:
    """Whole lines of a file of text, unpacked, at most about so many bytes at a time."""
    with path.open("rb") as file:
        compression = compression_of(path, file.peek(8)[:8])
        if compression is None:
            yield _lines(file, chunk)
            return
        with damage_named(path, compression), unpacking(file, compression) as unpacked:
            yield _lines(unpacked, chunk)


def _lines(file: BinaryIO, chunk: int) -> Iterator[bytes]:
    rest = b""
    while piece := file.read(chunk):
        end = piece.rfind(b"\n") + 1
        if not end:
            rest += piece
            continue
        yield rest + piece[:end]
        rest = piece[end:]
    if rest.strip():
        yield rest
