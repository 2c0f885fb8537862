"""What an encoder does last: nothing, a sigmoid, or a division by the norm."""

from collections.abc import Callable

import torch
from torch import Tensor

from rankkit.distances import unit
from rankkit.errors import ConfigError, did_you_mean


def _linear(values: Tensor) -> Tensor:
    return values


OUTPUTS: dict[str, Callable[[Tensor], Tensor]] = {"linear": _linear, "sigmoid": torch.sigmoid, "unit": unit}


def find_output(where: str, output: str) -> Callable[[Tensor], Tensor]:
    """The last step of that name.

    Raises:
        ConfigError: If there is none.
    """
    if output not in OUTPUTS:
        raise ConfigError(f"{where}: expected the name of an output; got {output!r}. {did_you_mean(output, OUTPUTS)}")
    return OUTPUTS[output]
