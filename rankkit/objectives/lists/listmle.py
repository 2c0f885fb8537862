"""ListMLE and its position-aware form: the likelihood of the ranking by label under the Plackett-Luce model."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.draws import draw_uniform
from rankkit.objectives.lists.plackett_luce import choice_costs
from rankkit.objectives.lists.temperature import tempered_lists
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_choice
from rankkit.objectives.reductions import sum_over_docs
from rankkit.ranking import Reduction, discounts, has_two_grades, list_sizes

PositionWeight = Literal["exp", "discount"]


@marked(curvature="core")
def listmle_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""ListMLE: negative log-likelihood of the ranking by label, drawn from the top without replacement.

    .. math::
        \sum_{r=1}^{n} \log \sum_{k=r}^{n} e^{s_{\pi(k)} / T} - s_{\pi(r)} / T,
        \quad y_{\pi(1)} \ge \dots \ge y_{\pi(n)}

    Documents with equal labels are put in a random order, another one in each call.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades; only their order within a list matters.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: ``[query]`` or ``[query, list]``, importance of terms; denominators stay as they are.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> listmle_loss(scores, labels, torch.tensor([[True, True, False]]))  # one choice of two tied scores: log 2
        tensor(0.6931)

    References:
        Xia, Liu, Wang, Zhang, Li, "Listwise Approach to Learning to Rank: Theory and Algorithm", ICML 2008, section 4.
    """
    scores, labels, mask = tempered_lists("listmle_loss", scores, labels, mask, temperature)
    order = _order_by_label(labels, mask, generator)
    costs = _costs_of(scores, mask, order)
    return sum_over_docs("listmle_loss", costs, has_two_grades(labels, mask), mask, weights, reduction)


@marked(curvature="core")
def p_listmle_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    position_weight: PositionWeight = "exp",
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Position-aware ListMLE: the choice at rank r of the ranking by label weighs the more, the higher r stands.

    .. math::
        \sum_{r=1}^{n} \frac{\alpha(r)}{\sum_k \alpha(k)} \left(\log \sum_{k=r}^{n} e^{s_{\pi(k)} / T}
        - s_{\pi(r)} / T\right),
        \quad y_{\pi(1)} \ge \dots \ge y_{\pi(n)}, \quad \alpha(r) = 2^{n - r} - 1

    The paper leaves out the division, and its weights overflow at a hundred documents; with it lists of any length
    weigh alike. Nearly all weight lies on the first ten ranks. Equal labels are put in a random order, another one in
    each call.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades; only their order within a list matters.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        position_weight: ``"exp"``, α as above, or ``"discount"``: α(r) = 1 / log2(1 + r), that of NDCG.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: ``[query]`` or ``[query, list]``, importance of terms; denominators stay as they are.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> p_listmle_loss(scores, labels, torch.tensor([[True, True, False]]))  # one choice has all weight: log 2
        tensor(0.6931)

    References:
        Lan et al., "Position-Aware ListMLE: A Sequential Learning Process for Ranking", UAI 2014, section 3.
    """
    check_choice("p_listmle_loss", "position_weight", position_weight, PositionWeight)
    scores, labels, mask = tempered_lists("p_listmle_loss", scores, labels, mask, temperature)
    order = _order_by_label(labels, mask, generator)
    ranks = order.argsort(dim=1) + 1
    costs = _costs_of(scores, mask, order) * _position_weights(position_weight, ranks, mask, scores.dtype)
    return sum_over_docs("p_listmle_loss", costs, has_two_grades(labels, mask), mask, weights, reduction)


def _order_by_label(labels: Tensor, mask: Tensor, generator: torch.Generator | None) -> Tensor:
    """Places of the documents by falling label, equal ones in random order, padding last."""
    shuffled = draw_uniform(mask, labels.dtype, generator).argsort(dim=1)
    keys = labels.masked_fill(~mask, -torch.inf).gather(1, shuffled)
    return shuffled.gather(1, keys.argsort(dim=1, descending=True, stable=True))


def _costs_of(scores: Tensor, mask: Tensor, order: Tensor) -> Tensor:
    """What the choice of each document costs, at the place of the document."""
    costs = choice_costs(scores.gather(1, order), mask.gather(1, order))
    return costs.gather(1, order.argsort(dim=1))


def _position_weights(kind: PositionWeight, ranks: Tensor, mask: Tensor, dtype: torch.dtype) -> Tensor:
    """The weight of each document's rank, as a share of its list: 0 in padded places."""
    ranks = ranks.to(dtype)
    if kind == "discount":
        alpha = torch.where(mask, discounts(ranks), 0)
    else:
        # 2^(n - r) - 1 divided by 2^n, which no list is too long for.
        n_docs = list_sizes(mask)[:, None].to(dtype)
        alpha = torch.where(mask, torch.exp2(-ranks) - torch.exp2(-n_docs), 0)
    totals = alpha.sum(dim=1, keepdim=True)
    return alpha / totals.where(totals > 0, 1)
