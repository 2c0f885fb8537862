"""What scikit-learn's users pass, brought to what rankkit takes: query ids, weights, evaluation sets."""

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import column_or_1d

from rankkit.data.columns.schema import Schema
from rankkit.errors import DataError
from rankkit.evaluation.matching import matched
from rankkit.loaders.tables.arrays import Source
from rankkit.loaders.tables.given_arrays import dataset_of
from rankkit.loaders.tables.tabular import is_table
from rankkit.remarks import say

QID = "qid"
"""The column of a table that holds query ids, as XGBoost has it."""
_AFTER_STEP = f"__{QID}"  # as a ColumnTransformer calls it: "remainder__qid"


def names_of(table: Any) -> list[Any]:
    """The names of the columns of a table, as it has them."""
    return list(table.column_names if hasattr(table, "column_names") else table.columns)


def queries_of_rows(where: str, features: Any, qid: Any, group: Any) -> tuple[Any, Any]:
    """The features without query ids, and one query id a row; None where there are none.

    Args:
        where: The method that was called, for messages.
        features: An array, or a table that may have a column "qid", also as a pipeline renames it.
        qid: One a row, or None.
        group: Rows of each query, in order, or None.

    Raises:
        DataError: If query ids come in two ways, or the sizes do not add up to the rows.
    """
    column = _qid_column(where, features) if is_table(features) else None
    given = [name for name, is_there in (("qid=", qid is not None), ("group=", group is not None)) if is_there]
    if column is not None:
        given.append(f"a column {column!r} of X")
    if len(given) > 1:
        raise DataError(f"Ranker.{where}: expected query ids once; got {' and '.join(given)}. Pass one of them.")
    if column is not None:
        qid, features = np.asarray(features[column]), _without(features, column)
    if group is not None:
        n_rows = features.shape[0] if hasattr(features, "shape") else len(features)
        qid = _ids_of_sizes(where, group, n_rows)
    return features, qid


def _qid_column(where: str, table: Any) -> str | None:
    names = [name for name in names_of(table) if isinstance(name, str)]
    if QID in names:
        return QID
    renamed = [name for name in names if name.endswith(_AFTER_STEP)]
    if len(renamed) > 1:
        raise DataError(
            f"Ranker.{where}: expected one column of query ids; got {' and '.join(map(repr, renamed))}. "
            "Pass one of them through, or pass qid=."
        )
    if renamed and where == "fit":
        say(f"Ranker.{where}: query ids from column {renamed[0]!r}, as a step before renamed it")
    return renamed[0] if renamed else None


def _without(table: Any, name: str) -> Any:
    if hasattr(table, "drop_columns"):  # of Arrow
        return table.drop_columns([name])
    return table[[other for other in table.columns if other != name]]


def passed_through(features: NDArray[Any]) -> int | None:
    """The one column of an array that can only be query ids: whole numbers, the rows of each together.

    A pipeline turns a frame into an array, and a column that was passed through loses its name there.

    >>> passed_through(np.array([[0.5, 7], [0.1, 7], [0.5, 3], [0.9, 3], [1, 5], [2, 5]])), passed_through(np.eye(4))
    (1, None)
    """
    found = [place for place in range(features.shape[1]) if _are_ids(features[:, place])]
    return found[0] if len(found) == 1 else None


def _are_ids(values: NDArray[Any]) -> bool:
    if values.dtype.kind not in "iuf" or not np.isfinite(values).all() or (values != np.floor(values)).any():
        return False
    n_runs = 1 + int((values[1:] != values[:-1]).sum())
    return 2 < n_runs <= len(values) // 2 and len(np.unique(values)) == n_runs


@dataclass(frozen=True)
class _Known:
    """The features of a ranker, as :func:`rankkit.evaluation.matching.matched` asks for them."""

    n_features: int
    feature_names: tuple[str, ...] | None


def matched_features(
    source: Source,
    features: NDArray[np.float32],
    names: tuple[str, ...] | None,
    n_features: int,
    known: NDArray[Any] | None,
) -> NDArray[np.float32]:
    """The features of a table that a ranker knows, in its order: by name where both have names.

    Raises:
        DataError: If one is missing.
    """
    queries = np.zeros(len(features), np.int64)
    rows = dataset_of(source, features, None, queries, feature_names=names, suspects="none")
    return matched(source.name, _Known(n_features, None if known is None else tuple(known)), rows).features


def _ids_of_sizes(where: str, group: Any, n_rows: int) -> NDArray[np.int64]:
    sizes = np.asarray(group)
    if sizes.ndim != 1 or sizes.dtype.kind not in "iu" or (sizes < 1).any() or sizes.sum() != n_rows:
        got = f"{len(sizes):,} sizes that add up to {sizes.sum():,}" if sizes.ndim == 1 else f"shape {sizes.shape}"
        raise DataError(
            f"Ranker.{where}: expected group as the rows of each query, whole numbers that add up to {n_rows:,}; "
            f"got {got}. Pass qid, one id a row, if that is what you have."
        )
    return np.repeat(np.arange(len(sizes)), sizes)


def check_not_all_zero(where: str, weights: NDArray[np.float32] | None) -> None:
    """Raise DataError if weights are there and nothing counts."""
    if weights is not None and not weights.any():
        raise DataError(f"Ranker.{where}: expected a sample weight above zero; got zero for each. Leave them out.")


def validation_of(eval_set: Any, eval_qid: Any, eval_group: Any) -> tuple[Any, Any, Any, Any] | None:
    """X, y, qid and group of the one evaluation set, bare or as a list of one, as XGBoost and LightGBM take it.

    Raises:
        DataError: If there are several, or ids without a set.
    """
    if eval_set is None:
        if eval_qid is not None or eval_group is not None:
            raise DataError(
                "Ranker.fit: expected eval_set with eval_qid or eval_group; got none. Pass eval_set=(X, y)."
            )
        return None
    pairs = eval_set if isinstance(eval_set, list) else [eval_set]
    one = pairs[0] if len(pairs) == 1 else None
    is_tuple = isinstance(one, list | tuple)
    if one is None or not is_tuple or len(one) != 2:
        got = f"{len(pairs)} in a list" if one is None else f"{len(one)} parts" if is_tuple else type(one).__name__
        raise DataError(
            "Ranker.fit: expected one evaluation set, by which the best epoch is chosen, as (X, y) or [(X, y)]; "
            f"got {got}. Pass the one to choose by, and its queries as eval_qid."
        )
    features, labels = one
    return features, labels, _unlisted(eval_qid), _unlisted(eval_group)


def _unlisted(values: Any) -> Any:
    """The one array of a list of one array; anything else as it is."""
    if isinstance(values, list | tuple) and len(values) == 1 and np.ndim(values[0]) == 1:
        return values[0]
    return values


def labels_of(source: Source, where: str, y: Any) -> Any:
    """The labels of a table's rows; None where none are asked for.

    Raises:
        DataError: If they are needed and not there.
    """
    if where == "predict":
        return None
    if y is None:
        raise DataError(f"{source.name}: expected y, one label a row; got None. Pass the labels.")
    return column_or_1d(y, warn=True)


def seed_of(random_state: Any) -> int:
    """A whole number as it is, or one drawn."""
    if isinstance(random_state, int | np.integer) and not isinstance(random_state, bool):
        return int(random_state)
    return int(check_random_state(random_state).randint(2**31 - 1))


def warn_without_queries(where: str, n_fitted: int, qid: Any, n_rows: int, *, argument: str = "qid") -> None:
    """Warn, in the name of a method of a ranker fitted on several queries, that all rows count as one."""
    if n_fitted > 1 and qid is None:
        warnings.warn(
            f"Ranker.{where}: expected {argument}, for a ranker fitted on {n_fitted:,} queries; got none, "
            f"so all {n_rows:,} rows count as one query. Pass {argument}=, or X as a frame with a column 'qid'.",
            stacklevel=3,
        )


def no_table(where: str, schema: Schema, rows: Any) -> DataError:
    """The error for an array where the ranker was fitted on columns that are no numbers."""
    return DataError(
        f"Ranker.{where}: expected a table, as some of the columns in fit were no numbers ({schema.summary}); got "
        f"{type(rows).__name__}. Pass a data frame with the same columns."
    )
