"""LETOR text into a cache, a few blocks at a time: memory for those blocks, the queries' ids, and nothing else.

Imports numba: :mod:`rankkit.loaders.letor` imports this module when a file is read.
"""

import contextlib
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from rankkit.loaders import letor_kernels as kernels
from rankkit.loaders.cache_folder import RowFile, write_array
from rankkit.loaders.letor_reader import Part, Reader
from rankkit.loaders.text_blocks import BLOCK_SIZE, Block, text_blocks

_LEAST_BLOCK = 2**13
_WIDE = 2**30  # a block has so many bytes over the number of features, where that is less than usual
_GATHERED_NUMBERS = 4_000_000  # features that are brought into another order at a time


class CacheStream:
    """Parses the file of a reader into the features and labels of a new cache.

    Args:
        folder: Of the new cache.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._id_sizes: list[tuple[int, int]] = []  # of each part: rows, and bytes of an id

    def read(self, reader: Reader) -> None:
        """Write features.npy, and labels.npy where there are labels, in the order of the lines; put document ids by.

        Args:
            reader: A new one; its ``parts`` are filled, without document ids.

        Raises:
            DataError: For the first line that is not as expected.
            WiderError: As :meth:`Reader.read`.
        """
        self._id_sizes.clear()
        with (
            RowFile(self.folder / "features.npy", np.float32, (reader.width,)) as features,
            RowFile(self.folder / "labels.npy", np.float32) as labels,
            self._ids_path.open("wb") as ids,
            contextlib.closing(_parse(reader)) as parts,
        ):
            for part in parts:
                rows = slice(part.first_row, part.first_row + part.n_rows)
                features.append(reader.features[rows])
                labels.append(reader.labels[rows])
                self._put_ids_by(part, ids)
                reader.parts.append(replace(part, doc_ids=None))
        if reader.options.layout.form & kernels.WITHOUT_LABEL:
            (self.folder / "labels.npy").unlink()

    @property
    def _ids_path(self) -> Path:
        return self.folder / "doc_ids.bin"

    def _put_ids_by(self, part: Part, file: BinaryIO) -> None:
        size = 0 if part.doc_ids is None else part.doc_ids.itemsize
        self._id_sizes.append((part.n_rows, size))
        if part.doc_ids is not None:
            file.write(part.doc_ids.tobytes())

    def finish(self, offsets: NDArray[np.int64], qids: NDArray[Any], rows: NDArray[np.int64] | None) -> None:
        """Write the other arrays, and bring the documents into the order of ``rows`` unless that is None."""
        write_array(self.folder / "offsets.npy", offsets)
        write_array(self.folder / "qids.npy", qids)
        self._write_ids()
        if rows is not None:
            write_array(self.folder / "rows.npy", rows)
            for name in ("features", "labels", "doc_ids"):
                _reorder(self.folder / f"{name}.npy", rows)

    def _write_ids(self) -> None:
        longest = max((size for _, size in self._id_sizes), default=0)
        if longest:
            with self._ids_path.open("rb") as file, RowFile(self.folder / "doc_ids.npy", f"U{longest}") as texts:
                for n_rows, size in self._id_sizes:
                    ids = np.zeros(n_rows, f"S{max(size, 1)}")
                    if size:
                        ids = np.frombuffer(file.read(n_rows * size), ids.dtype)
                    texts.append(np.char.decode(ids, "utf-8"))
        self._ids_path.unlink()


def _parse(reader: Reader) -> Generator[Part, None, None]:
    """Parse window after window of blocks into the same arrays of the reader; a part's rows stay until the next."""
    n_threads, n_lines = reader.options.n_threads, 0
    with ThreadPoolExecutor(n_threads) as pool:
        for window in _windows(reader.options.path, 2 * n_threads, reader.width):
            sizes = [int(kernels.count_lines(block.data)) for block in window]
            if sum(sizes) > len(reader.labels):
                reader.features = np.empty((sum(sizes), reader.width), np.float32)
                reader.labels = np.empty(sum(sizes), np.float32)
            running: deque[Future[Part]] = deque()
            first = 0
            for block, size in zip(window, sizes, strict=True):
                running.append(pool.submit(reader.parse, block, first, first + size, n_lines + 1))
                first += size
                n_lines += size
            while running:
                yield running.popleft().result()


def _windows(path: Path, n_blocks: int, width: int) -> Iterator[list[Block]]:
    """Some blocks at a time; small ones where a short line becomes a long row."""
    window: list[Block] = []
    with contextlib.closing(text_blocks(path, min(BLOCK_SIZE, max(_LEAST_BLOCK, _WIDE // width)))) as blocks:
        for block in blocks:
            window.append(block)
            if len(window) == n_blocks:
                yield window
                window = []
    if window:
        yield window


def _reorder(path: Path, rows: NDArray[np.int64]) -> None:
    """Write the rows of a .npy file anew in another order, if there is such a file."""
    if not path.exists():
        return
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    temporary = path.with_suffix(".ordered")
    n_rows = max(1, _GATHERED_NUMBERS // max(1, values[:1].size))
    with RowFile(temporary, values.dtype, values.shape[1:]) as file:
        for start in range(0, len(rows), n_rows):
            file.append(values[rows[start : start + n_rows]])
    temporary.replace(path)
