"""Loops over events, compiled: grouping by user, sorting by time, finding what repeats."""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rankkit.compilation import kernel

Codes: TypeAlias = NDArray[np.int32]
Starts: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.floating[Any]]


@kernel()
def place_by_user(
    users: Codes,
    offsets: Starts,
    items: Codes,
    times: Starts,
    values: Floats,
    placed_items: Codes,
    placed_times: Starts,
    placed_values: Floats,
) -> None:
    """Write the events of each user side by side, in the order in which they came; columns without rows are left."""
    place_of = offsets[:-1].copy()
    for row in range(len(users)):
        place = place_of[users[row]]
        place_of[users[row]] += 1
        placed_items[place] = items[row]
        if len(times):
            placed_times[place] = times[row]
        if len(values):
            placed_values[place] = values[row]


@kernel()
def sort_by_time(offsets: Starts, times: Starts, items: Codes, values: Floats) -> None:
    """Bring the events of each user into the order of times; equal ones stay in order."""
    for user in range(len(offsets) - 1):
        first, last = offsets[user], offsets[user + 1]
        rises = True
        for place in range(first + 1, last):
            if times[place] < times[place - 1]:
                rises = False
                break
        if not rises:
            order = np.argsort(times[first:last], kind="mergesort")
            times[first:last] = times[first:last][order]
            items[first:last] = items[first:last][order]
            if len(values):
                values[first:last] = values[first:last][order]


@kernel()
def repeated(offsets: Starts, items: Codes, n_items: int, from_the_last: bool) -> NDArray[np.bool_]:
    """``[event]``: True where the user has the item in an earlier event too; in a later one with ``from_the_last``."""
    met = np.full(n_items, -1, np.int64)
    repeats = np.zeros(len(items), np.bool_)
    for user in range(len(offsets) - 1):
        first, last = offsets[user], offsets[user + 1]
        for step in range(last - first):
            place = last - 1 - step if from_the_last else first + step
            repeats[place] = met[items[place]] == user
            met[items[place]] = user
    return repeats


@kernel()
def codes_in_order_met(ids: Starts, lowest: int, table: Codes, codes: Codes) -> Starts:
    """Number ids by the order in which they are met: into codes ``[row]``; the first row of each is returned."""
    first_rows = np.empty(len(table), np.int64)
    n_met = 0
    for row in range(len(ids)):
        place = ids[row] - lowest
        if table[place] < 0:
            table[place] = n_met
            first_rows[n_met] = row
            n_met += 1
        codes[row] = table[place]
    return first_rows[:n_met].copy()


@kernel()
def n_equal_times(offsets: Starts, times: Starts) -> int:
    """How many events have the time of another event of their user."""
    n_equal = 0
    for user in range(len(offsets) - 1):
        first, last = offsets[user], offsets[user + 1]
        for place in range(first, last):
            before = place > first and times[place] == times[place - 1]
            after = place + 1 < last and times[place] == times[place + 1]
            n_equal += before or after
    return n_equal
