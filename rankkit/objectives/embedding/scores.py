"""From embeddings to what the cores of ranking objectives take: nearness as score, and who is relevant."""

from collections.abc import Callable

import torch
from torch import Tensor

from rankkit.distances import Distance, find_distance, nearness

AnyDistance = str | Distance | Callable[[Tensor, Tensor], Tensor]


def scores_of_pairs(distance: AnyDistance, x: Tensor, y: Tensor) -> Tensor:
    """How near row i of x is to row i of y, ``[n]``."""
    measure = find_distance(distance)
    return nearness(measure, measure.pairwise(x, y))


def scores_of_sets(distance: AnyDistance, x: Tensor, y: Tensor) -> Tensor:
    """How near each row of x is to each row of y, ``[n, m]``."""
    measure = find_distance(distance)
    return nearness(measure, measure.matrix(x, y))


def others_by_class(classes: Tensor) -> tuple[Tensor, Tensor]:
    """For each row as anchor: which rows are of its class ``[n, n]``, and which count at all: all but itself."""
    alike = classes[:, None] == classes[None, :]
    others = ~torch.eye(classes.shape[0], dtype=torch.bool, device=classes.device)
    return alike & others, others


def log_one_plus_sum(exponents: Tensor, chosen: Tensor) -> Tensor:
    """``log(1 + sum of exp)`` over the chosen entries of each row, ``[n]``; 0 with a zero gradient where none is."""
    if exponents.shape[1] == 0:
        return exponents.sum(dim=1)
    kept = exponents.masked_fill(~chosen, torch.finfo(exponents.dtype).min / 4).logsumexp(dim=1)
    return -torch.nn.functional.logsigmoid(-kept)  # torch's softplus is linear above 20
