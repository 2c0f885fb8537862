"""Steps built on training quantiles: quantile (the distribution function) and piecewise (piecewise-linear encoding)."""

from typing import ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.transforms.rows import TrainingRows, inverse
from rankkit.transforms.tracing import tracing

SAMPLE_ROWS = 200_000
BOUND = 1e38  # the difference of two edges must be a finite float32


def sorted_columns(rows: TrainingRows) -> list[NDArray[np.float32]]:
    """The finite values of each column, sorted, within +-1e38; from at most 200,000 rows drawn with a fixed seed."""
    columns = np.sort(np.ascontiguousarray(rows.sample(SAMPLE_ROWS).T), axis=1)
    return [column[np.isfinite(column)].clip(-BOUND, BOUND) for column in columns]


def bin_edges(values: NDArray[np.float32], n_bins: int) -> NDArray[np.float32]:
    """Distinct edges of at most ``n_bins`` bins over sorted values: quantiles, where heavy values count once.

    A value that holds more than an even share of the rows (zero, in a sparse feature) would be the quantile at many
    levels and leave as many bins empty. It becomes one edge, and the other edges are quantiles of the remaining rows.
    Without such a value these are the plain quantiles.

    >>> bin_edges(np.array([0, 0, 0, 0, 0, 0, 1, 2, 3, 4], np.float32), n_bins=3)
    array([0. , 1. , 2.5, 4. ], dtype=float32)
    """
    distinct, counts = np.unique(values, return_counts=True)
    if len(distinct) <= n_bins + 1:
        return distinct
    heavy = np.zeros(len(distinct), dtype=bool)
    while True:
        # There is always a bin left: were every bin taken, all values would be heavy, and there are more than bins.
        n_left = n_bins - heavy.sum()
        new = ~heavy & (counts >= counts[~heavy].sum() / n_left)
        if not new.any():
            break
        heavy |= new
    rest = np.repeat(distinct[~heavy], counts[~heavy]).astype(np.float64)
    quantiles = np.quantile(rest, np.linspace(0, 1, n_left + 1))
    return np.union1d(distinct[heavy], quantiles.astype(np.float32))


class Quantile(nn.Module):
    """The share of training rows below x (ties counted half), linear between 128 quantiles; a constant gives 0.5."""

    needs_fit: ClassVar[bool] = True
    missing: ClassVar[float | None] = 0.5

    knots: Tensor
    heights: Tensor
    slopes: Tensor
    high: Tensor

    def __init__(self, n_inputs: int, n_bins: int = 128) -> None:
        super().__init__()
        self.n_outputs = n_inputs
        self.n_bins = n_bins
        self.register_buffer("knots", torch.full((n_inputs, n_bins + 1), torch.inf))
        self.register_buffer("heights", torch.zeros(n_inputs, n_bins + 1))
        self.register_buffer("slopes", torch.zeros(n_inputs, n_bins + 1))
        self.register_buffer("high", torch.zeros(n_inputs))

    def fit(self, rows: TrainingRows) -> None:
        """Learn the knots of each feature; unused ones lie at infinity."""
        knots = np.full(self.knots.shape, np.inf)
        heights, slopes = np.full(self.knots.shape, 0.5), np.zeros(self.knots.shape)
        for feature, values in enumerate(sorted_columns(rows)):
            edges = bin_edges(values, self.n_bins) if len(values) else np.zeros(1, np.float32)
            n_rows = max(len(values), 1)
            height = (np.searchsorted(values, edges, "left") + np.searchsorted(values, edges, "right")) / (2 * n_rows)
            width = np.maximum(np.diff(edges.astype(np.float64)), np.finfo(np.float32).tiny)
            knots[feature, : len(edges)] = edges
            heights[feature, : len(edges)] = height if len(values) else 0.5
            slopes[feature, : len(edges) - 1] = np.minimum(np.diff(height) / width, np.finfo(np.float32).max)
        self.knots.copy_(torch.from_numpy(knots))
        self.heights.copy_(torch.from_numpy(heights))
        self.slopes.copy_(torch.from_numpy(slopes))
        self.high.copy_(torch.from_numpy(np.where(np.isfinite(knots), knots, -np.inf).max(axis=1)))

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]`` within 0..1."""
        inside = torch.clamp(features, self.knots[:, 0], self.high)
        left = (self._n_knots_up_to(inside) - 1).clamp_(0, self.n_bins)
        left = left + torch.arange(self.n_outputs, device=left.device) * (self.n_bins + 1)
        heights, slopes, knots = (table.flatten()[left] for table in (self.heights, self.slopes, self.knots))
        return heights + (inside - knots) * slopes

    def _n_knots_up_to(self, features: Tensor) -> Tensor:
        if tracing():
            # Exporters know no searchsorted; comparing with every knot counts the same number.
            return (features[:, :, None] >= self.knots).sum(dim=-1)
        return torch.searchsorted(self.knots, features.t().contiguous(), right=True).t()

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return [f"quantile({name})" for name in names]


class Piecewise(nn.Module):
    r"""Piecewise-linear encoding over training quantiles: each feature becomes ``n_bins`` numbers in 0..1.

    .. math:: e_t = \mathrm{clip}\left(\frac{x - b_{t-1}}{b_t - b_{t-1}}, 0, 1\right), \quad t = 1, \dots, T

    Differences from the paper: the first and the last bin are clipped at both ends (the paper leaves them open, so a
    value far outside the training range would dominate the network), and a value that holds more than its share of the
    rows takes one edge rather than several (:func:`bin_edges`). A feature with fewer distinct values than bins leaves
    bins unused, and those are always 0; so is all of a constant feature.

    References:
        Gorishniy, Rubachev, Babenko, "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022,
        equation 1, bins from quantiles (section 3.2).
    """

    needs_fit: ClassVar[bool] = True
    missing: ClassVar[float | None] = None  # forward() itself gives 0 in every bin

    low: Tensor
    inverse_width: Tensor
    high: Tensor

    def __init__(self, n_inputs: int, n_bins: int = 24) -> None:
        super().__init__()
        self.n_outputs = n_inputs * n_bins
        self.n_bins = n_bins
        self.register_buffer("low", torch.zeros(n_inputs, n_bins))
        self.register_buffer("inverse_width", torch.zeros(n_inputs, n_bins))
        self.register_buffer("high", torch.zeros(n_inputs))

    def fit(self, rows: TrainingRows) -> None:
        """Learn the bins of each feature; unused ones have no slope."""
        edges = np.zeros((len(self.low), self.n_bins + 1))
        for feature, values in enumerate(sorted_columns(rows)):
            if len(values):
                found = bin_edges(values, self.n_bins)
                edges[feature] = np.pad(found, (0, self.n_bins + 1 - len(found)), mode="edge")
        self.low.copy_(torch.from_numpy(edges[:, :-1]))
        self.inverse_width.copy_(inverse(torch.from_numpy(np.diff(edges, axis=1))))
        self.high.copy_(torch.from_numpy(edges[:, -1]))

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature * n_bins]``: the bins of feature 0, then those of feature 1, ..."""
        return (self.inside(features)[:, :, None] - self.low).mul_(self.inverse_width).clamp_(0, 1).flatten(1)

    def inside(self, features: Tensor) -> Tensor:
        """``[doc, feature]`` within the bins, a missing value at the beginning of the first."""
        low = self.low[:, 0]
        return torch.clamp(features.where(~features.isnan(), low), low, self.high)

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output: the feature and the number of its bin."""
        return [f"piecewise({name})[{n}]" for name in names for n in range(self.n_bins)]
