"""Runs the compiled loops over the blocks of a LETOR file, some at a time, into arrays that grow.

Imports numba: :mod:`rankkit.loaders.letor.reading` imports this module when a file is read.
"""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids, TextIds
from rankkit.errors import DataError
from rankkit.files.mapped import memory_size
from rankkit.loaders.letor import kernels
from rankkit.loaders.letor.errors import SKIPPABLE, LineFault, line_fault
from rankkit.loaders.letor.lines import Fault, Layout, bad_lines, parse_lines, without_lines
from rankkit.loaders.letor.text_blocks import BLOCK_SIZE, Block, text_blocks

SHOWN = 5
"""Of the lines that are left out, so many are named."""


@dataclass(frozen=True)
class Options:
    """How to read a file: see :func:`rankkit.read_letor`.

    Args:
        path: The file.
        layout: Of its lines.
        n_threads: How many threads parse.
        is_declared: Whether the width is no guess: then a larger index is an error and no reason to look again.
        skips: Whether rows that cannot be read are left out where that is safe.
    """

    path: Path
    layout: Layout
    n_threads: int
    is_declared: bool
    skips: bool = False


@dataclass(frozen=True)
class Part:
    """What one block held, beside features and labels.

    Args:
        first_row: Where its rows begin in the arrays, before gaps are closed.
        stats: int64 ``[N_STATS]``, as :func:`rankkit.loaders.letor.kernels.parse_block` fills it.
        first_lines: For each of ``FIRST_PLACES`` in stats, the line of the file, counted from 1.
        runs: int64 ``[run, 5]``, likewise, with lines of the file.
        qids: ``[run]``, int64 or text.
        doc_ids: ``[row]``, or None.
        is_found: As in :class:`rankkit.loaders.letor.lines.Lines`.
        skipped: The first rows that were left out: line of the file and what is wrong.
        n_skipped: How many were.
        had_bom: As in :class:`Block`.
        lacked_newline: As in :class:`Block`.
    """

    first_row: int
    stats: NDArray[np.int64]
    first_lines: dict[int, int]
    runs: NDArray[np.int64]
    qids: Ids
    doc_ids: TextIds | None
    is_found: NDArray[np.bool_]
    skipped: tuple[tuple[int, LineFault], ...]
    n_skipped: int
    had_bom: bool
    lacked_newline: bool

    @property
    def n_rows(self) -> int:
        """How many documents it holds."""
        return int(self.stats[kernels.N_ROWS])

    @property
    def has_features(self) -> bool:
        """Whether any row holds a feature."""
        return bool(self.stats[kernels.N_EMPTY_ROWS] < self.n_rows)

    @property
    def run_rows(self) -> NDArray[np.int64]:
        """int64 ``[run]``: the first row of each run, counted in this part."""
        return self.runs[:, kernels.RUN_ROW]

    @property
    def run_lines(self) -> NDArray[np.int64]:
        """int64 ``[run]``: the line of the file where each run begins."""
        return self.runs[:, kernels.RUN_LINE]


class WiderError(Exception):
    """A feature index lies behind the width that was guessed."""


class Reader:
    """One pass over a file: blocks go to threads, their rows to arrays that grow with the file.

    Args:
        options: How to read.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.width = options.layout.width
        self.features = np.empty((0, self.width), np.float32)
        self.labels = np.empty(0, np.float32)
        self.parts: list[Part] = []

    def read(self) -> None:
        """Fill features, labels and parts.

        Raises:
            DataError: For the first line that is not as expected.
            WiderError: If an index lies behind the width and the width was not declared.
        """
        n_reserved, n_lines = 0, 0
        running: deque[Future[Part]] = deque()
        pool = ThreadPoolExecutor(self.options.n_threads)
        try:
            for block in text_blocks(self.options.path, BLOCK_SIZE):
                n_block = kernels.count_lines(block.data)
                if n_reserved + n_block > len(self.labels):
                    self._collect(running, 0)
                    self._grow(n_reserved + n_block, block.progress)
                running.append(pool.submit(self.parse, block, n_reserved, n_reserved + n_block, n_lines + 1))
                n_reserved += n_block
                n_lines += n_block
                del block  # so that the bytes can go as soon as they are parsed
                self._collect(running, 2 * self.options.n_threads)
            self._collect(running, 0)
        finally:
            pool.shutdown(cancel_futures=True)
        self._close_gaps()

    def _collect(self, running: deque[Future[Part]], n_left: int) -> None:
        """Wait until at most n_left blocks are in work; the first error of the file comes first."""
        while len(running) > n_left:
            self.parts.append(running.popleft().result())

    def _grow(self, n_needed: int, progress: float) -> None:
        """Make room for the rows that the whole file will have if it goes on as so far.

        Room that is not used costs no memory: the system provides pages when they are written.
        """
        n_rows = n_needed if progress == 1.0 else int(n_needed / progress * 1.02) + 1024
        n_bytes = n_rows * self.width * 4
        if n_bytes > memory_size():
            raise DataError(
                f"{self.options.path}: expected data that fits the memory, {memory_size() / 2**30:.1f} GiB; got "
                f"about {n_rows:,} rows of {self.width:,} features, {n_bytes / 2**30:.1f} GiB. Read some columns with "
                "features=[...], or split the file."
            )
        self._resize(n_rows)

    def _resize(self, n_rows: int) -> None:
        if len(self.labels) == 0:
            self.features, self.labels = np.empty((n_rows, self.width), np.float32), np.empty(n_rows, np.float32)
        else:  # in place; no block is in work now, so that nothing else refers to the arrays
            self.features.resize((n_rows, self.width), refcheck=False)
            self.labels.resize(n_rows, refcheck=False)

    def _close_gaps(self) -> None:
        """Move rows up over the places that blank lines left, and give back the room behind the last row."""
        n_rows = 0
        for part in self.parts:
            if part.first_row > n_rows:
                source, target = (slice(first, first + part.n_rows) for first in (part.first_row, n_rows))
                self.features[target], self.labels[target] = self.features[source], self.labels[source]
            n_rows += part.n_rows
        self._resize(n_rows)

    def parse(self, block: Block, first_row: int, end_row: int, first_line: int) -> Part:
        """Parse one block into its rows of features and labels; several threads may do so at a time.

        Args:
            block: Some lines.
            first_row: Where its rows begin.
            end_row: Where they end at the latest: it may hold ``end_row - first_row`` lines.
            first_line: The line of the file that it begins with, counted from 1.

        Raises:
            DataError: For the first line that is not as expected.
            WiderError: As :meth:`read`.
        """
        data, layout = block.data, self.options.layout
        features, labels = self.features[first_row:end_row], self.labels[first_row:end_row]
        lines = parse_lines(data, layout, features, labels)
        skipped: list[tuple[int, LineFault]] = []
        n_skipped = 0
        if lines.faults:
            faults = bad_lines(data, layout, features, labels) if self.options.skips else iter(lines.faults[:1])
            places = list(self._skippable(data, first_line, faults, skipped))
            n_skipped = len(places)
            data = without_lines(data, places)
            lines = parse_lines(data, layout, features, labels)
        lines.runs[:, kernels.RUN_LINE] += first_line
        return Part(
            first_row=first_row,
            stats=lines.stats,
            first_lines={at: first_line + _line_of(data, int(lines.stats[at])) for at in kernels.FIRST_PLACES},
            runs=lines.runs,
            qids=lines.qids,
            doc_ids=lines.doc_ids,
            is_found=lines.is_found,
            skipped=tuple(skipped),
            n_skipped=n_skipped,
            had_bom=block.had_bom,
            lacked_newline=block.lacked_newline,
        )

    def _skippable(
        self, data: NDArray[np.uint8], first_line: int, faults: Iterator[Fault], skipped: list[tuple[int, LineFault]]
    ) -> Iterator[int]:
        """The byte of each fault, the first ones noted in ``skipped``; raises where a line must not be left out."""
        layout = self.options.layout
        for position, code in faults:
            if code == kernels.INDEX_TOO_LARGE and not self.options.is_declared:
                raise WiderError
            fault = line_fault(data, code, position, layout)
            must_stop = fault.code not in SKIPPABLE or not self.options.skips
            if must_stop or len(skipped) < SHOWN:
                line = first_line + _line_of(data, position)
                if must_stop:
                    raise DataError(f"{self.options.path}:{line}: {fault}")
                skipped.append((line, fault))
            yield position


def _line_of(data: NDArray[np.uint8], position: int) -> int:
    """The line of a byte, counted from 0."""
    return int(kernels.count_lines(data[:position]))
