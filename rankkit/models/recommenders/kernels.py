"""Loops of recommenders, compiled: weighted sums of rows, counts of what follows what."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel, part

Codes: TypeAlias = NDArray[np.int32]
Starts: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.floating[Any]]


@kernel(fastmath={"contract"})
def add_sparse_rows(
    block: Floats, offsets: Starts, items: Codes, weights: Floats, starts: Starts, columns: Codes, values: Floats
) -> None:
    """Add to each row of a block, for each item of a history, its weight times its row of a sparse matrix."""
    for row in range(len(block)):
        for place in range(offsets[row], offsets[row + 1]):
            item, weight = items[place], weights[place]
            for at in range(starts[item], starts[item + 1]):
                block[row, columns[at]] += weight * values[at]


@kernel(fastmath={"contract"})
def add_dense_rows(block: Floats, offsets: Starts, items: Codes, matrix: Floats) -> None:
    """Add to each row of a block the rows of a matrix that its history names, in strips of columns that stay near."""
    n_columns, strip = matrix.shape[1], 1024
    for first in range(0, n_columns, strip):
        last = min(first + strip, n_columns)
        for row in range(len(block)):
            sums = block[row, first:last]
            for place in range(offsets[row], offsets[row + 1]):
                added = matrix[items[place], first:last]
                for column in range(last - first):
                    sums[column] += added[column]


@part()
def places_by_item(items: Codes, n_items: int) -> tuple[Starts, Starts]:
    """Where each item has its events: starts ``[item + 1]`` and places, rising within an item."""
    starts = np.zeros(n_items + 1, np.int64)
    for place in range(len(items)):
        starts[items[place] + 1] += 1
    for item in range(n_items):
        starts[item + 1] += starts[item]
    at = starts[:-1].copy()
    places = np.empty(len(items), np.int64)
    for place in range(len(items)):
        places[at[items[place]]] = place
        at[items[place]] += 1
    return starts, places


@kernel()
def transitions(
    offsets: Starts, users: Codes, items: Codes, n_items: int, weights: Floats
) -> tuple[Starts, Codes, Floats]:
    """Sum the weight of each lag over the pairs (item, later item): a sparse matrix as starts, columns, values."""
    n_lags = len(weights)
    starts, places = places_by_item(items, n_items)
    sums = np.zeros(n_items, np.float64)
    met = np.full(n_items, -1, np.int64)
    touched = np.empty(n_items, np.int64)
    rows = np.zeros(n_items + 1, np.int64)
    room = max(len(items), 16)
    columns, values = np.empty(room, np.int32), np.empty(room, np.float32)
    n_held = 0
    for item in range(n_items):
        n_touched = 0
        for at in range(starts[item], starts[item + 1]):
            place = places[at]
            last = min(place + n_lags, offsets[users[place] + 1] - 1)
            for later in range(place + 1, last + 1):
                other = items[later]
                if met[other] != item:
                    met[other] = item
                    sums[other] = 0.0
                    touched[n_touched] = other
                    n_touched += 1
                sums[other] += weights[later - place - 1]
        if n_held + n_touched > len(columns):
            room = max(2 * len(columns), n_held + n_touched)
            more_columns, more_values = np.empty(room, np.int32), np.empty(room, np.float32)
            more_columns[:n_held], more_values[:n_held] = columns[:n_held], values[:n_held]
            columns, values = more_columns, more_values
        for at in range(n_touched):
            columns[n_held + at] = touched[at]
            values[n_held + at] = sums[touched[at]]
        n_held += n_touched
        rows[item + 1] = n_held
    return rows, columns[:n_held].copy(), values[:n_held].copy()


@kernel(fastmath={"contract"})
def nearest_items(
    user_starts: Starts,
    items: Codes,
    weights: Floats,
    item_starts: Starts,
    users: Codes,
    weights_by_item: Floats,
    norms: Floats,
    shrinkage: float,
    k: int,
) -> tuple[Starts, Codes, Floats]:
    """The k greatest products of each item's column with the others', none with itself, rows as a sparse matrix.

    With norms, products are divided by those of both items and the shrinkage; none without.
    """
    n_items = len(item_starts) - 1
    starts = np.zeros(n_items + 1, np.int64)
    columns = np.empty(n_items * min(k, n_items), np.int32)
    values = np.empty(len(columns), np.float32)
    sums = np.zeros(n_items, np.float32)
    n_held = 0
    for item in range(n_items):
        sums[:] = 0.0
        for at in range(item_starts[item], item_starts[item + 1]):
            user, weight = users[at], weights_by_item[at]
            for place in range(user_starts[user], user_starts[user + 1]):
                sums[items[place]] += weight * weights[place]
        sums[item] = 0.0
        if len(norms):
            for other in range(n_items):
                if sums[other] != 0.0:
                    sums[other] /= norms[item] * norms[other] + np.float32(shrinkage)
        near = np.flatnonzero(sums)
        if len(near) > k:
            # The k-th greatest is found without sorting; of those equal to it the first ones are taken.
            of_near = sums[near]
            limit = np.partition(of_near, len(near) - k)[len(near) - k]
            room = k - len(np.flatnonzero(of_near > limit))
            kept = np.empty(k, np.int64)
            n_kept = 0
            for place in range(len(near)):
                if of_near[place] > limit or (of_near[place] == limit and room > 0):
                    room -= 1 if of_near[place] == limit else 0
                    kept[n_kept] = near[place]
                    n_kept += 1
            near = kept
        for neighbour in near:
            columns[n_held] = neighbour
            values[n_held] = sums[neighbour]
            n_held += 1
        starts[item + 1] = n_held
    return starts, columns[:n_held].copy(), values[:n_held].copy()
