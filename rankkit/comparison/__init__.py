"""Comparison: systems x splits x seeds in parallel processes, tests over queries, tables, a page.

``rankkit compare experiment.toml`` is the same as a command. What a comparison leaves in its folder is described in
:mod:`rankkit.comparison.results`.

>>> plan = Plan(
...     source=Source(train="train.txt", valid="vali.txt", test="test.txt"),
...     systems=(*cross([Part("mlp")], [Part("ranknet"), Part("softmax")], {}), external_system(Part("random"))),
...     baseline="mlp ranknet",
...     seeds=(0, 1, 2),
... )
>>> print(compare(plan, "runs/first"))  # doctest: +SKIP
"""

from rankkit.comparison.audit import Finding
from rankkit.comparison.comparing import ComparisonInterrupted, compare
from rankkit.comparison.plan import (
    Part,
    Plan,
    Range,
    Rules,
    Search,
    Significance,
    Source,
    System,
    cross,
    external_system,
)
from rankkit.comparison.results import Results, RunResult, read_results
from rankkit.comparison.standings import MetricStandings, Standing

__all__ = [
    "ComparisonInterrupted",
    "Finding",
    "MetricStandings",
    "Part",
    "Plan",
    "Range",
    "Results",
    "Rules",
    "RunResult",
    "Search",
    "Significance",
    "Source",
    "Standing",
    "System",
    "compare",
    "cross",
    "external_system",
    "read_results",
]
