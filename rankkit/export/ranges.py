"""Where the training values of each feature lie, as far as a fitted transform knows."""

from itertools import takewhile
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.data.columns.kinds import Bag, Category
from rankkit.data.columns.schema import Schema
from rankkit.models.scorers.columns import ColumnInputs
from rankkit.transforms import Transform
from rankkit.transforms.elementwise import Identity, Log1p, MinMax, Standardize
from rankkit.transforms.quantiles import Piecewise, Quantile

_LARGEST_LOG = 40.0


def feature_ranges(transform: Transform | None, n_features: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Low and high ``[feature]``: minimum and maximum, or mean and two deviations; 0 and 1 where nothing is known.

    Example:
        >>> transform = Transform("minmax", n_inputs=1)
        >>> transform.fit(torch.tensor([[2.0], [6.0]]), torch.tensor([0, 2]))
        >>> feature_ranges(transform, 1)
        (array([2.], dtype=float32), array([6.], dtype=float32))
    """
    for chain in [] if transform is None else transform.chains:
        steps = list(cast(nn.ModuleList, chain))
        before = list(takewhile(lambda step: isinstance(step, Identity | Log1p), steps))
        bounds = _bounds(steps[len(before)]) if len(before) < len(steps) else None
        if bounds is not None:
            for step in reversed(before):
                if isinstance(step, Log1p):
                    bounds = tuple(b.sign() * b.abs().clamp(max=_LARGEST_LOG).expm1() for b in bounds)
            low, high = bounds
            return low.numpy().astype(np.float32), high.numpy().astype(np.float32)
    return np.zeros(n_features, np.float32), np.ones(n_features, np.float32)


def column_ranges(inputs: ColumnInputs, schema: Schema | None) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """As :func:`feature_ranges`, of columns of every kind: codes begin with 0 and end with that of unseen values."""
    low, high = np.zeros(inputs.n_inputs, np.float32), np.ones(inputs.n_inputs, np.float32)
    for name, transform in inputs.transforms():
        places = inputs.places(name)
        low[places], high[places] = feature_ranges(transform, len(places))
    for column in () if schema is None else schema.columns:
        if isinstance(column, Category | Bag) and schema is not None:
            high[schema.spans[column.name]] = column.n_codes
    return low, high


def _bounds(step: Any) -> tuple[Tensor, ...] | None:
    if isinstance(step, Standardize):
        spread = 2 * _inverse(step.inverse_std)
        return step.mean - spread, step.mean + spread
    if isinstance(step, MinMax):
        return step.low, step.low + _inverse(step.inverse_width)
    if isinstance(step, Quantile):
        return torch.minimum(step.knots[:, 0], step.high), step.high
    if isinstance(step, Piecewise):
        return step.low[:, 0], step.high
    return None


def _inverse(scale: Tensor) -> Tensor:
    return torch.where(scale > 0, 1 / scale.where(scale > 0, 1), 0)
