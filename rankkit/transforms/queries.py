"""Steps within each query: how a document compares with the others of its list. Nothing is learnt."""

from typing import ClassVar

import torch
from torch import Tensor, nn

from rankkit.transforms.rows import TrainingRows, inverse

FLOAT32_MAX = torch.finfo(torch.float32).max
NEGLIGIBLE = 1e-6  # a spread below this share of the mean is rounding of float32


class QueryStandardize(nn.Module):
    """``(x - mean) / std`` over the documents of the query; a feature without spread there gives 0."""

    needs_fit: ClassVar[bool] = False
    missing: ClassVar[float | None] = 0.0

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs

    def fit(self, rows: TrainingRows) -> None:
        """Nothing is learnt."""

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]``; NaN values are left out of mean and deviation and stay NaN."""
        values, present, query = _finite(features, offsets)
        n_queries = offsets.shape[0] - 1
        count = reduced(present.to(values.dtype), query, n_queries, "sum").clamp(min=1)
        mean = reduced(values.where(present, 0), query, n_queries, "sum") / count
        centred = values - mean[query]
        variance = reduced(centred.square().where(present, 0), query, n_queries, "sum") / count
        spread = variance > (NEGLIGIBLE * mean).square()
        inverse_std = torch.where(spread, variance.where(spread, 1).rsqrt(), 0)
        return (centred * inverse_std[query]).to(features.dtype)

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return [f"query_standardize({name})" for name in names]


class QueryMinMax(nn.Module):
    """``(x - min) / (max - min)`` over the documents of the query; a feature without spread there gives 0."""

    needs_fit: ClassVar[bool] = False
    missing: ClassVar[float | None] = 0.0

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs

    def fit(self, rows: TrainingRows) -> None:
        """Nothing is learnt."""

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]`` within 0..1; NaN values are left out of both bounds and stay NaN."""
        values, present, query = _finite(features, offsets)
        n_queries = offsets.shape[0] - 1
        low = reduced(values.where(present, torch.inf), query, n_queries, "amin")[query]
        high = reduced(values.where(present, -torch.inf), query, n_queries, "amax")[query]
        return ((values - low) * inverse(high - low)).to(features.dtype)

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return [f"query_minmax({name})" for name in names]


class QueryShare(nn.Module):
    """``x / max |x|`` over the documents of the query: of a feature from 0 up its share of the maximum.

    A feature that is 0 for all of them gives 0.
    """

    needs_fit: ClassVar[bool] = False
    missing: ClassVar[float | None] = 0.0

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs

    def fit(self, rows: TrainingRows) -> None:
        """Nothing is learnt."""

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]`` within -1..1; NaN values are left out of the maximum and stay NaN."""
        values, present, query = _finite(features, offsets)
        largest = reduced(values.abs().where(present, 0), query, offsets.shape[0] - 1, "amax")
        # Divided, not multiplied by an inverse: the largest value is to be 1 to the last digit.
        shares = torch.where(largest[query] > 0, values / largest.where(largest > 0, 1)[query], values * 0)
        return shares.to(features.dtype)

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return [f"query_share({name})" for name in names]


def query_of(offsets: Tensor, n_docs: int) -> Tensor:
    """int64 ``[doc]``: the query of each document."""
    # Each query that ends before a document raises the count by one; a search or repeat would not export.
    ends = torch.zeros(n_docs + 1, dtype=torch.int64, device=offsets.device)
    ends = ends.scatter_add(0, offsets[1:], torch.ones_like(offsets[1:]))
    return ends.cumsum(0)[:n_docs]


def _finite(features: Tensor, offsets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Values in float64 with infinite ones brought to the largest float32, where they are not NaN, and their query."""
    query = query_of(offsets, features.shape[0])
    return features.double().clamp(-FLOAT32_MAX, FLOAT32_MAX), ~features.isnan(), query


def reduced(values: Tensor, query: Tensor, n_queries: int, how: str) -> Tensor:
    """``[query, feature]``: the sum, minimum or maximum of the rows of each query; 0 for a query without documents."""
    result = values.new_zeros(n_queries, values.shape[1])
    return result.scatter_reduce(0, query[:, None].expand_as(values), values, how, include_self=False)
