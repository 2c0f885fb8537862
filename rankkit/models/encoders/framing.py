"""InkFrame: drawings brought to the middle and to one size, before anything is learnt."""

import torch
from torch import Tensor, nn
from torch.nn import functional

_LEAST_INK = 1e-6


class InkFrame(nn.Module):
    """Moves the centre of a drawing's ink to the middle and scales the ink to one size; nothing is learnt.

    For strokes that stand anywhere in the picture and in any size, as handwriting; not where size or height tells
    classes apart, as of "c" and "C". Ink is 1 on 0.

    Args:
        radius: Root mean square distance of the ink from its centre afterwards, in half sides of the picture.

    Example:
        Ink in columns 1 and 2 of 8 comes to lie around the middle, 3.5.

        >>> picture = torch.zeros(1, 1, 8, 8)
        >>> picture[0, 0, 1:7, 1:3] = 1.0
        >>> by_column = InkFrame()(picture)[0, 0].sum(dim=0)
        >>> round(float((by_column * torch.arange(8)).sum() / by_column.sum()), 2)
        3.5
    """

    def __init__(self, radius: float = 0.6) -> None:
        super().__init__()
        self.radius = radius

    def forward(self, inputs: Tensor) -> Tensor:
        """``[n, channels, height, width]`` to the same shape; an empty picture stays empty."""
        ink = inputs.sum(dim=1)
        total = ink.sum(dim=(1, 2)).clamp(min=_LEAST_INK)
        left, spread_left = _moments(ink.sum(dim=1), total)
        top, spread_top = _moments(ink.sum(dim=2), total)
        # Between a third and twice the size: a dot is no reason to look at its pixels one by one.
        size = ((spread_left + spread_top).clamp(min=0).sqrt() / self.radius).clamp(0.3, 2.0)
        columns = size[:, None] * _places(ink[:, 0]) + left[:, None]
        rows = size[:, None] * _places(ink[:, :, 0]) + top[:, None]
        grid = torch.stack([columns[:, None, :].expand_as(ink), rows[:, :, None].expand_as(ink)], dim=3)
        return functional.grid_sample(inputs, grid, align_corners=False)


def _places(line: Tensor) -> Tensor:
    """Where the pixels ``[n, side]`` of one axis are, ``[side]`` from -1 to 1."""
    side = line.shape[1]
    return (torch.arange(side, dtype=line.dtype, device=line.device) + 0.5) / side * 2 - 1


def _moments(ink: Tensor, total: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance ``[n]`` of where the ink is along one axis ``[n, side]``, from -1 to 1."""
    places = _places(ink)
    mean = (ink * places).sum(dim=1) / total
    return mean, (ink * (places - mean[:, None]).square()).sum(dim=1) / total
