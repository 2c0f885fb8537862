"""The documents of each list in order of their scores, and what ranks and labels are worth in that order.

Ranks are those by falling score, from 1. Documents of equal score stand in the order of rising label (the worst order,
as in rankkit's metrics), and of equal score and label in the order of the list. Padding comes last. Boosting, whose
scores are equal at first and in every leaf afterwards, lets chance order them instead: :func:`ties_by_chance`.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
import torch
from torch import Tensor

from rankkit.objectives.single_derivative import refuse_transforms
from rankkit.placement import is_here
from rankkit.randomness import generator_of
from rankkit.ranking import Gain, discounts

_by_chance: ContextVar[bool] = ContextVar("rankkit_ties_by_chance", default=False)


@contextmanager
def ties_by_chance() -> Iterator[None]:
    """Documents of equal score stand in an order that is drawn anew for each :class:`ScoreOrder`, by the run."""
    before = _by_chance.set(True)
    try:
        yield
    finally:
        _by_chance.reset(before)


class ScoreOrder:
    """The documents of each list by falling score, and back."""

    def __init__(self, scores: Tensor, labels: Tensor, mask: Tensor) -> None:
        refuse_transforms("lambda weights")
        self.labels, self.mask = labels, mask
        self.positions = torch.arange(1, labels.shape[1] + 1, device=labels.device)
        listed = scores.masked_fill(~mask, -torch.inf)
        self.order = _argsort_falling(listed)
        by_rank = listed.gather(1, self.order)
        as_before = (by_rank[:, 1:] == by_rank[:, :-1]) & (by_rank[:, 1:] > -torch.inf)
        if is_here(labels) and not bool(as_before.any()):  # elsewhere to ask takes longer than to order again
            return
        if _by_chance.get():
            keys = torch.rand(labels.shape, generator=generator_of(labels.device), device=labels.device)
            # Documents of equal score share a whole number, the keys fall between these: one sort of single numbers.
            groups = torch.nn.functional.pad((~as_before).cumsum(dim=1), (1, 0))
            within = _argsort_falling(-(groups.double() + keys.gather(1, self.order)))
            self.order = self.order.gather(1, within)
        else:
            first_by = labels.masked_fill(~mask, torch.inf).argsort(dim=1, stable=True)
            by_score = listed.gather(1, first_by).argsort(dim=1, descending=True, stable=True)
            self.order = first_by.gather(1, by_score)

    def at_ranks(self, values: Tensor) -> Tensor:
        """Values of documents, laid out by rank."""
        return values.gather(1, self.order)

    def of_documents(self, values: Tensor) -> Tensor:
        """Values of ranks (of every list, or the same for all), laid out by document."""
        return torch.empty_like(self.order, dtype=values.dtype).scatter_(1, self.order, values.expand_as(self.order))

    def discounts(self, k: int | None) -> Tensor:
        """What each rank is worth, 0 below k."""
        return cut(discounts(self.positions.to(self.labels.dtype)), k)

    def reciprocals(self, k: int | None) -> Tensor:
        """One over each rank, 0 below k."""
        return cut(1 / self.positions.to(self.labels.dtype), k)

    def gains_of_ideal(self, k: int | None, gain: Gain) -> Tensor:
        """The gains of the documents over the DCG@k of the best order; 0 where no document has a gain.

        The gain ``2^y - 1`` is counted in units of ``2^`` the greatest label of the list, so that no label overflows.
        """
        falling = _sort_falling(self.labels.masked_fill(~self.mask, -torch.inf))
        unit = falling[:, :1] if gain == "exp" else None
        worth = torch.where(falling > -torch.inf, _gains_in(falling, unit) * self.discounts(k), 0)
        ideal = worth.sum(dim=1, keepdim=True)
        return torch.where(ideal > 0, _gains_in(self.labels, unit) / ideal, 0)


def _argsort_falling(values: Tensor) -> Tensor:
    """The order of falling values along lists; numpy's is some times faster than torch's on the CPU."""
    if is_here(values):
        return torch.from_numpy(np.argsort(-values.numpy(), axis=1))
    return values.argsort(dim=1, descending=True)


def _sort_falling(values: Tensor) -> Tensor:
    if is_here(values):
        return -torch.from_numpy(np.sort(-values.numpy(), axis=1))
    return values.sort(dim=1, descending=True).values


def _gains_in(labels: Tensor, unit: Tensor | None) -> Tensor:
    return labels if unit is None else torch.exp2(labels - unit) - torch.exp2(-unit)


def cut(by_rank: Tensor, k: int | None) -> Tensor:
    """The values of ranks, those below k set to 0 in place."""
    if k is not None:
        by_rank[k:] = 0
    return by_rank
