"""mine_pairs(): the pairs of a batch that are worth training on."""

import math

import torch
from torch import Tensor

from rankkit.distances import Distance
from rankkit.errors import ConfigError
from rankkit.randomness import generator_of
from rankkit.sampling.batch_costs import BatchCosts, check_margin, check_rule, measure_batch
from rankkit.sampling.classes import Labels
from rankkit.sampling.mined import MinedPairs

PAIR_RULES = ("all", "balanced", "hard", "batch_hard")


def mine_pairs(
    embeddings: Tensor,
    labels: Labels,
    *,
    how: str = "hard",
    distance: str | Distance = "euclidean",
    margin: float | None = 1.0,
    generator: torch.Generator | None = None,
) -> MinedPairs:
    """Pairs of rows of a batch, for an objective that takes pairs.

    - ``"all"``: every pair once. With many classes nearly all of them are different.
    - ``"balanced"``: every pair of one class, and as many different ones, drawn at random.
    - ``"hard"``: every pair of one class, and as many different ones, the nearest first.
    - ``"batch_hard"``: for every row, its farthest row of the same class and its nearest of another; a pair that two
      rows choose comes once.

    Of pairs equally far the first is taken. Memory is a few ``[n, n]`` matrices.

    Args:
        embeddings: ``[n, n_dims]``, finite; no gradient flows.
        labels: ``[n]``.
        how: The rule.
        distance: As of the objective: ``encoder.distance`` or a name.
        margin: As of :func:`rankkit.contrastive_loss`: a pair is active if it is of one class and above 0 apart, or
            different and nearer than the margin. None for an objective without a margin: then all are active.
        generator: For ``"balanced"``, on the CPU; None draws from torch's global one.

    Returns:
        Rows of the batch with ``first < second``, in rising order.

    Raises:
        ConfigError: If an option cannot work; a margin needs a distance whose smaller values are nearer.
        ShapeError: If there is not one label a row.
        DataError: If embeddings are not finite.

    Example:
        >>> x = torch.tensor([[0.0], [0.5], [0.75], [3.0]])
        >>> mined = mine_pairs(x, torch.tensor([0, 0, 1, 2]), how="hard")
        >>> mined.first.tolist(), mined.second.tolist(), mined.same.tolist()
        ([0, 1], [1, 2], [True, False])
    """
    where = "mine_pairs"
    check_rule(where, how, PAIR_RULES)
    batch = measure_batch(where, embeddings, labels, distance)
    if margin is not None:
        check_margin(where, margin)
        if batch.distance.nearer == "larger":
            raise ConfigError(
                f"{where}: expected a distance whose smaller values are nearer, for a margin; got "
                f"{batch.distance.name!r}. Pass margin=None."
            )
    with torch.no_grad():
        if how == "balanced":
            chosen = _balanced(batch, generator)
        else:
            chosen = {"all": _all, "hard": _hard, "batch_hard": _batch_hard}[how](batch)
        first, second = chosen.nonzero(as_tuple=True)
        same, costs = batch.same[first, second], batch.costs[first, second]
        active = torch.ones_like(same) if margin is None else torch.where(same, costs > 0, costs < margin)
    return MinedPairs(first, second, same, active)


def _all(batch: BatchCosts) -> Tensor:
    return torch.ones_like(batch.same).triu(1)


def _balanced(batch: BatchCosts, generator: torch.Generator | None) -> Tensor:
    alike = batch.same.triu(1)
    first, second = batch.different.triu(1).nonzero(as_tuple=True)
    generator = generator_of(torch.device("cpu"), generator)
    drawn = torch.randperm(len(first), generator=generator).to(first.device)[: int(alike.sum())]
    alike[first[drawn], second[drawn]] = True
    return alike


def _hard(batch: BatchCosts) -> Tensor:
    alike = batch.same.triu(1)
    first, second = batch.different.triu(1).nonzero(as_tuple=True)
    order = batch.costs[first, second].argsort(stable=True)[: int(alike.sum())]
    alike[first[order], second[order]] = True
    return alike


def _batch_hard(batch: BatchCosts) -> Tensor:
    chosen = torch.zeros_like(batch.same)
    rows = torch.arange(len(chosen), device=chosen.device)
    if len(rows):
        chosen[rows, batch.costs.masked_fill(~batch.same, -math.inf).argmax(1)] = True
        chosen &= batch.same
        nearest = torch.zeros_like(chosen)
        nearest[rows, batch.costs.masked_fill(~batch.different, math.inf).argmin(1)] = True
        chosen |= nearest & batch.different
    return (chosen | chosen.T).triu(1)
