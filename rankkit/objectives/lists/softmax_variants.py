"""Listwise objectives that change the softmax itself: PolyLoss, unique ratings, a calibrating anchor."""

import math

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from rankkit.objectives.lists.listwise import check_grades, shares
from rankkit.objectives.lists.lower_grades import log_sum_of_lower_grades
from rankkit.objectives.lists.plackett_luce import log_chances
from rankkit.objectives.lists.temperature import tempered_lists
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_labels, check_number
from rankkit.objectives.reductions import reduce_weighted, sum_over_docs
from rankkit.ranking import Gain, Reduction, gains, has_two_grades, list_sizes, split_weights


@marked(curvature="core")
def poly1_softmax_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    epsilon: float = 1.0,
    normalize: bool = True,
    temperature: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Poly-1: softmax cross entropy plus ε times the share of the softmax that misses the target.

    .. math::
        -\sum_i p_i \log q_i + \epsilon \left(1 - \sum_i p_i q_i\right), \quad p_i = \frac{y_i}{\sum_j y_j},
        \quad q_i = \frac{e^{s_i / T}}{\sum_j e^{s_j / T}}

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0; a document of grade 0 only stands in the denominator.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        epsilon: Weight of the added term, at least -1; 0 gives :func:`softmax_loss`.
        normalize: False takes the labels themselves as target of the cross entropy; the added term always has p.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        weights: ``[query]`` or ``[query, list]``, importance of terms; targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> poly1_softmax_loss(scores, labels, torch.tensor([[True, True, False]]))  # half of the softmax: log 2 + 1/2
        tensor(1.1931)

    References:
        Leng et al., "PolyLoss: A Polynomial Expansion Perspective of Classification Loss Functions", ICLR 2022,
        equation 6.
    """
    check_number("poly1_softmax_loss", "epsilon", epsilon, least=-1.0)
    scores, labels, mask = tempered_lists("poly1_softmax_loss", scores, labels, mask, temperature)
    check_grades("poly1_softmax_loss", labels)
    targets = shares(labels)
    log_softmax = log_chances(scores, mask)
    # 1 - sum p q as sum p (1 - q), so that a weight of a document multiplies its part; expm1 keeps 1 - q exact near 0.
    terms = -(targets if normalize else labels) * log_softmax - epsilon * targets * torch.expm1(log_softmax)
    return sum_over_docs("poly1_softmax_loss", terms, has_two_grades(labels, mask), mask, weights, reduction)


def unique_softmax_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    gain: Gain = "exp",
    temperature: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Unique rating softmax: each document against those of lower grade only, weighed by its gain.

    .. math::
        -\sum_i g_i \log \frac{e^{s_i / T}}{e^{s_i / T} + \sum_{j : y_j < y_i} e^{s_j / T}}, \quad g_i = 2^{y_i} - 1

    Time is n log n and memory linear: one sort by label and one running sum.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0; a document of grade 0 only stands in denominators.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        gain: ``"exp"``, 2^y - 1 as in the paper, for labels up to 114 (float64: 1,010), or ``"linear"``: the label
            itself.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        weights: ``[query]`` or ``[query, list]``, importance of terms; denominators stay as they are.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> unique_softmax_loss(scores, labels, torch.tensor([[True, True, False]]))  # gain 3, a share of 1/2: 3 log 2
        tensor(2.0794)

    References:
        Zhu, Klabjan, "Listwise Learning to Rank by Exploring Unique Ratings", WSDM 2020, section 3.
    """
    scores, labels, mask = tempered_lists("unique_softmax_loss", scores, labels, mask, temperature)
    check_grades("unique_softmax_loss", labels)
    if gain == "exp":
        _check_gains(labels)
    below, has_below = log_sum_of_lower_grades(scores, labels, mask)
    costs = -functional.logsigmoid(torch.where(has_below, scores - below, 0)).to(scores.dtype)
    terms = gains(labels, gain) * torch.where(has_below, costs, 0)
    return sum_over_docs("unique_softmax_loss", terms, has_two_grades(labels, mask), mask, weights, reduction)


def _check_gains(labels: Tensor) -> None:
    """Raise DataError where the product of 2^label and a cost of 2^13 would overflow."""
    largest = math.frexp(torch.finfo(labels.dtype).max)[1] - 14
    check_labels(
        "unique_softmax_loss",
        labels,
        labels <= largest,
        f"labels of at most {largest}, whose gains 2^label - 1 {str(labels.dtype).removeprefix('torch.')} can hold",
        'Pass gain="linear", or make grades of the labels.',
    )


@marked(learns_from="documents")
def calibrated_softmax_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    anchor_label: float = 1.0,
    temperature: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Calibrated softmax: softmax cross entropy with one more document, an anchor of score 0 and a label of its own.

    .. math:: -\sum_i y_i \log \frac{e^{s_i / T}}{1 + \sum_j e^{s_j / T}} - y_0 \log \frac{1}{1 + \sum_j e^{s_j / T}}

    The anchor gives scores a scale that is common to all lists: :math:`y_0 e^{s / T}` learns to predict the label. So a
    list without a relevant document counts like any other: its scores must lie below the anchor's.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0, not normalised.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        anchor_label: The label y_0 of the anchor, above 0, in units of the labels.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        weights: ``[query]`` or ``[query, list]``, importance of terms; the anchor's has the weight of its query only.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[0.0, 9.0]]), torch.tensor([[2.0, 1.0]])
        >>> calibrated_softmax_loss(scores, labels, torch.tensor([[True, False]]))  # ties the anchor: (2 + 1) log 2
        tensor(2.0794)

    References:
        Yan, Qin, Wang, Bendersky, Najork, "Scale Calibration of Deep Ranking Models", KDD 2022 (anchor fixed at 0).
    """
    check_number("calibrated_softmax_loss", "anchor_label", anchor_label, above=0.0)
    scores, labels, mask = tempered_lists("calibrated_softmax_loss", scores, labels, mask, temperature)
    check_grades("calibrated_softmax_loss", labels)
    query_weights, doc_weights = split_weights("calibrated_softmax_loss", weights, scores, mask)
    logits = functional.pad(scores.masked_fill(~mask, torch.finfo(scores.dtype).min), (0, 1))
    log_softmax = logits.log_softmax(dim=1)
    terms = torch.where(mask, -labels * log_softmax[:, :-1].where(mask, 0), 0)
    if doc_weights is not None:
        terms = terms * doc_weights
    per_list = terms.sum(dim=1) - anchor_label * log_softmax[:, -1]
    return reduce_weighted(per_list, query_weights, list_sizes(mask) > 0, reduction)
