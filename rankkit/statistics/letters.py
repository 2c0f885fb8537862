"""Letters of significance: a table of all pairs in one column."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def compact_letters(order: Sequence[int], different: NDArray[np.bool_]) -> list[str]:
    """Letters of significance: two systems share a letter if and only if they are not significantly different.

    >>> different = np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], bool)
    >>> compact_letters([0, 1, 2], different)  # only the first and the last differ
    ['a', 'ab', 'b']

    Args:
        order: The systems, the best first; the best get the first letters.
        different: ``[system, system]``, symmetric: whether two are significantly different.

    Returns:
        ``[system]``, in the order of ``different``, not of ``order``.

    References:
        Piepho, *An Algorithm for a Letter-Based Representation of All-Pairwise Comparisons*, Journal of Computational
        and Graphical Statistics 2004 (insert and absorb).
    """
    rank = {system: place for place, system in enumerate(order)}
    groups = [frozenset(order)]
    for place, first in enumerate(order):
        for second in order[place + 1 :]:
            if not different[first, second]:
                continue
            split = [part for group in groups for part in _without_both(group, first, second)]
            groups = _absorbed(split)
    groups.sort(key=lambda group: sorted(rank[system] for system in group))
    return [
        "".join(_letter(number) for number, group in enumerate(groups) if system in group)
        for system in range(len(different))
    ]


def _without_both(group: frozenset[int], first: int, second: int) -> list[frozenset[int]]:
    return [group - {first}, group - {second}] if {first, second} <= group else [group]


def _absorbed(groups: list[frozenset[int]]) -> list[frozenset[int]]:
    """Without those that lie inside another."""
    unique = list(dict.fromkeys(groups))
    return [group for group in unique if not any(group < other for other in unique)]


def _letter(number: int) -> str:
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return letters[number] if number < len(letters) else f"({number + 1})"
