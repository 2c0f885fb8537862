"""Arrays that lie in files, memory-mapped: which are, how much memory there is for them, and reading them in order."""

import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux tells a container what it may use."""
_PIECE = 2**24  # bytes that go into a digest at once


def memory_size() -> int:
    """Bytes of memory that the machine has, or the container where it may use less."""
    sizes = [2**62]
    if hasattr(os, "sysconf"):
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for limit in _LIMITS:
        with suppress(OSError, ValueError):  # no container, or "max"
            sizes.append(int(Path(limit).read_text(encoding="ascii")))
    return min(sizes)


def is_mapped(array: NDArray[Any]) -> bool:
    """Whether the numbers of an array lie in a file that is mapped into memory, however they are sliced."""
    return _mapping_of(array) is not None


class MappedRows:
    """Copies rows of an array; of one in a file ahead of their use, and without keeping their pages.

    Args:
        array: ``[row, ...]``, one row behind the other.
    """

    def __init__(self, array: NDArray[Any]) -> None:
        self._array = array
        self._row_bytes = array.strides[0] if array.ndim else 0
        found = _mapping_of(array)
        self._file: mmap.mmap | None = None
        if found is not None and hasattr(mmap, "MADV_WILLNEED") and array.flags.c_contiguous:
            self._file, self._keeps = found[0], found[1] != "r"  # pages of others may hold what no file does
            self._start = array.__array_interface__["data"][0] - np.frombuffer(self._file, np.uint8).ctypes.data

    def announce(self, start: int, stop: int) -> None:
        """Let the system begin to read some rows."""
        if self._file is not None:
            self._advise(mmap.MADV_WILLNEED, start, stop)

    def copy(self, start: int, stop: int, into: NDArray[Any]) -> None:
        """Copy rows, and let go of the memory that they were mapped to."""
        np.copyto(into, self._array[start:stop])
        self.let_go(start, stop)

    def let_go(self, start: int, stop: int) -> None:
        """Free the memory that some rows were mapped to; who reads them again maps them again."""
        if self._file is not None and not self._keeps:
            self._advise(mmap.MADV_DONTNEED, start, stop)

    def _advise(self, what: int, start: int, stop: int) -> None:
        first = self._start + start * self._row_bytes
        last = self._start + stop * self._row_bytes
        first -= first % mmap.PAGESIZE
        if self._file is not None and last > first:
            self._file.madvise(what, first, last - first)


def digest_array(digest: Any, array: NDArray[Any] | None) -> None:
    """Update a digest of :mod:`hashlib` with the bytes of an array; one in a file is not kept in memory for it.

    Args:
        digest: Has ``update``.
        array: ``[row, ...]``, of any layout: its numbers count in the order of C; None: nothing.
    """
    if array is None or not array.size:
        return
    rows, n_rows = MappedRows(array), max(1, _PIECE // array[:1].nbytes)
    for start in range(0, len(array), n_rows):
        stop = min(start + n_rows, len(array))
        digest.update(np.ascontiguousarray(array[start:stop]).data.cast("B"))
        rows.let_go(start, stop)


def _mapping_of(array: Any) -> tuple[mmap.mmap, str] | None:
    """The mapped file below an array, and the mode of its mapping; None where there is none."""
    mode = ""
    while array is not None and not isinstance(array, mmap.mmap):
        mode = getattr(array, "mode", mode)
        array = getattr(array, "base", None)
    return None if array is None else (array, mode)
