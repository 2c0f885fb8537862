"""Objectives on two views of each example: every row's partner against all the others of the batch or a queue."""

import torch
from jaxtyping import Float
from torch import Tensor

from rankkit.errors import ShapeError
from rankkit.objectives.embedding.inputs import AnyDistance, check_rows, scores_of_pairs, scores_of_sets
from rankkit.objectives.embedding.temperature import Temperature, tempered
from rankkit.objectives.lists.listwise import softmax_loss
from rankkit.objectives.marks import marked
from rankkit.ranking import Reduction


@marked(takes="views")
def nt_xent_loss(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "n dim"],
    *,
    temperature: Temperature = 0.5,
    distance: AnyDistance = "cosine",
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " both"]:
    r"""NT-Xent (SimCLR): of all 2n - 1 other views, the one of the same example.

    .. math:: -\log \frac{e^{s_{ij} / T}}{\sum_{k \ne i} e^{s_{ik} / T}}, \qquad i, k \in 1..2n

    with s the nearness and j the other view of the example of i; the denominator includes the positive. It is
    :func:`rankkit.objectives.softmax_loss` with an anchor as the query and one relevant document. With n = 1 it is 0.
    With several positives, each by itself against the negatives, it is
    :func:`rankkit.objectives.unique_softmax_loss` over their number, which trains encoders too; against all others at
    once it is :func:`supcon_loss`.

    Args:
        x: ``[n, n_dims]``, embeddings of one view; nothing is normalised but by the cosine distances.
        y: ``[n, n_dims]``, embeddings of the other view, row i of the same example as row i of x.
        temperature: Above 0, a number, a tensor or :class:`LearnedTemperature`; scores are divided by it.
        distance: Name, :class:`rankkit.distances.Distance` or callable; the score is its nearness.
        reduction: ``"mean"`` over the 2n views, or ``"none"``: ``[2n]``, those of x first.

    Returns:
        At least 0; a scalar, or ``[2n]``.

    Example:
        >>> x = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
        >>> nt_xent_loss(x, x, temperature=1.0)  # two pairs at a right angle: log(1 + 2 / e)
        tensor(0.5514)

    References:
        Chen, Kornblith, Norouzi, Hinton, "A Simple Framework for Contrastive Learning of Visual Representations", ICML
        2020, equation 1.
    """
    x, y = check_rows("nt_xent_loss", x=x, y=y)
    n, views = x.shape[0], torch.cat([x, y])
    scores = tempered("nt_xent_loss", scores_of_sets(distance, views, views), temperature)
    mask = ~torch.eye(2 * n, dtype=torch.bool, device=x.device)
    return softmax_loss(scores, mask.roll(n, dims=1).logical_not().to(scores.dtype), mask, reduction=reduction)


@marked(takes="views")
def info_nce_loss(
    query: Float[Tensor, "n dim"],
    positive: Float[Tensor, "n dim"],
    *,
    negatives: Float[Tensor, "k dim"] | None = None,
    temperature: Temperature = 0.07,
    distance: AnyDistance = "cosine",
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""InfoNCE: of 1 + k keys, the one that belongs to the query.

    .. math:: -\log \frac{e^{s(q_i, p_i) / T}}{e^{s(q_i, p_i) / T} + \sum_k e^{s(q_i, n_k) / T}}

    with the rows of a queue as negatives n (MoCo), or without one the positives of the other queries. It is
    :func:`rankkit.objectives.softmax_loss` with one relevant document. Without a negative it is 0.

    Args:
        query: ``[n, n_dims]``, embeddings.
        positive: ``[n, n_dims]``, row i belongs to row i of ``query``.
        negatives: ``[k, n_dims]``, keys of none of the queries; they get no gradient. None: the positives of the
            others.
        temperature: Above 0, a number, a tensor or :class:`LearnedTemperature`; scores are divided by it.
        distance: Name, :class:`rankkit.distances.Distance` or callable; the score is its nearness.
        reduction: ``"mean"`` over queries, or ``"none"``: ``[n]``.

    Returns:
        At least 0; a scalar, or ``[n]``.

    Example:
        >>> q, p, n = torch.tensor([[1.0, 0.0]]), torch.tensor([[1.0, 1.0]]), torch.tensor([[1.0, -1.0]])
        >>> info_nce_loss(q, p, negatives=n)  # both at one angle: log 2
        tensor(0.6931)

    References:
        van den Oord, Li, Vinyals, "Representation Learning with Contrastive Predictive Coding", arXiv:1807.03748, 2018,
        equation 4; He et al., "Momentum Contrast for Unsupervised Visual Representation Learning", CVPR 2020 (queue).
    """
    where = "info_nce_loss"
    query, positive = check_rows(where, query=query, positive=positive)
    if negatives is None:
        scores = scores_of_sets(distance, query, positive)
        labels = torch.eye(query.shape[0], dtype=scores.dtype, device=scores.device)
    else:
        if negatives.dim() != 2 or negatives.shape[1] != query.shape[1]:
            raise ShapeError(
                f"{where}: expected negatives [k, {query.shape[1]}]; got {list(negatives.shape)}. "
                "Embed them with the encoder of the keys."
            )
        near = scores_of_pairs(distance, query, positive)
        scores = torch.cat([near[:, None], scores_of_sets(distance, query, negatives.detach())], dim=1)
        labels = torch.zeros_like(scores)
        labels[:, 0] = 1
    return softmax_loss(tempered(where, scores, temperature), labels, reduction=reduction)
