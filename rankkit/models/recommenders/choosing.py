"""Choosing options on validation data: a small stated grid, whole."""

from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any, TypeAlias

from rankkit.errors import TrainingError

Grid: TypeAlias = Mapping[str, tuple[Any, ...]]
"""By option the values that are tried, the default first."""


def candidates_of(grid: Grid, asked: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every combination of the values of the options that are None; the defaults first.

    >>> candidates_of({"l2": (10.0, 1.0), "alpha": (1.0, 5.0)}, {"l2": None, "alpha": 2.0})
    [{'l2': 10.0}, {'l2': 1.0}]
    >>> candidates_of({}, {"l2": 3.0})
    [{}]
    """
    names = [name for name in grid if asked[name] is None]
    return [dict(zip(names, values, strict=True)) for values in product(*(grid[name] for name in names))]


def choose(
    candidates: Sequence[Mapping[str, Any]],
    learnt_with: Callable[[Mapping[str, Any]], None],
    value: Callable[[], float],
) -> dict[str, Any]:
    """Learn with each candidate and end with the best, the first of equals.

    Args:
        candidates: Options.
        learnt_with: Learns with some.
        value: How good what was learnt is; the higher the better.

    Raises:
        TrainingError: If no candidate can be learnt with.
    """
    if len(candidates) == 1:
        learnt_with(candidates[0])
        return dict(candidates[0])
    best: Mapping[str, Any] | None = None
    reached, failure = float("-inf"), TrainingError("learn: expected options; got none. Pass some.")
    for options in candidates:
        try:
            learnt_with(options)
        except TrainingError as error:  # such as a ridge too small for the precision: another may do
            failure = error
            continue
        found = value()
        if best is None or found > reached:
            best, reached = options, found
    if best is None:
        raise failure
    if best is not candidates[-1]:
        learnt_with(best)
    return dict(best)
