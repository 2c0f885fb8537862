"""Pairwise objectives: losses of the score difference of two documents with different labels."""

from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.options import check_number
from rankkit.objectives.pair_sums import PairLoss, hinge, logistic, pair_sums
from rankkit.ranking import Reduction, prepare_lists, reduce_lists, split_weights


def pairwise_logistic_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    sigma: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Logistic loss of every pair of documents, meaned over the pairs of a list.

    .. math::
        \frac{1}{|P|} \sum_{(i, j) \in P} \log\left(1 + e^{-\sigma (s_i - s_j)}\right),
        \qquad P = \{(i, j) : y_i > y_j\}

    *Ties*: documents with equal labels make no pair; equal scores cost ``log 2``.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list with fewer than two grades has no pair; it costs 0 and stays out of the mean.

    Memory is linear in the list. The loss can be differentiated once. A score that is not finite makes the loss and
    the gradients of its list NaN.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades; only their order within a list matters.
        mask: True where a document is real; None: everywhere.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        weights: Importance of queries or of documents, without gradient. A pair weighs the product of its two
            documents; the divisors stay counts of pairs and lists.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        Two real documents in the wrong order, one apart, and padding: ``log(1 + e)``.

        >>> import torch
        >>> scores, labels = torch.tensor([[2.0, 1.0, 9.0]]), torch.tensor([[0.0, 1.0, 5.0]])
        >>> pairwise_logistic_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(1.3133)

    References:
        Burges et al., "Learning to Rank using Gradient Descent", ICML 2005, equation 3 with target probability 1.
    """
    check_number("pairwise_logistic_loss", "sigma", sigma, above=0.0)
    return _mean_over_pairs("pairwise_logistic_loss", logistic(sigma), scores, labels, mask, weights, reduction)


def ranknet_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    sigma: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""RankNet: the cross entropy of the modelled probability that i beats j, over pairs with y_i > y_j.

    .. math::
        \frac{1}{|P|} \sum_{(i, j) \in P} \log\left(1 + e^{-\sigma (s_i - s_j)}\right),
        \qquad P = \{(i, j) : y_i > y_j\}

    The same function as :func:`pairwise_logistic_loss`, under the name of the paper.

    *Ties*: documents with equal labels make no pair (the paper gives such pairs the target 1/2).
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list with fewer than two grades has no pair; it costs 0 and stays out of the mean.

    Memory is linear in the list. The loss can be differentiated once. A score that is not finite makes the loss and
    the gradients of its list NaN.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades; only their order within a list matters.
        mask: True where a document is real; None: everywhere.
        sigma: Steepness of the modelled probability ``1 / (1 + exp(-sigma (s_i - s_j)))``, above 0.
        weights: Importance of queries or of documents, without gradient. A pair weighs the product of its two
            documents; the divisors stay counts of pairs and lists.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        The one pair of real documents is tied in score: ``log 2``.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> ranknet_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(0.6931)

    References:
        Burges et al., "Learning to Rank using Gradient Descent", ICML 2005, equation 3;
        Burges, "From RankNet to LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82, section 2 (sigma).
    """
    check_number("ranknet_loss", "sigma", sigma, above=0.0)
    return _mean_over_pairs("ranknet_loss", logistic(sigma), scores, labels, mask, weights, reduction)


def pairwise_hinge_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    margin: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""RankSVM: what each pair of documents lacks of a margin between its scores.

    .. math::
        \frac{1}{|P|} \sum_{(i, j) \in P} \max(0, m - (s_i - s_j)),
        \qquad P = \{(i, j) : y_i > y_j\}

    *Ties*: documents with equal labels make no pair; equal scores cost the margin m.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list with fewer than two grades has no pair; it costs 0 and stays out of the mean.

    Memory is linear in the list. The loss can be differentiated once; a pair at exactly the margin has slope 0. A
    score that is not finite makes the loss and the gradients of its list NaN.

    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades; only their order within a list matters.
        mask: True where a document is real; None: everywhere.
        margin: How far apart the scores of a pair shall be, in units of the score, at least 0.
        weights: Importance of queries or of documents, without gradient. A pair weighs the product of its two
            documents; the divisors stay counts of pairs and lists.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        The relevant document leads by .25 where 1 is asked for; the third document is padding.

        >>> import torch
        >>> scores, labels = torch.tensor([[0.5, 0.25, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> pairwise_hinge_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(0.7500)

    References:
        Herbrich, Graepel, Obermayer, "Large Margin Rank Boundaries for Ordinal Regression", Advances in Large Margin
        Classifiers, 2000; Joachims, "Optimizing Search Engines using Clickthrough Data", KDD 2002, optimization
        problem 1 (its slack variables are these losses; the norm of the weights is left to the optimiser).
    """
    check_number("pairwise_hinge_loss", "margin", margin, least=0.0)
    return _mean_over_pairs("pairwise_hinge_loss", hinge(margin), scores, labels, mask, weights, reduction)


def _mean_over_pairs(
    where: str,
    loss: PairLoss,
    scores: Tensor,
    labels: Tensor,
    mask: Tensor | None,
    weights: Tensor | None,
    reduction: Reduction,
) -> Tensor:
    scores, labels, mask = prepare_lists(where, scores, labels, mask)
    query_weights, doc_weights = split_weights(where, weights, scores, mask)
    sums, n_pairs = pair_sums(loss, scores, labels, mask, doc_weights)
    per_list = sums / n_pairs.clamp(min=1)
    if query_weights is not None:
        per_list = per_list * query_weights
    return reduce_lists(per_list, n_pairs > 0, reduction)
