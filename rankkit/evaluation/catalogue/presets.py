"""The conventions of tools for recommendation, by name.

Each is what the tool does unless told otherwise, on the scores of a model that it did not make: its formulas, what it
does with held-out items that a user has met before, whom it leaves out. All six are tested against numbers measured
with the installed tool (experiments/recommendation/peers/protocols.py). Which of tied items comes first cannot be told
of those whose partial sort leaves that open: for them it is the mean over orders.
"""

from rankkit.evaluation.presets import PROTOCOLS
from rankkit.evaluation.protocol import Protocol

_TOOLS = (
    # Its printed numbers are rounded to four decimals. Of models of sequences it masks no history at all.
    Protocol(
        name="recbole",
        ideal="reachable",
        ties="expected",
        seen_targets="candidates",
        metrics=("ndcg", "recall", "hit_rate", "precision", "mrr", "map"),
    ),
    Protocol(
        name="rectools",
        best_order="filled",
        ties="expected",
        seen_targets="missed",
        metrics=("ndcg", "recall", "hit_rate", "precision", "mrr", "map", "f1"),
    ),
    # Its MAP gives tied items the last of their ranks; of other metrics the order of ties cannot be told. Asked for
    # beside a metric with k, its MRR is wrong beyond that k, where it leaves the items unsorted.
    Protocol(
        name="cornac",
        empty="skip",
        seen_targets="candidates",
        known_only=True,
        metrics=("ndcg", "recall", "hit_rate", "precision", "f1", "mrr", "map"),
        whole_only=("mrr", "map"),
    ),
    Protocol(
        name="irspack",
        ties="stable",
        seen_targets="missed",
        metrics=("ndcg", "recall", "hit_rate", "precision", "map"),
    ),
    # Its recall is called precision.
    Protocol(
        name="implicit",
        ideal="reachable",
        share_of="reachable",
        pooled=True,
        ties="expected",
        seen_targets="missed",
        metrics=("ndcg", "precision", "map"),
    ),
    # Its map_at_k; what it calls map has all relevant items below the fraction bar.
    Protocol(
        name="recommenders",
        ideal="reachable",
        ties="expected",
        seen_targets="missed",
        metrics=("ndcg", "recall", "precision", "map"),
    ),
)

TOOLS: dict[str, Protocol] = {"rankkit": PROTOCOLS["rankkit"], **{tool.name: tool for tool in _TOOLS}}
"""By name, rankkit's own first: what ``--all-protocols`` compares."""

RECOMMENDER_PROTOCOLS: dict[str, Protocol] = {**TOOLS, **PROTOCOLS}
"""What a recommender can be measured by: these tools, and those of ranking."""
