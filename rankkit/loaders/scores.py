"""Writing the scores of documents, at once or block by block: tables in row order, or a TREC run."""

import contextlib
import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import Ids, TextIds, id_texts
from rankkit.errors import ConfigError, DataError, ShapeError, check_given
from rankkit.files.atomic import replacing
from rankkit.files.places import check_place
from rankkit.loaders.sources import is_stream

_GROUP_ROWS = 2**20
_ENDINGS = (".parquet", ".csv", ".txt", ".run", ".trec")


def write_scores(data: RankingDataset, scores: NDArray[np.float32], path: Path | str, *, tag: str = "rankkit") -> None:
    """Write one score a document, the format by extension.

    ``.parquet`` and ``.csv`` have the columns qid, doc_id (where known) and score, ``.txt`` one score a line, all in
    the order of the input rows. ``.run`` and ``.trec`` are TREC runs, ``qid Q0 doc_id rank score tag``, best first;
    they need doc ids. Equal scores in a run keep row order; trec_eval itself breaks ties by doc id.

    Args:
        data: The documents that were scored.
        scores: One a document, in row order: what :func:`rankkit.predict` returns.
        path: Where to write; an existing file is replaced as a whole. ``"-"``: ``.txt`` to standard output.
        tag: Name of the run, the last column of a TREC run.

    Raises:
        ConfigError: If the extension names no format.
        DataError: If there are no documents, a score is not finite, or a TREC run is asked for documents without ids.
        ShapeError: If there is not one score a document.
        DiskError: If it cannot be written.
    """
    check_given("write_scores", "data", data, RankingDataset)
    if scores.shape != (data.n_docs,):
        raise ShapeError(
            f"write_scores: expected {data.n_docs} scores, one a document; got shape {scores.shape}. "
            "Pass what rankkit.predict returned for this data."
        )
    with score_writer(path, tag=tag) as writer:
        writer.append(data, scores)


@contextlib.contextmanager
def score_writer(path: Path | str, *, tag: str = "rankkit") -> Iterator["ScoreWriter"]:
    """As :func:`write_scores`, for scores that come some whole queries at a time; the file is there at the end.

    Args:
        path: Where to write.
        tag: Name of the run.

    Raises:
        ConfigError: If the extension names no format.
        DataError: At the end, if no scores came.
        DiskError: If it cannot be written.
    """
    path = Path(path)
    check_scores_target(path)
    with replacing(path) as temporary:
        writer = ScoreWriter(temporary, _ending(path), re.sub(r"\s+", "_", tag) or "rankkit")
        with contextlib.closing(writer):
            yield writer
        if not writer.n_scores:
            raise DataError("write_scores: expected documents; got none, so no score. Check what was read.")


class ScoreWriter:
    """Writes scores into a file, block by block.

    Args:
        path: The file, which is not there yet.
        ending: The extension that says the format.
        tag: Name of the run, without white space.
    """

    def __init__(self, path: Path, ending: str, tag: str) -> None:
        self.n_scores = 0
        self._path, self._ending, self._tag = path, ending, tag
        self._row_group: list[pa.Table] = []
        self._parquet: pq.ParquetWriter | None = None

    def append(self, data: RankingDataset, scores: NDArray[np.float32]) -> None:
        """Write the scores of some queries behind the others.

        Args:
            data: Their documents; ids are there, and of a kind, for all or for none.
            scores: One a document, in row order.

        Raises:
            DataError: If a score is not finite, or a TREC run is asked for documents without ids.
        """
        broken = ~np.isfinite(scores)
        if broken.any():
            row = int(broken.argmax())
            raise DataError(
                f"write_scores: expected scores that are finite numbers; got {scores[row]} for row "
                f"{self.n_scores + row} (from 0), and {int(broken.sum()):,} of {len(scores):,} "
                f"{'behind it' if self.n_scores else 'in all'}. Look into the weights of the ranker and that row."
            )
        if not len(scores):
            return
        is_first = self.n_scores == 0
        self.n_scores += len(scores)
        if self._ending == ".parquet":
            self._row_group.append(pa.Table.from_pandas(_table(data, scores), preserve_index=False))
            if sum(table.num_rows for table in self._row_group) >= _GROUP_ROWS:
                self._write_groups(whole=True)
        elif self._ending in (".run", ".trec"):
            lines = _run(data, scores, self._tag)
            lines.to_csv(self._path, mode="a", sep=" ", index=False, header=False, quoting=csv.QUOTE_NONE)
        else:
            is_csv = self._ending == ".csv"
            table = _table(data, scores) if is_csv else pd.DataFrame({"score": scores})
            table.to_csv(self._path, mode="a", index=False, header=is_first and is_csv)

    def close(self) -> None:
        """Write what is held back, and end the file."""
        if self._row_group:
            self._write_groups(whole=False)
        if self._parquet is not None:
            self._parquet.close()

    def _write_groups(self, *, whole: bool) -> None:
        """Write row groups of Parquet as large as pandas writes them: all that are full, or the last one too."""
        table = pa.concat_tables(self._row_group)
        if self._parquet is None:
            self._parquet = pq.ParquetWriter(self._path, table.schema)
        n_rows = table.num_rows // _GROUP_ROWS * _GROUP_ROWS if whole else table.num_rows
        self._parquet.write_table(table.slice(0, n_rows), row_group_size=_GROUP_ROWS)
        self._row_group = [table.slice(n_rows)] if n_rows < table.num_rows else []


def check_scores_target(path: Path) -> None:
    """Refuse what :func:`write_scores` cannot write to, before anything is scored.

    Raises:
        ConfigError: If the extension names no format.
        DiskError: If nothing can be written there.
    """
    if _ending(path) not in _ENDINGS:
        raise ConfigError(
            f"{path}: expected a name that ends in {', '.join(_ENDINGS)}; got {path.suffix!r}. Rename it."
        )
    check_place(path)


def _ending(path: Path) -> str:
    return ".txt" if is_stream(path) else path.suffix


def _table(data: RankingDataset, scores: NDArray[np.float32]) -> pd.DataFrame:
    columns = {"qid": _column(data.in_row_order(data.qids[np.repeat(np.arange(data.n_queries), data.list_sizes)]))}
    if data.doc_ids is not None:
        columns["doc_id"] = _column(data.in_row_order(data.doc_ids))
    return pd.DataFrame({**columns, "score": scores})


def _column(ids: Ids) -> Any:
    return ids.to_arrow().to_pandas() if isinstance(ids, TextIds) else ids


def _run(data: RankingDataset, scores: NDArray[np.float32], tag: str) -> pd.DataFrame:
    if data.doc_ids is None:
        raise DataError(
            "write_scores: expected doc ids for a TREC run; got data without. Add '# docid = ...' to the lines or a "
            "doc_id column, or write .parquet, .csv or .txt."
        )
    for name, ids in (("qid", id_texts(data.qids)), ("doc id", data.doc_ids)):
        spaced = [text for text in ids if len(text.split()) != 1]
        if spaced:
            raise DataError(
                f"write_scores: expected ids without white space in a TREC run; got the {name} {str(spaced[0])!r}. "
                "Write .parquet, .csv or .txt, or rename it."
            )
    table = _table(data, scores).sort_values("score", ascending=False, kind="stable")
    # Queries in the order of their first row, as the user gave them.
    query = data.in_row_order(np.repeat(np.arange(data.n_queries), data.list_sizes))
    table = table.iloc[np.argsort(query[table.index], kind="stable")]
    rank = table.groupby("qid", sort=False).cumcount() + 1
    return pd.DataFrame(
        {
            "qid": table["qid"],
            "Q0": "Q0",
            "doc_id": table["doc_id"],
            "rank": rank,
            "score": table["score"],
            "tag": tag,
        }
    )
