"""Objectives: pure functions ``(scores, labels, mask, *, weights, reduction, ...)`` from padded lists to a loss.

Each list is costed first, then the mean is taken over the lists that can teach: those with two grades for pairwise and
listwise objectives, those with a document for pointwise ones.

Names are imported from their modules at first use, so that :mod:`rankkit.objectives.about` can be read without torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rankkit.objectives.approx import approx_ndcg_loss as approx_ndcg_loss
    from rankkit.objectives.approx import bound_ndcg_loss as bound_ndcg_loss
    from rankkit.objectives.approx_binary import approx_map_loss as approx_map_loss
    from rankkit.objectives.approx_binary import approx_mrr_loss as approx_mrr_loss
    from rankkit.objectives.approx_binary import approx_precision_loss as approx_precision_loss
    from rankkit.objectives.circle import circle_loss as circle_loss
    from rankkit.objectives.combination import weighted_sum as weighted_sum
    from rankkit.objectives.distillation import kl_distillation_loss as kl_distillation_loss
    from rankkit.objectives.distillation import rank_distil_loss as rank_distil_loss
    from rankkit.objectives.dual_learning import DualLearning as DualLearning
    from rankkit.objectives.grades import cross_entropy_loss as cross_entropy_loss
    from rankkit.objectives.grades import ordinal_loss as ordinal_loss
    from rankkit.objectives.gumbel import gumbel_approx_ndcg_loss as gumbel_approx_ndcg_loss
    from rankkit.objectives.gumbel import gumbel_loss as gumbel_loss
    from rankkit.objectives.lambdaloss import lambdaloss_arp1_loss as lambdaloss_arp1_loss
    from rankkit.objectives.lambdaloss import lambdaloss_arp2_loss as lambdaloss_arp2_loss
    from rankkit.objectives.lambdaloss import lambdaloss_ndcg1_loss as lambdaloss_ndcg1_loss
    from rankkit.objectives.lambdaloss import lambdaloss_ndcg2_loss as lambdaloss_ndcg2_loss
    from rankkit.objectives.lambdaloss import lambdaloss_ndcg2pp_loss as lambdaloss_ndcg2pp_loss
    from rankkit.objectives.lambdarank import lambdarank_loss as lambdarank_loss
    from rankkit.objectives.lambdarank import lambdarank_map_loss as lambdarank_map_loss
    from rankkit.objectives.lambdarank import lambdarank_mrr_loss as lambdarank_mrr_loss
    from rankkit.objectives.listmle import listmle_loss as listmle_loss
    from rankkit.objectives.listmle import p_listmle_loss as p_listmle_loss
    from rankkit.objectives.listwise import kl_loss as kl_loss
    from rankkit.objectives.listwise import listnet_loss as listnet_loss
    from rankkit.objectives.listwise import softmax_loss as softmax_loss
    from rankkit.objectives.listwise import xe_ndcg_loss as xe_ndcg_loss
    from rankkit.objectives.module import Objective as Objective
    from rankkit.objectives.neural_ndcg import neural_ndcg_loss as neural_ndcg_loss
    from rankkit.objectives.neural_ndcg import neural_sort_loss as neural_sort_loss
    from rankkit.objectives.neural_ndcg import pirank_loss as pirank_loss
    from rankkit.objectives.pair_weights import dcg_delta as dcg_delta
    from rankkit.objectives.pair_weights import label_difference as label_difference
    from rankkit.objectives.pair_weights import map_delta as map_delta
    from rankkit.objectives.pair_weights import mrr_delta as mrr_delta
    from rankkit.objectives.pair_weights import ndcg_delta as ndcg_delta
    from rankkit.objectives.pair_weights import ndcg_loss2 as ndcg_loss2
    from rankkit.objectives.pair_weights import ndcg_loss2pp as ndcg_loss2pp
    from rankkit.objectives.pair_weights import precision_delta as precision_delta
    from rankkit.objectives.pairwise import pairwise_exponential_loss as pairwise_exponential_loss
    from rankkit.objectives.pairwise import pairwise_hinge_loss as pairwise_hinge_loss
    from rankkit.objectives.pairwise import pairwise_logistic_loss as pairwise_logistic_loss
    from rankkit.objectives.pairwise import pairwise_soft_zero_one_loss as pairwise_soft_zero_one_loss
    from rankkit.objectives.pairwise import ranknet_loss as ranknet_loss
    from rankkit.objectives.pairwise_squares import margin_mse_loss as margin_mse_loss
    from rankkit.objectives.pairwise_squares import pairwise_mse_loss as pairwise_mse_loss
    from rankkit.objectives.pointwise import bce_loss as bce_loss
    from rankkit.objectives.pointwise import focal_bce_loss as focal_bce_loss
    from rankkit.objectives.pointwise import hinge_loss as hinge_loss
    from rankkit.objectives.pointwise import mse_loss as mse_loss
    from rankkit.objectives.pointwise import rmse_loss as rmse_loss
    from rankkit.objectives.rank_bounds import bound_ranks as bound_ranks
    from rankkit.objectives.score_vectors import attention_rank_loss as attention_rank_loss
    from rankkit.objectives.score_vectors import rank_cosine_loss as rank_cosine_loss
    from rankkit.objectives.soft_ranks import approx_ranks as approx_ranks
    from rankkit.objectives.softmax_variants import calibrated_softmax_loss as calibrated_softmax_loss
    from rankkit.objectives.softmax_variants import poly1_softmax_loss as poly1_softmax_loss
    from rankkit.objectives.softmax_variants import unique_softmax_loss as unique_softmax_loss
    from rankkit.objectives.softrank import softrank_ndcg_loss as softrank_ndcg_loss
    from rankkit.objectives.yeti import yeti_loss as yeti_loss
    from rankkit.objectives.yeti import yeti_rank_loss as yeti_rank_loss

_NAMES_OF = {
    "rankkit.objectives.approx": ("approx_ndcg_loss", "bound_ndcg_loss"),
    "rankkit.objectives.approx_binary": ("approx_map_loss", "approx_mrr_loss", "approx_precision_loss"),
    "rankkit.objectives.circle": ("circle_loss",),
    "rankkit.objectives.combination": ("weighted_sum",),
    "rankkit.objectives.distillation": ("kl_distillation_loss", "rank_distil_loss"),
    "rankkit.objectives.dual_learning": ("DualLearning",),
    "rankkit.objectives.grades": ("cross_entropy_loss", "ordinal_loss"),
    "rankkit.objectives.gumbel": ("gumbel_approx_ndcg_loss", "gumbel_loss"),
    "rankkit.objectives.lambdaloss": (
        "lambdaloss_arp1_loss",
        "lambdaloss_arp2_loss",
        "lambdaloss_ndcg1_loss",
        "lambdaloss_ndcg2_loss",
        "lambdaloss_ndcg2pp_loss",
    ),
    "rankkit.objectives.lambdarank": ("lambdarank_loss", "lambdarank_map_loss", "lambdarank_mrr_loss"),
    "rankkit.objectives.listmle": ("listmle_loss", "p_listmle_loss"),
    "rankkit.objectives.listwise": ("kl_loss", "listnet_loss", "softmax_loss", "xe_ndcg_loss"),
    "rankkit.objectives.module": ("Objective",),
    "rankkit.objectives.neural_ndcg": ("neural_ndcg_loss", "neural_sort_loss", "pirank_loss"),
    "rankkit.objectives.pair_weights": (
        "dcg_delta",
        "label_difference",
        "map_delta",
        "mrr_delta",
        "ndcg_delta",
        "ndcg_loss2",
        "ndcg_loss2pp",
        "precision_delta",
    ),
    "rankkit.objectives.pairwise": (
        "pairwise_exponential_loss",
        "pairwise_hinge_loss",
        "pairwise_logistic_loss",
        "pairwise_soft_zero_one_loss",
        "ranknet_loss",
    ),
    "rankkit.objectives.pairwise_squares": ("margin_mse_loss", "pairwise_mse_loss"),
    "rankkit.objectives.pointwise": ("bce_loss", "focal_bce_loss", "hinge_loss", "mse_loss", "rmse_loss"),
    "rankkit.objectives.rank_bounds": ("bound_ranks",),
    "rankkit.objectives.score_vectors": ("attention_rank_loss", "rank_cosine_loss"),
    "rankkit.objectives.soft_ranks": ("approx_ranks",),
    "rankkit.objectives.softmax_variants": ("calibrated_softmax_loss", "poly1_softmax_loss", "unique_softmax_loss"),
    "rankkit.objectives.softrank": ("softrank_ndcg_loss",),
    "rankkit.objectives.yeti": ("yeti_loss", "yeti_rank_loss"),
}
_HOME = {name: module for module, names in _NAMES_OF.items() for name in names}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'rankkit.objectives' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
