"""Objectives on pairs: contrastive and verification. The label is ``same``, never a bare y."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.distances import find_distance
from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives.documents.limits import limited_rows
from rankkit.objectives.documents.pointwise import bce_loss
from rankkit.objectives.embedding.inputs import AnyDistance, check_rows, check_same
from rankkit.objectives.marks import marked
from rankkit.objectives.options import check_number
from rankkit.ranking import Reduction, reduce_lists


@marked(takes="pairs")
def contrastive_loss(
    x: Float[Tensor, "n dim"],
    y: Float[Tensor, "n dim"],
    *,
    same: Bool[Tensor, " n"],
    margin: float = 1.0,
    distance: AnyDistance = "euclidean",
    reduction: Reduction = "mean",
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Hadsell's contrastive loss: pairs of one class together, others apart up to a margin.

    .. math:: \tfrac{1}{2} D^2 \text{ where same}, \qquad \tfrac{1}{2} \max(0, m - D)^2 \text{ elsewhere}

    D is *not* squared inside the hinge: the widely printed ``max(0, D^2 - m^2)`` is wrong, as it attracts pairs that
    shall be apart, and a constant embedding then costs 0. Where two embeddings are equal the gradient is 0, so that
    equal embeddings of different classes are not driven apart.

    Args:
        x: ``[n, n_dims]``, embeddings.
        y: ``[n, n_dims]``, row i the partner of row i of x.
        same: ``[n]``, True where both are of one class. (Hadsell's Y is 0 there; Koch's y is 1.)
        margin: m, how far apart classes shall be, in units of the distance, above 0; :func:`suggest_margin` finds one.
        distance: Name, :class:`rankkit.distances.Distance` or callable, smaller for nearer; ``encoder.distance``.
        reduction: ``"mean"`` over pairs, or ``"none"``: ``[n]``.

    Returns:
        At least 0; a scalar, or ``[n]``.

    Example:
        >>> x, y = torch.zeros(2, 1), torch.full((2, 1), 0.6)  # .6^2 / 2 in one class, (1 - .6)^2 / 2 between two
        >>> contrastive_loss(x, y, same=torch.tensor([True, False]), reduction="none")
        tensor([0.1800, 0.0800])

    References:
        Hadsell, Chopra, LeCun, "Dimensionality Reduction by Learning an Invariant Mapping", CVPR 2006, equation 4.
    """
    where = "contrastive_loss"
    check_number(where, "margin", margin, above=0.0)
    x, y = map(limited_rows, check_rows(where, x=x, y=y))
    check_same(where, same, x.shape[0])
    measure = find_distance(distance)
    if measure.nearer == "larger":
        raise ConfigError(
            f"{where}: expected a distance that is smaller for nearer embeddings; got the similarity "
            f"{measure.name!r}. Use 'cosine' or 'euclidean'."
        )
    distances = measure.pairwise(x, y)
    terms = torch.where(same, distances.square(), (margin - distances).clamp(min=0).square()) / 2
    return reduce_lists(terms, torch.ones_like(same), reduction)


@marked(takes="logits", distance="verification")
def verification_loss(
    logits: Float[Tensor, " n"], *, same: Bool[Tensor, " n"], reduction: Reduction = "mean"
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Koch's loss: the cross entropy of the log odds that two inputs are of one class.

    .. math:: -y \log \sigma(z) - (1 - y) \log(1 - \sigma(z)), \qquad y = [\text{same}]

    The logits z come from :class:`rankkit.distances.VerificationHead`, the paper's penalty on the weights from the
    weight decay of the optimiser. It is :func:`rankkit.objectives.bce_loss` over lists of one document.

    Args:
        logits: ``[n]``, log odds of "same", one a pair.
        same: ``[n]``, True where both are of one class.
        reduction: ``"mean"`` over pairs, or ``"none"``: ``[n]``.

    Returns:
        Above 0; a scalar, or ``[n]``.

    Example:
        >>> verification_loss(torch.zeros(2), same=torch.tensor([True, False]))  # even odds: log 2 either way
        tensor(0.6931)

    References:
        Koch, Zemel, Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition", ICML workshop 2015,
        section 3.2.
    """
    if logits.dim() != 1:
        raise ShapeError(
            f"verification_loss: expected logits [n], one a pair; got {list(logits.shape)}. "
            "Pass what VerificationHead.pairwise gives."
        )
    check_same("verification_loss", same, logits.shape[0])
    return bce_loss(logits[:, None], same[:, None].to(_float_type(logits)), reduction=reduction)


def _float_type(values: Tensor) -> torch.dtype:
    return values.dtype if values.dtype == torch.float64 else torch.float32
