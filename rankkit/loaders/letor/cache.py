"""LETOR text into a cache, a few blocks at a time: memory for those blocks, the queries' ids, and nothing else.

Imports numba: :mod:`rankkit.loaders.letor.reading` imports this module when a file is read.
"""

import contextlib
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids
from rankkit.loaders.cache.rows import CacheRows
from rankkit.loaders.letor import kernels
from rankkit.loaders.letor.reader import Part, Reader
from rankkit.loaders.letor.text_blocks import BLOCK_SIZE, Block, text_blocks

_LEAST_BLOCK = 2**13
_WIDE = 2**30  # a block has so many bytes over the number of features, where that is less than usual


class CacheStream:
    """Parses the file of a reader into the rows of a new cache.

    Args:
        folder: Of the new cache.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._rows: CacheRows

    def read(self, reader: Reader) -> None:
        """Write features, labels where there are labels, and document ids in the order of the lines.

        Args:
            reader: A new one; its ``parts`` are filled, without document ids.

        Raises:
            DataError: For the first line that is not as expected.
            WiderError: As :meth:`Reader.read`.
        """
        has_labels = not reader.options.layout.form & kernels.WITHOUT_LABEL
        with CacheRows(self._folder, reader.width) as self._rows, contextlib.closing(parse_windows(reader)) as parts:
            for part, _ in parts:
                rows = slice(part.first_row, part.first_row + part.n_rows)
                labels = reader.labels[rows] if has_labels else None
                self._rows.append(reader.features[rows], part.doc_ids, labels=labels)
                reader.parts.append(replace(part, doc_ids=None))

    def finish(self, offsets: NDArray[np.int64], qids: Ids, rows: NDArray[np.int64] | None) -> None:
        """As :meth:`CacheRows.finish`, once the file is read."""
        self._rows.finish(offsets, qids, rows)


def parse_windows(reader: Reader) -> Generator[tuple[Part, float], None, None]:
    """Parse window after window of blocks into the same arrays of the reader; a part's rows stay until the next.

    Each part comes with the share of the file that is read with it.
    """
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
            for block in window:
                yield running.popleft().result(), block.progress


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
