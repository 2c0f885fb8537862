"""Rows of the objectives for biased feedback such as clicks."""

from rankkit.objectives.descriptions.row import ObjectiveRow

UNBIASED: dict[str, ObjectiveRow] = {
    "dual_learning": ObjectiveRow(
        family="unbiased",
        paper="Ai et al., SIGIR 2018",
        formula="-sum over clicked i of e^(g_1 - g_i) log softmax(s)_i + e^(s_1 - s_i) log softmax(g)_i, g by position",
        range=">= 0",
        needs="clicks, in shown order",
        cost="n",
        use_when="Labels are clicks, and how often each position is looked at is not known.",
    ),
}
