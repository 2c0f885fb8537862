"""TREC relevance judgments (qrels): one line ``qid 0 doc_id label`` a document."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import TextIds, id_texts
from rankkit.errors import ConfigError, DataError, check_given
from rankkit.files.atomic import replacing
from rankkit.files.places import check_place
from rankkit.loaders.compression import packed
from rankkit.loaders.letor.text_blocks import BLOCK_SIZE, text_blocks
from rankkit.loaders.sources import Readable, as_file
from rankkit.loaders.tables.given_arrays import from_arrays

# What one reader of qrels or another takes for the end of a field or a line.
_SPACE = r"[\s\x0b\x00\x1c-\x1f\x85\p{Z}]"
_WHOLE = re.compile(rb"[+-]?[0-9]{1,8}")
# Whole numbers up to here are float32 without rounding.
GREATEST = 2**24


def write_qrels(data: RankingDataset, path: str | os.PathLike[str]) -> None:
    """Write the labels as TREC qrels, in input row order; trec_eval, ir_measures and :func:`read_qrels` read them.

    Args:
        data: Documents with ids and with labels that are whole numbers.
        path: Where to write; an existing file is replaced as a whole. Compressed for .gz, .bz2, .xz and .zst.

    Raises:
        DataError: If there are no labels or ids, a label is no whole number, an id cannot stand in a line of text, or a
            query has the same document twice.

    Example:
        >>> import tempfile
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> data = from_arrays([[1], [2]], [0, 2], ["q1", "q1"], doc_ids=["a", "b"])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     write_qrels(data, f"{folder}/judged.qrels")
        ...     print(Path(f"{folder}/judged.qrels").read_text(), end="")
        q1 0 a 0
        q1 0 b 2
    """
    check_given("write_qrels", "data", data, RankingDataset)
    path = Path(path)
    check_place(path)
    if data.labels is None or data.doc_ids is None:
        lacks = "labels" if data.labels is None else "document ids"
        raise DataError(
            f"{path}: expected labels and document ids, which qrels need; got data without {lacks}. "
            "Read the data with both."
        )
    query_of_doc = np.repeat(np.arange(data.n_queries), data.list_sizes)
    qids = id_texts(data.in_row_order(data.qids[query_of_doc])).to_arrow()
    doc_ids = data.in_row_order(data.doc_ids).to_arrow()
    labels = np.asarray(data.in_row_order(data.labels), np.float32)
    _check_words(qids, "query", path)
    _check_words(doc_ids, "document", path)
    _check_whole(labels, qids, path)
    _check_once(qids, doc_ids, path)
    judged = zip(qids.to_pylist(), doc_ids.to_pylist(), labels.astype(np.int64).tolist(), strict=True)
    with replacing(path) as temporary, packed(temporary, path.suffix) as file:
        file.writelines(f"{qid} 0 {doc_id} {label}\n".encode() for qid, doc_id, label in judged)


def read_qrels(path: Readable, *, negative: Literal["error", "zero"] = "error") -> RankingDataset:
    """Read TREC qrels as a data set without features: labels, query ids and document ids, grouped by query.

    Fields are separated by white space; the second one is not used. Empty lines and lines that begin with ``#`` do not
    count. Rows of one query need not stand together.

    Args:
        path: The file, plain or compressed; ``"-"``, a pipe, bytes or an open file as in :func:`rankkit.read`.
        negative: Labels below 0, which TREC tracks use for spam and junk: ``"error"``, or ``"zero"`` to count them as
            not relevant.

    Raises:
        DataError: If the file is not as expected, or judges a document twice for one query.
        ConfigError: If ``negative`` is something else.
    """
    if negative not in ("error", "zero"):
        raise ConfigError(f"read_qrels: expected negative='error' or 'zero'; got {negative!r}. Pass one of the two.")
    with as_file(path, ".qrels") as file:
        return _read_judgments(file, negative)


def _read_judgments(path: Path, negative: str) -> RankingDataset:
    qids, doc_ids, labels = [], [], []
    line_of: dict[tuple[str, str], int] = {}
    for number, line in _lines(path):
        fields = line.split()
        if not fields or line.startswith(b"#"):
            continue
        if len(fields) != 4:
            raise DataError(
                f"{path}:{number}: expected '<qid> 0 <doc_id> <label>'; got {_text(line, path, number)!r}. "
                "Mend the line."
            )
        qid, doc_id = _text(fields[0], path, number), _text(fields[2], path, number)
        before = line_of.setdefault((qid, doc_id), number)
        if before != number:
            raise DataError(
                f"{path}:{number}: expected one judgment of a document for a query; got {doc_id!r} of qid {qid} again "
                f"(first in line {before}). Take one of the lines out."
            )
        qids.append(qid)
        doc_ids.append(doc_id)
        labels.append(_label(fields[3], negative, path, number))
    if not labels:
        raise DataError(f"{path}: expected lines '<qid> 0 <doc_id> <label>'; got none. Check the file.")
    features = np.zeros((len(labels), 0), np.float32)
    return from_arrays(features, np.array(labels, np.float32), TextIds(qids), doc_ids=TextIds(doc_ids))


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    for block in text_blocks(path, BLOCK_SIZE):
        for line in block.data.tobytes().split(b"\n")[:-1]:
            number += 1
            yield number, line


def _text(field: bytes, path: Path, number: int) -> str:
    try:
        return field.decode().rstrip("\r")
    except UnicodeDecodeError as error:
        raise DataError(f"{path}:{number}: expected UTF-8 text; got {error}. Convert the file.") from error


def _label(field: bytes, negative: str, path: Path, number: int) -> int:
    label = int(field) if _WHOLE.fullmatch(field) else None
    if label is None or abs(label) > GREATEST:
        raise DataError(
            f"{path}:{number}: expected a whole number up to {GREATEST:,} as label; "
            f"got {_text(field, path, number)!r}. Mend the line."
        )
    if label < 0 and negative == "error":
        raise DataError(
            f"{path}:{number}: expected a label of 0 or more; got {label}. Pass negative='zero' to count such "
            "documents as not relevant."
        )
    return max(label, 0)


def _check_words(ids: pa.Array, what: str, path: Path) -> None:
    bad = pc.match_substring_regex(ids, f"{_SPACE}|^$" + ("|^#" if what == "query" else ""))
    if pc.any(bad).as_py():
        raise DataError(
            f"{path}: expected {what} ids that are one word each, for qrels; got {ids.filter(bad)[0].as_py()!r}. "
            "Replace what separates fields in the ids."
        )


def _check_whole(labels: NDArray[np.float32], qids: pa.Array, path: Path) -> None:
    broken = ~((labels == np.rint(labels)) & (np.abs(labels) <= GREATEST))
    if broken.any():
        row = int(broken.argmax())
        raise DataError(
            f"{path}: expected labels that are whole numbers up to {GREATEST:,}, for qrels; got {labels[row]:g} in "
            f"qid {qids[row]}. Round the labels."
        )


def _check_once(qids: pa.Array, doc_ids: pa.Array, path: Path) -> None:
    counts = pa.table({"qid": qids, "doc_id": doc_ids}).group_by(["qid", "doc_id"]).aggregate([([], "count_all")])
    twice = counts.filter(pc.greater(counts["count_all"], 1))
    if len(twice):
        raise DataError(
            f"{path}: expected one judgment of a document for a query; got {twice['doc_id'][0].as_py()!r} of qid "
            f"{twice['qid'][0]} more than once. Take out the rest."
        )
