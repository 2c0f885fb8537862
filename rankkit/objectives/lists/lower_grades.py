"""Sums over the documents of lower grade, of every document of a list at once."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def log_sum_of_lower_grades(
    scores: Float[Tensor, "query list"], labels: Float[Tensor, "query list"], mask: Bool[Tensor, "query list"]
) -> tuple[Float[Tensor, "query list"], Bool[Tensor, "query list"]]:
    """For each document the logarithm of the sum of exp(score) over those of lower label, and whether there are any."""
    keys, order = labels.masked_fill(~mask, torch.inf).sort(dim=1, stable=True)
    fill = torch.finfo(scores.dtype).min
    # In float64, for the slopes: see choice_costs.
    running = scores.double().masked_fill(~mask, fill).gather(1, order).logcumsumexp(dim=1)
    n_lower = torch.searchsorted(keys, keys)
    sums = running.gather(1, (n_lower - 1).clamp(min=0))
    places = order.argsort(dim=1)
    return sums.gather(1, places), (n_lower > 0).gather(1, places) & mask
