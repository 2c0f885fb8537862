"""Compressed files: gzip, bzip2, xz and zstd, read by their first bytes and written by their extension."""

import bz2
import contextlib
import gzip
import lzma
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from rankkit.errors import DataError


@dataclass(frozen=True)
class Compression:
    """A way to compress files: its name, the extension it adds, the bytes that its files begin with."""

    name: str
    suffix: str
    magic: bytes


COMPRESSIONS = (
    Compression("gzip", ".gz", b"\x1f\x8b"),
    Compression("bzip2", ".bz2", b"BZh"),
    Compression("xz", ".xz", b"\xfd7zXZ\0"),
    Compression("zstd", ".zst", b"\x28\xb5\x2f\xfd"),
)
SUFFIXES = tuple(compression.suffix for compression in COMPRESSIONS)

# What the decoders raise for data that is cut short or changed. BadGzipFile and Arrow's errors are OSErrors.
_DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError)


def compression_of(path: Path, head: bytes) -> Compression | None:
    """How a file is compressed by its first eight bytes; None for a plain file.

    Raises:
        DataError: If the name says otherwise.
    """
    found = next((compression for compression in COMPRESSIONS if head.startswith(compression.magic)), None)
    named = next((compression for compression in COMPRESSIONS if path.suffix.lower() == compression.suffix), found)
    if named is not found and named is not None:
        raise DataError(
            f"{path}: expected {named.name} data, as the name says; got {head!r} at its start. "
            "Rename the file if it is plain text, or fetch it again."
        )
    return found


def unpacking(file: BinaryIO, compression: Compression) -> BinaryIO:
    """The bytes that a compressed file stands for, decoded as they are read; all decoders let other threads run."""
    if compression.name == "gzip":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if compression.name == "bzip2":
        return cast(BinaryIO, bz2.BZ2File(file))
    if compression.name == "xz":
        return cast(BinaryIO, lzma.LZMAFile(file))
    import pyarrow as pa  # Python has no decoder of zstd before 3.14

    return cast(BinaryIO, pa.CompressedInputStream(pa.PythonFile(file, mode="r"), "zstd"))


@contextlib.contextmanager
def damage_named(path: Path, compression: Compression) -> Iterator[None]:
    """Turn what a decoder raises into an error that names the file.

    Raises:
        DataError: If the data is cut short or damaged.
    """
    try:
        yield
    except _DAMAGE as error:
        raise DataError(
            f"{path}: expected a whole {compression.name} file; got damaged data ({error}). Fetch or pack it again."
        ) from error


@contextlib.contextmanager
def packed(path: Path, suffix: str) -> Iterator[BinaryIO]:
    """A new file that is compressed as an extension says, plain for any other; equal data gives equal bytes."""
    with path.open("wb") as plain:
        if suffix == ".gz":
            # Without name and time in the header.
            with gzip.GzipFile(filename="", mode="wb", fileobj=plain, mtime=0, compresslevel=6) as file:
                yield cast(BinaryIO, file)
        elif suffix == ".bz2":
            with bz2.BZ2File(plain, "wb") as file:
                yield cast(BinaryIO, file)
        elif suffix == ".xz":
            with lzma.LZMAFile(plain, "wb") as file:
                yield cast(BinaryIO, file)
        elif suffix == ".zst":
            import pyarrow as pa

            with pa.CompressedOutputStream(pa.PythonFile(plain, mode="w"), "zstd") as file:
                yield cast(BinaryIO, file)
        else:
            yield plain
