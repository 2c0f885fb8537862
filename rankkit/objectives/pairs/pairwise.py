"""Pairwise objectives: losses of the score difference of two documents with different labels."""

from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.marks import marked
from rankkit.objectives.pairs.factors import PairWeight
from rankkit.objectives.pairs.losses import Exponential, Hinge, Logistic, SoftZeroOne
from rankkit.objectives.pairs.objective import TiedPairs, pair_objective
from rankkit.ranking import Reduction


@marked(curvature="core")
def pairwise_logistic_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    sigma: float = 1.0,
    ties: TiedPairs = "drop",
    pair_weight: PairWeight | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""Logistic loss of every pair of documents, meaned over the pairs of a list or summed under a lambda weight.

    .. math::
        \frac{1}{|P|} \sum_{(i, j) \in P} \log(1 + e^{-\sigma (s_i - s_j)}) \text{ or }
        \sum_{(i, j) \in P} w_{ij} \log(1 + e^{-\sigma (s_i - s_j)}),
        \quad P = \{(i, j) : y_i > y_j\}

    Equal labels make no pair unless ``ties="half"``: one pair then costs ``(log(1 + e^x) + log(1 + e^-x)) / 2`` with
    ``x = sigma (s_i - s_j)`` and counts as one in the mean, in lists of one grade too. Equal scores cost ``log 2``.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades; without a ``pair_weight`` only their order within a list matters.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        ties: ``"drop"``: documents of equal label make no pair; ``"half"``: a pair of target 1/2.
        pair_weight: A lambda weight such as :func:`rankkit.objectives.ndcg_delta`: the list costs the weighted *sum*.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with a pair, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[2.0, 1.0, 9.0]]), torch.tensor([[0.0, 1.0, 5.0]])
        >>> pairwise_logistic_loss(scores, labels, torch.tensor([[True, True, False]]))  # one wrong pair: log(1 + e)
        tensor(1.3133)

    References:
        Burges et al., "Learning to Rank using Gradient Descent", ICML 2005, equation 3 (target probability 1; 1/2 for
        ties).
    """
    where = "pairwise_logistic_loss"
    return pair_objective(where, Logistic(sigma), scores, labels, mask, weights, reduction, pair_weight, ties)


@marked(curvature="core")
def ranknet_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    sigma: float = 1.0,
    ties: TiedPairs = "drop",
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""RankNet: the cross entropy of the modelled probability that i beats j, over pairs with y_i > y_j.

    .. math:: \frac{1}{|P|} \sum_{(i, j) \in P} \log(1 + e^{-\sigma (s_i - s_j)}), \quad P = \{(i, j) : y_i > y_j\}

    :func:`pairwise_logistic_loss` without a lambda weight, under the name of the paper. Equal labels make no pair, or
    with ``ties="half"`` one of the paper's target 1/2; equal scores cost ``log 2``.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades; only their order within a list matters.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        sigma: Steepness of the modelled probability ``1 / (1 + exp(-sigma (s_i - s_j)))``, above 0.
        ties: ``"drop"``, or ``"half"``: two documents of equal label are one pair, in lists of one grade too.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with a pair, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> ranknet_loss(scores, labels, torch.tensor([[True, True, False]]))  # one pair, tied in score: log 2
        tensor(0.6931)

    References:
        Burges et al., "Learning to Rank using Gradient Descent", ICML 2005, equation 3; Burges, MSR-TR-2010-82 (sigma).
    """
    return pair_objective("ranknet_loss", Logistic(sigma), scores, labels, mask, weights, reduction, ties=ties)


@marked(curvature="core")
def pairwise_hinge_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    margin: float = 1.0,
    pair_weight: PairWeight | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""RankSVM: what each pair of documents lacks of a margin between its scores.

    .. math:: \frac{1}{|P|} \sum_{(i, j) \in P} \max(0, m - (s_i - s_j)), \quad P = \{(i, j) : y_i > y_j\}

    Equal labels make no pair; equal scores cost m; a pair at exactly the margin has slope 0.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades; without a ``pair_weight`` only their order within a list matters.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        margin: m, how far apart the scores of a pair shall be, in units of the score, at least 0.
        pair_weight: A lambda weight such as :func:`rankkit.objectives.ndcg_delta`: the list costs the weighted *sum*.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[0.5, 0.25, 9.0]]), torch.tensor([[1.0, 0.0, 0.0]])
        >>> pairwise_hinge_loss(scores, labels, torch.tensor([[True, True, False]]))  # leads by .25 of 1
        tensor(0.7500)

    References:
        Herbrich, Graepel, Obermayer, "Large Margin Rank Boundaries for Ordinal Regression", 2000; Joachims, "Optimizing
        Search Engines using Clickthrough Data", KDD 2002 (the slack of problem 1; the norm is left to the optimiser).
    """
    return pair_objective("pairwise_hinge_loss", Hinge(margin), scores, labels, mask, weights, reduction, pair_weight)


@marked(curvature="core")
def pairwise_soft_zero_one_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    sigma: float = 1.0,
    pair_weight: PairWeight | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""The share of pairs in the wrong order, each counted by a sigmoid in place of 0 or 1.

    .. math:: \frac{1}{|P|} \sum_{(i, j) \in P} \frac{1}{1 + e^{\sigma (s_i - s_j)}}, \quad P = \{(i, j) : y_i > y_j\}

    With binary labels 1 less a smooth area under the ROC curve. Bounded, hence forgiving of wrong labels, and not
    convex: pairs that are very wrong have hardly any gradient. Equal labels make no pair; equal scores cost 1/2.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades; without a ``pair_weight`` only their order within a list matters.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        sigma: Steepness, above 0; large values come close to counting wrong pairs.
        pair_weight: A lambda weight such as :func:`rankkit.objectives.ndcg_delta`: the list costs the weighted *sum*.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        In [0, 1] without weights; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> pairwise_soft_zero_one_loss(scores, labels, torch.tensor([[True, True, False]]))  # one pair, tied in score
        tensor(0.5000)

    References:
        Yan et al., "Optimizing Classifier Performance via an Approximation to the Wilcoxon-Mann-Whitney Statistic",
        ICML 2003.
    """
    where = "pairwise_soft_zero_one_loss"
    return pair_objective(where, SoftZeroOne(sigma), scores, labels, mask, weights, reduction, pair_weight)


@marked(curvature="core")
def pairwise_exponential_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    sigma: float = 1.0,
    pair_weight: PairWeight | None = None,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""RankBoost's loss: the exponential of how far a pair is in the wrong order.

    .. math:: \frac{1}{|P|} \sum_{(i, j) \in P} e^{-\sigma (s_i - s_j)}, \quad P = \{(i, j) : y_i > y_j\}

    Above an exponent of 30 (a cost of 1e13) the tangent goes on in its place, so that loss and gradients stay finite
    and the loss convex at any gap. Equal labels make no pair; equal scores cost 1.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades; without a ``pair_weight`` only their order within a list matters.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        sigma: Steepness, above 0.
        pair_weight: A lambda weight such as :func:`rankkit.objectives.ndcg_delta`: the list costs the weighted *sum*.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[2.0, 1.0, 9.0]]), torch.tensor([[0.0, 1.0, 5.0]])
        >>> pairwise_exponential_loss(scores, labels, torch.tensor([[True, True, False]]))  # one wrong pair, 1 apart: e
        tensor(2.7183)

    References:
        Freund et al., "An Efficient Boosting Algorithm for Combining Preferences", JMLR 4, 2003 (pairs weigh alike).
    """
    where = "pairwise_exponential_loss"
    return pair_objective(where, Exponential(sigma), scores, labels, mask, weights, reduction, pair_weight)
