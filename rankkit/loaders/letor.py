"""LETOR / SVMlight text with qids: ``<label> qid:<id> <feature>:<value> ... # comment``."""

import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError, DataError
from rankkit.loaders.dataset import RankingDataset
from rankkit.loaders.grouping import group_runs

if TYPE_CHECKING:
    from rankkit.loaders.letor_reader import Part, Reader

Missing = Literal["keep", "error"]


def read_letor(
    path: str | os.PathLike[str],
    *,
    n_features: int | None = None,
    zero_based: bool = False,
    regroup: bool = False,
    missing: Missing = "keep",
    doc_ids: bool = True,
    n_threads: int | None = None,
) -> RankingDataset:
    r"""Read LETOR / SVMlight text, plain or gzip: one document a line, ``<label> qid:<id> <feature>:<value> ...``.

    Values are exactly ``numpy.float32(float(text))``; features that a line leaves out are 0. Blank lines and lines
    that begin with ``#`` are skipped. A comment behind the features names the document: of
    ``#docid = GX000-00 inc = 1 prob = 0.5`` the id, of any other comment its text. What is allowed but unusual
    (missing values, features out of order, rows without features, a byte order mark, a last line cut short) is
    reported in one warning a kind.

    The loops are compiled on the first call on a machine (some seconds), and kept on disk.

    Args:
        path: The file.
        n_features: Number of columns, for files that lack the last features in every row; a larger index is an error.
            Without it, the largest index of the file.
        zero_based: The first feature has index 0, not 1.
        regroup: Bring the rows of a qid that comes back after another one together; ``rows`` of the result then holds
            the order. Without it that is an error.
        missing: What to do with the values ``NULL`` and ``nan``: keep them as NaN, or raise an error.
        doc_ids: Read the comments.
        n_threads: Threads that parse; the default is one for each processor that this process may use.

    Returns:
        The documents; qids are int64 where all of them are plain integers, else str.

    Raises:
        DataError: For a file or a line that is not as expected; the message names file, line, column and text.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "train.txt")
        ...     _ = path.write_text("2 qid:1 1:0.5 2:3 # a\n0 qid:1 2:1e-3 # b\n")
        ...     data = read_letor(path)
        >>> data
        RankingDataset(1 queries, 2 docs, 2 features, labels 0..2)
        >>> data.features.tolist()[0], data.doc_ids.tolist()
        ([0.5, 3.0], ['a', 'b'])

    References:
        T. Joachims, SVM-light, https://www.cs.cornell.edu/people/tj/svm_light/; T. Qin and T.-Y. Liu, Introducing
        LETOR 4.0 Datasets, arXiv:1306.2597, 2013.
    """
    _check_options(n_features, missing, n_threads)
    # Here and not above, so that numba is loaded only where a file is read.
    from rankkit.loaders.letor_reader import Options, Reader, WiderError, exact_width, guess_width

    path = Path(path)
    if n_features is None and path.exists() and not path.is_file() and not path.is_dir():
        raise DataError(f"{path}: expected a file, to count its features first; got a pipe or device. Pass n_features.")
    options = Options(path, 0 if zero_based else 1, missing == "keep", doc_ids, n_threads or _n_processors())
    reader = Reader(options, n_features or guess_width(options), is_declared=n_features is not None)
    try:
        reader.read()
    except WiderError:  # the file looked dense, but features with larger indices come behind its first lines
        reader = Reader(options, exact_width(options), is_declared=True)
        reader.read()
    data = _assemble(reader, regroup)
    if n_features is None and not any(part.has_features for part in reader.parts):
        raise DataError(
            f"{path}: expected features; got {data.n_docs:,} rows without any. Pass n_features if so meant."
        )
    for message in _findings(reader):
        warnings.warn(f"{path}: {message}", stacklevel=2)
    return data


def _check_options(n_features: int | None, missing: str, n_threads: int | None) -> None:
    for name, value in (("n_features", n_features), ("n_threads", n_threads)):
        if value is not None and value < 1:
            raise ConfigError(f"read_letor: expected {name} of 1 or more; got {value}. Pass a positive number or None.")
    if missing not in ("keep", "error"):
        raise ConfigError(f"read_letor: expected missing='keep' or 'error'; got {missing!r}. Pass one of the two.")


def _n_processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _assemble(reader: "Reader", regroup: bool) -> RankingDataset:
    """The data set that the parts of a file make together."""
    parts, path = reader.parts, reader.options.path
    sizes = [part.n_rows for part in parts]
    n_rows = sum(sizes)
    if n_rows == 0:
        raise DataError(f"{path}: expected rows '<label> qid:<id> <feature>:<value> ...'; got none. Check the file.")
    first_rows = np.cumsum([0, *sizes[:-1]])
    starts = np.concatenate([part.run_rows + first for part, first in zip(parts, first_rows, strict=True)])
    lines = np.concatenate([part.run_lines for part in parts])
    qids = _concatenate_qids([part.qids for part in parts])
    is_new = np.append(True, qids[1:] != qids[:-1])  # a query may go on in the next part
    starts, lines, qids = starts[is_new], lines[is_new], qids[is_new]
    offsets, qids, rows = group_runs(qids, starts, n_rows, regroup, locate=lambda run: f"{path}:{lines[run]}")
    doc_ids = _doc_ids(parts, n_rows)
    features, labels = reader.features, reader.labels
    if rows is not None:
        features, labels, doc_ids = features[rows], labels[rows], None if doc_ids is None else doc_ids[rows]
    return RankingDataset(features, labels, offsets, qids, doc_ids=doc_ids, rows=rows)


def _concatenate_qids(qids: list[NDArray[np.generic]]) -> NDArray[np.generic]:
    """One array: str where one part has str; the integers of other parts are canonical, so they print as they came."""
    if all(part.dtype == np.int64 for part in qids):
        return np.concatenate(qids)
    return np.concatenate([part.astype(str) for part in qids])


def _doc_ids(parts: "list[Part]", n_rows: int) -> NDArray[np.str_] | None:
    """The ids of all parts as text, "" where a row has no comment; None where no row has one."""
    longest = max(0 if part.doc_ids is None else part.doc_ids.itemsize for part in parts)
    if longest == 0:
        return None
    texts = np.zeros(n_rows, f"U{longest}")
    first = 0
    for part in parts:
        if part.doc_ids is not None:
            texts[first : first + part.n_rows] = np.char.decode(part.doc_ids, "utf-8")
        first += part.n_rows
    return texts


def _findings(reader: "Reader") -> Iterator[str]:
    """What is allowed in a file but seldom meant: one message a kind."""
    from rankkit.loaders import letor_kernels as kernels

    parts = reader.parts
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
