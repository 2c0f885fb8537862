"""A layer over piecewise encodings as tensor code, for devices: rows of a table forward, a product backward.

Forward a document reads two neighbouring rows of a table a feature, as in
:mod:`rankkit.models.scorers.first_layer.gather_kernels`, and no encoding is written. The gradient of the table would be
a sum that many documents add to at once, in an order that differs from one time to the next; so backward the encoding
is written after all, of a few documents at a time, and multiplied: the same numbers each time, and no memory between.
"""

from typing import Any, cast

import torch
from torch import Tensor
from torch.nn import functional

from rankkit.phases import phase
from rankkit.placement import block_length
from rankkit.transforms.quantiles import Piecewise


def gathered_rows(weights: Tensor, values: Tensor, step: Piecewise) -> Tensor:
    """What ``linear(step(values))`` gives, up to rounding, by the weights of the layer: ``[doc, output]``.

    Args:
        weights: ``[output, feature * bin]``, differentiable, once.
        values: float32 ``[doc, feature]`` on the device of the weights.
        step: The encoding.
    """
    return cast(Tensor, _Rows.apply(weights, values, step))  # type: ignore[no-untyped-call]


class _Rows(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weights: Tensor, values: Tensor, step: Piecewise) -> Tensor:
        ctx.save_for_backward(values)
        ctx.step = step
        table = _table(weights, step).flatten(0, 1)
        n_features = len(step.low)
        n_docs = block_length(len(values), 2 * n_features * _BYTES_OF_ROW, values.device)
        return torch.cat([_sums(table, block, step) for block in values.split(n_docs)])

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (values,), step, of_outputs = ctx.saved_tensors, ctx.step, gradients[0].float()
        found = of_outputs.new_zeros(of_outputs.shape[1], step.n_outputs)
        n_docs = block_length(len(values), 2 * step.n_outputs * of_outputs.element_size(), values.device)
        for block, given in zip(values.split(n_docs), of_outputs.split(n_docs), strict=True):
            found.addmm_(given.t(), step(block, None))
        return found, None, None


_BYTES_OF_ROW = 24  # of a place among the rows and a weight of it, with what they are computed from


def _table(weights: Tensor, step: Piecewise) -> Tensor:
    """What each feature gives at the edges of its bins: ``[feature, bin + 1, output]``."""
    n_features, n_bins = step.inverse_width.shape
    each = weights.t().reshape(n_features, n_bins, -1) * (step.inverse_width > 0)[:, :, None]
    return functional.pad(each.cumsum(dim=1), (0, 0, 1, 0))


def _sums(table: Tensor, values: Tensor, step: Piecewise) -> Tensor:
    """What the features of each document give together, by the rows ``[feature * (bin + 1), output]``."""
    with phase("transform"):
        inside = step.inside(values).t().contiguous()
        bins = (torch.searchsorted(step.low, inside, right=True) - 1).clamp_(min=0)
        low, slope = (edges.gather(1, bins) for edges in (step.low, step.inverse_width))
        shares = (inside - low).mul_(slope).clamp_(0, 1).t()
        firsts = torch.arange(len(step.low), device=values.device) * (step.n_bins + 1)
        rows = bins.t() + firsts
    places, parts = torch.cat([rows, rows + 1], dim=1), torch.cat([1 - shares, shares], dim=1)
    return functional.embedding_bag(places, table, mode="sum", per_sample_weights=parts)
