"""Where names become objects: three dict literals, and :func:`find`.

A line added here enrols the entry in the shared tests (``tests/test_catalogue.py``), in the command line and in
experiment files.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rankkit.errors import ConfigError, did_you_mean
from rankkit.metrics import average_precision, dcg, err, hit_rate, mrr, ndcg, precision, recall
from rankkit.objectives import (
    bce_loss,
    cross_entropy_loss,
    hinge_loss,
    listnet_loss,
    mse_loss,
    pairwise_hinge_loss,
    ranknet_loss,
    softmax_loss,
)
from rankkit.scorers import LinearScorer, MLPScorer

SCORERS: dict[str, Callable[..., Any]] = {
    "linear": LinearScorer,
    "mlp": MLPScorer,
}

OBJECTIVES: dict[str, Callable[..., Any]] = {
    "bce": bce_loss,
    "hinge": hinge_loss,
    "mse": mse_loss,
    "cross_entropy": cross_entropy_loss,
    "ranknet": ranknet_loss,
    "pairwise_hinge": pairwise_hinge_loss,
    "listnet": listnet_loss,
    "softmax": softmax_loss,
}

METRICS: dict[str, Callable[..., Any]] = {
    "dcg": dcg,
    "ndcg": ndcg,
    "err": err,
    "mrr": mrr,
    "map": average_precision,
    "precision": precision,
    "recall": recall,
    "hit_rate": hit_rate,
}

_KINDS: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "scorer": SCORERS,
    "objective": OBJECTIVES,
    "metric": METRICS,
}


def find(kind: str, name: str) -> Callable[..., Any]:
    """The scorer class, objective or metric of that name.

    Args:
        kind: ``"scorer"``, ``"objective"`` or ``"metric"``.
        name: A key of the dict of that kind.

    Raises:
        ConfigError: If there is none; the message names the nearest.
    """
    known = _KINDS[kind]
    if name not in known:
        raise ConfigError(f"{kind}: expected the name of one; got {name!r}. {did_you_mean(name, known)}")
    return known[name]
