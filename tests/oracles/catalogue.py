"""The slow loop of every objective of the catalogue, and how far the objective is from it.

An oracle takes one list, ``(scores, labels)`` as Python floats (scores as lists of floats for an objective of several
outputs), and gives the loss at the default options. Torch's generator is seeded before each call of an oracle and of
an objective, so that an oracle of an objective that draws can draw the same float64 numbers, one list at a time.
"""

import copy

import torch

from rankkit.registry import OBJECTIVES
from tests.oracles import distillation, listwise, metric_driven, objectives, pairs, pointwise

ORACLES = {
    "bce": objectives.bce,
    "hinge": objectives.hinge,
    "mse": objectives.mse,
    "cross_entropy": objectives.cross_entropy,
    "ranknet": objectives.pairwise_logistic,
    "pairwise_hinge": objectives.pairwise_hinge,
    "pairwise_soft_zero_one": pairs.pairwise_soft_zero_one,
    "pairwise_exponential": pairs.pairwise_exponential,
    "pairwise_mse": pairs.pairwise_mse,
    "margin_mse": pairs.margin_mse,
    "group_quantile": pointwise.group_quantile,
    "circle": pairs.circle,
    "graded_circle": pairs.graded_circle,
    "lambdarank": pairs.lambdarank,
    "lambdarank_map": pairs.lambdarank_map,
    "lambdarank_mrr": pairs.lambdarank_mrr,
    "lambdaloss_ndcg1": pairs.lambdaloss_ndcg1,
    "lambdaloss_ndcg2": pairs.lambdaloss_ndcg2,
    "lambdaloss_ndcg2pp": pairs.lambdaloss_ndcg2pp,
    "lambdaloss_arp1": pairs.lambdaloss_arp1,
    "lambdaloss_arp2": pairs.lambdaloss_arp2,
    "listnet": objectives.listnet,
    "softmax": objectives.softmax,
    "gumbel_listnet": listwise.gumbel_listnet,
    "lambda_softmax": listwise.lambda_softmax,
    "listwide_softmax": listwise.listwide_softmax,
    "focal_bce": pointwise.focal_bce,
    "rmse": pointwise.rmse,
    "ordinal": pointwise.ordinal,
    "kl": listwise.kl,
    "query_cross_entropy": pointwise.query_cross_entropy,
    "poly1_softmax": listwise.poly1_softmax,
    "unique_softmax": listwise.unique_softmax,
    "calibrated_softmax": listwise.calibrated_softmax,
    "xe_ndcg": listwise.xe_ndcg,
    "listmle": listwise.listmle,
    "p_listmle": listwise.p_listmle,
    "attention_rank": listwise.attention_rank,
    "rank_cosine": listwise.rank_cosine,
    "wass_rank": listwise.wass_rank,
    "kl_distillation": distillation.kl_distillation,
    "rank_distil": distillation.rank_distil,
    "approx_ndcg": metric_driven.approx_ndcg,
    "bound_ndcg": metric_driven.bound_ndcg,
    "approx_mrr": metric_driven.approx_mrr,
    "approx_map": metric_driven.approx_map,
    "approx_precision": metric_driven.approx_precision,
    "gumbel_approx_ndcg": metric_driven.gumbel_approx_ndcg,
    "neural_ndcg": metric_driven.neural_ndcg,
    "neural_sort": metric_driven.neural_sort_cross_entropy,
    "pirank": metric_driven.pirank,
    "softrank_ndcg": metric_driven.softrank_ndcg,
    "stochastic_rank": metric_driven.stochastic_rank,
    "yeti_rank": metric_driven.yeti_rank,
    "yeti": metric_driven.yeti,
}

# Where differences of the value are no gradient (a corner, a weight that moves with the scores but by definition
# carries none, or an estimate): ``(scores, labels) -> slopes``, written out.
SLOPES = {
    "hinge": pointwise.hinge_slopes,
    "pairwise_hinge": pointwise.pairwise_hinge_slopes,
    "circle": pairs.circle_slopes,
    "graded_circle": pairs.graded_circle_slopes,
    "approx_ndcg": metric_driven.approx_ndcg_slopes,
    "bound_ndcg": metric_driven.bound_ndcg_slopes,
    "stochastic_rank": metric_driven.stochastic_rank_slopes,
    "yeti_rank": metric_driven.yeti_rank_slopes,
    "yeti": metric_driven.yeti_slopes,
}

SEED = 0


def example_scores(name, *shape, generator):
    """Standard normal scores of ``[*shape]`` as the objective takes them, for grades 0 to 4."""
    readout = getattr(OBJECTIVES[name], "readout", None)
    n_outputs = {None: (), "expected_grade": (5,), "sum_of_sigmoids": (4,), "first_output": (5,)}[readout]
    return torch.randn(*shape, *n_outputs, generator=generator, dtype=torch.float64)


def slow_value(name, scores, labels):
    torch.manual_seed(SEED)
    return ORACLES[name](scores, labels)


def slow_slopes(name, scores, labels, step=1e-3):
    """Central differences of sixth order, in the order of the flattened scores."""
    if name in SLOPES:
        torch.manual_seed(SEED)
        return SLOPES[name](scores, labels)
    several = isinstance(scores[0], list)
    places = [(i, k) for i in range(len(scores)) for k in (range(len(scores[0])) if several else [None])]
    return [
        sum(
            weight * slow_value(name, _moved(scores, place, sign * times * step), labels) * sign
            for times, weight in ((1, 45), (2, -9), (3, 1))
            for sign in (1, -1)
        )
        / (60 * step)
        for place in places
    ]


def differences(name, scores, labels):
    """The greatest difference in value and in a slope, as a share of the greater of 1 and the oracle's number.

    Args:
        name: A key of the catalogue.
        scores: float64 ``[doc]`` or ``[doc, K]``.
        labels: float64 ``[doc]``.
    """
    leaf = scores.clone().requires_grad_()
    torch.manual_seed(SEED)
    loss = OBJECTIVES[name](leaf[None], labels[None])
    loss.backward()
    expected = slow_value(name, scores.tolist(), labels.tolist())
    slopes = torch.tensor(slow_slopes(name, scores.tolist(), labels.tolist()), dtype=torch.float64)
    slope_gaps = (leaf.grad.flatten() - slopes).abs() / slopes.abs().clamp(min=1)
    return abs(loss.item() - expected) / max(1.0, abs(expected)), slope_gaps.max().item()


def _moved(scores, place, step):
    moved = copy.deepcopy(scores)
    doc, output = place
    if output is None:
        moved[doc] += step
    else:
        moved[doc][output] += step
    return moved
