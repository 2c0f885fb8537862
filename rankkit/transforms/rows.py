"""TrainingRows: the rows that a step is fitted on, in blocks, so that a memory-mapped matrix is never loaded whole."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.files.mapped import MappedRows

BLOCK_DOCS = 16_384
BLOCK_NUMBERS = BLOCK_DOCS * 256
"""Of a block of rows with more than 256 features, which has fewer of them."""

Rewrite = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class TrainingRows:
    """Training documents as the steps before have left them, in blocks of whole queries.

    Args:
        features: ``[doc, feature]``, an array (it may be memory-mapped) or a tensor.
        offsets: int64 ``[query + 1]``.
        device: Where the blocks go.
        steps: The steps that rewrite each block, in order.
    """

    features: NDArray[np.floating] | Tensor
    offsets: NDArray[np.int64]
    device: torch.device
    steps: tuple[Rewrite, ...] = ()

    @property
    def n_docs(self) -> int:
        """How many documents."""
        return int(self.offsets[-1])

    def after(self, step: Rewrite) -> "TrainingRows":
        """The same rows, rewritten by one more step."""
        return replace(self, steps=(*self.steps, step))

    def blocks(self) -> Iterator[Tensor]:
        """Blocks ``[doc, feature]`` of whole queries, in order: about 16,384 documents, fewer wide ones."""
        first, n_docs = 0, min(BLOCK_DOCS, BLOCK_NUMBERS // max(1, self.features.shape[1]))
        while first < len(self.offsets) - 1:
            start = self.offsets[first]
            last = max(first + 1, int(np.searchsorted(self.offsets, start + n_docs, side="right")) - 1)
            block = self._read(int(start), int(self.offsets[last]))
            offsets = torch.as_tensor(self.offsets[first : last + 1] - start, device=self.device)
            for step in self.steps:
                block = step(block, offsets)
            yield block
            first = last

    def _read(self, start: int, stop: int) -> Tensor:
        if isinstance(self.features, np.ndarray):
            copied = np.empty((stop - start, *self.features.shape[1:]), np.float32)
            MappedRows(self.features).copy(start, stop, copied)
            rows = torch.from_numpy(copied)
        else:
            rows = self.features[start:stop].detach()
        return rows.to(device=self.device, dtype=torch.float32)

    def sample(self, n_rows: int) -> NDArray[np.float32]:
        """At most ``n_rows`` rows ``[row, feature]``, drawn without replacement; the same ones at every call."""
        chosen = np.arange(self.n_docs)
        if self.n_docs > n_rows:
            chosen = np.sort(np.random.default_rng(0).choice(self.n_docs, n_rows, replace=False))
        picked, start = [], 0
        for block in self.blocks():
            first, last = np.searchsorted(chosen, (start, start + len(block)))
            picked.append(block[torch.from_numpy(chosen[first:last] - start).to(block.device)].cpu().numpy())
            start += len(block)
        return np.concatenate(picked)


@dataclass(frozen=True)
class ColumnStatistics:
    """Float64 ``[feature]`` figures over the finite values of each column; zeros where there is none."""

    mean: Tensor
    std: Tensor
    low: Tensor
    high: Tensor


def column_statistics(rows: TrainingRows) -> ColumnStatistics:
    """Mean, population standard deviation, minimum and maximum of each column, in one pass in float64.

    Blocks are merged by the update of Chan, Golub and LeVeque, which does not lose the spread of a column whose mean
    is far larger. NaN and infinite values are left out.
    """
    count = mean = squares = torch.zeros((), dtype=torch.float64, device=rows.device)
    low, high = torch.full_like(mean, torch.inf), torch.full_like(mean, -torch.inf)
    for block in rows.blocks():
        values = block.double()
        finite = values.isfinite()
        low = torch.minimum(low, values.masked_fill(~finite, torch.inf).amin(dim=0))
        high = torch.maximum(high, values.masked_fill(~finite, -torch.inf).amax(dim=0))
        n = finite.sum(dim=0)
        block_mean = values.masked_fill(~finite, 0).sum(dim=0) / n.clamp(min=1)
        block_squares = (values - block_mean).masked_fill_(~finite, 0).square_().sum(dim=0)
        total = (count + n).clamp(min=1)
        delta = block_mean - mean
        mean = mean + delta * n / total
        squares = squares + block_squares + delta.square() * count * n / total
        count = count + n
    # A constant column can leave 1e-16 of rounding in `squares`; its bounds say exactly that it is constant.
    std = torch.where(high > low, squares / count.clamp(min=1), 0).sqrt()
    return ColumnStatistics(mean, std, low.where(count > 0, 0), high.where(count > 0, 0))


def inverse(scale: Tensor) -> Tensor:
    """``1 / scale``, and 0 where scale is 0: a column without spread gives 0. Never beyond what float32 holds."""
    positive = scale > 0
    # Zeros are replaced before the division as well: their infinite slope would make gradients NaN.
    return torch.where(positive, 1 / scale.where(positive, 1), 0).clamp(max=torch.finfo(torch.float32).max)
