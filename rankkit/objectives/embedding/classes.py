"""Objectives on a batch with classes: each embedding is an anchor, those of its class are its positives."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rankkit.errors import ConfigError
from rankkit.objectives.documents.circle import circle_loss
from rankkit.objectives.embedding.inputs import (
    AnyDistance,
    check_classes,
    check_reference,
    check_rows,
    log_one_plus_sum,
    others_by_class,
    scores_of_sets,
)
from rankkit.objectives.embedding.temperature import Temperature, tempered
from rankkit.objectives.lists.listwise import softmax_loss
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_number
from rankkit.ranking import Reduction, reduce_lists


@marked(takes="classes")
def supcon_loss(
    embeddings: Float[Tensor, "n dim"],
    *,
    classes: Int[Tensor, " n"],
    temperature: Temperature = 0.1,
    distance: AnyDistance = "cosine",
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Supervised contrastive loss: the softmax over the other embeddings, towards all of the anchor's class alike.

    .. math:: -\frac{1}{|P_i|} \sum_{j \in P_i} \log \frac{e^{s_{ij} / T}}{\sum_{k \ne i} e^{s_{ik} / T}}

    with P the other embeddings of the class of i; the mean is outside the logarithm (the paper's L_out). It is
    :func:`rankkit.objectives.softmax_loss` with an anchor as the query and its class as the relevant documents. An
    anchor without a positive or without a negative stays out of the mean.

    Args:
        embeddings: ``[n, n_dims]``, one a row.
        classes: ``[n]``, which class each is of, any whole numbers.
        temperature: Above 0, a number, a tensor or :class:`LearnedTemperature`; scores are divided by it.
        distance: Name, :class:`rankkit.distances.Distance` or callable; the score is its nearness.
        reduction: ``"mean"`` over anchors with a positive and a negative, or ``"none"``: ``[n]``.

    Returns:
        At least the entropy of the target, ``log |P|``; a scalar, or ``[n]``.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
        >>> supcon_loss(x, classes=torch.tensor([7, 3, 7, 3]), temperature=1.0)  # at right angles: log(1 + 2 / e)
        tensor(0.5514)

    References:
        Khosla et al., "Supervised Contrastive Learning", NeurIPS 2020, equation 2.
    """
    (embeddings,) = check_rows("supcon_loss", embeddings=embeddings)
    check_classes("supcon_loss", classes, embeddings.shape[0])
    scores = tempered("supcon_loss", scores_of_sets(distance, embeddings, embeddings), temperature)
    positives, others = others_by_class(classes)
    return softmax_loss(scores, positives.to(scores.dtype), others, reduction=reduction)


@marked(takes="classes")
def multi_similarity_loss(
    embeddings: Float[Tensor, "n dim"],
    *,
    classes: Int[Tensor, " n"],
    alpha: float = 2.0,
    beta: float = 50.0,
    threshold: float = 0.5,
    mining: float | None = 0.1,
    reference: Float[Tensor, "m dim"] | None = None,
    reference_classes: Int[Tensor, " m"] | None = None,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Multi-similarity loss: soft hinges on the cosines of positives and of negatives, the hard pairs weighing most.

    .. math::
        \frac{1}{\alpha} \log(1 + \sum_{k \in P_i} e^{-\alpha (s_{ik} - \lambda)})
        + \frac{1}{\beta} \log(1 + \sum_{k \in N_i} e^{\beta (s_{ik} - \lambda)})

    With ``mining`` = ε only the pairs count that are hard beside the other kind: negatives with a cosine above
    ``min_P s - ε``, positives below ``max_N s + ε``; which those are carries no gradient, and an anchor without
    positives or negatives keeps none. Every anchor beside another embedding counts in the mean, as in the paper. With a
    ``reference`` its rows are positives and negatives too, as those of earlier batches are (cross-batch memory).

    Args:
        embeddings: ``[n, n_dims]``, one a row; their cosines are the scores.
        classes: ``[n]``, which class each is of, any whole numbers.
        alpha: Steepness for positives, above 0.
        beta: Steepness for negatives, above 0.
        threshold: λ, the cosine between like and unlike.
        mining: ε, at least 0; None counts all pairs.
        reference: ``[m, n_dims]``, more embeddings to compare each of the batch with; they get no gradient.
        reference_classes: ``[m]``, which class each of these is of.
        reduction: ``"mean"`` over anchors, or ``"none"``: ``[n]``.

    Returns:
        At least 0; a scalar, or ``[n]``.

    Example:
        >>> x, classes = torch.ones(2, 3), torch.tensor([5, 5])  # one positive: log(1 + exp(-2 (1 - .5))) / 2
        >>> multi_similarity_loss(x, classes=classes, mining=None)
        tensor(0.1566)

    References:
        Wang, Han, Huang, Dong, Scott, "Multi-Similarity Loss with General Pair Weighting for Deep Metric Learning",
        CVPR 2019, equations 11 to 13 (mining) and 15; Wang, Zhang, Huang, Scott, "Cross-Batch Memory for Embedding
        Learning", CVPR 2020 (reference).
    """
    where = "multi_similarity_loss"
    check_number(where, "alpha", alpha, above=0.0)
    check_number(where, "beta", beta, above=0.0)
    check_number(where, "threshold", threshold, least=-1.0)
    (embeddings,) = check_rows(where, embeddings=embeddings)
    check_classes(where, classes, embeddings.shape[0])
    scores = scores_of_sets("cosine_similarity", embeddings, embeddings)
    positives, others = others_by_class(classes)
    if (reference is None) != (reference_classes is None):
        raise ConfigError(f"{where}: expected reference and reference_classes, or neither; got one of them. Pass both.")
    if reference is not None and reference_classes is not None:
        reference = check_reference(where, reference, embeddings)
        check_classes(where, reference_classes, reference.shape[0])
        scores = torch.cat([scores, scores_of_sets("cosine_similarity", embeddings, reference)], dim=1)
        alike = classes[:, None] == reference_classes[None, :]
        positives = torch.cat([positives, alike], dim=1)
        others = torch.cat([others, torch.ones_like(alike)], dim=1)
    negatives = others & ~positives
    if mining is not None:
        check_number(where, "mining", mining, least=0.0)
        positives, negatives = _hard_pairs(scores.detach(), positives, negatives, mining)
    pull = log_one_plus_sum(-alpha * (scores - threshold), positives) / alpha
    push = log_one_plus_sum(beta * (scores - threshold), negatives) / beta
    return reduce_lists(pull + push, others.any(dim=1), reduction)


@marked(takes="classes")
def embedding_circle_loss(
    embeddings: Float[Tensor, "n dim"],
    *,
    classes: Int[Tensor, " n"],
    margin: float = 0.4,
    gamma: float = 80.0,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Circle loss on cosines: those of positives towards 1, those of negatives towards 0, the furthest off first.

    .. math::
        \log\left[1 + \sum_{j \in N_i} e^{\gamma \alpha_j (s_{ij} - m)}
        \sum_{k \in P_i} e^{-\gamma \alpha_k (s_{ik} - (1 - m))}\right],
        \quad \alpha_k = [1 + m - s_{ik}]_+, \quad \alpha_j = [s_{ij} + m]_+

    It is :func:`rankkit.objectives.circle_loss` with an anchor as the query, cosines as scores and its class as the
    relevant documents. An anchor without a positive or without a negative stays out of the mean.

    Args:
        embeddings: ``[n, n_dims]``, one a row; their cosines are the scores.
        classes: ``[n]``, which class each is of, any whole numbers.
        margin: m, at least 0; smaller asks for more. The paper takes .4 for retrieval, .25 for faces.
        gamma: The scale of scores, above 0. The paper takes 80 for retrieval, 256 for faces.
        reduction: ``"mean"`` over anchors with a positive and a negative, or ``"none"``: ``[n]``.

    Returns:
        At least 0; a scalar, or ``[n]``.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.4, -0.916515]])  # cosines 1 - m and m: exponents 0, log 2
        >>> embedding_circle_loss(x, classes=torch.tensor([1, 1, 2]), reduction="none")[0]
        tensor(0.6931)

    References:
        Sun et al., "Circle Loss: A Unified Perspective of Pair Similarity Optimization", CVPR 2020, equations 5 and 6.
    """
    where = "embedding_circle_loss"
    check_number(where, "margin", margin, least=0.0)
    check_number(where, "gamma", gamma, above=0.0)
    (embeddings,) = check_rows(where, embeddings=embeddings)
    check_classes(where, classes, embeddings.shape[0])
    scores = scores_of_sets("cosine_similarity", embeddings, embeddings)
    positives, others = others_by_class(classes)
    return circle_loss(
        scores, positives.to(scores.dtype), others, margin=float(margin), gamma=float(gamma), reduction=reduction
    )


def _hard_pairs(scores: Tensor, positives: Tensor, negatives: Tensor, epsilon: float) -> tuple[Tensor, Tensor]:
    """The positives and negatives of each anchor that are hard beside its hardest negative and positive."""
    if scores.shape[1] == 0:
        return positives, negatives
    furthest = scores.masked_fill(~positives, torch.inf).amin(dim=1, keepdim=True)
    nearest = scores.masked_fill(~negatives, -torch.inf).amax(dim=1, keepdim=True)
    return positives & (scores - epsilon < nearest), negatives & (scores + epsilon > furthest)
