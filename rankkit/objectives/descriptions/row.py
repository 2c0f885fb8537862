"""The type of a row: what a person wants to know of an objective before choosing it."""

from typing import Literal, NamedTuple

Family = Literal["pointwise", "pairwise", "listwise", "metric-driven", "distillation", "unbiased", "embedding"]


class ObjectiveRow(NamedTuple):
    """What a person wants to know of an objective before choosing it.

    Args:
        family: What it looks at: one document, pairs, whole lists, a metric, embeddings; or where its labels come from.
        paper: Authors, venue and year, short: ``"Burges et al., ICML 2005"``.
        formula: The loss of one list in plain text of one line, with s, y, i, j, n.
        range: The values it can take: ``">= 0"``, ``"-1 .. 0"``.
        needs: The labels it needs: ``"binary"``, ``"graded"``, ``"any order"``, ``"teacher scores"``.
        cost: Time in n, the documents of a list, and memory where it differs: ``"n^2 time, n memory"``.
        use_when: One short sentence: when to choose it.
    """

    family: Family
    paper: str
    formula: str
    range: str
    needs: str
    cost: str
    use_when: str
