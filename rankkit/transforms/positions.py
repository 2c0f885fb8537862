"""Steps by the order of the documents of a query: their rank, and the gap to the next better one. Nothing is learnt."""

from typing import ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from rankkit.placement import is_here
from rankkit.transforms.queries import FLOAT32_MAX, query_of, reduced
from rankkit.transforms.rows import TrainingRows, inverse
from rankkit.transforms.tracing import tracing


class QueryRank(nn.Module):
    """Rank by the value within the query: the lowest 0, the highest 1, equal values the mean of theirs.

    A document that is compared with no other gets 0.5.
    """

    needs_fit: ClassVar[bool] = False
    missing: ClassVar[float | None] = 0.5

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs

    def fit(self, rows: TrainingRows) -> None:
        """Nothing is learnt."""

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]`` within 0..1; NaN values are not counted and stay NaN."""
        if _by_loop(features):
            return _filled("fill_ranks", features, offsets)
        found = _ordered(features, offsets)
        n_others = (found.last - found.start - 1).to(features.dtype)
        mean_rank = (found.first - found.start).to(features.dtype) + (found.n_equal - 1).to(features.dtype) / 2
        ranks = torch.where(n_others > 0, mean_rank / n_others.clamp(min=1), 0.5)
        return torch.zeros_like(features).scatter(0, found.doc, ranks).masked_fill(features.isnan(), torch.nan)

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return [f"query_rank({name})" for name in names]


class QueryGap(nn.Module):
    """The next higher value of the query less the value, as a share of the range there; 0 of the highest value."""

    needs_fit: ClassVar[bool] = False
    missing: ClassVar[float | None] = 0.0

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_outputs = n_inputs

    def fit(self, rows: TrainingRows) -> None:
        """Nothing is learnt."""

    def forward(self, features: Tensor, offsets: Tensor) -> Tensor:
        """``[doc, feature]`` within 0..1; NaN values are left out and stay NaN."""
        if _by_loop(features):
            return _filled("fill_gaps", features, offsets)
        found = _ordered(features, offsets)
        values = features.double().clamp(-FLOAT32_MAX, FLOAT32_MAX).nan_to_num(nan=0.0).gather(0, found.doc)
        n_docs = features.shape[0]

        def at(places: Tensor) -> Tensor:
            return values.gather(0, places.clamp(min=0, max=n_docs - 1))

        after = found.first + found.n_equal
        has_better = (after < found.last) & (found.first < found.last)
        width = torch.where(has_better, at(found.last - 1) - at(found.start), 0)
        gaps = torch.where(has_better, at(after) - values, 0) * inverse(width)
        by_doc = torch.zeros_like(features).scatter(0, found.doc, gaps.to(features.dtype))
        return by_doc.masked_fill(features.isnan(), torch.nan)

    def output_names(self, names: list[str]) -> list[str]:
        """One name an output."""
        return [f"query_gap({name})" for name in names]


class _Ordered(NamedTuple):
    """The documents by query and within it by rising value, missing ones last; int64 ``[doc, feature]`` each.

    Args:
        doc: The document that stands there.
        start: The first place of its query.
        last: The place after the last one of its query that is not missing.
        first: The first place of its value.
        n_equal: Documents of this value in the query.
    """

    doc: Tensor
    start: Tensor
    last: Tensor
    first: Tensor
    n_equal: Tensor


def _ordered(features: Tensor, offsets: Tensor) -> _Ordered:
    n_docs, n_features = features.shape
    missing = features.isnan()
    query = query_of(offsets, n_docs)
    # Two sorts of numbers without ties that matter, as exporters know no stable one: all values get their place among
    # the distinct ones, which then stands behind the query in one whole number.
    values, by_value = features.detach().clamp(-FLOAT32_MAX, FLOAT32_MAX).masked_fill(missing, torch.inf).sort(dim=0)
    number = torch.zeros_like(by_value).scatter(0, by_value, _run(values))
    keys, doc = (query[:, None] * (n_docs + 1) + number).sort(dim=0)
    run = _run(keys)
    place = torch.arange(n_docs, device=features.device)[:, None].expand(n_docs, n_features)
    n_equal = torch.zeros_like(run).scatter_add(0, run, torch.ones_like(run)).gather(0, run)
    first = torch.zeros_like(run).scatter_reduce(0, run, place, "amin", include_self=False).gather(0, run)
    n_there = reduced((~missing).to(torch.int64), query, offsets.shape[0] - 1, "sum")
    of_place = query[:, None].expand(n_docs, n_features)  # whole queries follow one another, as in the input
    start = offsets[:-1][query][:, None].expand(n_docs, n_features)
    return _Ordered(doc, start, start + n_there.gather(0, of_place), first, n_equal)


def _by_loop(features: Tensor) -> bool:
    """Whether a compiled loop may take the place of tensor operations: nobody asks how the values came about."""
    is_looked_at = tracing() or features.requires_grad or torch._C._are_functorch_transforms_active()
    return is_here(features) and features.dtype == torch.float32 and not is_looked_at


def _filled(loop: str, features: Tensor, offsets: Tensor) -> Tensor:
    from rankkit.transforms import position_kernels as kernels

    result = np.empty(features.shape, np.float32)
    getattr(kernels, loop)(features.contiguous().numpy(), offsets.contiguous().numpy(), result)
    return torch.from_numpy(result)


def _run(rising: Tensor) -> Tensor:
    """int64: how many other values a column had before that of a row, where equal ones follow one another."""
    # roll() lays the last row before the first one: a slice less than all rows has a size of its own to exporters.
    is_new = (rising != rising.roll(1, 0)).to(torch.int64)
    return is_new.cumsum(0) - is_new[:1]
