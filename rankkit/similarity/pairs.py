"""Pairs of examples, all of them or a sample, with how near the two are and whether they are of one class."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.distances import Distance, nearness
from rankkit.errors import DataError
from rankkit.similarity.comparing import check_finite, score_blocks

NUMBERS_AT_ONCE = 4_000_000
"""Numbers of gathered embeddings that stand in memory at one time."""


class Pairs(NamedTuple):
    """Pairs (i, j) with i before j.

    Args:
        scores: float64 ``[pair]``: larger is nearer.
        same: ``[pair]``: whether the two are of one class.
        n_same: All pairs of one class that there are.
        n_different: All others that there are.
    """

    scores: NDArray[np.float64]
    same: NDArray[np.bool_]
    n_same: int
    n_different: int

    @property
    def sampled(self) -> bool:
        """Whether some pairs are left out."""
        return len(self.same) < self.n_same + self.n_different


def score_pairs(
    where: str, rows: Tensor, classes: NDArray[Any], distance: Distance, max_pairs: int, seed: int
) -> Pairs:
    """Score every pair, or where there are more than ``max_pairs`` a sample.

    A sample holds ``max_pairs / 2`` pairs of one class and as many of two, drawn evenly and with replacement; all of
    one kind where there are no more. Error rates of the two kinds stay unbiased, their balance is not the data's.

    Raises:
        DataError: If no two examples are of one class, or no two of different ones.
    """
    _, codes, sizes = np.unique(classes, return_inverse=True, return_counts=True)
    n = len(codes)
    n_same = int((sizes * (sizes - 1) // 2).sum())
    n_different = n * (n - 1) // 2 - n_same
    if not n_same or not n_different:
        got = "no pair of one class" if not n_same else "no pair of two classes"
        raise DataError(
            f"{where}: expected pairs of one class and pairs of two; got {got} among {n} examples of {len(sizes)} "
            "classes. Check that labels are classes."
        )
    if n_same + n_different <= max_pairs:
        scores, same = _all_pairs(where, rows, codes, distance)
        return Pairs(scores, same, n_same, n_different)
    generator = np.random.default_rng(seed)
    one = _same_pairs(codes, sizes, n_same, max(1, max_pairs // 2), generator)
    two = _different_pairs(codes, sizes, n_different, max(1, max_pairs // 2), generator)
    drawn = np.sort(np.concatenate([one, two], axis=1), axis=0)
    first, second = drawn[0], drawn[1]
    return Pairs(_gathered(where, rows, first, second, distance), codes[first] == codes[second], n_same, n_different)


def _all_pairs(
    where: str, rows: Tensor, codes: NDArray[np.int64], distance: Distance
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    scores, same = [], []
    for block in score_blocks(where, rows, rows, distance):
        own = np.arange(block.first, block.last)
        later = np.arange(len(rows))[None, :] > own[:, None]
        scores.append(block.values.double().cpu().numpy()[later])
        same.append((codes[own, None] == codes[None, :])[later])
    return np.concatenate(scores), np.concatenate(same)


def _same_pairs(
    codes: NDArray[np.int64], sizes: NDArray[np.int64], n_all: int, n_drawn: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of one class: pair p of a class of m is (i, j) with ``p = i (2 m - i - 1) / 2 + j - i - 1``."""
    by_class = np.argsort(codes, kind="stable")
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    ends = np.cumsum(sizes * (sizes - 1) // 2)
    places = np.arange(n_all) if n_all <= n_drawn else generator.integers(n_all, size=n_drawn)
    of_class = np.searchsorted(ends, places, side="right")
    places = places - np.concatenate([[0], ends])[of_class]
    size = sizes[of_class]
    first = np.floor((2 * size - 1 - np.sqrt((2 * size - 1.0) ** 2 - 8 * places)) / 2).astype(np.int64)
    # The square root may be off by one where it is a whole number.
    first -= places < first * (2 * size - first - 1) // 2
    first += places >= (first + 1) * (2 * size - first - 2) // 2
    second = places - first * (2 * size - first - 1) // 2 + first + 1
    one, other = by_class[starts[of_class] + first], by_class[starts[of_class] + second]
    return one, other


def _different_pairs(
    codes: NDArray[np.int64], sizes: NDArray[np.int64], n_all: int, n_drawn: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of two classes: in the order of the classes each example stands with all that come after its class."""
    by_class = np.argsort(codes, kind="stable")
    class_ends = np.repeat(np.cumsum(sizes), sizes)
    ends = np.cumsum(len(codes) - class_ends)
    places = np.arange(n_all) if n_all <= n_drawn else generator.integers(n_all, size=n_drawn)
    first = np.searchsorted(ends, places, side="right")
    second = class_ends[first] + places - np.concatenate([[0], ends])[first]
    return by_class[first], by_class[second]


def _gathered(
    where: str, rows: Tensor, first: NDArray[np.int64], second: NDArray[np.int64], distance: Distance
) -> NDArray[np.float64]:
    at_once = max(1, NUMBERS_AT_ONCE // rows.shape[1])
    scores = np.empty(len(first))
    for start in range(0, len(first), at_once):
        x, y = (torch.from_numpy(side[start : start + at_once]).to(rows.device) for side in (first, second))
        with torch.no_grad():
            values = check_finite(where, distance, distance.pairwise(rows[x], rows[y]))
        scores[start : start + at_once] = nearness(distance, values).double().cpu().numpy()
    return scores
