"""All that is wrong or unusual in a LETOR file at once, for ``rankkit inspect``.

Imports numba: it is imported where a file is read.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids, first_places, join_ids
from rankkit.errors import DataError
from rankkit.loaders.letor import kernels
from rankkit.loaders.letor.beside import beginning_of, read_group_sizes, read_row_weights, side_files
from rankkit.loaders.letor.errors import SKIPPABLE, LineFault, line_fault
from rankkit.loaders.letor.lines import Layout, Lines, announced_compilation, bad_lines, parse_lines, without_lines
from rankkit.loaders.letor.survey import MOST_FEATURES, largest_index
from rankkit.loaders.letor.text_blocks import BLOCK_SIZE, Block, text_blocks

_NAMED = 5  # lines of a kind
_LEAST_BLOCK = 2**13
_WIDE = 2**30  # a block has so many bytes over the number of features, where that is less than usual
_RETURNING, _GROUP_SIZES, _BOM, _CRLF, _CUT, _MISSING, _UNORDERED, _EMPTY, _WEIGHTS, _ABSENT = range(100, 110)
_BESIDE = 110  # and on

_NOTES = {
    _MISSING: (kernels.N_MISSING, kernels.FIRST_MISSING, "values are NULL or nan. They are read as NaN."),
    _UNORDERED: (kernels.N_UNORDERED, kernels.FIRST_UNORDERED, "rows have features out of order. They are sorted."),
    _EMPTY: (kernels.N_EMPTY_ROWS, kernels.FIRST_EMPTY_ROW, "rows have no features. All their features are 0."),
}


@dataclass(frozen=True)
class Finding:
    """One kind of thing that is wrong or unusual.

    Args:
        what: In words, with an example where it is an error, and what to do.
        count: How often.
        lines: The first lines; of notes, one for each block of the file.
        is_error: Whether reading stops there.
        is_mendable: Whether ``on_bad_line="skip"`` or ``regroup=True`` reads the file all the same.
    """

    what: str
    count: int
    lines: tuple[int, ...]
    is_error: bool
    is_mendable: bool = True

    def __str__(self) -> str:
        more = ", ..." if self.count > len(self.lines) else ""
        named = f" ({'line' if self.count == 1 else 'lines'} {', '.join(map(str, self.lines))}{more})"
        return f"{self.count:,} x {self.what}{named if self.lines else ''}"


@dataclass
class _Tally:
    what: str
    is_error: bool
    is_mendable: bool = True
    count: int = 0
    lines: list[int] = field(default_factory=list)

    def add(self, count: int, line: int | None = None) -> None:
        self.count += count
        if line is not None and len(self.lines) < _NAMED:
            self.lines.append(line)


def find_all(
    path: Path,
    *,
    zero_based: bool | None = None,
    group_file: Path | None = None,
    n_features: int | None = None,
    features: Sequence[int] | None = None,
    drop: Sequence[int] | None = None,
    labels: Literal["grades", "any"] = "any",
) -> list[Finding]:
    """What a reader would object to or remark on, errors first, each kind once with its count and first lines.

    Args:
        path: The file.
        zero_based: As in :func:`rankkit.read_letor`, like all that follow.
        group_file: Likewise.
        n_features: Likewise.
        features: Likewise.
        drop: Likewise.
        labels: Likewise.

    Raises:
        DataError: If the file as a whole cannot be read: it is missing, no text, or its compressed data is damaged.
    """
    with announced_compilation():
        search = _Search(path, zero_based, group_file)
        search.lay_out(n_features, features, drop or (), labels)
        for block in search.blocks():
            search.look_at(block)
    search.look_at_queries()
    found = [Finding(t.what, t.count, tuple(t.lines), t.is_error, t.is_mendable) for t in search.tallies.values()]
    return sorted(found, key=lambda finding: not finding.is_error)


class _Search:
    """Goes over the blocks of a file and counts.

    Args:
        path: The file.
        zero_based: As in :func:`rankkit.read_letor`.
        group_file: As in :func:`rankkit.read_letor`.
    """

    def __init__(self, path: Path, zero_based: bool | None, group_file: Path | None) -> None:
        self.path = path
        self.tallies: dict[int, _Tally] = {}
        begins = beginning_of(path)
        self._beside = side_files(path, group_file, begins.has_qids)
        for number, note in enumerate(self._beside.notes):
            self._tally(_BESIDE + number, note).add(1)
        has_sizes = self._beside.group_file is not None
        self._form = kernels.WITHOUT_QID if has_sizes else 0 if begins.has_labels else kernels.WITHOUT_LABEL
        self._base = 0 if (begins.is_zero_based if zero_based is None else zero_based) else 1
        self._n_lines, self._n_rows, self._n_skipped = 0, 0, 0
        self._queries: list[tuple[Ids, NDArray[np.int64]]] = []  # qid and line of each run
        self._counts: list[int] = []  # features of rows, the fewest of a block and its last
        self._lacked_newline = False

    def lay_out(
        self, n_features: int | None, features: Sequence[int] | None, drop: Container[int], labels: str
    ) -> None:
        """Settle what is read of a line; keywords as in :func:`find_all`."""
        form = self._form | (kernels.ANY_LABEL if labels == "any" else 0)
        chosen = None if features is None else tuple(features)
        width = len(chosen or ()) or n_features
        if width is None:
            width = min(max(largest_index(self.path)[0] + 1 - self._base, 1), MOST_FEATURES)
        if drop:
            kept = [index for index in chosen or range(self._base, self._base + width) if index not in drop]
            chosen = tuple(kept) or None
            width = len(kept) or width
        self._layout = Layout(form, self._base, width, chosen, keep_doc_ids=True)
        self._features = np.empty((0, width), np.float32)
        self._is_found = np.zeros(width, bool)
        self._are_named = features is not None

    def blocks(self) -> Iterator[Block]:
        """The file, in small blocks where a short line becomes a long row."""
        return text_blocks(self.path, min(BLOCK_SIZE, max(_LEAST_BLOCK, _WIDE // self._layout.width)))

    def look_at(self, block: Block) -> None:
        """Count what is in a block."""
        data = block.data
        n_lines = int(kernels.count_lines(data))
        if n_lines > len(self._features):
            self._features = np.empty((n_lines, self._layout.width), np.float32)
        features, labels = self._features[:n_lines], np.empty(n_lines, np.float32)
        places = []
        line, counted = self._n_lines + 1, 0
        for position, code in bad_lines(data, self._layout, features, labels):
            places.append(position)
            line, counted = line + int(kernels.count_lines(data[counted:position])), position
            self._note_fault(line_fault(data, code, position, self._layout), line)
        lines = parse_lines(without_lines(data, places) if places else data, self._layout, features, labels)
        self._note_remarks(block, lines)
        self._is_found |= lines.is_found
        self._queries.append((lines.qids, lines.runs[:, kernels.RUN_LINE] + self._n_lines + 1))
        self._n_rows += int(lines.stats[kernels.N_ROWS])
        self._n_skipped += len(places)
        self._n_lines += n_lines

    def look_at_queries(self) -> None:
        """Count what shows only when all blocks are known: queries that come back, a last line cut short."""
        absent = [str(i) for i, found in zip(self._layout.chosen or (), self._is_found, strict=False) if not found]
        if absent and self._are_named:
            self._tally(_ABSENT, f"feature that no row has: {', '.join(absent)}. The values are 0.").add(len(absent))
        if self._beside.weight_file is not None:
            self._check_weights(self._beside.weight_file)
        if self._layout.form & kernels.WITHOUT_QID:
            self._check_sizes()
        elif self._queries:
            self._find_returning()
        *others, last = self._counts or [0]
        if self._lacked_newline and last < min(others, default=0) < kernels.NO_COUNT:
            what = f"last line with {last} features and no newline, all others have {min(others)} or more: cut short?"
            self._tally(_CUT, what).add(1, self._n_lines)

    def _check_sizes(self) -> None:
        group_file = self._beside.group_file or Path()
        n_asked, n_rows = int(read_group_sizes(group_file).sum()), self._n_rows + self._n_skipped
        if n_asked != n_rows:
            what = f"{group_file}: expected sizes that add up to {n_rows:,}, the rows of the file; got {n_asked:,}."
            self._tally(_GROUP_SIZES, what, is_error=True, is_mendable=False).add(1)

    def _check_weights(self, weight_file: Path) -> None:
        try:
            read_row_weights(weight_file, self._n_rows + self._n_skipped, self.path)
        except DataError as error:
            self._tally(_WEIGHTS, str(error), is_error=True, is_mendable=False).add(1)

    def _find_returning(self) -> None:
        qids = join_ids([qids for qids, _ in self._queries])
        lines = np.concatenate([lines for _, lines in self._queries])
        is_new = np.append(np.ones(min(len(qids), 1), bool), qids[1:] != qids[:-1])  # a query may go on in a next block
        qids, lines = qids[is_new], lines[is_new]
        returns = np.flatnonzero(first_places(qids) != np.arange(len(qids)))
        if len(returns):
            what = f"qid that comes back after others, such as {qids[returns[0]]}. Pass --regroup to join its rows."
            tally = self._tally(_RETURNING, what, is_error=True)
            for line in lines[returns][:_NAMED].tolist():
                tally.add(0, line)
            tally.add(len(returns))

    def _note_fault(self, fault: LineFault, line: int) -> None:
        if fault.code == kernels.INDEX_TOO_LARGE:
            fault = replace(
                fault,
                expected=f"feature indices up to {self._layout.width - 1 + self._layout.base:,}",
                action="Correct it, or pass --n-features COUNT if the data has so many columns.",
            )
        is_counted = self._beside.group_file is not None or self._beside.weight_file is not None
        is_mendable = fault.code in SKIPPABLE and fault.code != kernels.INDEX_TOO_LARGE and not is_counted
        self._tally(fault.code, str(fault), is_error=True, is_mendable=is_mendable).add(1, line)

    def _note_remarks(self, block: Block, lines: Lines) -> None:
        if block.had_bom:
            self._tally(_BOM, "byte order mark at the beginning. It is skipped.").add(1, 1)
        n_returns = int(((block.data[:-1] == ord("\r")) & (block.data[1:] == ord("\n"))).sum())
        if n_returns:
            self._tally(_CRLF, "lines that end with CRLF. They are read like others.").add(n_returns)
        for kind, (count_at, first_at, what) in _NOTES.items():
            if lines.stats[count_at]:
                line = self._line(block.data, int(lines.stats[first_at]))
                self._tally(kind, what).add(int(lines.stats[count_at]), line)
        if lines.stats[kernels.N_ROWS]:
            self._counts += [int(lines.stats[at]) for at in (kernels.FEWEST_BEFORE, kernels.LAST_COUNT)]
        self._lacked_newline = block.lacked_newline and bool(lines.stats[kernels.N_ROWS])

    def _line(self, data: NDArray[np.uint8], position: int) -> int:
        return self._n_lines + 1 + int(kernels.count_lines(data[:position]))

    def _tally(self, kind: int, what: str, is_error: bool = False, is_mendable: bool = True) -> _Tally:
        return self.tallies.setdefault(kind, _Tally(what, is_error, is_mendable))
