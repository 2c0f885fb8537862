"""Where names become objects: dict literals, and :func:`find`.

A line added here enrols the entry in the shared tests (``tests/test_catalogue.py``), in the command line and in
experiment files.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rankkit.errors import ConfigError, did_you_mean
from rankkit.metrics import average_precision, dcg, err, hit_rate, mrr, ndcg, precision, recall
from rankkit.objectives import (
    DualLearning,
    approx_map_loss,
    approx_mrr_loss,
    approx_ndcg_loss,
    approx_precision_loss,
    attention_rank_loss,
    bce_loss,
    bound_ndcg_loss,
    calibrated_softmax_loss,
    circle_loss,
    cross_entropy_loss,
    focal_bce_loss,
    gumbel_approx_ndcg_loss,
    hinge_loss,
    kl_distillation_loss,
    kl_loss,
    lambdaloss_arp1_loss,
    lambdaloss_arp2_loss,
    lambdaloss_ndcg1_loss,
    lambdaloss_ndcg2_loss,
    lambdaloss_ndcg2pp_loss,
    lambdarank_loss,
    lambdarank_map_loss,
    lambdarank_mrr_loss,
    listmle_loss,
    listnet_loss,
    margin_mse_loss,
    mse_loss,
    neural_ndcg_loss,
    neural_sort_loss,
    ordinal_loss,
    p_listmle_loss,
    pairwise_exponential_loss,
    pairwise_hinge_loss,
    pairwise_mse_loss,
    pairwise_soft_zero_one_loss,
    pirank_loss,
    poly1_softmax_loss,
    rank_cosine_loss,
    rank_distil_loss,
    ranknet_loss,
    rmse_loss,
    softmax_loss,
    softrank_ndcg_loss,
    unique_softmax_loss,
    xe_ndcg_loss,
    yeti_loss,
    yeti_rank_loss,
)
from rankkit.scorers import LinearScorer, MLPScorer

SCORERS: dict[str, Callable[..., Any]] = {
    "linear": LinearScorer,
    "mlp": MLPScorer,
}

OBJECTIVES: dict[str, Callable[..., Any]] = {
    "bce": bce_loss,
    "focal_bce": focal_bce_loss,
    "hinge": hinge_loss,
    "mse": mse_loss,
    "rmse": rmse_loss,
    "cross_entropy": cross_entropy_loss,
    "ordinal": ordinal_loss,
    "ranknet": ranknet_loss,
    "pairwise_hinge": pairwise_hinge_loss,
    "pairwise_soft_zero_one": pairwise_soft_zero_one_loss,
    "pairwise_exponential": pairwise_exponential_loss,
    "pairwise_mse": pairwise_mse_loss,
    "margin_mse": margin_mse_loss,
    "circle": circle_loss,
    "lambdarank": lambdarank_loss,
    "lambdarank_map": lambdarank_map_loss,
    "lambdarank_mrr": lambdarank_mrr_loss,
    "lambdaloss_ndcg1": lambdaloss_ndcg1_loss,
    "lambdaloss_ndcg2": lambdaloss_ndcg2_loss,
    "lambdaloss_ndcg2pp": lambdaloss_ndcg2pp_loss,
    "lambdaloss_arp1": lambdaloss_arp1_loss,
    "lambdaloss_arp2": lambdaloss_arp2_loss,
    "listnet": listnet_loss,
    "softmax": softmax_loss,
    "poly1_softmax": poly1_softmax_loss,
    "unique_softmax": unique_softmax_loss,
    "calibrated_softmax": calibrated_softmax_loss,
    "kl": kl_loss,
    "xe_ndcg": xe_ndcg_loss,
    "listmle": listmle_loss,
    "p_listmle": p_listmle_loss,
    "attention_rank": attention_rank_loss,
    "rank_cosine": rank_cosine_loss,
    "kl_distillation": kl_distillation_loss,
    "rank_distil": rank_distil_loss,
    "approx_ndcg": approx_ndcg_loss,
    "bound_ndcg": bound_ndcg_loss,
    "approx_mrr": approx_mrr_loss,
    "approx_map": approx_map_loss,
    "approx_precision": approx_precision_loss,
    "gumbel_approx_ndcg": gumbel_approx_ndcg_loss,
    "neural_ndcg": neural_ndcg_loss,
    "neural_sort": neural_sort_loss,
    "pirank": pirank_loss,
    "softrank_ndcg": softrank_ndcg_loss,
    "yeti_rank": yeti_rank_loss,
    "yeti": yeti_loss,
}

# Classes, not functions: they have weights of their own, and take click logs, whose documents stand in shown order.
CLICK_OBJECTIVES: dict[str, Callable[..., Any]] = {
    "dual_learning": DualLearning,
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
    "objective": {**OBJECTIVES, **CLICK_OBJECTIVES},
    "metric": METRICS,
}


def find(kind: str, name: str) -> Callable[..., Any]:
    """The scorer class, objective (a function, or a class in ``CLICK_OBJECTIVES``) or metric of that name.

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
