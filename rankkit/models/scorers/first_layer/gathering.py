"""gathered(): the first layer of a scorer over a piecewise encoding, without the encoding.

Of the ``n_bins`` numbers that :class:`rankkit.transforms.quantiles.Piecewise` gives a feature all but one are 0 or 1,
so that most of a matrix product over them adds what could have been summed before. The layer is a table of such sums at
the edges of the bins, made anew from the weights in each step; a document reads two rows a feature. On the CPU that is
compiled (:mod:`rankkit.models.scorers.first_layer.gather_kernels`), elsewhere tensor code
(:mod:`rankkit.models.scorers.first_layer.gather_rows`).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.weak import WeakTensorKeyDictionary

from rankkit.models.scorers.first_layer.gather_rows import gathered_rows
from rankkit.phases import phase
from rankkit.placement import is_here
from rankkit.transforms.quantiles import Piecewise
from rankkit.transforms.tracing import tracing
from rankkit.transforms.transform import Step, Transform, run_steps

_FEWEST_DOCS = 8  # below, the table costs more than the product
_THREAD_SUMS = 20_000_000  # numbers to be added that are worth a second thread
_SUMS_A_SEARCH = 100  # numbers that are added in the time in which the bin of a value is found


class Products(NamedTuple):
    """A linear layer whose matrix is made of parameters, and only where it is needed.

    Args:
        parts: The parameters that the matrix is made of.
        weight: Gives the matrix, ``[output, input]``.
        bias: ``[output]``; None: none.
    """

    parts: tuple[Tensor, ...]
    weight: Callable[[], Tensor]
    bias: Tensor | None


def has_bins(transform: object) -> bool:
    """Whether a layer over a transform's outputs can be read from a table: one of its chains ends in bins."""
    return type(transform) is Transform and any(isinstance(chain[-1], Piecewise) for chain in transform.steps())


def can_gather(transform: nn.Module, linear: nn.Module, features: Tensor) -> bool:
    """Whether :func:`gathered` gives what the layer gives on the transformed features, sooner.

    Nobody may look at the encoding: not a tracer, a gradient with respect to features, or a hook.
    """
    if not has_bins(transform):
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
    chains = transform.steps()
    with phase("transform"):
        made = [run_steps(_before_bins(chain), features, offsets) for chain in chains]
    layer = linear if isinstance(linear, Products) else Products((linear.weight,), lambda: linear.weight, linear.bias)
    ends = [chain[-1] for chain in chains]
    places = [0, *accumulate(step.n_outputs for step in ends)]
    on_host = is_here(features)
    if on_host and not (torch.is_grad_enabled() and any(part.requires_grad for part in layer.parts)):
        return _by_tables(layer, ends, made, _kept(layer, ends, places))
    coded: list[Tensor] = []
    plain: list[tuple[Tensor, Tensor]] = []
    weight = layer.weight()
    for step, values, columns in zip(ends, made, pairwise(places), strict=True):
        weights = weight[:, slice(*columns)]
        if isinstance(step, Piecewise) and on_host:
            coded.append(_apply(weights, values, step.low, step.inverse_width, step.high))
        elif isinstance(step, Piecewise):
            coded.append(gathered_rows(weights, values, step))
        else:
            plain.append((values, weights))
    outputs: Tensor
    if plain:
        outputs = _products(plain, layer.bias)
    else:
        outputs = torch.zeros_like(coded[0]) if layer.bias is None else layer.bias[None]
    for one in coded:
        outputs = outputs + one
    return outputs


def _by_tables(layer: Products, ends: list[Step], made: list[Tensor], kept: list[Tensor]) -> Tensor:
    """What a layer gives whose weights are only read.

    Args:
        layer: For its bias.
        ends: The last step of each chain.
        made: Of each chain the values before its bins, or its outputs.
        kept: Of each chain what :func:`_kept` gave.
    """
    chains = list(zip(ends, made, kept, strict=True))
    plain = [(values, columns) for step, values, columns in chains if not isinstance(step, Piecewise)]
    if plain:
        sums = _products(plain, layer.bias).float()  # under autocast it has half of the bits
    else:
        sums = torch.zeros(len(made[0]), kept[0].shape[2])
        if layer.bias is not None:
            sums = sums + layer.bias  # which may learn where the weights do not
    for step, values, table in chains:
        if isinstance(step, Piecewise):
            _add(sums, table, *_codes(values, step.low, step.inverse_width, step.high))
    return sums


def _products(plain: list[tuple[Tensor, Tensor]], bias: Tensor | None) -> Tensor:
    """What chains without bins give together, by their outputs and the columns of the weights that are theirs."""
    inputs, columns = (one[0] if len(one) == 1 else torch.cat(one, dim=1) for one in zip(*plain, strict=True))
    return functional.linear(inputs, columns, bias)


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
        from rankkit.models.scorers.first_layer import gather_kernels as kernels

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
    from rankkit.models.scorers.first_layer import gather_kernels as kernels

    bins, shares = np.empty(values.shape, np.uint32), np.empty(values.shape, np.float32)
    rows, of_bins = values.contiguous().numpy(), (low.numpy(), slope.numpy(), high.numpy())

    def find(first: int, last: int) -> None:
        kernels.find_bins(rows[first:last], *of_bins, bins[first:last], shares[first:last])

    with phase("transform"):
        _shared_out(find, len(rows), rows.size * _SUMS_A_SEARCH)
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
    """What was made of a layer's weights, by the place of their columns, and their state; None: they never change."""

    def __init__(self, state: bytes | None) -> None:
        self.state = state
        self.by_place: dict[tuple[int, int], Tensor] = {}


def _kept(layer: Products, ends: list[Step], places: list[int]) -> list[Tensor]:
    """Of each chain the table of its bins, or its columns, made once for as long as the weights stay as they are.

    They are looked through each time, unless they are frozen: whoever changes weights through ``.data`` leaves no
    other trace.

    Args:
        layer: Whose weights are only read.
        ends: The last step of each chain.
        places: Where the columns of each chain begin; and where the last ones end.
    """
    kept = _tables.get(layer.parts[0])
    if kept is None or kept.state is not None:
        seen = [*layer.parts, *(step.inverse_width for step in ends if isinstance(step, Piecewise))]
        state = b"".join(map(_digest, seen))
        if kept is None or kept.state != state:
            kept = _tables[layer.parts[0]] = _Tables(state)
    by_place = cast(_Tables, kept).by_place
    if not by_place:
        weight = layer.weight().detach()
        for step, columns in zip(ends, pairwise(places), strict=True):
            weights = weight[:, slice(*columns)]
            # A copy: what is kept must not hold on to the parameter that it is kept by.
            by_place[columns] = _table(weights, step.inverse_width) if isinstance(step, Piecewise) else weights.clone()
    return [by_place[columns] for columns in pairwise(places)]


def _digest(values: Tensor) -> bytes:
    """A digest of the bits of a tensor, read several numbers at once."""
    from rankkit.models.scorers.first_layer import gather_kernels as kernels

    held = values.detach().contiguous()
    bits = held.numpy().reshape(-1)
    if held.data_ptr() % 8:  # of a file that is mapped into memory
        bits = bits.copy()
    odd = bits.size % 2
    lanes = kernels.digest(bits[: bits.size - odd].view(np.uint64))
    return lanes.tobytes() + bits[bits.size - odd :].tobytes()


def _sums(table: Tensor, bins: Bins, shares: Shares) -> Tensor:
    """What the features of each document give together."""
    sums = torch.zeros(len(bins), table.shape[2])
    _add(sums, table, bins, shares)
    return sums


def _add(sums: Tensor, table: Tensor, bins: Bins, shares: Shares) -> None:
    """Add that to ``sums``, ``[doc, output]``."""
    from rankkit.models.scorers.first_layer import gather_kernels as kernels

    rows, into = table.numpy(), sums.detach().numpy()
    _shared_out(
        lambda first, last: kernels.add_rows(rows, bins, shares, into, first, last),
        len(bins),
        table.shape[2] * bins.size,
    )


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
