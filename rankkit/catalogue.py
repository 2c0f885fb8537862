"""Where names become objects: dict literals, and :func:`find`.

A line added here enrols the entry in the shared tests (``tests/test_catalogue.py``), in the command line and in
experiment files.
"""

from collections.abc import Callable, Mapping
from typing import Any

from rankkit.errors import ConfigError, did_you_mean
from rankkit.metrics import (
    arp,
    average_precision,
    bpref,
    dcg,
    err,
    f1,
    hit_rate,
    map_at_r,
    mrr,
    ndcg,
    opa,
    precision,
    r_precision,
    rbp,
    recall,
)
from rankkit.models.encoders import ConvEncoder, MLPEncoder
from rankkit.models.scorers import LinearScorer, MLPScorer
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
from rankkit.objectives.embedding import (
    arcface_loss,
    contrastive_loss,
    cosface_loss,
    embedding_circle_loss,
    info_nce_loss,
    linear_triplet_loss,
    lossless_triplet_loss,
    multi_similarity_loss,
    multiple_negatives_ranking_loss,
    n_pair_loss,
    nt_xent_loss,
    proxy_anchor_loss,
    soft_margin_triplet_loss,
    softmax_ratio_triplet_loss,
    supcon_loss,
    triplet_loss,
    verification_loss,
)

SCORERS: dict[str, Callable[..., Any]] = {
    "linear": LinearScorer,
    "mlp": MLPScorer,
}

ENCODERS: dict[str, Callable[..., Any]] = {
    "mlp": MLPEncoder,
    "conv": ConvEncoder,
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

# What they are called with is their attribute ``takes``: pairs, triplets, two views, or embeddings with classes.
EMBEDDING_OBJECTIVES: dict[str, Callable[..., Any]] = {
    "contrastive": contrastive_loss,
    "verification": verification_loss,
    "triplet": triplet_loss,
    "soft_margin_triplet": soft_margin_triplet_loss,
    "softmax_ratio_triplet": softmax_ratio_triplet_loss,
    "lossless_triplet": lossless_triplet_loss,
    "linear_triplet": linear_triplet_loss,
    "nt_xent": nt_xent_loss,
    "info_nce": info_nce_loss,
    "multiple_negatives_ranking": multiple_negatives_ranking_loss,
    "n_pair": n_pair_loss,
    "supcon": supcon_loss,
    "multi_similarity": multi_similarity_loss,
    "embedding_circle": embedding_circle_loss,
    "arcface": arcface_loss,
    "cosface": cosface_loss,
    "proxy_anchor": proxy_anchor_loss,
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
    "r_precision": r_precision,
    "map_at_r": map_at_r,
    "f1": f1,
    "rbp": rbp,
    "bpref": bpref,
    "opa": opa,
    "arp": arp,
}

_KINDS: Mapping[str, Mapping[str, Callable[..., Any]]] = {
    "scorer": SCORERS,
    "encoder": ENCODERS,
    "objective": {**OBJECTIVES, **CLICK_OBJECTIVES},
    # Of those on rankings all that read one score a document.
    "embedding objective": {
        **EMBEDDING_OBJECTIVES,
        **{name: objective for name, objective in OBJECTIVES.items() if not hasattr(objective, "readout")},
    },
    "metric": METRICS,
}


def find(kind: str, name: str) -> Callable[..., Any]:
    """The scorer or encoder class, objective (a function, or a class in ``CLICK_OBJECTIVES``) or metric of that name.

    Args:
        kind: ``"scorer"``, ``"encoder"``, ``"objective"``, ``"embedding objective"`` (what trains an encoder: those on
            embeddings, and those on rankings) or ``"metric"``.
        name: A key of the dict of that kind.

    Raises:
        ConfigError: If there is none; the message names the nearest.
    """
    known = _KINDS[kind]
    if name not in known:
        raise ConfigError(f"{kind}: expected the name of one; got {name!r}. {did_you_mean(name, known)}")
    return known[name]
