"""Objectives on pairs: contrastive and verification. The label is ``same``, never a bare y."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from rankkit.distances import find_distance
from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives.documents.limits import limited_rows
from rankkit.objectives.documents.pointwise import bce_loss
from rankkit.objectives.embedding.inputs import check_rows, check_same
from rankkit.objectives.embedding.scores import AnyDistance
from rankkit.objectives.options import check_number
from rankkit.ranking import Reduction, reduce_lists


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

    .. math::
        \tfrac{1}{2} D^2 \text{ where same}, \qquad \tfrac{1}{2} \max(0, m - D)^2 \text{ elsewhere}

    D is *not* squared inside the hinge. The widely printed ``max(0, D^2 - m^2)`` is wrong: it attracts pairs that shall
    be apart, so that under either reading of the label nothing repels and a constant embedding costs 0.

    The gradient in D is D for a pair of one class, -(m - D) for another one nearer than the margin, and 0 beyond; where
    two embeddings are equal it is 0, so that equal embeddings of different classes are not driven apart.

    *No pair*: 0, with zero gradients.

    Args:
        x: Embeddings; bfloat16 and float16 are computed in float32.
        y: Embeddings, row i the partner of row i of x.
        same: True where both are of one class. (Hadsell's Y is 0 there; Koch's y is 1.)
        margin: How far apart different classes shall be, in units of the distance, above 0. Find one on the scale of
            the embeddings with :func:`suggest_margin`.
        distance: Name, :class:`rankkit.distances.Distance` or callable, smaller for nearer; ``encoder.distance``.
        reduction: ``"mean"`` over pairs, or ``"none"``: one value a pair.

    Returns:
        At least 0; a scalar, or ``[n]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ, or ``same`` is not boolean.
        ConfigError: If an option has a value that cannot work, or the distance is a similarity.

    Example:
        A distance of .6 costs ``.6^2 / 2`` in one class and ``(1 - .6)^2 / 2`` between two.

        >>> import torch
        >>> x, y = torch.zeros(2, 1), torch.full((2, 1), 0.6)
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


contrastive_loss.takes = "pairs"  # type: ignore[attr-defined]


def verification_loss(
    logits: Float[Tensor, " n"], *, same: Bool[Tensor, " n"], reduction: Reduction = "mean"
) -> Float[Tensor, ""] | Float[Tensor, " n"]:
    r"""Koch's loss: the cross entropy of the log odds that two inputs are of one class.

    .. math::
        -y \log \sigma(z) - (1 - y) \log(1 - \sigma(z)), \qquad y = [\text{same}]

    The logits z come from :class:`rankkit.distances.VerificationHead`, the paper's penalty on the weights from the
    weight decay of the optimiser. It is :func:`rankkit.objectives.bce_loss` over lists of one document.

    *No pair*: 0, with zero gradients.

    Args:
        logits: Log odds of "same", one a pair; bfloat16 and float16 are computed in float32.
        same: True where both are of one class.
        reduction: ``"mean"`` over pairs, or ``"none"``: one value a pair.

    Returns:
        Above 0; a scalar, or ``[n]`` for ``reduction="none"``.

    Raises:
        ShapeError: If the shapes differ, or ``same`` is not boolean.

    Example:
        Even odds cost ``log 2`` either way.

        >>> import torch
        >>> verification_loss(torch.zeros(2), same=torch.tensor([True, False]))
        tensor(0.6931)

    References:
        Koch, Zemel, Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition", ICML Deep Learning
        Workshop 2015, section 3.2.
    """
    if logits.dim() != 1:
        raise ShapeError(
            f"verification_loss: expected logits [n], one a pair; got {list(logits.shape)}. "
            "Pass what VerificationHead.pairwise gives."
        )
    check_same("verification_loss", same, logits.shape[0])
    return bce_loss(logits[:, None], same[:, None].to(_float_type(logits)), reduction=reduction)


verification_loss.takes = "logits"  # type: ignore[attr-defined]
verification_loss.distance = "verification"  # type: ignore[attr-defined]


def _float_type(values: Tensor) -> torch.dtype:
    return values.dtype if values.dtype == torch.float64 else torch.float32
