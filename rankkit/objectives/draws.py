"""Random numbers of objectives: one for each real document, in order of the lists, whatever the padding."""

import torch
from torch import Tensor

from rankkit.randomness import generator_of


def draw_uniform(mask: Tensor, dtype: torch.dtype, generator: torch.Generator | None) -> Tensor:
    """Numbers from 0 to below 1 in the real places of ``[query, list]``, 0 in padded ones.

    The first list draws first, so neither padding nor later lists change what it draws.
    """
    generator = generator_of(mask.device, generator)
    drawn = torch.zeros(mask.shape, dtype=dtype, device=mask.device)
    # Not torch.rand: that takes no generator where torch.compile has made the number of documents a symbol.
    drawn[mask] = torch.empty(int(mask.sum()), dtype=dtype, device=mask.device).uniform_(generator=generator)
    return drawn


def draw_gumbel(mask: Tensor, n_samples: int, dtype: torch.dtype, generator: torch.Generator | None) -> Tensor:
    """Standard Gumbel noise ``[sample, query, list]``, 0 in padded places; the first list draws its samples first."""
    generator = generator_of(mask.device, generator)
    noise = torch.empty(int(mask.sum()), n_samples, dtype=dtype, device=mask.device).exponential_(generator=generator)
    drawn = torch.zeros(*mask.shape, n_samples, dtype=dtype, device=mask.device)
    drawn[mask] = -noise.log()
    return drawn.permute(2, 0, 1)
