"""Listwise objectives that are a cross entropy: a target distribution over a list against the softmax of its scores."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.draws import draw_uniform
from rankkit.objectives.lists.temperature import tempered_lists
from rankkit.objectives.options import check_labels
from rankkit.objectives.reductions import sum_over_docs
from rankkit.ranking import Reduction, has_two_grades, masked_log_softmax

Target = Literal["softmax", "sum"]


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

    .. math::
        -\sum_i \frac{e^{y_i}}{\sum_j e^{y_j}} \log \frac{e^{s_i / T}}{\sum_j e^{s_j / T}}

    A label of 0 still gets weight (``e^0``); :func:`softmax_loss` gives it none.

    *Ties*: documents with equal labels share one target; nothing breaks ties.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list with fewer than two grades costs 0 and stays out of the mean (its target would be
    uniform and teach that all scores are equal).

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades, on the scale of ``scores / temperature``: their differences are log odds.
        mask: True where a document is real; None: everywhere.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ranknet_loss's ``sigma``).
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. Targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        Without weights at least the entropy of the target, so above 0; a scalar, or ``[query]`` for
        ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        Tied scores of two real documents: ``log 2``, whatever the target.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> listnet_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(0.6931)

    References:
        Cao, Qin, Liu, Tsai, Li, "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007,
        equation 3 with top one probabilities (section 4.2) and exponential phi.
    """
    scores, labels, mask = tempered_lists("listnet_loss", scores, labels, mask, temperature)
    targets = masked_log_softmax(labels, mask).exp() * mask
    return cross_entropy_of_lists("listnet_loss", scores, labels, targets, mask, weights, reduction)


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

    .. math::
        -\sum_i \frac{y_i}{\sum_j y_j} \log \frac{e^{s_i / T}}{\sum_j e^{s_j / T}}

    *Ties*: documents with equal labels share one target; nothing breaks ties.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list with fewer than two grades costs 0 and stays out of the mean.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades of at least 0; a document of grade 0 only stands in the denominator.
        mask: True where a document is real; None: everywhere.
        normalize: False takes the labels themselves as target, so that lists weigh as much as their labels sum to.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ranknet_loss's ``sigma``).
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. Targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a label is below 0.
        ConfigError: If an option has a value that cannot work.

    Example:
        The one relevant document has half of the softmax: ``log 2``.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> softmax_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(0.6931)

    References:
        Bruch, Wang, Bendersky, Najork, "An Analysis of the Softmax Cross Entropy Loss for Learning-to-Rank with Binary
        Relevance", ICTIR 2019, equation 3.
    """
    scores, labels, mask = tempered_lists("softmax_loss", scores, labels, mask, temperature)
    check_grades("softmax_loss", labels)
    targets = shares(labels) if normalize else labels
    return cross_entropy_of_lists("softmax_loss", scores, labels, targets, mask, weights, reduction)


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
        \qquad p_i = \frac{e^{y_i}}{\sum_j e^{y_j}} \text{ or } p_i = \frac{y_i}{\sum_j y_j}

    The direction is KL(target || scores): the mean is taken under the target, so that the scores must cover what the
    labels ask for. It is the cross entropy (:func:`listnet_loss`, :func:`softmax_loss`) less the entropy of the target,
    so its gradients are theirs, and its least value is 0.

    *Ties*: documents with equal labels share one target; nothing breaks ties.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list with fewer than two grades costs 0 and stays out of the mean.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades; of at least 0 for ``target="sum"``.
        mask: True where a document is real; None: everywhere.
        target: ``"softmax"`` of the labels, as ListNet has it, or ``"sum"``: labels divided by their sum.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ranknet_loss's ``sigma``).
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. Targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        Without weights of documents at least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a label is below 0 where ``target="sum"``.
        ConfigError: If an option has a value that cannot work.

    Example:
        The target is (0, 1), the scores are tied: ``log 2``.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> kl_loss(scores, labels, torch.tensor([[True, True, False]]), target="sum")
        tensor(0.6931)

    References:
        Kullback, Leibler, "On Information and Sufficiency", Annals of Mathematical Statistics 22, 1951, equation 2.4;
        Cao, Qin, Liu, Tsai, Li, "Learning to Rank: From Pairwise Approach to Listwise Approach", ICML 2007 (target).
    """
    if target not in ("softmax", "sum"):
        raise ConfigError(f"kl_loss: expected target 'softmax' or 'sum'; got {target!r}. Pass one of the two.")
    scores, labels, mask = tempered_lists("kl_loss", scores, labels, mask, temperature)
    if target == "sum":
        check_grades("kl_loss", labels)
        targets = shares(labels)
        surprise = torch.xlogy(targets, targets)
    else:
        log_targets = masked_log_softmax(labels, mask)
        targets = log_targets.exp() * mask
        surprise = targets * log_targets
    terms = surprise - targets * masked_log_softmax(scores, mask)
    return sum_over_docs("kl_loss", terms, has_two_grades(labels, mask), mask, weights, reduction)


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
        \qquad \gamma_i \sim U(0, 1)

    Each γ is drawn anew in each call, so that documents of grade 0 keep some weight, another one each time.

    *Ties*: documents with equal labels get different targets by chance, equal ones on average.
    *Padding*: changes neither loss nor gradient, nor what the real documents draw.
    *No relevant document*: a list with fewer than two grades costs 0 and stays out of the mean (its target would be
    noise).

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades of at least 0.
        mask: True where a document is real; None: everywhere.
        temperature: Above 0; scores are divided by it before the softmax (the inverse of ranknet_loss's ``sigma``).
        generator: Where random numbers come from; None: that of the run in ``fit``, elsewhere torch's default one.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. Targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a label is below 0.
        ConfigError: If an option has a value that cannot work.

    Example:
        Tied scores of two real documents: ``log 2``, whatever the target.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> xe_ndcg_loss(scores, labels, torch.tensor([[True, True, False]]))
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
    terms = -targets * masked_log_softmax(scores, mask)
    return sum_over_docs(where, terms, has_two_grades(labels, mask), mask, weights, reduction)


def shares(values: Tensor) -> Tensor:
    """Each value as a share of the sum of its list; 0 where the sum is 0."""
    totals = values.sum(dim=1, keepdim=True)
    return values / totals.where(totals > 0, 1)


def check_grades(where: str, labels: Tensor) -> None:
    """Raise DataError where a label is below 0."""
    check_labels(where, labels, labels >= 0, "labels of at least 0", "Shift the labels.")
