"""Pointwise objectives: losses of each document alone, meaned over the documents of a list."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from rankkit.errors import ConfigError
from rankkit.objectives.documents.limits import limited
from rankkit.objectives.documents.targets import chances_wanted
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_number
from rankkit.objectives.reductions import mean_over_docs, reduce_weighted
from rankkit.ranking import Reduction, list_sizes, prepare_lists, split_weights


@marked(learns_from="documents", curvature="documents")
def bce_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    relevant_from: float = 1.0,
    max_label: float | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Binary cross entropy: scores are log odds that a document is relevant.

    .. math::
        \frac{1}{n} \sum_i \log(1 + e^{s_i}) - t_i s_i, \quad t_i = [y_i \ge \tau] \text{ or } t_i = y_i / y_{\max}

    Args:
        scores: ``[query, list]``, log odds, one a document.
        labels: ``[query, list]``, grades; from 0 to ``max_label`` where that is given.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        relevant_from: The least label τ that is relevant, where ``max_label`` is None.
        max_label: The top of the label scale, above 0: the target is then ``y / max_label``. Never taken from the
            batch, whose best label may not be the best there is.
        weights: ``[query]`` or ``[query, list]``, importance; multiplies the term of its list or document.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[0.0, 0.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> bce_loss(scores, labels, torch.tensor([[True, True, False]]))  # log odds of 0: log 2, whatever the label
        tensor(0.6931)

    References:
        Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal Statistical Society B 20, 1958.
    """
    scores, labels, mask = prepare_lists("bce_loss", scores, labels, mask)
    targets = chances_wanted("bce_loss", labels, mask, relevant_from, max_label)
    terms = functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
    return mean_over_docs("bce_loss", terms, scores, mask, weights, reduction)


@marked(learns_from="documents", curvature="documents")
def focal_bce_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    gamma: float = 2.0,
    alpha: float | None = 0.25,
    relevant_from: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Focal loss: binary cross entropy that fades where a document is already told well.

    .. math::
        \frac{1}{n} \sum_i -\alpha_i (1 - p_i)^\gamma \log p_i,
        \quad p_i = \sigma(s_i), \alpha_i = \alpha \text{ if } y_i \ge \tau,
        \text{ else } p_i = 1 - \sigma(s_i), \alpha_i = 1 - \alpha

    Here :math:`\sigma(s) = 1 / (1 + e^{-s})`. With ``gamma=0, alpha=None`` it is :func:`bce_loss`.

    Args:
        scores: ``[query, list]``, log odds, one a document.
        labels: ``[query, list]``, grades.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        gamma: How fast easy documents fade, at least 0.
        alpha: Weight of relevant documents, between 0 and 1, where the others have 1 - alpha; None: 1 for both. The
            paper's best, .25, weighs relevant documents *less*, as gamma has thinned out the others.
        relevant_from: The least label τ that is relevant.
        weights: ``[query]`` or ``[query, list]``, importance; multiplies the term of its list or document.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[0.0, 0.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> focal_bce_loss(scores, labels, torch.tensor([[True, True, False]]), alpha=None)  # p = 1/2: (1/2)^2 log 2
        tensor(0.1733)

    References:
        Lin, Goyal, Girshick, He, Dollár, "Focal Loss for Dense Object Detection", ICCV 2017, equation 5.
    """
    check_number("focal_bce_loss", "gamma", gamma, least=0.0)
    if alpha is not None and not 0 < alpha < 1:
        raise ConfigError(f"focal_bce_loss: expected alpha between 0 and 1; got {alpha!r}. Pass a share, or None.")
    scores, labels, mask = prepare_lists("focal_bce_loss", scores, labels, mask)
    relevant = labels >= relevant_from
    log_odds = torch.where(relevant, scores, -scores)
    terms = -(gamma * functional.logsigmoid(-log_odds)).exp() * functional.logsigmoid(log_odds)
    if alpha is not None:
        terms = terms * torch.where(relevant, alpha, 1 - alpha)
    return mean_over_docs("focal_bce_loss", terms, scores, mask, weights, reduction)


@marked(learns_from="documents")
def hinge_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    relevant_from: float = 1.0,
    positive_weight: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Pointwise hinge: relevant documents shall score at least 1, the others at most -1.

    .. math::
        \frac{1}{n} \sum_i c_i \max(0, 1 - t_i s_i), \quad t_i = 2 [y_i \ge \tau] - 1,
        \quad c_i = p \text{ if } t_i = 1 \text{ else } 1

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        relevant_from: The least label τ that is relevant.
        positive_weight: The factor p of relevant documents, above 0: raise it where they are rare.
        weights: ``[query]`` or ``[query, list]``, importance; multiplies the term of its list or document.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[0.5, 0.5, 9.0]]), torch.tensor([[2.0, 0.0, 0.0]])
        >>> hinge_loss(scores, labels, torch.tensor([[True, True, False]]))  # the mean of 1 - 0.5 and 1 + 0.5
        tensor(1.)

    References:
        Cortes, Vapnik, "Support-Vector Networks", Machine Learning 20, 1995 (the slack of the soft margin).
    """
    check_number("hinge_loss", "positive_weight", positive_weight, above=0.0)
    scores, labels, mask = prepare_lists("hinge_loss", scores, labels, mask)
    relevant = labels >= relevant_from
    terms = torch.where(relevant, positive_weight * (1 - scores).relu(), (1 + scores).relu())
    return mean_over_docs("hinge_loss", terms, scores, mask, weights, reduction)


@marked(learns_from="documents", curvature="documents")
def mse_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Mean squared error between scores and labels: regression on the grade.

    .. math:: \frac{1}{n} \sum_i (y_i - s_i)^2

    An error beyond 1.8e13 in float32 counts as that much, so that loss and gradient stay finite.

    Args:
        scores: ``[query, list]``, one a document, on the scale of the labels.
        labels: ``[query, list]``, grades, or any number to be predicted.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        weights: ``[query]`` or ``[query, list]``, importance; multiplies the term of its list or document.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([[2.0, 0.0, 0.0]])
        >>> mse_loss(scores, labels, torch.tensor([[True, True, False]]))  # (1 + 9) / 2
        tensor(5.)

    References:
        Cossock, Zhang, "Subset Ranking using Regression", COLT 2006.
    """
    scores, labels, mask = prepare_lists("mse_loss", scores, labels, mask)
    return mean_over_docs("mse_loss", limited(labels - scores).square(), scores, mask, weights, reduction)


@marked(learns_from="documents")
def rmse_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Root mean squared error between scores and labels of each list, in units of the label.

    .. math:: \sqrt{\frac{1}{n} \sum_i (y_i - s_i)^2}

    The gradient of a document is ``(s_i - y_i) / (n RMSE)``, never above ``1 / sqrt(n)``: lists with large errors pull
    no harder than others. Where every error of a list is 0 the root has no slope; the gradient is 0 there. An error
    beyond 1.8e13 in float32 counts as that much.

    Args:
        scores: ``[query, list]``, one a document, on the scale of the labels.
        labels: ``[query, list]``, grades, or any number to be predicted.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        weights: ``[query]`` or ``[query, list]``, at least 0; those of documents multiply the squares under the root.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[1.0, 7.0, 9.0]]), torch.tensor([[2.0, 0.0, 0.0]])
        >>> rmse_loss(scores, labels, torch.tensor([[True, True, False]]))  # the root of (1 + 49) / 2
        tensor(5.)

    References:
        Cossock, Zhang, "Subset Ranking using Regression", COLT 2006 (least squares; the root is taken list by list).
    """
    scores, labels, mask = prepare_lists("rmse_loss", scores, labels, mask)
    query_weights, doc_weights = split_weights("rmse_loss", weights, scores, mask)
    errors = limited(scores - labels)
    if doc_weights is not None:
        errors = errors * doc_weights.sqrt()
    n_docs = list_sizes(mask)
    # The norm has the gradient 0 where all errors are 0; the square root has none.
    per_list = torch.linalg.vector_norm(errors, dim=1) / n_docs.clamp(min=1).to(scores.dtype).sqrt()
    return reduce_weighted(per_list, query_weights, n_docs > 0, reduction)
