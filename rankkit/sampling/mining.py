"""mine_triplets(): the triplets of a batch that are worth training on."""

import math

import torch
from torch import Tensor

from rankkit.distances import Distance, Euclidean
from rankkit.errors import ConfigError, DataError
from rankkit.randomness import generator_of
from rankkit.sampling.batch_costs import BatchCosts, check_margin, check_rule, measure_batch
from rankkit.sampling.classes import Labels
from rankkit.sampling.mined import Mined

TRIPLET_RULES = ("all", "hard", "semi_hard", "batch_hard", "distance_weighted")
_MOST_TRIPLETS = 20_000_000
_NEAREST = 0.5  # distances on the unit sphere: below it all weigh alike, from the other on nothing is drawn
_FARTHEST = 1.4
_UNIT = 1e-3


def mine_triplets(
    embeddings: Tensor,
    labels: Labels,
    *,
    how: str = "semi_hard",
    distance: str | Distance = "squared_euclidean",
    margin: float = 0.2,
    generator: torch.Generator | None = None,
) -> Mined:
    r"""Triplets of rows of a batch; D is the distance, or the negated similarity.

    - ``"all"``: every triplet there is.
    - ``"hard"``: for every pair of one class, the nearest negative of the anchor.
    - ``"semi_hard"``: for every pair of one class, the nearest negative that is farther than the positive, by less than
      the margin: :math:`D_{ap} < D_{an} < D_{ap} + m`; pairs without such a negative are left out.
    - ``"batch_hard"``: for every anchor, its farthest positive and its nearest negative.
    - ``"distance_weighted"``: for every pair of one class, a negative drawn with a weight inverse to how common its
      distance is between random points of the unit sphere, :math:`q(D) \propto D^{d-2} (1 - D^2 / 4)^{(d-3)/2}`.
      Distances below 0.5 weigh as 0.5, negatives from 1.4 on are drawn only where there is no nearer one, then all
      alike. D is here Euclidean, whatever ``distance`` says, and the embeddings have length 1.

    Of negatives equally far the first row is taken. Anchors without a positive or without a negative make no triplet.
    Memory is a few ``[n, n]`` matrices; for ``"all"`` one bool for each pair of one class and each row, and 25 bytes a
    triplet.

    Args:
        embeddings: ``[n, n_dims]``, finite; no gradient flows.
        labels: ``[n]``.
        how: The rule.
        distance: As of the objective: ``encoder.distance`` or a name.
        margin: As of the objective, in the unit of the distance. ``math.inf`` for one without: then all are active.
        generator: For ``"distance_weighted"``, on the device of the embeddings; None draws from torch's global one.

    Returns:
        Rows of the batch, in the order of anchors, then positives; and which triplets are active, that is
        :math:`D_{ap} - D_{an} + m > 0`.

    Raises:
        ConfigError: If an option cannot work, or ``"all"`` would make more than 20 million triplets.
        ShapeError: If there is not one label a row.
        DataError: If embeddings are not finite, or not of length 1 where the rule asks for it.

    Example:
        Anchor 0 and positive 1 are 1 apart, and the negatives lie at 0.5 and 1.5 of the anchor.

        >>> x = torch.tensor([[0.0], [1.0], [-0.5], [-1.5]])
        >>> mined = mine_triplets(x, torch.tensor([0, 0, 1, 2]), how="semi_hard", distance="euclidean", margin=1.0)
        >>> list(zip(mined.anchor.tolist(), mined.positive.tolist(), mined.negative.tolist()))
        [(0, 1, 3), (1, 0, 2)]
        >>> mined
        Mined(2 triplets, 100.0% active)

    References:
        Schroff, Kalenichenko, Philbin, "FaceNet", CVPR 2015, section 3.2 (hard, semi-hard); Hermans, Beyer, Leibe, "In
        Defense of the Triplet Loss for Person Re-Identification", 2017 (batch hard); Wu, Manmatha, Smola, Krähenbühl,
        "Sampling Matters in Deep Embedding Learning", ICCV 2017, section 4 (distance weighted).
    """
    where = "mine_triplets"
    check_rule(where, how, TRIPLET_RULES)
    check_margin(where, margin)
    batch = measure_batch(where, embeddings, labels, distance)
    with torch.no_grad():
        if not bool(batch.same.any() & batch.different.any()):
            anchor = positive = negative = torch.empty(0, dtype=torch.int64, device=batch.costs.device)
        elif how == "all":
            anchor, positive, negative = _all(where, batch)
        elif how == "batch_hard":
            anchor, positive, negative = _batch_hard(batch)
        elif how == "hard":
            anchor, positive, negative = _of_pairs(batch, _nearest(batch).expand_as(batch.same), batch.different.any(1))
        elif how == "semi_hard":
            anchor, positive, negative = _semi_hard(batch, margin)
        else:
            negatives = _weighted(where, batch, embeddings.detach(), generator)
            anchor, positive, negative = _of_pairs(batch, negatives, batch.different.any(1))
        active = batch.costs[anchor, positive] - batch.costs[anchor, negative] + margin > 0
    return Mined(anchor, positive, negative, active)


_Triplets = tuple[Tensor, Tensor, Tensor]


def _of_pairs(batch: BatchCosts, negatives: Tensor, usable: Tensor) -> _Triplets:
    """The pairs of one class whose anchor is usable, with ``negatives[anchor, positive]``."""
    anchor, positive = (batch.same & usable[:, None]).nonzero(as_tuple=True)
    return anchor, positive, negatives[anchor, positive]


def _all(where: str, batch: BatchCosts) -> _Triplets:
    n_triplets = int((batch.same.sum(1) * batch.different.sum(1)).sum())
    if n_triplets > _MOST_TRIPLETS:
        raise ConfigError(
            f"{where}: expected at most {_MOST_TRIPLETS:,} triplets for how='all'; got {n_triplets:,}. "
            "Take smaller batches, or another rule."
        )
    anchor, positive = batch.same.nonzero(as_tuple=True)
    pair, negative = batch.different[anchor].nonzero(as_tuple=True)
    return anchor[pair], positive[pair], negative


def _nearest(batch: BatchCosts) -> Tensor:
    """The nearest negative of each anchor ``[n, 1]``."""
    return batch.costs.masked_fill(~batch.different, math.inf).argmin(1, keepdim=True)


def _batch_hard(batch: BatchCosts) -> _Triplets:
    farthest = batch.costs.masked_fill(~batch.same, -math.inf).argmax(1)
    anchor = (batch.same.any(1) & batch.different.any(1)).nonzero()[:, 0]
    return anchor, farthest[anchor], _nearest(batch)[anchor, 0]


def _semi_hard(batch: BatchCosts, margin: float) -> _Triplets:
    ordered, rows = batch.costs.masked_fill(~batch.different, math.inf).sort(dim=1, stable=True)
    place = torch.searchsorted(ordered, batch.costs.contiguous(), right=True)  # the first that is farther
    there = place < ordered.shape[1]
    place = place.clamp(max=ordered.shape[1] - 1)
    found = ordered.gather(1, place)
    good = batch.same & there & found.isfinite() & (batch.costs - found + margin > 0)
    anchor, positive = good.nonzero(as_tuple=True)
    return anchor, positive, rows.gather(1, place)[anchor, positive]


def _weighted(where: str, batch: BatchCosts, embeddings: Tensor, generator: torch.Generator | None) -> Tensor:
    """A negative drawn for each place of ``[n, n]`` that is a pair of one class."""
    n_dims = embeddings.shape[1]
    lengths = torch.linalg.vector_norm(embeddings.double(), dim=1)
    rounding = torch.finfo(embeddings.dtype).eps if embeddings.is_floating_point() else 0.0
    if n_dims < 2 or bool(((lengths - 1).abs() > max(_UNIT, rounding)).any()):
        raise DataError(
            f"{where}: expected embeddings of length 1 in two dimensions or more for how='distance_weighted'; got "
            f"other ones. Use an encoder with output='unit'."
        )
    distances = Euclidean().matrix(embeddings.double(), embeddings.double())
    near = distances.clamp(min=_NEAREST, max=_FARTHEST)
    commonness = (n_dims - 2) * near.log() + (n_dims - 3) / 2 * torch.log1p(-(near**2) / 4)
    allowed = batch.different & (distances < _FARTHEST)
    commonness = commonness.masked_fill(~allowed, math.inf)
    weights = (commonness.amin(1, keepdim=True) - commonness).exp()  # inf - inf where there is none to draw
    weights = torch.where(allowed.any(1, keepdim=True), weights, batch.different.double())
    weights[weights.sum(1) == 0] = 1.0  # a row without negatives, which is left out later
    n_draws = int(batch.same.sum(1).max())
    draws = torch.multinomial(weights, n_draws, replacement=True, generator=generator_of(weights.device, generator))
    which = (batch.same.cumsum(1) - 1).clamp(min=0)  # the first, second, ... positive of its anchor
    return draws.gather(1, which)
