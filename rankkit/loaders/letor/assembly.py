"""From the parts of a LETOR file to one data set, and what to say about it.

Imports numba: it is imported where a file is read.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rankkit.data.grouping import Groups, group_runs, group_sizes
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import TextIds, id_texts, join_ids, no_ids
from rankkit.loaders.letor import kernels
from rankkit.loaders.letor.beside import SideFiles, read_group_sizes, read_row_weights
from rankkit.loaders.letor.reader import SHOWN, Part, Reader


def assemble(reader: Reader, regroup: bool, beside: SideFiles) -> RankingDataset:
    """The data set that the parts of a file make together."""
    offsets, qids, rows = group(reader, regroup, beside.group_file)
    weights = row_weights(reader, beside.weight_file, rows)
    features, labels, doc_ids = reader.features, reader.labels, _doc_ids(reader.parts)
    if rows is not None:
        features, labels, doc_ids = features[rows], labels[rows], None if doc_ids is None else doc_ids[rows]
    return RankingDataset(
        features,
        None if reader.options.layout.form & kernels.WITHOUT_LABEL else labels,
        offsets,
        qids,
        weights=weights,
        doc_ids=doc_ids,
        feature_names=feature_names(reader),
        rows=rows,
        weights_per=None if weights is None else "doc",
    )


def row_weights(reader: Reader, weight_file: Path | None, rows: NDArray[np.int64] | None) -> NDArray[np.float32] | None:
    """The weights of a file's rows in the order of its queries; None where there is no file of weights."""
    if weight_file is None:
        return None
    weights = read_row_weights(weight_file, sum(part.n_rows for part in reader.parts), reader.options.path)
    return weights if rows is None else weights[rows]


def feature_names(reader: Reader) -> tuple[str, ...] | None:
    """The indices of the features as the file has them; None where these are 1, 2, ..., which need no names."""
    layout = reader.options.layout
    if layout.chosen is None and layout.base == 1:
        return None
    return tuple(map(str, range(reader.width) if layout.chosen is None else layout.chosen))


def group(reader: Reader, regroup: bool, group_file: Path | None) -> Groups:
    """The queries that the parts of a file hold together."""
    parts, path = reader.parts, reader.options.path
    sizes = [part.n_rows for part in parts]
    if group_file is not None:
        return group_sizes(read_group_sizes(group_file), sum(sizes), group_file, path)
    first_rows = np.cumsum([0, *sizes[:-1]])
    starts = np.concatenate([part.run_rows + first for part, first in zip(parts, first_rows, strict=True)])
    lines = np.concatenate([part.run_lines for part in parts])
    qids = join_ids([part.qids for part in parts])  # integers of other parts are canonical: they print as they came
    is_new = np.append(True, qids[1:] != qids[:-1])  # a query may go on in the next part
    starts, lines, qids = starts[is_new], lines[is_new], qids[is_new]
    return group_runs(qids, starts, sum(sizes), regroup, locate=lambda run: f"{path}:{lines[run]}")


def _doc_ids(parts: list[Part]) -> TextIds | None:
    """The ids of all parts, "" where a row has no comment; None where no row has one."""
    if all(part.doc_ids is None for part in parts):
        return None
    return id_texts(join_ids([no_ids(part.n_rows) if part.doc_ids is None else part.doc_ids for part in parts]))


def findings(reader: Reader, *, are_named: bool = True) -> Iterator[str]:
    """What is allowed in a file but seldom meant: one message a kind.

    Args:
        reader: One that has read the file.
        are_named: Whether features that are chosen were named, so that one which no row has is no small matter.
    """
    parts, chosen = reader.parts, reader.options.layout.chosen
    n_skipped = sum(part.n_skipped for part in parts)
    if n_skipped:
        yield f"{n_skipped:,} rows are left out, since they cannot be read: {first_skipped(parts)}"
    if chosen is not None and are_named:
        is_found = np.any([part.is_found for part in parts], axis=0)
        absent = [str(index) for index, found in zip(chosen, is_found, strict=True) if not found]
        if absent:
            yield f"no row has feature {', '.join(absent)}. The values are 0."
    if any(part.had_bom for part in parts):
        yield "begins with a UTF-8 byte order mark, which is skipped."
    kinds = (
        (kernels.N_MISSING, kernels.FIRST_MISSING, "values are NULL or nan", "They are kept as NaN."),
        (kernels.N_UNORDERED, kernels.FIRST_UNORDERED, "rows have features out of order", "They are sorted."),
        (kernels.N_EMPTY_ROWS, kernels.FIRST_EMPTY_ROW, "rows have no features", "All their features are 0."),
    )
    for how_many, first, what, then in kinds:
        n_found = sum(int(part.stats[how_many]) for part in parts)
        if n_found:
            line = next(part.first_lines[first] for part in parts if part.stats[how_many])
            yield f"{n_found:,} {what} (first in line {line:,}). {then}"
    if parts[-1].lacked_newline and parts[-1].n_rows:
        last = parts[-1].stats[kernels.LAST_COUNT]
        counts = [parts[-1].stats[kernels.FEWEST_BEFORE]]
        counts += [part.stats[at] for part in parts[:-1] for at in (kernels.FEWEST_BEFORE, kernels.LAST_COUNT)]
        if last < min(counts) < kernels.NO_COUNT:
            yield (
                f"the last line has {last} features and no newline, all others have {min(counts)} or more. "
                "The file may be cut short."
            )


def first_skipped(parts: list[Part]) -> str:
    """Line and fault of the first rows that were left out."""
    skipped = [f"line {line:,}: {fault}" for part in parts for line, fault in part.skipped]
    n_skipped = sum(part.n_skipped for part in parts)
    return " ".join(skipped[:SHOWN]) + (f" And {n_skipped - SHOWN:,} more." if n_skipped > SHOWN else "")
