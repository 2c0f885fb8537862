"""What every table goes through on its way to a RankingDataset: checks, float32, one list of documents a query."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.batch import Per
from rankkit.data.columns.schema import Schema
from rankkit.data.grouping import group_rows
from rankkit.data.ranking_dataset import RankingDataset, Roles, taken
from rankkit.data.text_ids import Ids, TextIds
from rankkit.errors import DataError

# Rows that are turned from columns into rows at a time: a block of 136 features stays within a processor's cache.
_BLOCK = 1024


@dataclass(frozen=True)
class Source:
    """Where rows come from, for messages.

    Args:
        name: The file, or the function that was called.
        below_header: True where rows are counted from 1 below a header, as in CSV; else they are counted from 0.
        first_row: How many rows of it came before those that are counted.
    """

    name: str
    below_header: bool = False
    first_row: int = 0

    def at(self, row: int, column: str | int | None = None) -> str:
        """The beginning of a message on one row."""
        row += self.first_row
        row_words = f"data row {row + 1}" if self.below_header else f"row {row} (from 0)"
        column_words = "" if column is None else f", column {column!r}"
        return f"{self.name}: {row_words}{column_words}"


def fill(
    rows: NDArray[np.float32],
    columns: Sequence[NDArray[Any]],
    source: Source,
    *,
    first_row: int = 0,
    names: Sequence[str | int],
) -> None:
    """Write columns of any number type into the rows of a float32 matrix, and refuse infinite values.

    Args:
        rows: float32 ``[doc, feature]``, row-major; written.
        columns: One array ``[doc]`` a feature.
        source: For messages.
        first_row: The number of the first row, for messages.
        names: One name a column, for messages.

    Raises:
        DataError: If a value is infinite, or too large for float32.
    """
    for start in range(0, len(rows), _BLOCK):
        block = rows[start : start + _BLOCK]
        with np.errstate(over="ignore"):
            for place, column in enumerate(columns):
                block[:, place] = column[start : start + _BLOCK]
        _refuse_infinite(block, columns, start, source, first_row, names)


def as_float32(numbers: NDArray[Any], source: Source, names: Sequence[str | int]) -> NDArray[np.float32]:
    """A row-major float32 matrix of finite numbers and NaN: the same array where it is one.

    Raises:
        DataError: If a value is infinite, or too large for float32.
    """
    columns = list(numbers.T)
    if numbers.dtype != np.float32 or not numbers.flags.c_contiguous:
        matrix = np.empty(numbers.shape, np.float32)
        fill(matrix, columns, source, names=names)
        return matrix
    for start in range(0, len(numbers), _BLOCK):
        _refuse_infinite(numbers[start : start + _BLOCK], columns, start, source, 0, names)
    return numbers


def _refuse_infinite(
    block: NDArray[np.float32],
    columns: Sequence[NDArray[Any]],
    start: int,
    source: Source,
    first_row: int,
    names: Sequence[str | int],
) -> None:
    infinite = np.isinf(block)
    if infinite.any():
        row, place = np.argwhere(infinite)[0]
        raise DataError(
            f"{source.at(first_row + start + int(row), names[place])}: expected a number within float32, at most "
            f"3.4e38 in size; got {columns[place][start + row]}. Clip the column, or use NaN for a missing value."
        )


def check_labels(values: Any, source: Source, column: str = "label") -> NDArray[np.float32]:
    """Labels as float32: finite, 0 or more, none missing.

    Raises:
        DataError: If they are not.
    """
    return _not_negative(
        values, source, column, what="a label", action="Drop the row, or give it a label of 0 or more."
    )


def check_weights(values: Any, source: Source, column: str = "weights") -> NDArray[np.float32]:
    """Weights as float32: finite, 0 or more, none missing.

    Raises:
        DataError: If they are not.
    """
    return _not_negative(values, source, column, what="a weight", action="Use 0 for what must not count.")


def _not_negative(values: Any, source: Source, column: str, *, what: str, action: str) -> NDArray[np.float32]:
    numbers = as_numbers(values, source, column, n_axes=1)
    with np.errstate(over="ignore"):
        converted = numbers.astype(np.float32)
    bad = ~((converted >= 0) & (converted < np.inf))
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            f"{source.at(row, column)}: expected {what}, a finite number >= 0; got {numbers[row]}. {action}"
        )
    return converted


def check_finite(values: NDArray[Any], source: Source, column: str, what: str) -> NDArray[np.float64]:
    """Numbers as float64, none missing or infinite.

    Raises:
        DataError: If one is.
    """
    converted = values.astype(np.float64)
    bad = ~np.isfinite(converted)
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            f"{source.at(row, column)}: expected {what}, a finite number; got {converted[row]}. "
            "Fill the column, or drop the row."
        )
    return converted


def as_numbers(values: Any, source: Source, column: str, *, n_axes: int) -> NDArray[Any]:
    """An array of numbers with so many axes, in the type in which it came.

    Raises:
        DataError: If the values are no numbers, or no array of that many axes.
    """
    shape = "[doc, feature]" if n_axes == 2 else "[doc]"
    try:
        numbers = _plain_array(values)
    except (ValueError, TypeError, RuntimeError, ArithmeticError) as error:
        raise DataError(
            f"{source.name}: expected {column} as an array of numbers {shape}; got {type(values).__name__} ({error}). "
            "Pass an array, one row a document."
        ) from error
    if numbers.dtype.kind not in "fiub" or numbers.ndim != n_axes:
        raise DataError(
            f"{source.name}: expected {column} as an array of numbers {shape}; got {numbers.dtype} of shape "
            f"{numbers.shape}. Pass an array, one row a document."
        )
    return numbers


def _plain_array(values: Any) -> NDArray[Any]:
    """A dense array; what is masked, None or pandas' NA is NaN."""
    if np.ma.is_masked(values):
        mask, values = np.ma.getmaskarray(values), np.ma.getdata(values).astype(object)
        values[mask] = None
    if hasattr(values, "toarray"):  # of scipy
        values = values.toarray()
    array = np.asarray(values)
    if array.dtype.kind != "O":
        return array
    import pandas as pd

    missing = pd.isna(array)
    return np.where(missing, np.nan, array).astype(np.float64)


def assemble(
    source: Source,
    features: NDArray[np.float32],
    labels: NDArray[np.float32] | None,
    qids: Ids,
    *,
    weights: NDArray[np.float32] | None = None,
    query_weights: NDArray[np.float32] | None = None,
    doc_ids: TextIds | None = None,
    feature_names: tuple[str, ...] | None = None,
    roles: Roles | None = None,
    schema: Schema | None = None,
    beside: Mapping[str, NDArray[Any] | TextIds] | None = None,
) -> RankingDataset:
    """Group checked rows by query, keeping the order in which queries and documents came.

    Args:
        source: For messages.
        features: float32 ``[doc, feature]``.
        labels: float32 ``[doc]`` or None.
        qids: int64 or text ``[doc]``.
        weights: float32 ``[doc]`` or None.
        query_weights: float32 ``[doc]``, equal within a query, or None: one weight a query.
        doc_ids: ``[doc]`` or None.
        feature_names: One a feature, or None.
        roles: The columns that all these came from, or None.
        schema: What the features stand for, or None: numbers.
        beside: What else is known ``[doc]``, by role; documents are put into the order of their ``"position"``.

    Raises:
        DataError: If ``query_weights`` differ within a query, or two documents of one have the same position.
    """
    beside = {} if beside is None else beside
    offsets, queries, rows = group_rows(qids, regroup=True)
    if "position" in beside:
        rows = in_shown_order(source, beside["position"], offsets, queries, rows)
    if rows is not None:
        features = features[rows]
        labels = None if labels is None else labels[rows]
        weights = None if weights is None else weights[rows]
        query_weights = None if query_weights is None else query_weights[rows]
        doc_ids = None if doc_ids is None else doc_ids[rows]
        beside = taken(beside, rows)
    per: Per | None = None if weights is None else "doc"
    if query_weights is not None:
        weights, per = query_weights[offsets[:-1]], "query"
        differs = query_weights != np.repeat(weights, np.diff(offsets))
        if differs.any():
            row = int(differs.argmax())
            query = int(np.searchsorted(offsets, row, side="right")) - 1
            raise DataError(
                f"{source.at(row if rows is None else int(rows[row]))}: expected one query weight for qid "
                f"{queries[query]}; got {weights[query]:g} and {query_weights[row]:g}. Pass them as document weights."
            )
    return RankingDataset(
        features=features,
        labels=labels,
        offsets=offsets,
        qids=queries,
        weights=weights,
        doc_ids=doc_ids,
        feature_names=feature_names,
        rows=rows,
        weights_per=per,
        roles=roles,
        schema=schema,
        beside=beside,
    )


def in_shown_order(
    source: Source, positions: Any, offsets: NDArray[np.int64], queries: Ids, rows: NDArray[np.int64] | None
) -> NDArray[np.int64] | None:
    """The rows of the input, by query and then by position; None where they stand so.

    Args:
        source: For messages.
        positions: int64 ``[row]``, where each was shown.
        offsets: int64 ``[query + 1]``.
        queries: ``[query]``.
        rows: By query; None where they stand so.

    Raises:
        DataError: If two documents of a query have the same position.
    """
    grouped = positions if rows is None else positions[rows]
    query = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    order = np.lexsort((grouped, query))
    at = grouped[order]
    twice = (at[1:] == at[:-1]) & (query[1:] == query[:-1])
    if twice.any():
        place = int(twice.argmax())
        raise DataError(
            f"{source.name}: expected each position once in a list; got {at[place]} twice for qid "
            f"{queries[int(query[place])]}. Name the column that tells lists apart, such as the session, with qid=."
        )
    if (order == np.arange(len(order))).all():
        return rows
    return order if rows is None else rows[order]
