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
    return values * (_largest(values) / values.detach().abs()).clamp(max=1)


def limited_rows(rows: Tensor) -> Tensor:
    """As :func:`limited`, each row as a whole by its largest number, so that its direction stays.

    >>> limited_rows(torch.tensor([[3.0, -4.0]])).tolist()
    [[3.0, -4.0]]
    """
    return rows * (_largest(rows) / rows.detach().abs().amax(dim=1, keepdim=True)).clamp(max=1)


def _largest(values: Tensor) -> float:
    return float(torch.finfo(values.dtype).max ** 0.5 / 2**20)
