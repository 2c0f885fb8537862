"""Gradients that are written by hand, which autograd cannot differentiate again: asking for that is an error."""

from typing import Any

import torch
from torch import Tensor

from rankkit.errors import ConfigError


def single_derivative(where: str, slopes: Tensor, *sources: Tensor) -> Tensor:
    """Slopes computed without a graph, as a function of what they came from: inputs of forward, gradients of backward.

    Autograd would take them for constants, and a second derivative for 0; with this it raises ConfigError.
    """
    result: Tensor = _Slopes.apply(where, slopes, *sources)  # type: ignore[no-untyped-call]
    return result


def refuse_transforms(where: str) -> None:
    """Raise ConfigError inside of ``torch.func.grad``, ``jvp`` and the like: the gradient is written for backward()."""
    if not torch.compiler.is_compiling() and torch._C._are_functorch_transforms_active():
        raise ConfigError(
            f"{where}: expected to be differentiated by backward() or torch.autograd.grad; got a transform of "
            "torch.func. Call loss.backward(), or torch.autograd.grad(loss, parameters)."
        )


class _Slopes(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, where: str, slopes: Tensor, *sources: Tensor) -> Tensor:
        ctx.where = where
        return slopes.view_as(slopes)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        raise ConfigError(
            f"{ctx.where}: expected to be differentiated once; got a second differentiation. "
            "Write the formula out in plain torch where second-order gradients are needed."
        )
