"""The choosers of docs/: which objective to begin with, and when, read off the rows."""

from collections.abc import Mapping

from rankkit.objectives.descriptions import ROWS

# The objective to begin with, and what to try next, in the order of the page.
CHOICES: dict[str, tuple[str, ...]] = {
    "ranknet": ("pairwise_hinge",),
    "lambdarank": ("lambdaloss_ndcg2pp", "yeti"),
    "softmax": ("poly1_softmax", "listnet"),
    "unique_softmax": ("listnet",),
    "xe_ndcg": ("softmax",),
    "approx_ndcg": ("neural_ndcg", "pirank"),
    "approx_mrr": ("lambdarank_mrr",),
    "lambdarank_map": ("approx_map",),
    "listmle": ("p_listmle",),
    "bce": ("focal_bce",),
    "mse": ("rmse",),
    "ordinal": ("cross_entropy",),
    "calibrated_softmax": ("bce",),
    "kl_distillation": ("rank_distil", "margin_mse"),
    "dual_learning": ("softmax",),
}
# The same of encoders.
EMBEDDING_CHOICES: dict[str, tuple[str, ...]] = {
    "supcon": ("multi_similarity", "proxy_anchor"),
    "contrastive": ("triplet",),
    "triplet": ("soft_margin_triplet",),
    "verification": ("contrastive",),
    "nt_xent": ("info_nce",),
    "multiple_negatives_ranking": ("info_nce", "n_pair"),
    "arcface": ("cosface", "proxy_anchor"),
}


def chooser(choices: Mapping[str, tuple[str, ...]] = CHOICES, cost: str = "Cost, n documents a list") -> str:
    """A chooser as a Markdown table, a line a choice.

    Args:
        choices: What to begin with, and what to try then.
        cost: The head of the last column.
    """
    lines = [
        f"| When | Begin with | Then try | Labels | {cost} |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, others in choices.items():
        row = ROWS[name]
        then = " ".join(f"`{other}`" for other in others)
        lines.append(f"| {row.use_when} | `{name}` | {then} | {row.needs} | {row.cost} |")
    return "\n".join(lines)
