"""Where tensors are, and what the host knows of those that lie on a device, so that nobody has to wait for it.

A device works behind the host's back: the host sends it what to do and goes on. Whoever asks for a number that lies
there waits until all before it is done. Shapes are the host's, and follow from the lengths of lists; whoever makes a
batch knows these before the device does, and :func:`known_offsets` and :func:`known_count` hand them on to whoever
meets the tensors, since a scorer's ``forward`` and an objective take these alone.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

_as_elsewhere: ContextVar[bool] = ContextVar("rankkit_as_elsewhere", default=False)
_offsets: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
"""Of offsets on a device, for as long as they live: the same on the host."""
_counts: WeakTensorKeyDictionary = WeakTensorKeyDictionary()
"""Of masks on a device, for as long as they live: how many of their places are True."""

_BLOCK_SHARE = 0.05  # of the free memory, for what lives as long as a block of work
_LEAST_BLOCK = 32 * 2**20  # bytes: there must be as much, and smaller ones leave a device idle
_LARGEST_BLOCK = 2 * 2**30


def is_here(tensor: Tensor) -> bool:
    """Whether compiled loops of the CPU may read a tensor."""
    on_cpu = tensor.device.type == "cpu"
    return on_cpu if torch.compiler.is_compiling() else on_cpu and not _as_elsewhere.get()


@contextmanager
def as_on_device() -> Iterator[None]:
    """Tensors of the CPU go the way of those on a device, so that it can be tried where there is none."""
    before = _as_elsewhere.set(True)
    try:
        yield
    finally:
        _as_elsewhere.reset(before)


def sent(tensor: Tensor, device: torch.device) -> Tensor:
    """A tensor of the host on a device, through pinned memory, so that nobody waits; on the CPU the tensor itself."""
    if device.type == "cpu" or tensor.device.type != "cpu":
        return tensor.to(device)
    return tensor.pin_memory().to(device, non_blocking=True)


def know_offsets(offsets: Tensor, host: Tensor) -> Tensor:
    """The offsets, of which :func:`known_offsets` gives ``host`` from now on; neither is changed in place."""
    if offsets.device.type != "cpu":
        _offsets[offsets] = host
    return offsets


def known_offsets(offsets: Tensor) -> Tensor:
    """Offsets on the host: themselves there, else what is known of them, else a copy, which waits for the device.

    >>> offsets = torch.tensor([0, 2])
    >>> known_offsets(offsets) is offsets
    True
    """
    if offsets.device.type == "cpu":
        return offsets
    known: Tensor | None = _offsets.get(offsets)
    if known is None:
        known = offsets.cpu()
        know_offsets(offsets, known)
    return known


def longest_list(offsets: Tensor) -> int:
    """How many documents the longest list has; 0 where there is none."""
    sizes = known_offsets(offsets).diff()
    return int(sizes.max()) if len(sizes) else 0


def know_count(mask: Tensor, count: int) -> Tensor:
    """The mask, of which :func:`known_count` gives that number from now on; it is not changed in place."""
    if mask.device.type != "cpu":
        _counts[mask] = count
    return mask


def known_count(mask: Tensor) -> int:
    """How many places of a mask are True, which waits for a device that nobody told of it.

    >>> known_count(torch.tensor([[True, True], [True, False]]))
    3
    """
    is_asked = mask.device.type == "cpu" or torch.compiler.is_compiling()
    known: int | None = None if is_asked else _counts.get(mask)
    return int(mask.sum()) if known is None else known


def places_of(mask: Tensor) -> Tensor:
    """The places of a flattened mask that are True, rising.

    >>> places_of(torch.tensor([[True, False], [True, True]]))
    tensor([0, 2, 3])
    """
    if is_here(mask):
        return mask.flatten().nonzero()[:, 0]
    return (~mask.flatten()).to(torch.uint8).argsort(stable=True)[: known_count(mask)]


def free_bytes(device: torch.device) -> int:
    """How much memory of a CUDA device this process may still take."""
    free, _ = torch.cuda.mem_get_info(device)
    # What torch holds for this process without using it, since an earlier run, is free to this one.
    return int(free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device))


def block_length(n: int, n_bytes: int, device: torch.device, free: int | None = None) -> int:
    """How many of ``n`` things a device works on at once, each of which takes ``n_bytes`` meanwhile; at least 1.

    All of them where they are few; else what a twentieth of the free memory holds, but not more than 2 GiB.

    >>> block_length(10_000, 2**20, torch.device("cuda"), free=8 * 2**30), block_length(10, 2**20, torch.device("cpu"))
    (409, 10)
    """
    if n * n_bytes <= _LEAST_BLOCK:
        return max(1, n)
    room = _LEAST_BLOCK
    if free is None and device.type == "cuda":
        free = free_bytes(device)
    if free is not None:
        room = max(_LEAST_BLOCK, min(_LARGEST_BLOCK, int(_BLOCK_SHARE * free)))
    return max(1, min(n, room // max(1, n_bytes)))
