"""Columns of the query: the same for all of its documents."""

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError

_ROWS = 65_536


def differing_query(data: RankingDataset, places: slice) -> int | None:
    """The position of a query in which some columns of the matrix are not the same for all documents; None without.

    A missing value is the same as a missing one alone.
    """
    starts = np.repeat(data.offsets[:-1], data.list_sizes)
    for first in range(0, data.n_docs, _ROWS):
        rows = slice(first, first + _ROWS)
        values, of_first = data.features[rows, places], data.features[starts[rows], places]
        differs = ((values != of_first) & ~(np.isnan(values) & np.isnan(of_first))).any(axis=1)
        if differs.any():
            row = first + int(differs.argmax())
            return int(np.searchsorted(data.offsets, row, side="right")) - 1
    return None


def check_sides(where: str, data: RankingDataset) -> None:
    """Refuse a column of the query that differs between documents of one.

    Raises:
        DataError: Naming the column and the query.
    """
    if data.schema is None:
        return
    for column in data.schema.on_side("query"):
        position = differing_query(data, data.schema.spans[column.name])
        if position is not None:
            raise DataError(
                f"{where}: expected {column.name!r}, a column of the query, to be the same for all documents of one; "
                f"got several values in query {data.qids[position]}. Leave side='query' out, or mend the rows."
            )


def columns_of_queries(data: RankingDataset) -> tuple[str, ...]:
    """The columns of a schema that are the same for all documents of each query, but not for all queries.

    One of documents may be so by chance where every query has one document: then nothing is said to be.
    """
    if data.schema is None or not (data.list_sizes > 1).any():
        return ()
    spans = data.schema.spans
    return tuple(
        name for name, span in spans.items() if _varies(data.features[:, span]) and differing_query(data, span) is None
    )


def _varies(values: NDArray[np.float32]) -> bool:
    if not len(values):
        return False
    first = values[0]
    return bool(((values != first) & ~(np.isnan(values) & np.isnan(first))).any())
