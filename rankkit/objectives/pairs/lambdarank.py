"""LambdaRank: the pairwise logistic loss, each pair weighed by what swapping it changes in a metric."""

from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.objectives.options import check_number
from rankkit.objectives.pairs.losses import Logistic
from rankkit.objectives.pairs.objective import pair_objective
from rankkit.objectives.pairs.weights import Truncation, map_delta, mrr_delta, ndcg_delta
from rankkit.ranking import Gain, Reduction


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

    .. math::
        \sum_{y_i > y_j} \frac{|g_i - g_j| \, |d(r_i) - d(r_j)|}{Z_k} \log\left(1 + e^{-\sigma (s_i - s_j)}\right)

    where :math:`r_i` is the rank of document i by falling score, :math:`d(r) = 1 / \log_2(1 + r)` up to rank k and 0
    below, g the gain and :math:`Z_k` the DCG@k of the best order. It is
    ``pairwise_logistic_loss(pair_weight=ndcg_delta(k, gain))``, summed over pairs since :math:`Z_k` normalises already.

    *Ties*: documents with equal labels make no pair; documents of equal score are ranked by rising label.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list with fewer than two grades has no pair; it costs 0 and stays out of the mean.

    Memory is linear in the list. The loss can be differentiated once; ranks carry no gradient. A score that is not
    finite makes the loss and the gradients of its list NaN.


    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Grades, at least 0.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count: a pair weighs something if at least one of its documents is among the first k. None:
            all.
        gain: What a label y is worth: ``"exp"`` ``2^y - 1``, or ``"linear"`` y.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        truncation: ``"metric"``: ranks below k are worth nothing; ``"pairs"``: pairs are chosen by k, and weighed as if
            all ranks counted (LightGBM's ``lambdarank_truncation_level``).
        normalize_distance: LightGBM's ``lambdarank_norm``, see :func:`rankkit.objectives.ndcg_delta`.
        weights: Importance of queries or of documents, without gradient. A pair weighs the product of its two
            documents; the divisor stays the count of lists.
        reduction: ``"mean"`` over lists with two grades, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        The relevant one of two real documents stands second, tied in score: ``(1 - 1 / log2(3)) log 2``.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdarank_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(0.2558)

    References:
        Burges, Ragno, Le, "Learning to Rank with Nonsmooth Cost Functions", NIPS 2006; Burges, "From RankNet to
        LambdaRank to LambdaMART: An Overview", MSR-TR-2010-82, section 4. As a loss: Wang et al., "The LambdaLoss
        Framework for Ranking Metric Optimization", CIKM 2018.
    """
    where = "lambdarank_loss"
    check_number(where, "sigma", sigma, above=0.0)
    pair_weight = ndcg_delta(k, gain, truncation=truncation, normalize_distance=normalize_distance)
    return pair_objective(where, Logistic(sigma), scores, labels, mask, weights, reduction, pair_weight)


def lambdarank_map_loss(
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
    r"""LambdaRank for MAP: each pair weighed by how much its average precision changes when the pair swaps ranks.

    .. math::
        \sum_{y_i > y_j} \left|\Delta_{ij} \mathrm{AP@k}\right| \log\left(1 + e^{-\sigma (s_i - s_j)}\right)

    where the change is that of average precision (at k) when documents i and j swap ranks; it is 0 unless i is relevant
    and j is not. It is ``pairwise_logistic_loss(pair_weight=map_delta(k, relevant_from))``.

    *Ties*: documents that are both relevant, or both not, weigh 0; documents of equal score are ranked by rising label.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list without a relevant document, or without another, costs 0 and stays out of the mean.

    Memory is linear in the list. The loss can be differentiated once; ranks carry no gradient. A score that is not
    finite makes the loss and the gradients of its list NaN.


    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Relevance, graded or binary.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count; None: all.
        relevant_from: The least label of a relevant document.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        weights: Importance of queries or of documents, without gradient. A pair weighs the product of its two
            documents; the divisor stays the count of lists.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        The relevant one of two real documents stands second, tied in score: 1/2 log 2.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdarank_map_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(0.3466)

    References:
        Donmez, Svore, Burges, "On the Local Optimality of LambdaRank", SIGIR 2009; Burges, "From RankNet to LambdaRank
        to LambdaMART: An Overview", MSR-TR-2010-82.
    """
    where = "lambdarank_map_loss"
    check_number(where, "sigma", sigma, above=0.0)
    return pair_objective(where, Logistic(sigma), scores, labels, mask, weights, reduction, map_delta(k, relevant_from))


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

    .. math::
        \sum_{y_i > y_j} \left|\Delta_{ij} \mathrm{RR@k}\right| \log\left(1 + e^{-\sigma (s_i - s_j)}\right)

    where the change is that of the reciprocal rank of the first relevant document when documents i and j swap ranks; it
    is 0 unless i is relevant and j is not. It is ``pairwise_logistic_loss(pair_weight=mrr_delta(k, relevant_from))``.

    *Ties*: documents that are both relevant, or both not, weigh 0; documents of equal score are ranked by rising label.
    *Padding*: changes neither loss nor gradient.
    *No relevant document*: a list without a relevant document, or without another, costs 0 and stays out of the mean.

    Memory is linear in the list. The loss can be differentiated once; ranks carry no gradient. A score that is not
    finite makes the loss and the gradients of its list NaN.


    Args:
        scores: One a document, any real number; bfloat16 and float16 are computed in float32.
        labels: Relevance, graded or binary.
        mask: True where a document is real; None: everywhere.
        k: How many ranks count; None: all.
        relevant_from: The least label of a relevant document.
        sigma: Steepness, above 0: how fast the cost of a pair falls with its score difference.
        weights: Importance of queries or of documents, without gradient. A pair weighs the product of its two
            documents; the divisor stays the count of lists.
        reduction: ``"mean"`` over lists with relevant and other documents, or ``"none"``: one value a list.

    Returns:
        At least 0; a scalar, or ``[query]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ.
        ConfigError: If an option has a value that cannot work.

    Example:
        The relevant one of two real documents stands second, tied in score: 1/2 log 2.

        >>> import torch
        >>> scores, labels = torch.tensor([[3.0, 3.0, 9.0]]), torch.tensor([[0.0, 2.0, 1.0]])
        >>> lambdarank_mrr_loss(scores, labels, torch.tensor([[True, True, False]]))
        tensor(0.3466)

    References:
        Donmez, Svore, Burges, "On the Local Optimality of LambdaRank", SIGIR 2009; Burges, "From RankNet to LambdaRank
        to LambdaMART: An Overview", MSR-TR-2010-82.
    """
    where = "lambdarank_mrr_loss"
    check_number(where, "sigma", sigma, above=0.0)
    return pair_objective(where, Logistic(sigma), scores, labels, mask, weights, reduction, mrr_delta(k, relevant_from))
