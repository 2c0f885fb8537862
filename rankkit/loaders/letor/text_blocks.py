"""Text files as blocks of whole lines, plain or compressed: what the compiled readers parse."""

import io
import mmap
import stat
from collections.abc import Callable, Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import DataError
from rankkit.loaders.compression import Compression, compression_of, damage_named, unpacking

BLOCK_SIZE = 2**22
"""Bytes of text in a block: small beside the arrays that it becomes, large beside the cost of handing it out."""

PADDING = 16
"""Bytes that can be read behind a block, so that a reader may load eight bytes at once from any place in it."""

_KEPT = 2**26  # bytes of a mapped file, behind the last block, whose pages stay: threads may still read them
_NEWLINE = b"\n"
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_NOT_TEXT = {b"PK\x03\x04": "zip", b"PAR1": "Parquet", b"ARROW1": "Arrow", b"FEA1": "Feather", b"7z\xbc\xaf": "7z"}


@dataclass(frozen=True)
class Block:
    """Some whole lines of a file.

    Args:
        data: uint8 ``[byte]``, read only; the last byte is a newline, and PADDING more can be read behind it.
        progress: The share of the file that is read with this block, above 0 up to 1.
        had_bom: True for a first block from which a UTF-8 byte order mark was taken.
        lacked_newline: True for a last block to which the final newline was added.
    """

    data: NDArray[np.uint8]
    progress: float
    had_bom: bool = False
    lacked_newline: bool = False


def text_blocks(path: Path, size: int) -> Generator[Block, None, None]:
    """The lines of a file in blocks of about ``size`` bytes; a longer line makes a longer block.

    A plain file is mapped into memory and not copied, and its pages are let go on the way; a gzip, bzip2, xz or zstd
    file, known by its first bytes, is decoded on the way, while the reader's threads parse the blocks before.

    Raises:
        DataError: If the file is missing or no text, or its compressed data is damaged.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{path}: expected a readable file; got {error.strerror}. Check the path.") from error
    with file:
        is_file = stat.S_ISREG(path.stat().st_mode)
        head = file.peek(8)[:8]
        compression = compression_of(path, head)
        _check_head(path, head)
        if compression is not None:
            yield from _unpacked_blocks(path, file, compression, size)
        elif is_file and head:
            # Not closed here: the map goes when the last block of it goes.
            yield from _mapped_blocks(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), size)
        else:
            yield from _stream_blocks(file, lambda: 0.5, size)


def _check_head(path: Path, head: bytes) -> None:
    if head.startswith(_UTF16):
        raise DataError(
            f"{path}: expected UTF-8 text; got UTF-16. Convert it, for example with iconv -f UTF-16 -t UTF-8."
        )
    for magic, name in _NOT_TEXT.items():
        if head.startswith(magic):
            raise DataError(f"{path}: expected text, plain or compressed; got {name} data. Unpack or convert it.")


def _unpacked_blocks(path: Path, file: BinaryIO, compression: Compression, size: int) -> Generator[Block, None, None]:
    n_packed = max(path.stat().st_size, 1)
    with damage_named(path, compression), unpacking(file, compression) as unpacked:
        yield from _stream_blocks(unpacked, lambda: min(file.tell() / n_packed, 1.0), size)


def _stream_blocks(stream: BinaryIO, progress: Callable[[], float], size: int) -> Generator[Block, None, None]:
    rest, is_first, at_end = b"", True, False
    while not at_end:
        wanted = len(rest) + max(size, len(rest))
        buffer = bytearray(wanted + 1 + PADDING)
        buffer[: len(rest)] = rest
        filled = _fill(stream, memoryview(buffer)[:wanted], len(rest))
        at_end = filled < wanted
        lacked_newline = at_end and filled > 0 and buffer[filled - 1] != _NEWLINE[0]
        if lacked_newline:
            buffer[filled] = _NEWLINE[0]
            filled += 1
        stop = filled if at_end else buffer.rfind(_NEWLINE, 0, filled) + 1
        rest = bytes(memoryview(buffer)[stop:filled])
        if stop > 0:
            yield _block(
                np.frombuffer(buffer, np.uint8), 0, stop, 1.0 if at_end else progress(), is_first, lacked_newline
            )
            is_first = False


def _fill(stream: BinaryIO, buffer: memoryview, filled: int) -> int:
    """Read on until the buffer is full or the stream ends; gives how much of the buffer is filled."""
    while filled < len(buffer):
        n_read = cast(io.RawIOBase, stream).readinto(buffer[filled:])
        if not n_read:
            break
        filled += n_read
    return filled


def _mapped_blocks(mapped: mmap.mmap, size: int) -> Generator[Block, None, None]:
    n_bytes = len(mapped)
    data = np.frombuffer(mapped, np.uint8)
    # The last lines are copied: behind them there is no room for PADDING in the map.
    n_direct = max(mapped.rfind(_NEWLINE, 0, max(n_bytes - PADDING, 0)) + 1, 0)
    start = let_go = 0
    while start < n_direct:
        if start - let_go >= 2 * _KEPT and hasattr(mmap, "MADV_DONTNEED"):
            n_old = (start - _KEPT - let_go) // mmap.PAGESIZE * mmap.PAGESIZE
            mapped.madvise(mmap.MADV_DONTNEED, let_go, n_old)
            let_go += n_old
        stop = min(start + size, n_direct)
        cut = mapped.rfind(_NEWLINE, start, stop) + 1
        stop = cut if cut > 0 else mapped.find(_NEWLINE, stop) + 1
        yield _block(data, start, stop, stop / n_bytes, start == 0, False)
        start = stop
    for block in _stream_blocks(io.BytesIO(mapped[n_direct:]), lambda: 1.0, n_bytes - n_direct + 1):
        yield block if n_direct == 0 else replace(block, had_bom=False)


def _block(
    data: NDArray[np.uint8], start: int, stop: int, progress: float, is_first: bool, lacked_newline: bool
) -> Block:
    had_bom = is_first and data[start : start + 3].tobytes() == _BOM
    text = data[start + 3 * had_bom : stop]
    text.flags.writeable = False  # one type for the compiled readers, whatever the bytes came from
    return Block(text, progress, had_bom, lacked_newline)
