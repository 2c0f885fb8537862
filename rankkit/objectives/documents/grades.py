"""Pointwise objectives of several outputs a document: grades as classes, and as ordered thresholds."""

from jaxtyping import Bool, Float
from torch import Tensor, arange
from torch.nn import functional

from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_labels
from rankkit.objectives.reductions import mean_over_docs
from rankkit.ranking import Reduction, prepare_lists


@marked(readout="expected_grade", learns_from="documents")
def cross_entropy_loss(
    scores: Float[Tensor, "query list grade"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Cross entropy over the grades 0..K-1: a scorer of K outputs classifies each document.

    .. math:: \frac{1}{n} \sum_i -\log \frac{e^{s_{i, y_i}}}{\sum_{k=0}^{K-1} e^{s_{i, k}}}

    Documents are then ranked by their expected grade, the mean of k under the softmax of their K outputs: the
    function's attribute ``readout`` is ``"expected_grade"``.

    Args:
        scores: ``[query, list, K]``, K logits a document.
        labels: ``[query, list]``, whole grades from 0 to K - 1.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        weights: ``[query]`` or ``[query, list]``, importance; multiplies the term of its list or document.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[[4.0, 4.0], [0.0, 9.0]]]), torch.tensor([[1.0, 0.0]])
        >>> cross_entropy_loss(scores, labels, torch.tensor([[True, False]]))  # two grades with equal logits: log 2
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
    # Within bounds even before a device told that they are not: a place that is not there would end its process.
    places = labels.long().clamp(0, n_grades - 1)
    terms = -logits.gather(2, places[..., None])[..., 0]
    return mean_over_docs("cross_entropy_loss", terms, terms, mask, weights, reduction)


@marked(readout="sum_of_sigmoids", learns_from="documents")
def ordinal_loss(
    scores: Float[Tensor, "query list threshold"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Ordinal regression: output k is the log odds that a document's grade is k or better.

    .. math:: \frac{1}{n} \sum_i \sum_{k=1}^{K} \log(1 + e^{s_{i, k}}) - [y_i \ge k] \, s_{i, k}

    Documents are then ranked by the sum of their K probabilities, the expected grade: the function's attribute
    ``readout`` is ``"sum_of_sigmoids"``. With free outputs the probabilities of a document need not fall with k. CORAL
    ties them: a scorer built with ``tied_outputs=True`` gives one shared score plus K biases.

    Args:
        scores: ``[query, list, K]``, K logits a document: one fewer than there are grades.
        labels: ``[query, list]``, whole grades from 0 to K.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        weights: ``[query]`` or ``[query, list]``, importance; multiplies the term of its list or document.
        reduction: ``"mean"`` over lists with a document, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[[0.0, 0.0], [0.0, 9.0]]]), torch.tensor([[1.0, 0.0]])
        >>> ordinal_loss(scores, labels, torch.tensor([[True, False]]))  # two thresholds with log odds of 0: 2 log 2
        tensor(1.3863)

    References:
        Niu et al., "Ordinal Regression with Multiple Output CNN for Age Estimation", CVPR 2016; Cao, Mirjalili,
        Raschka, "Rank consistent ordinal regression for neural networks", Pattern Recognition Letters 140, 2020,
        equation 4 (CORAL).
    """
    scores, labels, mask = prepare_lists("ordinal_loss", scores, labels, mask, n_axes=3)
    n_thresholds = scores.shape[2]
    check_labels(
        "ordinal_loss",
        labels,
        (labels >= 0) & (labels <= n_thresholds) & (labels == labels.round()),
        f"whole labels from 0 to {n_thresholds}, the number of outputs a document",
        f"Build the scorer with one output fewer than there are grades (n_outputs={n_thresholds} now), or map labels.",
    )
    thresholds = arange(1, n_thresholds + 1, device=labels.device)
    targets = (labels[..., None] >= thresholds).to(scores.dtype)
    terms = functional.binary_cross_entropy_with_logits(scores, targets, reduction="none").sum(dim=2)
    return mean_over_docs("ordinal_loss", terms, terms, mask, weights, reduction)
