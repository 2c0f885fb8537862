"""gathered(): the first layer of a scorer over a piecewise encoding, without the encoding.

Of the ``n_bins`` numbers that :class:`rankkit.transforms.quantiles.Piecewise` gives a feature all but one are 0 or 1,
so that most of a matrix product over them adds what could have been summed before. The layer is a table of such sums at
the edges of the bins, made anew from the weights in each step; a document reads two rows a feature. On the CPU that is
compiled (:mod:`rankkit.models.scorers.gather_kernels`), elsewhere tensor code
(:mod:`rankkit.models.scorers.gather_rows`).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.weak import WeakTensorKeyDictionary

from rankkit.models.scorers.gather_rows import gathered_rows
from rankkit.phases import phase
from rankkit.placement import is_here
from rankkit.transforms.quantiles import Piecewise
from rankkit.transforms.tracing import tracing
from rankkit.transforms.transform import Step, Transform, run_steps

_FEWEST_DOCS = 8  # below, the table costs more than the product
_THREAD_SUMS = 20_000_000  # numbers to be added that are worth a second thread


class Products(NamedTuple):
    """A linear layer by its numbers alone.

    Args:
        weight: ``[output, input]``.
        bias: ``[output]``; None: none.
    """

    weight: Tensor
    bias: Tensor | None


def can_gather(transform: nn.Module, linear: nn.Module, features: Tensor) -> bool:
    """Whether :func:`gathered` gives what the layer gives on the transformed features, sooner.

    Nobody may look at the encoding: not a tracer, a gradient with respect to features, or a hook.
    """
    if type(transform) is not Transform or not any(isinstance(chain[-1], Piecewise) for chain in transform.steps()):
        return False
    hooked = any(one._forward_hooks or one._forward_pre_hooks for one in (transform, linear))
    single = features.dtype == cast(Tensor, linear.weight).dtype == torch.float32
    is_looked_at = tracing() or features.requires_grad or torch._C._are_functorch_transforms_active()
    return single and not hooked and not is_looked_at and len(features) >= _FEWEST_DOCS


def gathered(transform: Transform, linear: nn.Linear | Products, features: Tensor, offsets: Tensor) -> Tensor:
    """What ``linear(transform(features, offsets))`` gives, up to rounding.

    Args:
        transform: Of which :func:`can_gather` holds.
        linear: The layer, or its numbers.
        features: float32 ``[doc, feature]``.
        offsets: ``[query + 1]``.
    """
    features = transform.given(features)
    transform.check(features)
    with phase("transform"):
        made = [run_steps(_before_bins(chain), features, offsets) for chain in transform.steps()]
    plain: list[Tensor] = []
    of_plain: list[Tensor] = []
    coded: list[Tensor] = []
    place = 0
    for chain, values in zip(transform.steps(), made, strict=True):
        step = chain[-1]
        weights = linear.weight[:, place : place + step.n_outputs]
        place += step.n_outputs
        if isinstance(step, Piecewise):
            bins = step.low, step.inverse_width, step.high
            if not is_here(values):
                coded.append(gathered_rows(weights, values, step))
            elif torch.is_grad_enabled() and linear.weight.requires_grad:
                coded.append(_apply(weights, values, *bins))
            else:
                table = _kept_table(linear.weight, weights, step.inverse_width)
                coded.append(_sums(table, *_codes(values, *bins)))
        else:
            plain.append(values)
            of_plain.append(weights)
    outputs: Tensor
    if plain:
        inputs, columns = (one[0] if len(one) == 1 else torch.cat(one, dim=1) for one in (plain, of_plain))
        outputs = functional.linear(inputs, columns, linear.bias)
    else:
        outputs = features.new_zeros(len(linear.weight)) if linear.bias is None else linear.bias
        outputs = outputs.expand(len(features), -1)
    for one in coded:
        outputs = outputs + one
    return outputs


def _before_bins(chain: list[Step]) -> list[Step]:
    """The steps before that of the bins; all where there is none."""
    return chain[:-1] if isinstance(chain[-1], Piecewise) else chain


class _Gathered(torch.autograd.Function):
    """A linear layer over the encoding of values, by its weights ``[output, feature * bin]``."""

    @staticmethod
    def forward(ctx: Any, weights: Tensor, values: Tensor, low: Tensor, slope: Tensor, high: Tensor) -> Tensor:
        ctx.save_for_backward(slope)
        ctx.codes = _codes(values, low, slope, high)
        return _sums(_table(weights, slope), *ctx.codes)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None, None, None]:
        from rankkit.models.scorers import gather_kernels as kernels

        (slope,), (bins, shares) = ctx.saved_tensors, ctx.codes
        n_features, n_bins = slope.shape
        of_outputs = gradients[0].float().contiguous().numpy()
        of_table: NDArray[np.float32] = np.zeros((n_features, n_bins + 1, of_outputs.shape[1]), np.float32)
        _shared_out(
            lambda first, last: kernels.add_gradients(of_outputs, bins, shares, of_table, first, last),
            n_features,
            of_outputs.shape[1] * bins.size,
        )
        # A weight is in the value at every edge after its bin.
        later = torch.from_numpy(of_table)[:, 1:].flip(1).cumsum(dim=1).flip(1) * (slope > 0)[:, :, None]
        return later.reshape(n_features * n_bins, -1).t(), None, None, None, None


Bins = NDArray[np.uint32]
Shares = NDArray[np.float32]
_tables: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
"""Of weights that are only read: their tables."""


def _codes(values: Tensor, low: Tensor, slope: Tensor, high: Tensor) -> tuple[Bins, Shares]:
    """The bin of each value, and how far it has come through it."""
    from rankkit.models.scorers import gather_kernels as kernels

    bins, shares = np.empty(values.shape, np.uint32), np.empty(values.shape, np.float32)
    with phase("transform"):
        kernels.find_bins(values.contiguous().numpy(), low.numpy(), slope.numpy(), high.numpy(), bins, shares)
    return bins, shares


def _table(weights: Tensor, slope: Tensor) -> Tensor:
    """What each feature gives at the edges of its bins: ``[feature, bin + 1, output]``."""
    n_features, n_bins = slope.shape
    table = torch.zeros(n_features, n_bins + 1, len(weights))
    steps = weights.detach().t().reshape(n_features, n_bins, -1) * (slope > 0)[:, :, None]
    torch.cumsum(steps, dim=1, out=table[:, 1:])
    return table


def freeze(scorer: nn.Module) -> None:
    """Look at the weights of first layers no more: they stay as they are from now on, for as long as the scorer lives.

    A table of them is else compared with the weights whenever it is used, which costs as much as a third of a list of
    100 documents.

    Args:
        scorer: Whose weights nobody changes any more.
    """
    for parameter in scorer.parameters():
        _tables[parameter] = _Tables(None)


class _Tables:
    """The tables made of a parameter, by the place of their columns, and what it was like; None: it never changes."""

    def __init__(self, state: bytes | None) -> None:
        self.state = state
        self.by_place: dict[tuple[int, ...], Tensor] = {}


def _kept_table(whole: Tensor, weights: Tensor, slope: Tensor) -> Tensor:
    """As :func:`_table`, made once for as long as the weights stay as they are.

    They are looked through each time, unless they are frozen: whoever changes weights through ``.data`` leaves no
    other trace.

    Args:
        whole: The parameter that the weights are a part of.
        weights: Columns of it.
        slope: Of the bins.
    """
    kept = _tables.get(whole)
    if kept is None or kept.state is not None:
        state = _digest(whole) + _digest(slope)
        if kept is None or kept.state != state:
            kept = _tables[whole] = _Tables(state)
    place = (weights.storage_offset(), *weights.shape)
    if place not in kept.by_place:
        kept.by_place[place] = _table(weights, slope)
    return cast(Tensor, kept.by_place[place])


def _digest(values: Tensor) -> bytes:
    """A digest of the bits of a tensor, read several numbers at once."""
    from rankkit.models.scorers import gather_kernels as kernels

    bits = values.detach().contiguous().numpy().reshape(-1)
    if bits.ctypes.data % 8:  # of a file that is mapped into memory
        bits = bits.copy()
    odd = bits.size % 2
    lanes = kernels.digest(bits[: bits.size - odd].view(np.uint64))
    return lanes.tobytes() + bits[bits.size - odd :].tobytes()


def _sums(table: Tensor, bins: Bins, shares: Shares) -> Tensor:
    """What the features of each document give together."""
    from rankkit.models.scorers import gather_kernels as kernels

    sums = torch.zeros(len(bins), table.shape[2])
    rows, into = table.numpy(), sums.numpy()
    _shared_out(
        lambda first, last: kernels.add_rows(rows, bins, shares, into, first, last),
        len(bins),
        table.shape[2] * bins.size,
    )
    return sums


def _apply(*given: Tensor) -> Tensor:
    return cast(Tensor, _Gathered.apply(*given))  # type: ignore[no-untyped-call]


def _shared_out(loop: Callable[[int, int], None], n: int, n_sums: int) -> None:
    """Call a loop on parts of a range, in as many threads as torch has and are worth it; each writes its own part."""
    n_parts = max(1, min(torch.get_num_threads(), n, n_sums // _THREAD_SUMS))
    if n_parts == 1:
        loop(0, n)
        return
    # A pool a call survives a fork, where a lasting one hangs.
    with ThreadPoolExecutor(n_parts) as pool:
        bounds = pairwise(np.linspace(0, n, n_parts + 1).astype(int).tolist())
        for done in [pool.submit(loop, *part) for part in bounds]:
            done.result()
