"""What scikit-learn's users pass, brought to what rankkit takes: query ids, weights, evaluation sets."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import DataError

QID = "qid"
"""The column of a data frame that holds query ids, as XGBoost has it."""


def has_queries(features: Any, qid: Any) -> bool:
    """Whether the query of each row is told, as an array or as a column of a data frame."""
    names = getattr(features, "columns", None)
    return qid is not None or (names is not None and QID in list(names))


def queries_of_rows(where: str, features: Any, qid: Any, group: Any) -> tuple[Any, Any]:
    """The features without query ids, and one query id a row; None where there are none.

    Args:
        where: The method that was called, for messages.
        features: An array, or a data frame that may have a column "qid".
        qid: One a row, or None.
        group: Rows of each query, in order, or None.

    Raises:
        DataError: If query ids come in two ways, or the sizes do not add up to the rows.
    """
    in_frame = has_queries(features, None)
    given = [name for name, is_there in (("qid=", qid is not None), ("group=", group is not None)) if is_there]
    if in_frame:
        given.append(f"a column {QID!r} of X")
    if len(given) > 1:
        raise DataError(f"Ranker.{where}: expected query ids once; got {' and '.join(given)}. Pass one of them.")
    if in_frame:
        qid = features[QID]
        qid = qid.to_numpy() if hasattr(qid, "to_numpy") else qid
        features = features[[name for name in features.columns if name != QID]]
    if group is not None:
        qid = _ids_of_sizes(where, group, len(features))
    return features, qid


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
