"""A margin on the scale of the embeddings."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from rankkit.distances import find_distance, nearness
from rankkit.errors import DataError
from rankkit.objectives.embedding.inputs import AnyDistance, check_rows
from rankkit.objectives.options import check_choice

MarginOf = Literal["contrastive", "triplet"]

# Share of what two unrelated embeddings are apart. Contrastive: other classes end as far apart as unrelated directions.
# Triplet: FaceNet's .2, where unrelated embeddings of length 1 are 2 apart in squared distance.
_SHARES: dict[str, float] = {"contrastive": 1.0, "triplet": 0.1}


def suggest_margin(
    distance: AnyDistance,
    embeddings: Float[Tensor, "n dim"],
    *,
    objective: MarginOf = "triplet",
) -> float:
    r"""A margin in the unit of a distance, from how far apart unrelated embeddings of these lengths would be.

    .. math:: m = c \cdot \operatorname{mean}_i \left(s(x_i, x_i) - s(x_i, r_i)\right)

    with s the nearness (minus the distance), r the embeddings with every sign drawn at random, and c = 1 for the
    contrastive loss, 1/10 for the triplet loss. Distances within the batch say little, as an untrained encoder puts
    everything into one corner; lengths do not depend on that. For embeddings of length 1 it is about FaceNet's .2 for
    squared distances, .1 for cosines, .14 for Euclidean distances (contrastive: 1.41). A place to begin; a sweep finds
    the best.

    Args:
        distance: Name, :class:`rankkit.distances.Distance` or callable: that of the objective.
        embeddings: ``[n, n_dims]``, of a batch, by the encoder as it is before training; no gradient is taken.
        objective: What the margin is for.

    Returns:
        Above 0, in units of the distance; the same for the same embeddings.

    Raises:
        DataError: If there is no embedding, or they are zero, or not finite.

    Example:
        >>> embeddings = torch.nn.functional.normalize(torch.ones(1000, 8), dim=1)
        >>> round(suggest_margin("squared_euclidean", embeddings), 1)
        0.2
    """
    check_choice("suggest_margin", "objective", objective, MarginOf)
    (rows,) = check_rows("suggest_margin", embeddings=embeddings.detach())
    if rows.shape[0] == 0:
        raise DataError("suggest_margin: expected at least one embedding; got none. Embed a batch first.")
    measure = find_distance(distance)
    generator = torch.Generator().manual_seed(0)
    signs = torch.randint(0, 2, rows.shape, generator=generator).to(rows) * 2 - 1
    with torch.no_grad():
        apart = nearness(measure, measure.pairwise(rows, rows)) - nearness(
            measure, measure.pairwise(rows, rows * signs)
        )
    spread = apart.double().mean().item()
    if not 0 < spread < float("inf"):
        raise DataError(
            f"suggest_margin: expected embeddings with a length above 0, and a distance that tells them apart; "
            f"got a spread of {spread:g}. Check the encoder's output, or pass a margin yourself."
        )
    return _SHARES[objective] * spread
