"""Lines of LETOR text to arrays: what stands between the compiled loops and those who read whole files.

Imports numba: it is imported where a file is read.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import announced
from rankkit.data.text_ids import Ids, TextIds
from rankkit.loaders.letor import kernels
from rankkit.loaders.letor.text_blocks import PADDING

_PREDICTED = 999_999  # the prefix of a longer index does not fit eight bytes
_HARD_VALUES = 1024  # room for values that need Python's float; lines with more of them are parsed again with enough

Fault = tuple[int, int]
"""The byte where the token at fault begins, and one of the codes of :mod:`rankkit.loaders.letor.kernels`."""


@dataclass(frozen=True)
class Layout:
    """What has to be known of the lines of a file before they are parsed.

    Args:
        form: Bits of :mod:`rankkit.loaders.letor.kernels` that tell what lines have.
        base: The index of the first feature, 1 or 0.
        width: How many columns the features get.
        chosen: The indices that are read, one a column; None for all.
        keep_doc_ids: Whether comments are read.
    """

    form: int
    base: int
    width: int
    chosen: tuple[int, ...] | None
    keep_doc_ids: bool

    @cached_property
    def prefixes(self) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
        """As :func:`expected_prefixes`."""
        return expected_prefixes(self.width, self.base)

    @cached_property
    def columns(self) -> NDArray[np.int64]:
        """int64 ``[chosen, 2]``: the indices that are read, rising, and the column of each."""
        chosen = np.array(self.chosen or (), np.int64)
        order = np.argsort(chosen)
        return np.stack([chosen[order], order], axis=1)


@dataclass(frozen=True)
class Lines:
    """What some lines held, beside features and labels.

    Args:
        faults: The first line at which the compiled loop stopped, and before it all that Python found, by their bytes;
            empty if all is well.
        stats: int64 ``[N_STATS]``, as :func:`rankkit.loaders.letor.kernels.parse_block` fills it.
        runs: int64 ``[run, 5]``, likewise.
        qids: ``[run]``, int64 or text.
        doc_ids: ``[row]``, or None where no row has one.
        is_found: bool ``[column]``, whether any row has the feature; known only where features are chosen.
    """

    faults: list[Fault]
    stats: NDArray[np.int64]
    runs: NDArray[np.int64]
    qids: Ids
    doc_ids: TextIds | None
    is_found: NDArray[np.bool_]


def announced_compilation() -> contextlib.AbstractContextManager[None]:
    """Say once that loops of the reader are being compiled, if they are."""
    return announced("the reader of LETOR text", kernels.__name__)


def expected_prefixes(width: int, base: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """For each column the bytes `` <index>:`` that precede its value in a dense file, as the top bytes of a word.

    Eight bytes of text, loaded as a little-endian word and shifted left by the second result, equal the first.
    """
    texts = [f" {index}:".encode() for index in range(base, base + min(width, _PREDICTED))]
    shifts = np.array([64 - 8 * len(text) for text in texts], np.uint64)
    words = np.frombuffer(b"".join(text.ljust(8, b"\0") for text in texts), "<u8")
    return words << shifts, shifts


def parse_lines(
    data: NDArray[np.uint8], layout: Layout, features: NDArray[np.float32], labels: NDArray[np.float32]
) -> Lines:
    """Parse lines into features and labels, which have room for all of them, up to the first that is at fault.

    Args:
        data: Whole lines, with PADDING of :mod:`rankkit.loaders.letor.text_blocks` behind them.
        layout: Of the lines.
        features: float32 ``[line, column]``, filled here.
        labels: float32 ``[line]``, filled here.
    """
    n_lines, n_hard = len(labels), _HARD_VALUES
    runs, ids = np.empty((n_lines, 5), np.int64), np.empty((n_lines, 2), np.int64)
    while True:
        hard, seen = np.empty((n_hard, 4), np.int64), np.zeros(layout.width, np.int64)
        stats = np.zeros(kernels.N_STATS, np.int64)
        kernels.parse_block(
            data, len(data), layout.form, layout.base, *layout.prefixes, layout.columns,
            features, labels, runs, ids, hard, seen, stats,
        )  # fmt: skip
        if stats[kernels.N_HARD] <= n_hard:
            break
        n_hard = int(stats[kernels.N_HARD])
    faults = _settle(data, layout, features, labels, hard[: stats[kernels.N_HARD]])
    if stats[kernels.STATUS] != kernels.OK:
        faults.append((int(stats[kernels.STOPPED_AT]), int(stats[kernels.STATUS])))
    runs = runs[: stats[kernels.N_RUNS]].copy()
    qids, bad_runs = _qids(data, runs, layout, bool(stats[kernels.STRING_QIDS]))
    end = int(stats[kernels.STOPPED_AT]) if stats[kernels.STATUS] != kernels.OK else len(data)
    bad_qids = [fault for position, _ in bad_runs for fault in _rows_of_run(data, runs, position, end)]
    doc_ids: TextIds | None = None
    bad_ids: list[Fault] = []
    if layout.keep_doc_ids and stats[kernels.LONGEST_ID]:
        doc_ids, bad_ids = _texts(data, ids[: stats[kernels.N_ROWS]])
    return Lines(sorted(faults + bad_qids + bad_ids), stats, runs, qids, doc_ids, seen > 0)


def bad_lines(
    data: NDArray[np.uint8], layout: Layout, features: NDArray[np.float32], labels: NDArray[np.float32]
) -> Iterator[Fault]:
    """The first fault of every line that has one; parameters as in :func:`parse_lines`.

    Lines are parsed again from behind the one at which the compiled loop stopped, and from no other: so each line is
    parsed once, however many are at fault.
    """
    start, done = 0, 0
    while start < len(data):
        lines = parse_lines(data[start:], layout, features, labels)
        for position, code in lines.faults:
            if start + position >= done:
                done = line_at(data, start + position)[1] + 1
                yield start + position, code
        if lines.stats[kernels.STATUS] == kernels.OK:
            return
        start = line_at(data, start + int(lines.stats[kernels.STOPPED_AT]))[1] + 1


def without_lines(data: NDArray[np.uint8], places: list[int]) -> NDArray[np.uint8]:
    """The block with blanks in place of some lines, each given by a byte of it."""
    padded = np.zeros(len(data) + PADDING, np.uint8)
    padded[: len(data)] = data
    for place in places:
        start, stop = line_at(data, place)
        padded[start:stop] = ord(" ")
    padded.flags.writeable = False
    return padded[: len(data)]


def line_at(data: NDArray[np.uint8], position: int) -> tuple[int, int]:
    """Where the line that holds a byte begins, and the newline that ends it."""
    newline, step = ord("\n"), 4096
    start, stop = position, position
    while start > 0:  # step by step, so that a block of many bad lines is not searched through for each of them
        before = np.flatnonzero(data[max(start - step, 0) : start] == newline)
        if len(before):
            start = max(start - step, 0) + int(before[-1]) + 1
            break
        start = max(start - step, 0)
    while True:
        behind = np.flatnonzero(data[stop : stop + step] == newline)
        if len(behind):
            return start, stop + int(behind[0])
        stop += step


def _settle(
    data: NDArray[np.uint8],
    layout: Layout,
    features: NDArray[np.float32],
    labels: NDArray[np.float32],
    hard: NDArray[np.int64],
) -> list[Fault]:
    """Fill in the values that the kernel left to Python's float; gives those that are wrong."""
    faults = []
    for row, column, start, stop in hard.tolist():
        number = float(data[start:stop].tobytes())
        with np.errstate(over="ignore", under="ignore"):
            value = np.float32(number)
        if column == kernels.LABEL_COLUMN:
            labels[row] = value
            code = _label_fault(value, layout)
        else:
            features[row, column] = value
            code = kernels.INFINITE_VALUE if np.isinf(value) else kernels.OK
        if code != kernels.OK:
            faults.append((start, code))
    return faults


def _label_fault(label: np.float32, layout: Layout) -> int:
    if np.isinf(label):
        return kernels.BAD_LABEL
    if label < 0:
        return kernels.NEGATIVE_LABEL
    is_grade = label <= kernels.LARGEST_GRADE and label == np.floor(label)
    return kernels.OK if is_grade or layout.form & kernels.ANY_LABEL else kernels.NO_GRADE


def _qids(
    data: NDArray[np.uint8], runs: NDArray[np.int64], layout: Layout, are_strings: bool
) -> tuple[Ids, list[Fault]]:
    if not are_strings or layout.form & kernels.WITHOUT_QID:
        return runs[:, kernels.RUN_QID].copy(), []
    return _texts(data, runs[:, [kernels.RUN_START, kernels.RUN_STOP]])


def _rows_of_run(data: NDArray[np.uint8], runs: NDArray[np.int64], position: int, end: int) -> Iterator[Fault]:
    """A fault for each row of the run whose qid begins at a byte, since only its first row is known."""
    starts = runs[:, kernels.RUN_START]
    behind = int(np.searchsorted(starts, position, side="right"))
    stop = int(starts[behind]) if behind < len(starts) else end
    place = line_at(data, position)[0]
    for line in data[place : line_at(data, stop)[0] if stop < len(data) else stop].tobytes().split(b"\n"):
        qid = line.split(b"#", 1)[0].find(b"qid:")
        if qid >= 0:
            yield place + qid + len(b"qid:"), kernels.BAD_TEXT
        place += len(line) + 1


def _texts(data: NDArray[np.uint8], spans: NDArray[np.int64]) -> tuple[TextIds, list[Fault]]:
    """Some spans of bytes as text, and those that are none."""
    spans = np.ascontiguousarray(spans)  # one type for the compiled loop
    offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(spans[:, 1] - spans[:, 0])])
    gathered = np.empty(offsets[-1], np.uint8)
    kernels.gather(data, spans, offsets, gathered)
    faults: list[Fault] = []
    if ((gathered >= 0x80) | (gathered == 0)).any():
        faults = [(start, kernels.BAD_TEXT) for start, stop in spans.tolist() if not _is_text(data[start:stop])]
    return TextIds.from_buffers(offsets, gathered), faults


def _is_text(raw: NDArray[np.uint8]) -> bool:
    try:
        return "\0" not in raw.tobytes().decode()
    except UnicodeDecodeError:
        return False
