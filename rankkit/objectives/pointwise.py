"""Pointwise objectives: losses of each document alone, meaned over the documents of a list."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor
from torch.nn import functional

from rankkit.objectives.options import check_labels, check_number
from rankkit.ranking import Reduction, list_sizes, prepare_lists, reduce_lists, split_weights


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
        \frac{1}{n} \sum_i \log(1 + e^{s_i}) - t_i s_i,
        \qquad t_i = [y_i \ge \tau] \text{ or } t_i = y_i / y_{\max}

    *Ties*: documents are costed one by one, so ties do not matter.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: the list counts like any other; only a list without documents stays out of the mean.

    Args:
        scores: One a document, any real number, log odds; bfloat16 and float16 are computed in float32.
        labels: Grades.
        mask: True where a document is real; None: everywhere.
        relevant_from: The least label τ that is relevant, where ``max_label`` is None.
        max_label: The top of the label scale, above 0: the target is then ``y / max_label``. Never taken from the
            batch, whose best label may not be the best there is.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. The divisors stay counts of documents and lists.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If ``max_label`` is given and a label lies outside 0..max_label.
        ConfigError: If an option has a value that cannot work.

    Example:
        Log odds of 0 cost ``log 2`` whatever the label; the third document is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[0.0, 0.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> bce_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(0.6931)

    References:
        Cox, "The Regression Analysis of Binary Sequences", Journal of the Royal Statistical Society B 20, 1958 (the
        negative log-likelihood of the logistic model).
    """
    scores, labels, mask = prepare_lists("bce_loss", scores, labels, mask)
    if max_label is None:
        targets = (labels >= relevant_from).to(scores.dtype)
    else:
        check_number("bce_loss", "max_label", max_label, above=0.0)
        good = (labels >= 0) & (labels <= max_label)
        check_labels("bce_loss", labels, good, f"labels from 0 to max_label={max_label:g}", "Raise max_label.")
        targets = labels / max_label
    terms = functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
    return _mean_over_docs("bce_loss", terms, scores, mask, weights, reduction)


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
        \frac{1}{n} \sum_i c_i \max(0, 1 - t_i s_i),
        \qquad t_i = 2 [y_i \ge \tau] - 1, \quad c_i = p \text{ if } t_i = 1 \text{ else } 1

    *Ties*: documents are costed one by one, so ties do not matter.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: the list counts like any other; only a list without documents stays out of the mean.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades.
        mask: True where a document is real; None: everywhere.
        relevant_from: The least label τ that is relevant.
        positive_weight: The factor p of relevant documents, above 0: raise it where they are rare.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. The divisors stay counts of documents and lists.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        The relevant document costs 1 - 0.5, the other 1 + 0.5, the third is padding: mean 1.

        >>> import torch
        >>> scores, labels = torch.tensor([[0.5, 0.5, 9.0]]), torch.tensor([[2.0, 0.0, 0.0]])
        >>> hinge_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(1.)

    References:
        Cortes, Vapnik, "Support-Vector Networks", Machine Learning 20, 1995 (the slack of the soft margin).
    """
    check_number("hinge_loss", "positive_weight", positive_weight, above=0.0)
    scores, labels, mask = prepare_lists("hinge_loss", scores, labels, mask)
    relevant = labels >= relevant_from
    terms = torch.where(relevant, positive_weight * (1 - scores).relu(), (1 + scores).relu())
    return _mean_over_docs("hinge_loss", terms, scores, mask, weights, reduction)


def mse_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Mean squared error between scores and labels: regression on the grade.

    .. math::
        \frac{1}{n} \sum_i (y_i - s_i)^2

    *Ties*: documents are costed one by one, so ties do not matter.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: the list counts like any other; only a list without documents stays out of the mean.

    Args:
        scores: One a document, on the scale of the labels; bfloat16 and float16 are computed in float32.
        labels: Grades, or any number to be predicted.
        mask: True where a document is real; None: everywhere.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. The divisors stay counts of documents and lists.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.

    Example:
        Errors of 1 and 3, and padding: (1 + 9) / 2.

        >>> import torch
        >>> scores, labels = torch.tensor([[1.0, 3.0, 9.0]]), torch.tensor([[2.0, 0.0, 0.0]])
        >>> mse_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(5.)

    References:
        Cossock, Zhang, "Subset Ranking using Regression", COLT 2006.
    """
    scores, labels, mask = prepare_lists("mse_loss", scores, labels, mask)
    return _mean_over_docs("mse_loss", (labels - scores).square(), scores, mask, weights, reduction)


def cross_entropy_loss(
    scores: Float[Tensor, "query list grade"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Cross entropy over the grades 0..K-1: a scorer of K outputs classifies each document.

    .. math::
        \frac{1}{n} \sum_i -\log \frac{e^{s_{i, y_i}}}{\sum_{k=0}^{K-1} e^{s_{i, k}}}

    Documents are then ranked by their expected grade, the mean of k under the softmax of their K outputs: the
    function's attribute ``readout`` is ``"expected_grade"``.

    *Ties*: documents are costed one by one, so ties do not matter.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: the list counts like any other; only a list without documents stays out of the mean.

    Args:
        scores: K logits a document, ``[query, list, K]``; bfloat16 and float16 are computed in float32.
        labels: Whole grades from 0 to K - 1.
        mask: True where a document is real; None: everywhere.
        weights: Importance of queries or of documents, without gradient; they multiply the term of their list or
            document. The divisors stay counts of documents and lists.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        DataError: If a label is no whole number from 0 to K - 1.

    Example:
        Two grades with equal logits cost ``log 2``; the second document is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[[4.0, 4.0], [0.0, 9.0]]]), torch.tensor([[1.0, 0.0]])
        >>> cross_entropy_loss(scores, labels, torch.tensor([[True, False]]))
        tensor(0.6931)

    References:
        Li, Burges, Wu, "McRank: Learning to Rank Using Multiple Classification and Gradient Boosting", NIPS 2007.
    """
    scores, labels, mask = prepare_lists("cross_entropy_loss", scores, labels, mask, n_axes=3)
    n_grades = scores.shape[2]
    good = (labels >= 0) & (labels < n_grades) & (labels == labels.round())
    check_labels(
        "cross_entropy_loss",
        labels,
        good,
        f"whole labels from 0 to {n_grades - 1}, one of the {n_grades} outputs a document",
        f"Build the scorer with as many outputs as there are grades (n_outputs={n_grades} now), or map the labels.",
    )
    logits = scores.log_softmax(dim=2)
    terms = -logits.gather(2, labels.long()[..., None])[..., 0]
    return _mean_over_docs("cross_entropy_loss", terms, terms, mask, weights, reduction)


cross_entropy_loss.readout = "expected_grade"  # type: ignore[attr-defined]


def _mean_over_docs(
    where: str, terms: Tensor, scores: Tensor, mask: Tensor, weights: Tensor | None, reduction: Reduction
) -> Tensor:
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    if doc_weights is not None:
        terms = terms * doc_weights
    n_docs = list_sizes(mask)
    per_list = torch.where(mask, terms, 0).sum(dim=1) / n_docs.clamp(min=1)
    if query_weights is not None:
        per_list = per_list * query_weights
    return reduce_lists(per_list, n_docs > 0, reduction)
