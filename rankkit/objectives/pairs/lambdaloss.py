"""The losses of the LambdaLoss framework: bounds of NDCG and of the average relevance position."""

from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.marks import marked
from rankkit.objectives.pairs.losses import Logistic
from rankkit.objectives.pairs.objective import mean_over_all_pairs, pair_objective
from rankkit.objectives.pairs.weights import check_cut, label_difference, ndcg_loss2, ndcg_loss2pp
from rankkit.objectives.ranks.score_order import ScoreOrder
from rankkit.ranking import Gain, Reduction


@marked(curvature="core")
def lambdaloss_ndcg1_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    gain: Gain = "exp",
    sigma: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""NDCG-Loss1: every pair of documents, weighed by what the first of the two adds to NDCG@k where it stands.

    .. math:: \sum_i \sum_j \frac{g_i \, d(r_i)}{Z_k} \log_2(1 + e^{-\sigma (s_i - s_j)})

    with :math:`d(r) = 1 / \log_2(1 + r)` up to rank k and 0 below, over all i and j of the list, equal labels and i = j
    (a constant) included. In base 2, as in the paper, it bounds what is lost in NDCG, more coarsely than NDCG-Loss2.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: How many ranks count; None: all.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdaloss_ndcg1_loss(scores, labels, torch.tensor([[True, True, False]]))  # rank 2, tied: 2 / log2(3)
        tensor(1.2619)

    References:
        Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018 (NDCG-Loss1).
    """
    where = "lambdaloss_ndcg1_loss"
    check_cut(where, k, gain)

    def worth(scores: Tensor, labels: Tensor, mask: Tensor) -> Tensor:
        order = ScoreOrder(scores, labels, mask)
        return order.gains_of_ideal(k, gain) * order.of_documents(order.discounts(k))

    return mean_over_all_pairs(where, Logistic(sigma), scores, labels, mask, weights, reduction, worth)


@marked(curvature="core")
def lambdaloss_ndcg2_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    gain: Gain = "exp",
    sigma: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""NDCG-Loss2: the logistic loss of every pair, weighed by the discounts at the distance of its ranks.

    .. math::
        \sum_{y_i > y_j} \delta_{ij} \frac{|g_i - g_j|}{Z_k} \log(1 + e^{-\sigma (s_i - s_j)}),
        \quad \delta_{ij} = d(|r_i - r_j|) - d(|r_i - r_j| + 1), \quad d(r) = \frac{1}{\log_2(1 + r)}

    ``pairwise_logistic_loss(pair_weight=ndcg_loss2(k, gain))``. The logarithm is natural; the paper's is base 2, which
    only scales the loss (by 1 / log 2).

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: How many ranks count, by the weights of :func:`rankkit.objectives.ndcg_loss2`; None: all.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdaloss_ndcg2_loss(scores, labels, torch.tensor([[True, True, False]]))  # (1 - 1 / log2(3)) log 2
        tensor(0.2558)

    References:
        Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018; Jagerman et al., "On
        Optimizing Top-K Metrics for Neural Ranking Models", SIGIR 2022 (k).
    """
    where = "lambdaloss_ndcg2_loss"
    return pair_objective(where, Logistic(sigma), scores, labels, mask, weights, reduction, ndcg_loss2(k, gain))


@marked(curvature="core")
def lambdaloss_ndcg2pp_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    mu: float = 10.0,
    gain: Gain = "exp",
    sigma: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""NDCG-Loss2++: LambdaRank plus mu times NDCG-Loss2, the best of the LambdaLoss paper.

    .. math::
        \sum_{y_i > y_j} (\rho_{ij} + \mu \delta_{ij}) \frac{|g_i - g_j|}{Z_k} \log(1 + e^{-\sigma (s_i - s_j)}),
        \quad \rho_{ij} = |d(r_i) - d(r_j)|, \quad \delta_{ij} = d(|r_i - r_j|) - d(|r_i - r_j| + 1)

    with :math:`d(r) = 1 / \log_2(1 + r)`: ``pairwise_logistic_loss(pair_weight=ndcg_loss2pp(mu, k, gain))``. The
    logarithm is natural; the paper's is base 2, which only scales the loss (by 1 / log 2).

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: How many ranks count, by the weights of :func:`rankkit.objectives.ndcg_loss2pp`; None: all.
        mu: The share of NDCG-Loss2, at least 0.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdaloss_ndcg2pp_loss(scores, labels, torch.tensor([[True, True, False]]))  # 11 (1 - 1 / log2(3)) log 2
        tensor(2.8140)

    References:
        Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018; Jagerman et al., "On
        Optimizing Top-K Metrics for Neural Ranking Models", SIGIR 2022 (k).
    """
    where = "lambdaloss_ndcg2pp_loss"
    return pair_objective(where, Logistic(sigma), scores, labels, mask, weights, reduction, ndcg_loss2pp(mu, k, gain))


@marked(curvature="core")
def lambdaloss_arp1_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    sigma: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""ARP-Loss1: every pair of documents, weighed by the label of the first of the two.

    .. math:: \sum_i \sum_j y_i \log_2(1 + e^{-\sigma (s_i - s_j)})

    over all i and j of the list, equal labels and i = j (a constant) included. In base 2, as in the paper, it bounds
    the sum of the ranks of the documents, each times its label: the average relevance position, not normalised.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdaloss_arp1_loss(scores, labels, torch.tensor([[True, True, False]]))  # label 2, tied scores: 2 (1 + 1)
        tensor(4.)

    References:
        Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018 (ARP-Loss1).
    """
    return mean_over_all_pairs("lambdaloss_arp1_loss", Logistic(sigma), scores, labels, mask, weights, reduction)


@marked(curvature="core")
def lambdaloss_arp2_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    sigma: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""ARP-Loss2: the logistic loss of every pair, weighed by the difference of its labels.

    .. math:: \sum_{y_i > y_j} |y_i - y_j| \log(1 + e^{-\sigma (s_i - s_j)})

    ``pairwise_logistic_loss(pair_weight=label_difference())``. The logarithm is natural; the paper's is base 2, which
    only scales the loss (by 1 / log 2).

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdaloss_arp2_loss(scores, labels, torch.tensor([[True, True, False]]))  # label 2, tied scores: 2 log 2
        tensor(1.3863)

    References:
        Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018 (ARP-Loss2).
    """
    where = "lambdaloss_arp2_loss"
    return pair_objective(where, Logistic(sigma), scores, labels, mask, weights, reduction, label_difference())
