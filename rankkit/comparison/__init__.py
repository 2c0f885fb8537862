"""Comparison: systems x splits x seeds in parallel processes, tests over queries, tables, a page.

``rankkit compare experiment.toml`` is the same as a command. What a comparison leaves in its folder is described in
:mod:`rankkit.comparison.results.outcomes`.

>>> plan = Plan(
...     source=Source(train="train.txt", valid="vali.txt", test="test.txt"),
...     systems=(*cross([Part("mlp")], [Part("ranknet"), Part("softmax")], {}), external_system(Part("random"))),
...     baseline="mlp ranknet",
...     seeds=(0, 1, 2),
... )
>>> print(compare(plan, "runs/first"))  # doctest: +SKIP

Encoders are compared on labelled examples. Each test example is an anchor, for which the others are ranked; what is
said of queries holds for anchors.

>>> plan = Plan(
...     source=ExampleSource(train="glyphs", held_out=0.3, valid_held_out=0.1),
...     systems=(
...         *cross([Part("conv")], [Part("supcon"), Part("triplet")], {}, kind="encoder"),
...         external_system(Part("raw-inputs")),
...     ),
...     baseline="conv supcon",
...     metric="map_at_r",
...     rules=Rules(("map_at_r", "hit_rate@1"), empty="skip"),
... )
>>> print(compare(plan, "runs/encoders"))  # doctest: +SKIP
"""

from rankkit.comparison.plan import (
    Part,
    Plan,
    Range,
    Rules,
    Search,
    Significance,
    System,
    cross,
    external_system,
)
from rankkit.comparison.results.audit import Finding
from rankkit.comparison.results.outcomes import RunResult
from rankkit.comparison.results.reading import read_results
from rankkit.comparison.results.results import Results
from rankkit.comparison.results.standings import MetricStandings, Standing
from rankkit.comparison.runs.comparing import ComparisonInterrupted, compare
from rankkit.tasks.ranking.splits import Source
from rankkit.tasks.similarity.splits import ExampleSource

__all__ = [
    "ComparisonInterrupted",
    "ExampleSource",
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
