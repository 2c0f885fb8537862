"""Where bytes come from: files by name, pipes, file objects and bytes; what is no file becomes one for a while.

Readers look at data more than once (how many features it has, then their values), which a pipe cannot bear: its bytes
go to a temporary file first, which is removed when they are read.
"""

import contextlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, TypeAlias, cast

from rankkit.errors import ConfigError, DataError
from rankkit.files.atomic import temporary_folder
from rankkit.files.disk import writing
from rankkit.files.plain_files import check_name
from rankkit.loaders.compression import compression_of, damage_named, unpacking

Readable: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | IO[Any]
"""A file name, ``"-"`` for standard input, bytes, or what has ``read()``."""

_STDIN = ("-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0")
_NAMELESS = re.compile(r"/dev/(?!shm/).*|/proc/.*/fd/\d+")  # files in /dev/shm are files
_PIECE = 2**20  # bytes that are copied at a time
_HEAD = 65_536  # bytes by which a format is known
_LETOR_ROW = re.compile(rb"\S+\s+(qid:|\d+:)|qid:|[-+.\d][^\s,]*\s*(#.*)?$")


class SpooledFile(type(Path())):  # type: ignore[misc]
    """A temporary file that has another name in messages."""

    def __format__(self, form: str) -> str:
        return format(getattr(self, "shown_as", str(self)), form)  # its parent and the like are plain files


def is_file_name(source: Any) -> bool:
    """Whether a source is the name of a file or folder, or of none, and no pipe, device, bytes or file object."""
    if not isinstance(source, str | os.PathLike):
        return False
    path = Path(source)
    if is_stream(path):
        return False
    check_name(path)
    return not path.exists() or path.is_file() or path.is_dir()


def check_readable(where: str, source: object, *others: str) -> None:
    """Raise ConfigError for what is neither the name of a file nor holds bytes.

    Args:
        where: For the message.
        source: What was given.
        others: What could have been given besides.
    """
    if isinstance(source, str | os.PathLike | bytes | bytearray | memoryview) or hasattr(source, "read"):
        return
    expected = ", ".join(("the name of a file", "bytes", *others))
    shown = " ".join(repr(source)[:60].split())
    raise ConfigError(
        f"{where}: expected {expected} or an open file; got {type(source).__name__} {shown}. Pass one of these."
    )


def is_stream(path: Path) -> bool:
    """Whether a name stands for standard input or output, or an open file, so that it says nothing of a format."""
    return str(path) in _STDIN or _NAMELESS.fullmatch(path.as_posix()) is not None


def is_hidden(path: Path) -> bool:
    """Whether a file of a folder, by its name from there on, is none of the data: ``.x``, ``_x`` or below such."""
    return any(part.startswith((".", "_")) for part in path.parts)


def refuse_cache(source: Any, cache: Any) -> None:
    """Raise ConfigError where a cache is to be kept of what cannot be asked whether it has changed."""
    if cache is not False and not is_file_name(source):
        raise ConfigError(
            f"{_name_of(source)}: expected a file, of which a cache can be kept; got a pipe, bytes or an open file. "
            "Save the data as a file, or leave cache out."
        )


@contextlib.contextmanager
def as_file(source: Readable, extension: str | None = None) -> Iterator[Path]:
    """The file of a source, which is a temporary one for what is no file.

    Args:
        source: Where the bytes come from.
        extension: Of the format, for what has no name; None: found by the content.

    Raises:
        DataError: If there is nothing to read, or its format cannot be told.
        ConfigError: If the source is nothing of which bytes can be read.
    """
    if is_file_name(source):
        yield source if isinstance(source, Path) else Path(cast(str, source))
        return
    shown = _name_of(source)
    check_readable("source", source)
    with temporary_folder() as folder:
        path = folder / "data"
        _copy(source, path, shown)
        if path.stat().st_size == 0:
            raise DataError(f"{shown}: expected data; got none. Check what writes it.")
        is_named = isinstance(source, str | os.PathLike) and not is_stream(Path(source))
        named = Path(cast(str, source)).suffixes if is_named else []
        found = "".join(named) or _extension_by_content(path, shown, extension)
        spooled = SpooledFile(path.rename(path.with_name(f"data{found}")))
        spooled.shown_as, spooled.is_guessed = shown, not named and extension is None
        yield spooled


def _name_of(source: Any) -> str:
    if isinstance(source, bytes | bytearray | memoryview):
        return f"{len(source):,} bytes"
    if isinstance(source, str | os.PathLike):
        return "standard input" if os.fspath(source) in _STDIN else str(os.fspath(source))
    name = getattr(source, "name", None)
    return name if isinstance(name, str) else f"{type(source).__name__} object"


def _copy(source: Any, path: Path, shown: str) -> None:
    with writing(f"{path}, for {shown}", at=path), path.open("wb") as target:
        for piece in _pieces(source, shown):
            target.write(piece)


def _pieces(source: Any, shown: str) -> Iterator[bytes | bytearray | memoryview]:
    """The bytes of a source, some at a time."""
    if isinstance(source, bytes | bytearray | memoryview):
        yield source
        return
    try:
        with contextlib.ExitStack() as opened:
            if isinstance(source, str | os.PathLike):
                is_stdin = os.fspath(source) in _STDIN
                source = sys.stdin.buffer if is_stdin else opened.enter_context(Path(source).open("rb"))
            for piece in iter(lambda: source.read(_PIECE), source.read(0)):
                yield piece.encode() if isinstance(piece, str) else piece
    except (OSError, ValueError) as error:  # ValueError: of a closed file
        raise DataError(f"{shown}: expected data that can be read; got {error}. Open it again.") from error


def format_line(path: Path) -> str | None:
    """What was found out about a format by the content, in one line; None where the name says it."""
    if not getattr(path, "is_guessed", False):
        return None
    kinds = {".csv": "CSV", ".tsv": "CSV with tabs", ".parquet": "Parquet", ".arrow": "Arrow", ".txt": "LETOR text"}
    return f"read as {kinds[path.suffix]}, as its first bytes say" if path.suffix in kinds else None


def _extension_by_content(path: Path, shown: str, extension: str | None) -> str:
    """The extension of the format of a file, as far as it is not known."""
    if extension not in (None, ".csv"):
        return extension or ""
    with path.open("rb") as file:
        head = file.read(8)
        if head.startswith(b"PAR1"):
            return extension or ".parquet"
        if head.startswith((b"ARROW1", b"FEA1", b"\xff\xff\xff\xff")):
            return extension or ".arrow"
        file.seek(0)
        compression = compression_of(path, head)
        if compression is not None:
            with damage_named(Path(shown), compression), unpacking(file, compression) as unpacked:
                head = unpacked.read(_HEAD)
        else:
            head = file.read(_HEAD)
    rows = (line.strip(b" \r\x0b\xef\xbb\xbf") for line in head.split(b"\n"))
    first = next((row for row in rows if row and (extension or not row.startswith(b"#"))), b"")
    if extension is None and (not first or _LETOR_ROW.match(first)):
        return ".txt"
    if extension is None and not re.search(rb"[,\t]", first):
        raise DataError(
            f"{shown}: expected Parquet, Arrow, CSV with a header or LETOR text; got {first[:60]!r} in the first line. "
            "Call the reader of its format, or give the data a name with an extension."
        )
    return ".tsv" if first.count(b"\t") > first.count(b",") else ".csv"


def no_rows(file: Path) -> DataError:
    """What is said of a table with a header alone."""
    return DataError(f"{file}: expected rows; got none. Check what writes it.")
