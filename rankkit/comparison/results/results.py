"""Results: the outcomes of a comparison with what follows from them."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from rankkit.comparison.results.audit import Finding, audit
from rankkit.comparison.results.outcomes import Outcomes
from rankkit.comparison.results.standings import MetricStandings, compute_standings


@dataclass(frozen=True, eq=False, repr=False)
class Results(Outcomes):
    """A comparison, read back. Printing it gives the main table with its conventions and the audit.

    Args:
        summary: What printing gives.
    """

    summary: Callable[["Results"], str] = repr

    @cached_property
    def standings(self) -> dict[str, MetricStandings]:
        """For each metric means, intervals, tests and letters of all systems."""
        return compute_standings(self)

    @cached_property
    def audit(self) -> tuple[Finding, ...]:
        """Whether every system had the same chances."""
        return audit(self)

    def __repr__(self) -> str:
        return f"Results({len(self.systems)} systems, {len(self.runs)} runs, {', '.join(self.metrics)}; {self.folder})"

    def __str__(self) -> str:
        return self.summary(self)
