"""exact_ranks(): where held-out items stand in a whole catalogue, by counting instead of sorting."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankkit.retrieval.top import refuse_nan


@dataclass(frozen=True)
class Ranks:
    """Counts for each held-out item, over the candidates of its user that are not held out themselves.

    Args:
        scores: float32 ``[target]``, its own; -inf where it is no candidate.
        greater: int64 ``[target]``: candidates of a greater score.
        equal: int64 ``[target]``: candidates of the same score.
        equal_before: int64 ``[target]``: those of them of a lower position.
        n_candidates: int64 ``[user]``: candidates, held-out ones too.
    """

    scores: NDArray[np.float32]
    greater: NDArray[np.int64]
    equal: NDArray[np.int64]
    equal_before: NDArray[np.int64]
    n_candidates: NDArray[np.int64]


def exact_ranks(block: NDArray[np.float32], offsets: NDArray[np.int64], targets: NDArray[np.int32]) -> Ranks:
    """Count the candidates above and beside each held-out item.

    Args:
        block: float32 ``[user, item]``; -inf is no candidate.
        offsets: int64 ``[user + 1]``.
        targets: int32 ``[target]``: the different held-out items of user i are ``offsets[i]:offsets[i + 1]``.

    Raises:
        DataError: If a score is NaN.

    Example:
        >>> found = exact_ranks(np.array([[5, 3, 3, 3, 1]], np.float32), np.array([0, 1]), np.array([2], np.int32))
        >>> found.greater, found.equal, found.equal_before
        (array([1]), array([2]), array([1]))
    """
    from rankkit.retrieval import kernels

    greater, equal, before = (np.empty(len(targets), np.int64) for _ in range(3))
    offsets, targets = np.asarray(offsets), np.asarray(targets)
    n_candidates = np.empty(len(block), np.int64)
    if kernels.count_above(block, offsets, targets, greater, equal, before, n_candidates):
        refuse_nan("exact_ranks", block)
    rows = np.repeat(np.arange(len(block)), np.diff(offsets))
    return Ranks(block[rows, targets], greater, equal, before, n_candidates)
