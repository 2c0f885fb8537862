"""The temperature of embedding objectives: a number, a tensor, or one that is learned."""

import math
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rankkit.errors import ConfigError, ShapeError
from rankkit.objectives.options import check_number


class LearnedTemperature(nn.Module):
    """A temperature that is trained along, as the logarithm of its inverse.

    The inverse, which multiplies the scores, stays at ``largest_scale``: gradients that would push it further are
    dropped, those that lead back pass. Hand its parameters to the optimiser, without weight decay.

    Args:
        initial: The temperature to begin with, at least ``1 / largest_scale``.
        largest_scale: The largest inverse temperature, above 0.

    Example:
        >>> round(LearnedTemperature(0.05)().item(), 4)
        0.05

    References:
        Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", ICML 2021, section 2.5.
    """

    def __init__(self, initial: float = 0.07, *, largest_scale: float = 100.0) -> None:
        super().__init__()
        check_number("LearnedTemperature", "largest_scale", largest_scale, above=0.0)
        check_number("LearnedTemperature", "initial", initial, least=1 / largest_scale)
        self.initial, self.largest_scale = initial, largest_scale
        self.log_scale = nn.Parameter(torch.tensor(-math.log(initial)))

    def forward(self) -> Float[Tensor, ""]:
        """The temperature, with its gradient."""
        capped: Tensor = _Capped.apply(self.log_scale, math.log(self.largest_scale))  # type: ignore[no-untyped-call]
        return (-capped).exp()

    def extra_repr(self) -> str:
        """What print shows in the brackets: nothing that is learned, since a run is resumed by it."""
        return f"initial={self.initial:.4g}, largest_scale={self.largest_scale:g}"


class _Capped(torch.autograd.Function):
    """The smaller of value and cap. A plain clamp has no gradient above the cap, so that nothing would lead back."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, cap: float) -> Tensor:
        ctx.save_for_backward(value >= cap)
        return value.clamp(max=cap)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (at_cap,) = ctx.saved_tensors
        # A descent step goes against the gradient: below 0 it would lead further up.
        return torch.where(at_cap, grads[0].clamp(min=0), grads[0]), None


Temperature = float | Tensor | LearnedTemperature


def tempered(where: str, scores: Tensor, temperature: Temperature) -> Tensor:
    """Scores divided by the temperature, before any masking: a learned one keeps a finite gradient."""
    if isinstance(temperature, LearnedTemperature):
        learned: Tensor = temperature()
        return scores / learned.to(scores.dtype)
    if not isinstance(temperature, Tensor):
        check_number(where, "temperature", temperature, above=0.0)
        return scores / temperature
    if temperature.dim() != 0:
        raise ShapeError(
            f"{where}: expected a temperature of one number; got a tensor {list(temperature.shape)}. "
            "Pass a tensor without axes."
        )
    if not temperature.dtype.is_floating_point:
        raise ConfigError(f"{where}: expected a temperature of floats; got {temperature.dtype}. Convert it.")
    check_number(where, "temperature", temperature.detach().item(), above=0.0)
    return scores / temperature.to(scores.dtype)
