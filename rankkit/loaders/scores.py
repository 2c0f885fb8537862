"""Writing the scores of documents: tables in row order, or a TREC run."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.text_ids import Ids, TextIds, id_texts
from rankkit.errors import ConfigError, DataError, ShapeError
from rankkit.files.atomic import replacing
from rankkit.files.places import check_place
from rankkit.loaders.sources import is_stream

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
    path = Path(path)
    if scores.shape != (data.n_docs,):
        raise ShapeError(
            f"write_scores: expected {data.n_docs} scores, one a document; got shape {scores.shape}. "
            "Pass what rankkit.predict returned for this data."
        )
    if not len(scores):
        raise DataError("write_scores: expected documents; got none, so no score. Check what was read.")
    broken = ~np.isfinite(scores)
    if broken.any():
        row = int(broken.argmax())
        raise DataError(
            f"write_scores: expected scores that are finite numbers; got {scores[row]} for row {row} (from 0), and "
            f"{int(broken.sum()):,} of {len(scores):,} in all. Look into the weights of the ranker and that row."
        )
    check_scores_target(path)
    writers: dict[str, Callable[[Path], None]] = {
        ".parquet": lambda to: _table(data, scores).to_parquet(to, index=False),
        ".csv": lambda to: _table(data, scores).to_csv(to, index=False),
        ".txt": lambda to: _table(data, scores)[["score"]].to_csv(to, index=False, header=False),
        ".run": lambda to: _run(data, scores, re.sub(r"\s+", "_", tag) or "rankkit").to_csv(
            to, sep=" ", index=False, header=False, quoting=csv.QUOTE_NONE
        ),
    }
    writers[".trec"] = writers[".run"]
    with replacing(path) as temporary:
        writers[_ending(path)](temporary)


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
