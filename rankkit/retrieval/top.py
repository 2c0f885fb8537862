"""top_k(): the best columns of each row, exactly, with a stated order of ties."""

from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError, DataError


def top_k(block: NDArray[np.float32], k: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """The k best items of each row, best first; of equal scores the item of the lower position.

    Args:
        block: float32 ``[user, item]``; -inf is no candidate.
        k: How many.

    Returns:
        Items int32 ``[user, k]`` and scores float32 ``[user, k]``: -1 and -inf where a row has fewer candidates.

    Raises:
        DataError: If a score is NaN.
        ConfigError: If k is below 1.

    Example:
        >>> top_k(np.array([[1, 3, 3], [2, -np.inf, -np.inf]], np.float32), 2)[0].tolist()
        [[1, 2], [0, -1]]
    """
    from rankkit.retrieval import kernels

    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ConfigError(f"top_k: expected k as a whole number from 1; got {k!r}. Pass how many items a list holds.")
    items = np.empty((len(block), k), np.int32)
    scores = np.empty((len(block), k), np.float32)
    if kernels.best_of_rows(np.ascontiguousarray(block, np.float32), int(k), items, scores):
        refuse_nan("top_k", block)
    return items, scores


def refuse_nan(where: str, block: NDArray[np.float32]) -> NoReturn:
    """Raise DataError of the first score that is NaN, which no order has a place for."""
    user, item = np.argwhere(np.isnan(block))[0]
    raise DataError(
        f"{where}: expected a number as the score of each item; got NaN for row {user}, item {item}. "
        "Look for what diverged in the model."
    )
