"""README's chooser: which objective to begin with, and when, read off the rows."""

from rankkit.objectives.about import ROWS

# The objective to begin with, and what to try next, in the order of README.
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


def chooser() -> str:
    """The chooser as a Markdown table, a line a choice."""
    lines = [
        "| When | Begin with | Then try | Labels | Cost, n documents a list |",
        "| --- | --- | --- | --- | --- |",
    ]
    for name, others in CHOICES.items():
        row = ROWS[name]
        then = " ".join(f"`{other}`" for other in others)
        lines.append(f"| {row.use_when} | `{name}` | {then} | {row.needs} | {row.cost} |")
    return "\n".join(lines)
