"""LETOR text some rows at a time, for what looks at each row once.

Imports numba: it is imported where a file is read.
"""

import contextlib
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.grouping import group_sizes
from rankkit.data.text_ids import Ids
from rankkit.loaders.letor.assembly import feature_names, findings
from rankkit.loaders.letor.beside import read_group_sizes
from rankkit.loaders.letor.cache import parse_windows
from rankkit.loaders.letor.lines import announced_compilation
from rankkit.loaders.letor.reader import Part, Reader
from rankkit.loaders.letor.reading import Request, check_request, check_rows, n_processors, new_reader, settle
from rankkit.loaders.letor.survey import exact_width
from rankkit.loaders.row_blocks import RowBlock
from rankkit.remarks import say


def read_letor_blocks(path: Path, **options: Any) -> Generator[RowBlock, None, None]:
    """The rows that :func:`rankkit.read_letor` reads, some at a time; its warnings come once all rows have.

    Args:
        path: The file.
        **options: Of :func:`rankkit.read_letor`, but for ``regroup``. The width is found by a look through the whole
            file unless they declare it. Weights beside the file are left alone.

    Raises:
        DataError: As :func:`rankkit.read_letor`; but for a qid that comes back.
    """
    request = Request(**options)
    check_request(request, None)
    request = settle(path, request, with_weights=False)
    with announced_compilation():
        if not request.is_declared:
            request = replace(request, n_features=exact_width(path, request.base))
        reader = new_reader(path, request, n_processors())
        sizes = None if request.group_file is None else read_group_sizes(Path(request.group_file))
        n_rows = 0
        with contextlib.closing(parse_windows(reader)) as parts:
            for part, progress in parts:
                reader.parts.append(_without_rows(part))
                starts, qids = (part.run_rows, part.qids) if sizes is None else _by_sizes(sizes, n_rows, part.n_rows)
                n_rows += part.n_rows
                yield _block(reader, part, starts, qids, progress)
        check_rows(reader, is_declared=True)
        if sizes is not None:
            group_sizes(sizes, n_rows, Path(str(request.group_file)), path)
        for remark in (*request.notes, *findings(reader, are_named=request.drop is None)):
            say(f"{path}: {remark}")


def _block(reader: Reader, part: Part, starts: NDArray[np.int64], qids: Ids, progress: float) -> RowBlock:
    rows = slice(part.first_row, part.first_row + part.n_rows)
    return RowBlock(
        reader.features[rows],
        starts,
        qids,
        doc_ids=part.doc_ids,
        feature_names=feature_names(reader),
        progress=progress,
    )


def _without_rows(part: Part) -> Part:
    """What is kept of a part for what is said in the end: its counts."""
    return replace(part, doc_ids=None, qids=part.qids[:0], runs=part.runs[:0].copy())


def _by_sizes(sizes: NDArray[np.int64], first: int, n_rows: int) -> tuple[NDArray[np.int64], Ids]:
    """The queries of some rows, by the numbers of rows of all queries: where they begin, and their ids 1, 2, 3, ..."""
    if not n_rows:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    bounds = np.append(0, np.cumsum(sizes))
    begun = np.searchsorted(bounds, (first, first + n_rows - 1), side="right") - 1
    queries = np.arange(begun[0], begun[1] + 1)  # one behind the last, should there be more rows: told in the end
    return np.maximum(bounds[queries] - first, 0), queries + 1
