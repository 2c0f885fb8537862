"""Softmax over the cosines to class prototypes, with a margin for the own one: ArcFace and CosFace."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor

from rankkit.distances import unit
from rankkit.errors import ConfigError
from rankkit.objectives.embedding.prototypes import Prototypes, with_prototypes
from rankkit.objectives.embedding.scores import scores_of_sets
from rankkit.objectives.lists.listwise import softmax_loss
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_number
from rankkit.ranking import Reduction


@marked(takes="prototypes")
def arcface_loss(
    embeddings: Float[Tensor, "n dim"],
    *,
    classes: Int[Tensor, " n"],
    prototypes: Float[Tensor, "c dim"] | Prototypes,
    margin: float = 0.5,
    scale: float = 64.0,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""ArcFace: softmax over the cosines to the prototypes, with a margin added to the angle of the own one.

    .. math:: -\log \frac{e^{r \cos(\theta_y + m)}}{e^{r \cos(\theta_y + m)} + \sum_{c \ne y} e^{r \cos \theta_c}}

    Where angle and margin exceed π the cosine would rise again; there ``cos θ - m sin m`` stands instead, as in the
    authors' code. It is :func:`rankkit.objectives.softmax_loss` with the prototypes as the list. With a single
    prototype it is 0.

    Args:
        embeddings: ``[n, n_dims]``, one a row, of any length.
        classes: ``[n]``, the number of the prototype of each.
        prototypes: ``[c, n_dims]``, one a class, of any length: :class:`Prototypes` or its weight.
        margin: m, in radians, from 0 to below π.
        scale: r, above 0.
        reduction: ``"mean"`` over embeddings, or ``"none"``: ``[n]``.

    Returns:
        At least 0; a scalar, or ``[n]``.

    Example:
        >>> x, prototypes = torch.eye(2)[:1], torch.eye(2)  # cosines of 1 and 0: log(1 + exp(-cos .5))
        >>> arcface_loss(x, classes=torch.tensor([0]), prototypes=prototypes, scale=1.0)
        tensor(0.3477)

    References:
        Deng, Guo, Xue, Zafeiriou, "ArcFace: Additive Angular Margin Loss for Deep Face Recognition", CVPR 2019,
        equation 3.
    """
    where = "arcface_loss"
    check_number(where, "margin", margin, least=0.0)
    check_number(where, "scale", scale, above=0.0)
    if margin >= math.pi:
        raise ConfigError(f"{where}: expected margin below pi; got {margin!r}. Pass radians, not degrees.")
    embeddings, weight = with_prototypes(where, embeddings, classes, prototypes)
    x, own = unit(embeddings), unit(weight[classes.long()])
    cosine = (x * own).sum(dim=1)
    sine = torch.linalg.vector_norm(x - cosine[:, None] * own, dim=1)
    moved = torch.where(
        cosine >= -math.cos(margin),
        cosine * math.cos(margin) - sine * math.sin(margin),
        cosine - margin * math.sin(margin),
    )
    return _margin_softmax(embeddings, classes, weight, moved - cosine, scale, reduction)


@marked(takes="prototypes")
def cosface_loss(
    embeddings: Float[Tensor, "n dim"],
    *,
    classes: Int[Tensor, " n"],
    prototypes: Float[Tensor, "c dim"] | Prototypes,
    margin: float = 0.35,
    scale: float = 64.0,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""CosFace: softmax over the cosines to the prototypes, with a margin taken from the own one.

    .. math:: -\log \frac{e^{r (\cos \theta_y - m)}}{e^{r (\cos \theta_y - m)} + \sum_{c \ne y} e^{r \cos \theta_c}}

    It is :func:`rankkit.objectives.softmax_loss` with the prototypes as the list. With a single prototype it is 0.

    Args:
        embeddings: ``[n, n_dims]``, one a row, of any length.
        classes: ``[n]``, the number of the prototype of each.
        prototypes: ``[c, n_dims]``, one a class, of any length: :class:`Prototypes` or its weight.
        margin: m, in units of the cosine, at least 0.
        scale: r, above 0.
        reduction: ``"mean"`` over embeddings, or ``"none"``: ``[n]``.

    Returns:
        At least 0; a scalar, or ``[n]``.

    Example:
        >>> x, prototypes = torch.eye(2)[:1], torch.eye(2)  # cosines of 1 and 0: log(1 + exp(.35 - 1))
        >>> cosface_loss(x, classes=torch.tensor([0]), prototypes=prototypes, scale=1.0)
        tensor(0.4201)

    References:
        Wang et al., "CosFace: Large Margin Cosine Loss for Deep Face Recognition", CVPR 2018, equation 4.
    """
    where = "cosface_loss"
    check_number(where, "margin", margin, least=0.0)
    check_number(where, "scale", scale, above=0.0)
    embeddings, weight = with_prototypes(where, embeddings, classes, prototypes)
    change = embeddings.new_full(embeddings.shape[:1], -margin)
    return _margin_softmax(embeddings, classes, weight, change, scale, reduction)


def _margin_softmax(
    embeddings: Tensor, classes: Tensor, weight: Tensor, change: Tensor, scale: float, reduction: Reduction
) -> Tensor:
    """Softmax cross entropy of scaled cosines to the prototypes, that of the own one changed by the margin."""
    scores = scores_of_sets("cosine_similarity", embeddings, weight)
    own = torch.arange(weight.shape[0], device=classes.device)[None, :] == classes[:, None]
    scores = torch.where(own, scores + change[:, None], scores) * scale
    return softmax_loss(scores, own.to(scores.dtype), reduction=reduction)
