"""Listwise objectives that are a cross entropy: a target distribution over a list against the softmax of its scores."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.draws import draw_uniform
from rankkit.objectives.lists.plackett_luce import log_chances
from rankkit.objectives.lists.temperature import tempered_lists
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_choice, check_labels
from rankkit.objectives.reductions import sum_over_docs
from rankkit.ranking import Reduction, has_two_grades, masked_log_softmax

Target = Literal["softmax", "sum"]


@marked(curvature="core")
def listnet_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""ListNet, top one: cross entropy between the softmax of the labels and the softmax of the scores.

    .. math:: -\sum_i \frac{e^{y_i}}{\sum_j e^{y_j}} \log \frac{e^{s_i / T}}{\sum_j e^{s_j / T}}

    A label of 0 still gets weight (``e^0``); :func:`softmax_loss` gives it none.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades, on the scale of ``scores / temperature``: their differences are log odds.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        weights: ``[query]`` or ``[query, list]``, importance of terms; targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least the entropy of the target without weights; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> listnet_loss(scores, labels, torch.tensor([[True, True, False]]))  # tied scores, any target: log 2
        tensor(0.6931)

    References:
        Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007, equation 3, section 4.2.
    """
    scores, labels, mask = tempered_lists("listnet_loss", scores, labels, mask, temperature)
    targets = masked_log_softmax(labels, mask).exp() * mask
    return cross_entropy_of_lists("listnet_loss", scores, labels, targets, mask, weights, reduction)


@marked(curvature="core")
def softmax_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    normalize: bool = True,
    temperature: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Softmax cross entropy with the labels, divided by their sum, as target.

    .. math:: -\sum_i \frac{y_i}{\sum_j y_j} \log \frac{e^{s_i / T}}{\sum_j e^{s_j / T}}

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0; a document of grade 0 only stands in the denominator.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        normalize: False takes the labels themselves as target, so that lists weigh as much as their labels sum to.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        weights: ``[query]`` or ``[query, list]``, importance of terms; targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> softmax_loss(scores, labels, torch.tensor([[True, True, False]]))  # half of the softmax: log 2
        tensor(0.6931)

    References:
        Bruch, Wang, Bendersky, Najork, "An Analysis of the Softmax Cross Entropy Loss for Learning-to-Rank with Binary
        Relevance", ICTIR 2019, equation 3.
    """
    scores, labels, mask = tempered_lists("softmax_loss", scores, labels, mask, temperature)
    check_grades("softmax_loss", labels)
    targets = shares(labels) if normalize else labels
    return cross_entropy_of_lists("softmax_loss", scores, labels, targets, mask, weights, reduction)


@marked(curvature="core")
def kl_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    target: Target = "softmax",
    temperature: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Kullback-Leibler divergence of the softmax of the scores from a target distribution made of the labels.

    .. math::
        \sum_i p_i \left(\log p_i - \log \frac{e^{s_i / T}}{\sum_j e^{s_j / T}}\right),
        \quad p_i = \frac{e^{y_i}}{\sum_j e^{y_j}} \text{ or } \frac{y_i}{\sum_j y_j}

    KL(target || scores): the mean is taken under the target, so that the scores must cover what the labels ask for. It
    is :func:`listnet_loss` or :func:`softmax_loss` less the entropy of the target, and has their gradients.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades; of at least 0 for ``target="sum"``.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        target: ``"softmax"`` of the labels, as ListNet has it, or ``"sum"``: labels divided by their sum.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        weights: ``[query]`` or ``[query, list]``, importance of terms; targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0 without weights of documents; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> kl_loss(scores, labels, torch.tensor([[True, True, False]]), target="sum")  # target (0, 1), tied: log 2
        tensor(0.6931)

    References:
        Kullback, Leibler, "On Information and Sufficiency", Annals of Mathematical Statistics 22, 1951, equation 2.4;
        Cao et al., "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007 (target).
    """
    check_choice("kl_loss", "target", target, Target)
    scores, labels, mask = tempered_lists("kl_loss", scores, labels, mask, temperature)
    if target == "sum":
        check_grades("kl_loss", labels)
        targets = shares(labels)
        surprise = torch.xlogy(targets, targets)
    else:
        log_targets = masked_log_softmax(labels, mask)
        targets = log_targets.exp() * mask
        surprise = targets * log_targets
    terms = surprise - targets * log_chances(scores, mask)
    return sum_over_docs("kl_loss", terms, has_two_grades(labels, mask), mask, weights, reduction)


@marked(curvature="core")
def xe_ndcg_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""XE-NDCG: softmax cross entropy with randomly perturbed gains as target, a bound on NDCG.

    .. math::
        -\sum_i \frac{2^{y_i} - \gamma_i}{\sum_j 2^{y_j} - \gamma_j} \log \frac{e^{s_i / T}}{\sum_j e^{s_j / T}},
        \quad \gamma_i \sim U(0, 1)

    Each γ is drawn anew in each call, so that documents of grade 0 keep some weight, another one each time.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ``sigma``).
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: ``[query]`` or ``[query, list]``, importance of terms; targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> xe_ndcg_loss(scores, labels, torch.tensor([[True, True, False]]))  # tied scores, any target: log 2
        tensor(0.6931)

    References:
        Bruch, "An Alternative Cross Entropy Loss for Learning-to-Rank", WWW 2021, definition 1.
    """
    scores, labels, mask = tempered_lists("xe_ndcg_loss", scores, labels, mask, temperature)
    check_grades("xe_ndcg_loss", labels)
    gamma = draw_uniform(mask, scores.dtype, generator)
    # Gains as shares of 2^(best label): labels far above 30 do not overflow.
    best = labels.amax(dim=1, keepdim=True) if labels.shape[1] else labels
    targets = shares((torch.exp2(labels - best) - gamma * torch.exp2(-best)) * mask)
    return cross_entropy_of_lists("xe_ndcg_loss", scores, labels, targets, mask, weights, reduction)


def cross_entropy_of_lists(
    where: str,
    scores: Tensor,
    labels: Tensor,
    targets: Tensor,
    mask: Tensor,
    weights: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    """Cross entropy between targets, zero in padded places, and the softmax of scores, over lists with two grades."""
    terms = -targets * log_chances(scores, mask)
    return sum_over_docs(where, terms, has_two_grades(labels, mask), mask, weights, reduction)


def shares(values: Tensor) -> Tensor:
    """Each value as a share of the sum of its list; 0 where the sum is 0."""
    totals = values.sum(dim=1, keepdim=True)
    return values / totals.where(totals > 0, 1)


def check_grades(where: str, labels: Tensor) -> None:
    """Raise DataError where a label is below 0."""
    check_labels(where, labels, labels >= 0, "labels of at least 0", "Shift the labels.")
