"""Steps that treat each value by itself: none, log1p, standardize, minmax, missing."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from rankkit.transforms.rows import TrainingRows, column_statistics, inverse

LIMIT = 10.0
LARGEST_LOG = 88.8  # just above log1p of the largest float32


class Identity(nn.Module):
    """The value itself."""

    needs_fit: ClassVar[bool] = False
    missing: ClassVar[float | None] = 0.0

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs

    def fit(self, rows: TrainingRows) -> None:
        """Nothing is learnt."""

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """The features as they came."""
        return features

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return names


class Log1p(nn.Module):
    """``sign(x) * log(1 + |x|)``: shortens heavy tails, keeps order and sign."""

    needs_fit: ClassVar[bool] = False
    missing: ClassVar[float | None] = 0.0

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs

    def fit(self, rows: TrainingRows) -> None:
        """Nothing is learnt."""

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]``; an infinite value counts as the largest float32."""
        return features.sign() * features.abs().log1p().clamp(max=LARGEST_LOG)

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return [f"log1p({name})" for name in names]


class Standardize(nn.Module):
    """``(x - mean) / std`` of the training rows, limited to 10 standard deviations; a constant feature gives 0."""

    needs_fit: ClassVar[bool] = True
    missing: ClassVar[float | None] = 0.0

    mean: Tensor
    inverse_std: Tensor

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs
        self.register_buffer("mean", torch.zeros(n_inputs))
        self.register_buffer("inverse_std", torch.zeros(n_inputs))

    def fit(self, rows: TrainingRows) -> None:
        """Learn mean and population standard deviation of each feature."""
        statistics = column_statistics(rows)
        self.mean.copy_(statistics.mean)
        self.inverse_std.copy_(inverse(statistics.std))

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]`` within -10..10."""
        # Mean and deviation are not folded into one product: x * a - b loses digits where mean is far above std.
        return (features - self.mean).mul_(self.inverse_std).clamp_(-LIMIT, LIMIT)

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return [f"standardize({name})" for name in names]


class MinMax(nn.Module):
    """``(x - min) / (max - min)`` of the training rows, limited to 0..1; a constant feature gives 0."""

    needs_fit: ClassVar[bool] = True
    missing: ClassVar[float | None] = 0.0

    low: Tensor
    inverse_width: Tensor

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs
        self.register_buffer("low", torch.zeros(n_inputs))
        self.register_buffer("inverse_width", torch.zeros(n_inputs))

    def fit(self, rows: TrainingRows) -> None:
        """Learn minimum and maximum of each feature."""
        statistics = column_statistics(rows)
        self.low.copy_(statistics.low)
        self.inverse_width.copy_(inverse(statistics.high - statistics.low))

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]`` within 0..1."""
        return (features - self.low).mul_(self.inverse_width).clamp_(0, 1)

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return [f"minmax({name})" for name in names]


class Missing(nn.Module):
    """1 where a value is missing and 0 elsewhere, of features that are missing in some training rows; else 0.

    Beside ``piecewise`` it is the bin of missing values, which has there none of its own: a missing value is in no bin,
    as the smallest one is, and only this tells the two apart. What was never missing in training stays 0 at scoring,
    since nothing was learnt of it.
    """

    needs_fit: ClassVar[bool] = True
    missing: ClassVar[float | None] = None  # forward() itself lets no NaN through

    was_missing: Tensor

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs
        self.register_buffer("was_missing", torch.zeros(n_inputs))

    def fit(self, rows: TrainingRows) -> None:
        """Learn which features are missing in some rows."""
        for block in rows.blocks():
            torch.maximum(self.was_missing, block.isnan().any(dim=0).to(self.was_missing), out=self.was_missing)

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]`` of 0 and 1."""
        return features.isnan().to(features.dtype) * self.was_missing

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return [f"missing({name})" for name in names]
