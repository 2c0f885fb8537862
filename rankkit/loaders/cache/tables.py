"""Record batches of a table that become a new cache, some rows at a time: memory for those rows and the queries."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rankkit.data.grouping import group_runs
from rankkit.data.ranking_dataset import RankingDataset, taken
from rankkit.data.text_ids import Ids, first_places, join_ids
from rankkit.errors import DataError
from rankkit.loaders.cache.folder import Remarks, write_array, write_arrays, write_beside
from rankkit.loaders.cache.rows import CacheRows
from rankkit.loaders.tables.arrays import Source, in_shown_order
from rankkit.loaders.tables.columns.assignment import Columns
from rankkit.loaders.tables.record_batches import read_rows, small_batches, suspicions_of, uneven


class _Runs:
    """The rows of the input that stand together and have one query id: where each run begins, and what it has."""

    def __init__(self) -> None:
        self._starts: list[NDArray[np.int64]] = []
        self._qids: list[Ids] = []
        self._weights: list[NDArray[np.float32]] = []
        self._beside: dict[str, list[Any]] = {}  # held, as the order of documents may follow from it

    def append(self, part: RankingDataset, first_row: int) -> None:
        """Those of some rows, which begin at ``first_row``."""
        query = part.in_row_order(np.repeat(np.arange(part.n_queries), part.list_sizes))
        starts = np.append(0, np.flatnonzero(np.diff(query)) + 1)
        self._starts.append(starts + first_row)
        self._qids.append(part.qids[query[starts]])
        if part.weights is not None and part.weights_per == "query":
            self._weights.append(part.weights[query[starts]])
        for role, values in part.beside.items():
            self._beside.setdefault(role, []).append(part.in_row_order(values))

    def finish(self, rows: CacheRows, folder: Path, source: Source) -> None:
        """Write the queries, and bring the documents of each together, in shown order where positions are known.

        Raises:
            DataError: If two runs of a query have different weights, or two documents of one the same position.
        """
        starts, qids = np.concatenate(self._starts), join_ids(self._qids)
        if self._weights:
            weights, first = np.concatenate(self._weights), first_places(qids)
            differs = weights != weights[first]
            if differs.any():
                run = int(differs.argmax())
                raise DataError(
                    f"{source.at(int(starts[run]))}: expected one query weight for qid {qids[run]}; got "
                    f"{weights[first[run]]:g} and {weights[run]:g}. Pass them as document weights."
                )
            write_array(folder / "weights.npy", weights[first == np.arange(len(first))])
        is_new = np.append(True, qids[1:] != qids[:-1])  # a query may go on in the next rows
        offsets, queries, order = group_runs(qids[is_new], starts[is_new], rows.n_rows, regroup=True, locate=str)
        beside: dict[str, Any] = {
            role: join_ids(parts) if role in ("session", "split") else np.concatenate(parts)
            for role, parts in self._beside.items()
        }
        if "position" in beside:
            order = in_shown_order(source, beside["position"], offsets, queries, order)
        write_beside(folder, beside if order is None else taken(beside, order))
        rows.finish(offsets, queries, order)


def cache_batches(
    folder: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch], columns: Columns, source: Source
) -> Remarks:
    """Fill a new cache with what :func:`rankkit.loaders.tables.record_batches.read_batches` would read.

    Raises:
        DataError: As that.
    """
    pieces = small_batches(batches, columns)
    batch = next(pieces, None)
    if batch is None:
        return replace(write_arrays(read_rows(schema, [], columns, source), folder), remarks=columns.remarks)
    suspicions = suspicions_of(columns)
    part = read_rows(schema, [batch], columns, source, suspicions=suspicions)
    about = Remarks(
        part.feature_names,
        roles=part.roles,
        weights_per=part.weights_per,
        features_schema=None if part.schema is None else part.schema.to_dict(),
    )
    runs = _Runs()
    with CacheRows(folder, part.n_features) as rows:
        while batch is not None:
            if part.n_features != rows.width:
                raise uneven(source, columns.vector, rows.n_rows, rows.width, part.n_features)
            runs.append(part, rows.n_rows)
            rows.append(
                part.in_row_order(part.features),
                None if part.doc_ids is None else part.in_row_order(part.doc_ids),
                labels=None if part.labels is None else part.in_row_order(part.labels),
                weights=None
                if part.weights is None or part.weights_per == "query"
                else part.in_row_order(part.weights),
            )
            batch = next(pieces, None)
            if batch is not None:
                here = replace(source, first_row=rows.n_rows)
                part = read_rows(schema, [batch], columns, here, suspicions=suspicions)
    runs.finish(rows, folder, source)
    return replace(about, remarks=(*columns.remarks, *(() if suspicions is None else suspicions.remarks())))
