"""One way to call every embedding objective: rows of embeddings and their classes, cut as the objective takes them."""

from rankkit.objectives import embedding as objectives
from rankkit.testing.embedding import HEAD_BIAS, HEAD_WEIGHTS, EmbeddingObjective, prototypes

OBJECTIVES = {
    name.removesuffix("_loss"): getattr(objectives, name) for name in objectives.__all__ if name.endswith("_loss")
}
IN_CUBE = sorted(name for name, objective in OBJECTIVES.items() if getattr(objective, "output", None) == "sigmoid")


def named(*takes):
    return sorted(name for name, objective in OBJECTIVES.items() if objective.takes in takes)


def case_of(name):
    return EmbeddingObjective(OBJECTIVES[name], slopes_are_exact=name != "embedding_circle")


def parts(name, rows):
    """The rows in two parts for pairs and views, in three for triplets."""
    return case_of(name).cut(rows)


def loss_of(name, rows, classes, **options):
    """The loss of a batch; classes matter where the objective asks for them."""
    return case_of(name).loss(rows, classes, **options)


def oracle_of(name, oracle, rows, classes, **options):
    """The slow loops on the same batch, as lists."""
    takes, cut = OBJECTIVES[name].takes, parts(name, rows)
    if takes in ("pairs", "logits"):
        first, second = parts(name, classes)
        options["same"] = [a == b for a, b in zip(first, second, strict=True)]
    if takes == "logits":
        options |= {"alpha": HEAD_WEIGHTS, "bias": HEAD_BIAS}
    if takes in ("classes", "prototypes"):
        options["classes"] = classes
    if takes == "prototypes":
        options["prototypes"] = prototypes().weight.tolist()
    return oracle(*cut, **options)
