"""Rows of the objectives that learn from a teacher's scores."""

from rankkit.objectives.descriptions.row import ObjectiveRow

DISTILLATION: dict[str, ObjectiveRow] = {
    "kl_distillation": ObjectiveRow(
        family="distillation",
        paper="Hinton et al., 2014",
        formula="T^2 sum_i p_i (log p_i - log q_i), p = softmax(y / T), q = softmax(s / T)",
        range=">= 0",
        needs="teacher scores",
        cost="n",
        use_when="A teacher's scores are there, of a larger model or of trees: learn how sure it is.",
    ),
    "rank_distil": ObjectiveRow(
        family="distillation",
        paper="Reddi et al., AISTATS 2021",
        formula="mean over m rankings pi drawn from y of sum_{r <= k} log(sum_{l >= r} exp(s_pi(l))) - s_pi(r)",
        range=">= 0",
        needs="teacher scores",
        cost="m n log n, m n memory",
        use_when="A teacher's scores are there and only its top k matters, on long lists.",
    ),
}
