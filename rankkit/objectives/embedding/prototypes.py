"""Objectives with one learned vector a class, its prototype: ArcFace, CosFace, proxy-anchor."""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from rankkit.distances import unit
from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives.embedding.inputs import check_classes, check_rows, log_one_plus_sum, scores_of_sets
from rankkit.objectives.lists.listwise import softmax_loss
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_number
from rankkit.ranking import Reduction, reduce_lists


class Prototypes(nn.Module):
    """One learned vector a class, random directions to begin with; hand its parameters to the optimiser.

    They belong to the classes of training: for unseen classes they are dropped and the encoder alone is kept.

    Args:
        n_classes: How many, numbered from 0.
        n_dims: Of the embeddings.
        seed: Of the initial directions; None draws them from torch's global generator.

    Example:
        >>> Prototypes(10, 4).weight.shape
        torch.Size([10, 4])
    """

    def __init__(self, n_classes: int, n_dims: int, *, seed: int | None = None) -> None:
        super().__init__()
        for name, count in (("n_classes", n_classes), ("n_dims", n_dims)):
            if count < 1:
                raise ConfigError(f"Prototypes: expected {name} of at least 1; got {count}. Pass a whole number.")
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        self.weight = nn.Parameter(unit(torch.randn(n_classes, n_dims, generator=generator)))

    def extra_repr(self) -> str:
        """What print shows in the brackets."""
        n_classes, n_dims = self.weight.shape
        return f"n_classes={n_classes}, n_dims={n_dims}"


def with_prototypes(
    where: str, embeddings: Tensor, classes: Tensor, prototypes: Tensor | Prototypes
) -> tuple[Tensor, Tensor]:
    """Embeddings and prototypes in one type, checked against each other and against the classes."""
    weight = prototypes.weight if isinstance(prototypes, Prototypes) else prototypes
    (embeddings,) = check_rows(where, embeddings=embeddings)
    if weight.dim() != 2 or weight.shape[0] < 1 or weight.shape[1] != embeddings.shape[1]:
        raise ShapeError(
            f"{where}: expected prototypes [n_classes, {embeddings.shape[1]}]; got {list(weight.shape)}. "
            f"Build Prototypes(n_classes, {embeddings.shape[1]})."
        )
    check_classes(where, classes, embeddings.shape[0], n_classes=weight.shape[0])
    dtype = torch.promote_types(embeddings.dtype, weight.dtype)
    return embeddings.to(dtype), weight.to(dtype)


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


@marked(takes="prototypes")
def proxy_anchor_loss(
    embeddings: Float[Tensor, "n dim"],
    *,
    classes: Int[Tensor, " n"],
    prototypes: Float[Tensor, "c dim"] | Prototypes,
    margin: float = 0.1,
    alpha: float = 32.0,
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " c"]:
    r"""Proxy-anchor loss: each prototype is an anchor that pulls its class and pushes all the others.

    .. math::
        \frac{1}{|P^+|} \sum_{c \in P^+} \log(1 + \sum_{i: y_i = c} e^{-\alpha (s_{ic} - m)})
        + \frac{1}{|P|} \sum_{c \in P} \log(1 + \sum_{i: y_i \ne c} e^{\alpha (s_{ic} + m)})

    with s the cosine, P all prototypes and P⁺ those with an example in the batch.

    Args:
        embeddings: ``[n, n_dims]``, one a row, of any length.
        classes: ``[n]``, the number of the prototype of each.
        prototypes: ``[c, n_dims]``, one a class, of any length: :class:`Prototypes` or its weight.
        margin: m, in units of the cosine, at least 0.
        alpha: Steepness, above 0.
        reduction: ``"mean"``, or ``"none"``: ``[c]``, one a prototype, the first sum ``|P| / |P⁺|`` fold for the same
            mean.

    Returns:
        At least 0; a scalar, or ``[c]``.

    Example:
        >>> x, prototypes = torch.tensor([[0.0, 0.0, 1.0]]), torch.eye(3)[:2]  # at right angles: log 2 + log(2) / 2
        >>> proxy_anchor_loss(x, classes=torch.tensor([0]), prototypes=prototypes, margin=0.0)
        tensor(1.0397)

    References:
        Kim, Kim, Cho, Kwak, "Proxy Anchor Loss for Deep Metric Learning", CVPR 2020, equation 4.
    """
    where = "proxy_anchor_loss"
    check_number(where, "margin", margin, least=0.0)
    check_number(where, "alpha", alpha, above=0.0)
    embeddings, weight = with_prototypes(where, embeddings, classes, prototypes)
    n_classes = weight.shape[0]
    scores = scores_of_sets("cosine_similarity", weight, embeddings)
    own = classes[None, :] == torch.arange(n_classes, device=classes.device)[:, None]
    pull = log_one_plus_sum(-alpha * (scores - margin), own)
    push = log_one_plus_sum(alpha * (scores + margin), ~own)
    n_present = own.any(dim=1).sum().clamp(min=1).to(pull.dtype)
    return reduce_lists(pull * (n_classes / n_present) + push, torch.ones_like(pull, dtype=torch.bool), reduction)
