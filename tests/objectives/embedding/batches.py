"""One way to call every embedding objective: rows of embeddings and their classes, cut as the objective takes them."""

from rankkit.distances import VerificationHead
from rankkit.objectives import embedding as objectives
from rankkit.objectives.embedding import Prototypes

OBJECTIVES = {
    name.removesuffix("_loss"): getattr(objectives, name) for name in objectives.__all__ if name.endswith("_loss")
}
IN_CUBE = sorted(name for name, objective in OBJECTIVES.items() if getattr(objective, "output", None) == "sigmoid")
N_DIMS, N_CLASSES = 3, 4
HEAD_WEIGHTS, HEAD_BIAS = [-1.5, 0.5, -0.25], 0.75


def named(*takes):
    return sorted(name for name, objective in OBJECTIVES.items() if objective.takes in takes)


def parts(name, rows):
    """The rows in two parts for pairs and views, in three for triplets."""
    n = {"triplets": 3, "classes": 1, "prototypes": 1}.get(OBJECTIVES[name].takes, 2)
    size = len(rows) // n
    return [rows[k * size : (k + 1) * size] for k in range(n)]


def prototypes():
    return Prototypes(N_CLASSES, N_DIMS, seed=5)


def head():
    found = VerificationHead(N_DIMS)
    found.set_weights(HEAD_WEIGHTS, bias=HEAD_BIAS)
    return found


def loss_of(name, rows, classes, **options):
    """The loss of a batch; classes matter where the objective asks for them."""
    objective, cut = OBJECTIVES[name], parts(name, rows)
    if objective.takes in ("pairs", "logits"):
        first, second = parts(name, classes)
        options = {"same": first == second, **options}
        return objective(*(cut if objective.takes == "pairs" else [head().pairwise(*cut)]), **options)
    if objective.takes == "prototypes" and "prototypes" not in options:
        options = {"prototypes": prototypes(), **options}
    if objective.takes in ("classes", "prototypes"):
        options = {"classes": classes, **options}
    return objective(*cut, **options)


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
