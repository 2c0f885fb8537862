"""Numbers that are squared, kept from overflowing."""

import torch
from torch import Tensor


def limited(values: Tensor) -> Tensor:
    """The values, those whose square is beyond the type scaled down to the largest that is not.

    That largest is ``sqrt(max) / 2^20``, 1.8e13 in float32, so that 10^12 squares can be added up. The scale carries no
    gradient: where a value is scaled, so is its gradient, which keeps its sign. Infinity becomes NaN.

    >>> limited(torch.tensor([3.0, -1e30])).tolist()
    [3.0, -17592184995840.0]
    """
    largest = torch.finfo(values.dtype).max ** 0.5 / 2**20
    return values * (largest / values.detach().abs()).clamp(max=1)
