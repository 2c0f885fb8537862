"""Listwise objectives: losses of all scores of a list at once."""

from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.options import check_labels
from rankkit.ranking import (
    Reduction,
    has_two_grades,
    masked_log_softmax,
    prepare_lists,
    reduce_lists,
    split_weights,
)


def listnet_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""ListNet, top one: cross entropy between the softmax of the labels and the softmax of the scores.

    .. math::
        -\sum_i \frac{e^{y_i}}{\sum_j e^{y_j}} \log \frac{e^{s_i}}{\sum_j e^{s_j}}

    A label of 0 still gets weight (``e^0``); :func:`softmax_loss` gives it none.

    *Ties*: documents with equal labels share one target; nothing breaks ties.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list with fewer than two grades costs 0 and stays out of the mean (its target would be
    uniform and teach that all scores are equal).

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades, on the scale of the scores: their differences are log odds.
        mask: True where a document is real; None: everywhere.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. Targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        Without weights at least the entropy of the target, so above 0; a scalar, or ``[query]`` for
        ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.

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
    scores, labels, mask = prepare_lists("listnet_loss", scores, labels, mask)
    targets = masked_log_softmax(labels, mask).exp() * mask
    return _cross_entropy("listnet_loss", scores, targets, has_two_grades(labels, mask), mask, weights, reduction)


def softmax_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    normalize: bool = True,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Softmax cross entropy with the labels, divided by their sum, as target.

    .. math::
        -\sum_i \frac{y_i}{\sum_j y_j} \log \frac{e^{s_i}}{\sum_j e^{s_j}}

    *Ties*: documents with equal labels share one target; nothing breaks ties.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list with fewer than two grades costs 0 and stays out of the mean.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades of at least 0; a document of grade 0 only stands in the denominator.
        mask: True where a document is real; None: everywhere.
        normalize: False takes the labels themselves as target, so that lists weigh as much as their labels sum to.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. Targets are normalised without them.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a label is below 0.

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
    scores, labels, mask = prepare_lists("softmax_loss", scores, labels, mask)
    check_labels("softmax_loss", labels, labels >= 0, "labels of at least 0", "Shift the labels.")
    totals = labels.sum(dim=1, keepdim=True)
    targets = labels / totals.where(totals > 0, 1) if normalize else labels
    return _cross_entropy("softmax_loss", scores, targets, has_two_grades(labels, mask), mask, weights, reduction)


def _cross_entropy(
    where: str,
    scores: Tensor,
    targets: Tensor,
    informative: Tensor,
    mask: Tensor,
    weights: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    terms = -targets * masked_log_softmax(scores, mask)
    if doc_weights is not None:
        terms = terms * doc_weights
    per_list = terms.sum(dim=1)
    if query_weights is not None:
        per_list = per_list * query_weights
    return reduce_lists(per_list, informative, reduction)
