"""Objectives on triplets: the anchor shall be nearer to its positive than to its negative.

A triplet is a list of two documents whose scores are nearness to the anchor, the positive relevant: each objective here
is a pairwise ranking objective on that list, and like those it can be differentiated once.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from rankkit.objectives.documents.limits import limited_rows
from rankkit.objectives.embedding.inputs import AnyDistance, check_rows, scores_of_pairs
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_number
from rankkit.objectives.pairs.pairwise import pairwise_hinge_loss, pairwise_logistic_loss, pairwise_soft_zero_one_loss
from rankkit.ranking import Reduction, reduce_lists


@marked(takes="triplets")
def triplet_loss(
    anchor: Float[Tensor, "n dim"],
    positive: Float[Tensor, "n dim"],
    negative: Float[Tensor, "n dim"],
    *,
    margin: float = 0.2,
    distance: AnyDistance = "squared_euclidean",
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Triplet loss: what the negative lacks of being a margin further away than the positive.

    .. math:: \max(0, D(a, p) - D(a, n) + m)

    The defaults are FaceNet's, for embeddings of length 1; another distance needs another margin
    (:func:`suggest_margin`). A loss that stays at the margin means that the embeddings have collapsed to one point. It
    is :func:`rankkit.objectives.pairwise_hinge_loss` on scores -D. A triplet beyond the margin counts in the mean.

    Args:
        anchor: ``[n, n_dims]``, embeddings.
        positive: ``[n, n_dims]``, row i of the class of row i of ``anchor``.
        negative: ``[n, n_dims]``, row i of another class.
        margin: m, in units of the distance, at least 0.
        distance: Name, :class:`rankkit.distances.Distance` or callable; of a similarity the negative is taken.
        reduction: ``"mean"`` over triplets, or ``"none"``: ``[n]``.

    Returns:
        At least 0; a scalar, or ``[n]``.

    Example:
        >>> a, p, n = torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([[6.0, 0.0]])
        >>> triplet_loss(a, p, n, margin=20.0)  # squared distances: 25 - 36 + 20
        tensor(9.)

    References:
        Schroff, Kalenichenko, Philbin, "FaceNet: A Unified Embedding for Face Recognition and Clustering", CVPR 2015,
        equation 3; Weinberger, Saul, JMLR 10, 2009.
    """
    check_number("triplet_loss", "margin", margin, least=0.0)
    scores, labels = _lists_of_two("triplet_loss", anchor, positive, negative, distance)
    return pairwise_hinge_loss(scores, labels, margin=float(margin), reduction=reduction)


@marked(takes="triplets")
def soft_margin_triplet_loss(
    anchor: Float[Tensor, "n dim"],
    positive: Float[Tensor, "n dim"],
    negative: Float[Tensor, "n dim"],
    *,
    margin: float | None = None,
    distance: AnyDistance = "euclidean",
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Triplet loss without a corner: every triplet goes on pulling and pushing, ever less.

    .. math:: \log(1 + e^{D(a, p) - D(a, n) + m})

    It is :func:`rankkit.objectives.pairwise_logistic_loss` (RankNet) on scores -D, the positive a margin further away.

    Args:
        anchor: ``[n, n_dims]``, embeddings.
        positive: ``[n, n_dims]``, row i of the class of row i of ``anchor``.
        negative: ``[n, n_dims]``, row i of another class.
        margin: m, in units of the distance, at least 0: a triplet right by it costs what a tie costs without. None: 0,
            and miners take triplets however right they are.
        distance: Name, :class:`rankkit.distances.Distance` or callable; of a similarity the negative is taken.
        reduction: ``"mean"`` over triplets, or ``"none"``: ``[n]``.

    Returns:
        Above 0; a scalar, or ``[n]``.

    Example:
        >>> soft_margin_triplet_loss(torch.zeros(1, 2), torch.ones(1, 2), -torch.ones(1, 2))  # equally far away: log 2
        tensor(0.6931)

    References:
        Hermans, Beyer, Leibe, "In Defense of the Triplet Loss for Person Re-Identification", arXiv:1703.07737, 2017,
        section 2.
    """
    scores, labels = _lists_of_two("soft_margin_triplet_loss", anchor, positive, negative, distance)
    if margin is not None:
        check_number("soft_margin_triplet_loss", "margin", margin, least=0.0)
        scores = scores - margin * labels
    return pairwise_logistic_loss(scores, labels, reduction=reduction)


@marked(takes="triplets")
def softmax_ratio_triplet_loss(
    anchor: Float[Tensor, "n dim"],
    positive: Float[Tensor, "n dim"],
    negative: Float[Tensor, "n dim"],
    *,
    distance: AnyDistance = "euclidean",
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Hoffer's and Ailon's triplet network: the softmax of the two distances towards (0, 1), by squared error.

    .. math:: p_+^2 + (1 - p_-)^2 = 2 \sigma(D(a, p) - D(a, n))^2, \quad p_\pm = e^{D_\pm} / (e^{D_+} + e^{D_-})

    There is no margin; triplets that are very wrong have hardly any gradient. It is twice the square of
    :func:`rankkit.objectives.pairwise_soft_zero_one_loss` on scores -D.

    Args:
        anchor: ``[n, n_dims]``, embeddings.
        positive: ``[n, n_dims]``, row i of the class of row i of ``anchor``.
        negative: ``[n, n_dims]``, row i of another class.
        distance: Name, :class:`rankkit.distances.Distance` or callable; of a similarity the negative is taken.
        reduction: ``"mean"`` over triplets, or ``"none"``: ``[n]``.

    Returns:
        In [0, 2]; a scalar, or ``[n]``.

    Example:
        >>> softmax_ratio_triplet_loss(torch.zeros(1, 2), torch.ones(1, 2), -torch.ones(1, 2))  # equally far: 2 / 4
        tensor(0.5000)

    References:
        Hoffer, Ailon, "Deep Metric Learning Using Triplet Network", SIMBAD 2015, section 2.2.
    """
    scores, labels = _lists_of_two("softmax_ratio_triplet_loss", anchor, positive, negative, distance)
    wrong = pairwise_soft_zero_one_loss(scores, labels, reduction="none")
    terms = 2 * wrong.square()
    return reduce_lists(terms, torch.ones_like(terms, dtype=torch.bool), reduction)


def _lists_of_two(
    where: str, anchor: Tensor, positive: Tensor, negative: Tensor, distance: AnyDistance
) -> tuple[Tensor, Tensor]:
    """Scores and labels ``[n, 2]``: the positive, which is relevant, and the negative."""
    rows = check_rows(where, anchor=anchor, positive=positive, negative=negative)
    anchor, positive, negative = map(limited_rows, rows)
    scores = torch.stack(
        [scores_of_pairs(distance, anchor, positive), scores_of_pairs(distance, anchor, negative)], dim=1
    )
    labels = torch.tensor([1.0, 0.0], dtype=scores.dtype, device=scores.device).expand_as(scores)
    return scores, labels
