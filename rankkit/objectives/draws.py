"""Random numbers of objectives: one for each real document, in order of the lists, whatever the padding."""

import torch
from torch import Tensor

from rankkit.placement import known_count
from rankkit.randomness import generator_of


def draw_uniform(mask: Tensor, dtype: torch.dtype, generator: torch.Generator | None) -> Tensor:
    """Numbers from 0 to below 1 in the real places of ``[query, list]``, 0 in padded ones.

    The first list draws first, so neither padding nor later lists change what it draws.
    """
    generator = generator_of(mask.device, generator)
    # Not torch.rand: that takes no generator where torch.compile has made the number of documents a symbol.
    drawn = torch.empty(known_count(mask), dtype=dtype, device=mask.device).uniform_(generator=generator)
    return _placed(drawn, mask)


def draw_gumbel(mask: Tensor, n_samples: int, dtype: torch.dtype, generator: torch.Generator | None) -> Tensor:
    """Standard Gumbel noise ``[sample, query, list]``, 0 in padded places; the first list draws its samples first."""
    generator = generator_of(mask.device, generator)
    noise = torch.empty(known_count(mask), n_samples, dtype=dtype, device=mask.device)
    return _placed(-noise.exponential_(generator=generator).log(), mask).permute(2, 0, 1)


def draw_normal(mask: Tensor, n_samples: int, dtype: torch.dtype, generator: torch.Generator | None) -> Tensor:
    """Standard normal noise ``[sample, query, list]``, 0 in padded places; the first list draws its samples first."""
    generator = generator_of(mask.device, generator)
    drawn = torch.empty(known_count(mask), n_samples, dtype=dtype, device=mask.device).uniform_(generator=generator)
    # Each number from one draw, unlike normal_, by which the lists behind change the numbers of those before. A draw of
    # 0, which would be infinite, becomes half the least other one.
    noise = torch.special.ndtri(drawn.clamp_(min=torch.finfo(dtype).eps / 4))
    return _placed(noise, mask).permute(2, 0, 1)


def _placed(drawn: Tensor, mask: Tensor) -> Tensor:
    """One row for each real document, laid out by list: ``[query, list, ...]``, 0 in padded places."""
    # Counted, since which places of a mask are True only its device knows. Padding reads the row of zeros at the end.
    rows = torch.where(mask, mask.flatten().cumsum(dim=0).view(mask.shape) - 1, -1)
    return torch.cat([drawn, drawn.new_zeros(1, *drawn.shape[1:])])[rows]
