"""Loops over blocks of scores, compiled."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part

Codes: TypeAlias = NDArray[np.int32]
Starts: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.floating[Any]]


_STRETCH = 64


@part()
def _sink(scores: Floats, places: Codes, at: int, size: int) -> None:
    """Restore a heap whose root is the worst: the lowest score, of equal ones the later place."""
    while True:
        child = 2 * at + 1
        if child >= size:
            return
        other = child + 1
        if other < size and (
            scores[other] < scores[child] or (scores[other] == scores[child] and places[other] > places[child])
        ):
            child = other
        if scores[child] > scores[at] or (scores[child] == scores[at] and places[child] < places[at]):
            return
        scores[at], scores[child] = scores[child], scores[at]
        places[at], places[child] = places[child], places[at]
        at = child


@kernel()
def best_of_rows(block: Floats, k: int, items: Codes, scores: Floats) -> bool:
    """The k best of each row, best first, of equal scores the earlier column; -1 where none above -inf is left.

    Returns:
        Whether a score is NaN.
    """
    has_nan = False
    for row in range(len(block)):
        held_scores = np.full(k, -np.inf, block.dtype)
        held_places = np.full(k, np.int32(2147483647), np.int32)
        lowest = held_scores[0]
        # Few scores are above the lowest that is held: stretches without one are passed over, many scores at a time.
        for first in range(0, block.shape[1], _STRETCH):
            last = min(first + _STRETCH, block.shape[1])
            is_above = False
            for column in range(first, last):
                is_above |= not (block[row, column] <= lowest)  # so is NaN
            if not is_above:
                continue
            for column in range(first, last):
                score = block[row, column]
                has_nan |= score != score
                if score > lowest:
                    held_scores[0], held_places[0] = score, column
                    _sink(held_scores, held_places, 0, k)
                    lowest = held_scores[0]
        for size in range(k - 1, -1, -1):
            scores[row, size] = held_scores[0]
            items[row, size] = held_places[0] if held_scores[0] > -np.inf else -1
            held_scores[0], held_places[0] = held_scores[size], held_places[size]
            _sink(held_scores, held_places, 0, size)
    return has_nan


@kernel()
def mask_rows(block: Floats, offsets: Starts, columns: Codes) -> None:
    """Write -inf into the columns of each row."""
    for row in range(len(block)):
        for place in range(offsets[row], offsets[row + 1]):
            block[row, columns[place]] = -np.inf


@kernel()
def held_in(
    offsets: Starts, items: Codes, asked_offsets: Starts, asked: Codes, n_items: int, found: NDArray[Any]
) -> None:
    """Whether each item that is asked about is one of its row's."""
    last_row_of = np.full(n_items, -1, np.int64)
    for row in range(len(offsets) - 1):
        for place in range(offsets[row], offsets[row + 1]):
            last_row_of[items[place]] = row
        for place in range(asked_offsets[row], asked_offsets[row + 1]):
            found[place] = last_row_of[asked[place]] == row


@kernel()
def count_above(
    block: Floats,
    offsets: Starts,
    targets: Codes,
    greater: Starts,
    equal: Starts,
    equal_before: Starts,
    n_candidates: Starts,
) -> bool:
    """For each target of a row: how many other columns, no targets themselves, score more, the same, the same earlier.

    One target is compared with every column. More are sorted once, and each column finds its place among them.
    ``n_candidates`` counts the columns above -inf.

    Returns:
        Whether a score is NaN.
    """
    n_nan = 0
    for row in range(len(block)):
        n_above = 0
        for column in range(block.shape[1]):
            score = block[row, column]
            n_above += score > -np.inf
            n_nan += score != score
        n_candidates[row] = n_above
        first, last = offsets[row], offsets[row + 1]
        n = last - first
        if n == 1:
            score = block[row, targets[first]]
            n_greater, n_equal = 0, 0
            for column in range(block.shape[1]):
                n_greater += block[row, column] > score
                n_equal += block[row, column] == score
            n_before = 0
            for column in range(targets[first]):
                n_before += block[row, column] == score
            greater[first], equal[first], equal_before[first] = n_greater, n_equal - 1, n_before
        elif n > 1:
            _count_above_many(
                block[row], targets[first:last], greater[first:last], equal[first:last], equal_before[first:last]
            )
    return n_nan > 0


@part()
def _count_above_many(scores: Floats, targets: Codes, greater: Starts, equal: Starts, equal_before: Starts) -> None:
    n = len(targets)
    of_targets = scores[targets]
    order = np.argsort(of_targets, kind="mergesort")
    rising = of_targets[order]
    is_target = np.zeros(len(scores), np.bool_)
    is_target[targets] = True
    above = np.zeros(n + 1, np.int64)  # above[p]: columns above exactly the p lowest targets
    same = np.zeros(n, np.int64)  # at the first place of each run of equal targets
    for column in range(len(scores)):
        if is_target[column] or not scores[column] >= rising[0]:
            continue
        place = np.searchsorted(rising, scores[column])
        above[place] += 1
        if place < n and rising[place] == scores[column]:
            same[place] += 1
    n_above = 0
    for place in range(n - 1, -1, -1):
        n_above += above[place + 1]
        run = np.searchsorted(rising, rising[place])
        greater[order[place]] = n_above
        equal[order[place]] = same[run]
        if same[run]:
            before = 0
            for column in range(targets[order[place]]):
                before += (not is_target[column]) and scores[column] == rising[place]
            equal_before[order[place]] = before
        else:
            equal_before[order[place]] = 0
