"""Runs the compiled loops over the blocks of a LETOR file, some at a time, into arrays that grow.

Imports numba: :mod:`rankkit.loaders.letor` imports this module when a file is read.
"""

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import DataError
from rankkit.loaders import letor_kernels as kernels
from rankkit.loaders.letor_errors import line_error, show
from rankkit.loaders.text_blocks import BLOCK_SIZE, Block, text_blocks

MOST_FEATURES = 100_000
"""A larger feature index than this is taken for a slip, unless n_features declares it."""

_FIRST_LOOK = 2**18  # bytes that tell whether a file is dense and how many features it has
_PREDICTED = 999_999  # the prefix of a longer index does not fit eight bytes
_HARD_VALUES = 1024  # room for values that need Python's float; a block with more is parsed again with enough


@dataclass(frozen=True)
class Options:
    """How to read a file: see :func:`rankkit.read_letor`; ``base`` is the index of the first feature."""

    path: Path
    base: int
    keep_missing: bool
    keep_doc_ids: bool
    n_threads: int


@dataclass(frozen=True)
class Part:
    """What one block held, beside features and labels.

    Args:
        first_row: Where its rows begin in the arrays, before gaps are closed.
        stats: int64 ``[N_STATS]``, as :func:`rankkit.loaders.letor_kernels.parse_block` fills it.
        first_lines: For each of ``FIRST_PLACES`` in stats, the line of the file, counted from 1.
        runs: int64 ``[run, 5]``, likewise, with lines of the file.
        qids: ``[run]``, int64 or str.
        doc_ids: UTF-8 bytes ``[row]``, or None.
        had_bom: As in :class:`Block`.
        lacked_newline: As in :class:`Block`.
    """

    first_row: int
    stats: NDArray[np.int64]
    first_lines: dict[int, int]
    runs: NDArray[np.int64]
    qids: NDArray[np.generic]
    doc_ids: NDArray[np.bytes_] | None
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


def guess_width(options: Options) -> int:
    """How many features the file has, from its first lines where they are dense, else from all lines."""
    with closing(text_blocks(options.path, _FIRST_LOOK)) as blocks:
        first = next(blocks, None)
    if first is not None:
        index, line, is_dense = kernels.survey_block(first.data, len(first.data))
        if is_dense or first.progress == 1.0:
            return _width(options, index, line + 1)
    return exact_width(options)


def exact_width(options: Options) -> int:
    """How many features the file has, from all lines."""
    largest, at_line, n_lines = 0, 0, 0
    for block in text_blocks(options.path, BLOCK_SIZE):
        index, line, _ = kernels.survey_block(block.data, len(block.data))
        if index > largest:
            largest, at_line = index, n_lines + line + 1
        n_lines += kernels.count_lines(block.data)
    return _width(options, largest, at_line)


def _width(options: Options, largest: int, line: int) -> int:
    width = largest + 1 - options.base
    if width > MOST_FEATURES:
        raise DataError(
            f"{options.path}:{line}: expected feature indices up to {MOST_FEATURES:,}; got {largest:,}. "
            f"Pass n_features={width} if the data has so many columns."
        )
    return max(width, 1)  # without any feature the rows are still read, for the errors that they may hold


def expected_prefixes(width: int, base: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """For each column the bytes `` <index>:`` that precede its value in a dense file, as the top bytes of a word.

    Eight bytes of text, loaded as a little-endian word and shifted left by the second result, equal the first.
    """
    texts = [f" {index}:".encode() for index in range(base, base + min(width, _PREDICTED))]
    shifts = np.array([64 - 8 * len(text) for text in texts], np.uint64)
    words = np.frombuffer(b"".join(text.ljust(8, b"\0") for text in texts), "<u8")
    return words << shifts, shifts


class Reader:
    """One pass over a file: blocks go to threads, their rows to arrays that grow with the file.

    Args:
        options: How to read.
        width: How many columns.
        is_declared: Whether the user gave the width: then a larger index is an error and no reason to look again.
    """

    def __init__(self, options: Options, width: int, is_declared: bool) -> None:
        self.options = options
        self.width = width
        self.is_declared = is_declared
        self.features = np.empty((0, width), np.float32)
        self.labels = np.empty(0, np.float32)
        self.parts: list[Part] = []
        self._prefixes = expected_prefixes(width, options.base)

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
                running.append(pool.submit(self._parse, block, n_reserved, n_reserved + n_block, n_lines + 1))
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
        if n_bytes > _memory_size():
            raise DataError(
                f"{self.options.path}: expected data that fits the memory, {_memory_size() / 2**30:.1f} GiB; got "
                f"about {n_rows:,} rows of {self.width:,} features, {n_bytes / 2**30:.1f} GiB. Split the file."
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

    def _parse(self, block: Block, first_row: int, end_row: int, first_line: int) -> Part:
        """Parse one block into its rows; runs in a thread."""
        data, n_lines = block.data, end_row - first_row
        features, labels = self.features[first_row:end_row], self.labels[first_row:end_row]
        runs, ids = np.empty((n_lines, 5), np.int64), np.empty((n_lines, 2), np.int64)
        n_hard = _HARD_VALUES
        while True:
            hard, seen = np.empty((n_hard, 4), np.int64), np.zeros(self.width, np.int64)
            stats = np.zeros(kernels.N_STATS, np.int64)
            kernels.parse_block(
                data, len(data), self.options.base, *self._prefixes, features, labels, runs, ids, hard, seen, stats
            )
            if stats[kernels.N_HARD] <= n_hard:
                break
            n_hard = int(stats[kernels.N_HARD])
        faults = self._settle(data, features, labels, hard[: stats[kernels.N_HARD]])
        if stats[kernels.STATUS] != kernels.OK:
            faults.append((int(stats[kernels.STOPPED_AT]), int(stats[kernels.STATUS])))
        if stats[kernels.N_MISSING] and not self.options.keep_missing:
            faults.append((int(stats[kernels.FIRST_MISSING]), kernels.MISSING_VALUE))
        if faults:
            self._refuse(data, first_line, *min(faults))
        runs = runs[: stats[kernels.N_RUNS]].copy()
        runs[:, kernels.RUN_LINE] += first_line
        return Part(
            first_row=first_row,
            stats=stats,
            first_lines={at: first_line + _line_of(data, int(stats[at])) for at in kernels.FIRST_PLACES},
            runs=runs,
            qids=self._qids(data, runs, bool(stats[kernels.STRING_QIDS])),
            doc_ids=self._doc_ids(data, first_line, ids[: stats[kernels.N_ROWS]], int(stats[kernels.LONGEST_ID])),
            had_bom=block.had_bom,
            lacked_newline=block.lacked_newline,
        )

    def _settle(
        self,
        data: NDArray[np.uint8],
        features: NDArray[np.float32],
        labels: NDArray[np.float32],
        hard: NDArray[np.int64],
    ) -> list[tuple[int, int]]:
        """Fill in the values that the kernel left to Python's float; gives place and code of those that are wrong."""
        faults = []
        for row, column, start, stop in hard.tolist():
            number = float(data[start:stop].tobytes())
            with np.errstate(over="ignore", under="ignore"):
                value = np.float32(number)
            is_label = column == kernels.LABEL_COLUMN
            if np.isinf(value):
                faults.append((start, kernels.BAD_LABEL if is_label else kernels.INFINITE_VALUE))
            elif is_label and value < 0:
                faults.append((start, kernels.NEGATIVE_LABEL))
            if is_label:
                labels[row] = value
            else:
                features[row, column] = value
        return faults

    def _refuse(self, data: NDArray[np.uint8], first_line: int, position: int, code: int) -> NoReturn:
        if code == kernels.INDEX_TOO_LARGE and not self.is_declared:
            raise WiderError
        where = f"{self.options.path}:{first_line + _line_of(data, position)}"
        raise line_error(where, data, code, position, last_index=self.width - 1 + self.options.base)

    def _qids(self, data: NDArray[np.uint8], runs: NDArray[np.int64], are_strings: bool) -> NDArray[np.generic]:
        if not are_strings:
            return runs[:, kernels.RUN_QID].copy()
        texts = []
        for start, stop, line in runs[:, [kernels.RUN_START, kernels.RUN_STOP, kernels.RUN_LINE]].tolist():
            texts.append(self._decode(data[start:stop].tobytes(), line))
        return np.array(texts)

    def _doc_ids(
        self, data: NDArray[np.uint8], first_line: int, ids: NDArray[np.int64], longest: int
    ) -> NDArray[np.bytes_] | None:
        """The ids as UTF-8 bytes: a quarter of the room that they take as text."""
        if longest == 0 or not self.options.keep_doc_ids:
            return None
        gathered = np.empty((len(ids), longest), np.uint8)
        kernels.gather(data, ids, gathered)
        if (gathered >= 0x80).any():
            for start, stop in ids.tolist():
                self._decode(data[start:stop].tobytes(), first_line + _line_of(data, start))
        return gathered.view(f"S{longest}")[:, 0]

    def _decode(self, text: bytes, line: int) -> str:
        try:
            decoded = text.decode()
        except UnicodeDecodeError:
            decoded = "\0"
        if "\0" in decoded:
            raise DataError(
                f"{self.options.path}:{line}: expected ids in UTF-8; got {show(text)}. Convert the file to UTF-8."
            )
        return decoded


def _line_of(data: NDArray[np.uint8], position: int) -> int:
    """The line of a byte, counted from 0."""
    return int(kernels.count_lines(data[:position]))


def _memory_size() -> int:
    """Bytes of memory that the machine has."""
    if not hasattr(os, "sysconf"):
        return 2**62
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
