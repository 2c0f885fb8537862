"""The verdict of a comparison: which system is best, and from which the data cannot tell it."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rankkit.comparison.results.results import Results
    from rankkit.comparison.results.standings import Standing

_MOST_NAMED, _NAMED = 8, 5  # of more systems than the first, only the second are named


def best_and_equals(results: "Results") -> "list[Standing]":
    """The best system by the first metric, and those that share a letter with it, from best to worst."""
    best, *others = results.standings[results.metrics[0]].rows
    return [best, *(row for row in others if set(row.letters) & set(best.letters))]


def verdict(results: "Results") -> list[str]:
    """What a reader takes away, in sentences. It is a function of plan, data and seeds alone."""
    standings, alpha = results.standings[results.metrics[0]], results.plan.significance.alpha
    best, *equals = best_and_equals(results)
    lines = [
        f"{best.system} has the highest {standings.metric}: {best.mean:.4f} "
        f"(95% interval {best.low:.4f} to {best.high:.4f}) over {standings.n_queries:,} {results.words.queries}."
    ]
    if equals:
        lines.append(f"The data cannot tell it from {_listed([row.system for row in equals])} at {alpha:g}.")
    elif len(standings.rows) > 1:
        lines.append(f"It differs significantly from every other system (corrected p up to {alpha:g}).")
    return lines


def _listed(names: Sequence[str]) -> str:
    """In words, the first ones by name; the letters of the table say the others.

    >>> _listed(["a"]), _listed(["a", "b", "c"]), _listed([f"s{n}" for n in range(9)])
    ('a', 'a, b and c', 's0, s1, s2, s3, s4 and 4 others')
    """
    if len(names) > _MOST_NAMED:
        names = [*names[:_NAMED], f"{len(names) - _NAMED:,} others"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
