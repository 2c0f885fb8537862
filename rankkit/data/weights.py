"""Weights: importance of queries or of documents, and which of the two."""

from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankkit.data.batch import Per, ambiguous_weights, whose_weights
from rankkit.errors import ConfigError, DataError


@dataclass(frozen=True, eq=False, init=False)
class Weights:
    """Importance, 0 or more, one a query or one a document: what a bare array says by its length alone.

    Args:
        values: float32 ``[query]`` or ``[doc]``.
        per: ``"query"`` or ``"doc"``.

    Raises:
        ConfigError: If ``per`` is something else.
        DataError: If the values are no finite numbers of 0 or more, or have more than one axis.

    Example:
        >>> Weights([1, 2], per="query")
        Weights(2 values, per='query')
    """

    values: NDArray[np.float32]
    per: Per

    def __init__(self, values: ArrayLike, per: Per) -> None:
        if per not in get_args(Per):
            raise ConfigError(f"Weights: expected per='query' or per='doc'; got {per!r}. Pass one of the two.")
        object.__setattr__(self, "values", _checked(values))
        object.__setattr__(self, "per", per)

    def __len__(self) -> int:
        return len(self.values)

    def __repr__(self) -> str:
        return f"Weights({len(self):,} values, per={self.per!r})"


def settle_weights(
    where: str, weights: "NDArray[np.float32] | Weights | None", per: Per | None, list_sizes: NDArray[np.int64]
) -> tuple[NDArray[np.float32] | None, Per | None]:
    """The weights as an array, and whose they are.

    Args:
        where: For messages.
        weights: As they were given.
        per: Whose they are said to be, beside an array that does not say.
        list_sizes: ``[query]``.

    Raises:
        DataError: If they fit neither queries nor documents, or it is not known which.
    """
    if weights is None:
        return None, None
    if isinstance(weights, Weights):
        per, weights = weights.per, weights.values
    if weights.ndim != 1:
        raise DataError(
            f"{where}: expected weights for {len(list_sizes)} queries or {list_sizes.sum()} documents; "
            f"got shape {weights.shape}. Pass one a query or one a document."
        )
    found = whose_weights(where, len(weights), len(list_sizes), int(list_sizes.sum()), per)
    if found is None:
        if (list_sizes != 1).any():
            raise ambiguous_weights(where, len(weights))
        found = "query"  # each has one document: both mean the same
    return weights, found


def _checked(values: ArrayLike) -> NDArray[np.float32]:
    try:
        numbers = np.asarray(values)
        with np.errstate(over="ignore"):
            converted = numbers.astype(np.float32)
    except (TypeError, ValueError) as error:
        raise DataError(f"Weights: expected numbers; got {type(values).__name__} ({error}). Pass an array.") from error
    if converted.ndim != 1:
        raise DataError(f"Weights: expected values [query] or [doc]; got shape {numbers.shape}. Pass one axis.")
    bad = ~((converted >= 0) & (converted < np.inf))
    if bad.any():
        row = int(bad.argmax())
        raise DataError(
            f"Weights: expected finite numbers >= 0; got {numbers[row]} at {row} (from 0). "
            "Use 0 for what must not count."
        )
    return converted
