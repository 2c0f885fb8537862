"""Layers whose random numbers come from a generator of their own: initial weights, dropout and noise."""

import math
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional, init

from rankkit.errors import ConfigError
from rankkit.randomness import generator_of

Layer = TypeVar("Layer", nn.Linear, nn.Conv2d)

_N_BYTES = 256  # values of one
_SMALLEST_SEED, _LARGEST_SEED = -(2**63), 2**64 - 1


def weights_from(where: str, seed: int | None) -> torch.Generator | None:
    """The generator of initial weights; None, which is torch's global one, for no seed.

    Args:
        where: The scorer or encoder, for the message.
        seed: The same seed gives the same weights, whatever else draws at the same time.

    Raises:
        ConfigError: If it is no seed.
    """
    if seed is None:
        return None
    whole = isinstance(seed, int | np.integer) and not isinstance(seed, bool)
    if not (whole and _SMALLEST_SEED <= seed <= _LARGEST_SEED):
        raise ConfigError(f"{where}: expected seed as a whole number, or None; got {seed!r}. Pass for example seed=0.")
    return torch.Generator().manual_seed(int(seed))


def fresh(kind: type[Layer], *sizes: int, generator: torch.Generator | None, **options: Any) -> Layer:
    """A layer with the initial weights that torch gives it, drawn from the generator in torch's order.

    They are drawn on the CPU, so that they are the same on every device.

    Args:
        kind: ``nn.Linear`` or ``nn.Conv2d``.
        *sizes: What it is built with.
        generator: Of the CPU; None: torch's global one.
        **options: What else it is built with.
    """
    device = torch.get_default_device()
    layer: Layer = nn.utils.skip_init(kind, *sizes, **options, device="meta" if device.type == "meta" else "cpu")
    if device.type == "meta":
        return layer
    init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
    if layer.bias is not None:
        bound = 1 / math.sqrt(layer.weight[0].numel())
        init.uniform_(layer.bias, -bound, bound, generator=generator)
    return layer.to(device)


def fresh_parameter(sizes: Sequence[int], draw: Callable[[Tensor], object]) -> nn.Parameter:
    """A parameter that ``draw`` fills on the CPU, so that it is the same on every device."""
    device = torch.get_default_device()
    values = torch.empty(*sizes, device="meta" if device.type == "meta" else "cpu")
    if device.type == "meta":
        return nn.Parameter(values)
    draw(values)
    return nn.Parameter(values.to(device))


class Dropout(nn.Module):
    """As ``torch.nn.Dropout``, with masks from the generator of the run that trains it.

    Within a run a byte is drawn a value, so that the share is a multiple of 1/256; the others are divided by exactly
    what is left. Outside :func:`rankkit.fit` and in compiled code it is that layer.

    Args:
        p: Share of the values that are set to 0 in training; the others are divided by 1 - p.
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, inputs: Tensor) -> Tensor:
        """Any shape to the same shape; out of training what comes in."""
        if not self.training:
            return inputs
        generator = generator_of(inputs.device)
        if generator is None:
            return functional.dropout(inputs, self.p)
        n_dropped = min(max(round(self.p * _N_BYTES), 1), _N_BYTES - 1)
        drawn = _bytes(inputs.numel(), inputs.device, generator).view(inputs.shape)
        return inputs * (drawn >= n_dropped).to(inputs.dtype).mul_(_N_BYTES / (_N_BYTES - n_dropped))

    def extra_repr(self) -> str:
        """What print shows in the brackets."""
        return f"p={self.p}"


class GaussianNoise(nn.Module):
    """Adds normal noise in training, drawn from the generator of the run that trains it.

    Args:
        std: Its standard deviation.
    """

    def __init__(self, std: float) -> None:
        super().__init__()
        self.std = std

    def forward(self, inputs: Tensor) -> Tensor:
        """Any shape to the same shape; out of training what comes in."""
        if not self.training:
            return inputs
        drawn = torch.empty_like(inputs).normal_(0, self.std, generator=generator_of(inputs.device))
        return inputs + drawn

    def extra_repr(self) -> str:
        """What print shows in the brackets."""
        return f"std={self.std}"


def _bytes(n: int, device: torch.device, generator: torch.Generator) -> Tensor:
    """Random uint8 ``[n]``, drawn eight at a time."""
    eights = torch.empty(-(-n // 8), dtype=torch.int64, device=device)
    return eights.random_(torch.iinfo(torch.int64).min, None, generator=generator).view(torch.uint8)[:n]
