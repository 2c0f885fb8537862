"""LambdaRank: the pairwise logistic loss, each pair weighed by what swapping it changes in a metric."""

from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.marks import marked
from rankkit.objectives.pairs.losses import Logistic
from rankkit.objectives.pairs.objective import pair_objective
from rankkit.objectives.pairs.weights import Truncation, map_delta, mrr_delta, ndcg_delta
from rankkit.ranking import Gain, Reduction


@marked(curvature="core")
def lambdarank_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    gain: Gain = "exp",
    sigma: float = 1.0,
    truncation: Truncation = "metric",
    normalize_distance: bool = False,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""LambdaRank: the logistic loss of every pair, weighed by how much NDCG@k changes when the pair swaps ranks.

    .. math:: \sum_{y_i > y_j} \frac{|g_i - g_j| \, |d(r_i) - d(r_j)|}{Z_k} \log(1 + e^{-\sigma (s_i - s_j)})

    with g the gain, r the rank by falling score, :math:`d(r) = 1 / \log_2(1 + r)` up to rank k and 0 below, and
    :math:`Z_k` the DCG@k of the best order: ``pairwise_logistic_loss(pair_weight=ndcg_delta(k, gain))``, a sum over
    pairs since :math:`Z_k` normalises already.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, grades of at least 0.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: How many ranks count: a pair weighs something if one of its documents is among the first k. None: all.
        gain: What a label y is worth: ``"exp"``: 2^y - 1, or ``"linear"``: y.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        truncation: ``"metric"``: ranks below k are worth nothing; ``"pairs"``: pairs are chosen by k, and weighed as if
            all ranks counted (LightGBM's ``lambdarank_truncation_level``).
        normalize_distance: LightGBM's ``lambdarank_norm``, told in :func:`rankkit.objectives.ndcg_delta`.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdarank_loss(scores, labels, torch.tensor([[True, True, False]]))  # (1 - 1 / log2(3)) log 2
        tensor(0.2558)

    References:
        Burges, Ragno, Le, "Learning to Rank with Nonsmooth Cost Functions", NIPS 2006; Burges, MSR-TR-2010-82, section
        4; as a loss: Wang et al., "The LambdaLoss Framework for Ranking Metric Optimization", CIKM 2018.
    """
    pair_weight = ndcg_delta(k, gain, truncation=truncation, normalize_distance=normalize_distance)
    return pair_objective("lambdarank_loss", Logistic(sigma), scores, labels, mask, weights, reduction, pair_weight)


@marked(curvature="core")
def lambdarank_map_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    sigma: float = 1.0,
    normalize_distance: bool = False,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""LambdaRank for MAP: each pair weighed by how much its average precision changes when the pair swaps ranks.

    .. math:: \sum_{y_i > y_j} \left|\Delta_{ij} \mathrm{AP@k}\right| \log(1 + e^{-\sigma (s_i - s_j)})

    ``pairwise_logistic_loss(pair_weight=map_delta(k, relevant_from))``: a pair weighs 0 unless i is relevant and j is
    not.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, relevance, graded or binary.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: How many ranks count; None: all.
        relevant_from: The least label of a relevant document.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        normalize_distance: As XGBoost's ``rank:map`` scales gradients, told in :func:`rankkit.objectives.ndcg_delta`.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdarank_map_loss(scores, labels, torch.tensor([[True, True, False]]))  # rank 2, tied: 1/2 log 2
        tensor(0.3466)

    References:
        Donmez, Svore, Burges, "On the Local Optimality of LambdaRank", SIGIR 2009; Burges, MSR-TR-2010-82.
    """
    where = "lambdarank_map_loss"
    pair_weight = map_delta(k, relevant_from, normalize_distance=normalize_distance)
    return pair_objective(where, Logistic(sigma), scores, labels, mask, weights, reduction, pair_weight)


@marked(curvature="core")
def lambdarank_mrr_loss(
    scores: Float[Tensor, "query list"],
    labels: Float[Tensor, "query list"],
    mask: Bool[Tensor, "query list"] | None = None,
    *,
    k: int | None = None,
    relevant_from: float | int = 1,
    sigma: float = 1.0,
    weights: Float[Tensor, " query"] | Float[Tensor, "query list"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " query"]:
    r"""LambdaRank for MRR: each pair weighed by how much its reciprocal rank changes when the pair swaps ranks.

    .. math:: \sum_{y_i > y_j} \left|\Delta_{ij} \mathrm{RR@k}\right| \log(1 + e^{-\sigma (s_i - s_j)})

    with RR the reciprocal rank of the first relevant document:
    ``pairwise_logistic_loss(pair_weight=mrr_delta(k, relevant_from))``. A pair weighs 0 unless i is relevant and j is
    not.

    Args:
        scores: ``[query, list]``, one a document, any real number.
        labels: ``[query, list]``, relevance, graded or binary.
        mask: ``[query, list]``, True where a document is real; None: everywhere.
        k: How many ranks count; None: all.
        relevant_from: The least label of a relevant document.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        weights: ``[query]`` or ``[query, list]``, importance; a pair weighs the product of its two documents.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: ``[query]``.

    Returns:
        At least 0; a scalar, or ``[query]``.

    Example:
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdarank_mrr_loss(scores, labels, torch.tensor([[True, True, False]]))  # rank 2, tied: 1/2 log 2
        tensor(0.3466)

    References:
        Donmez, Svore, Burges, "On the Local Optimality of LambdaRank", SIGIR 2009; Burges, MSR-TR-2010-82.
    """
    where = "lambdarank_mrr_loss"
    return pair_objective(where, Logistic(sigma), scores, labels, mask, weights, reduction, mrr_delta(k, relevant_from))
