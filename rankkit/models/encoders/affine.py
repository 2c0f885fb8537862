"""RandomAffine: pictures turned, scaled, sheared and shifted a little, anew for each batch."""

import math

import torch
from torch import Tensor
from torch.nn import functional

from rankkit.errors import ConfigError, ShapeError
from rankkit.randomness import generator_of


class RandomAffine:
    """Augments pictures: each one is turned, scaled, sheared and shifted by numbers of its own, drawn uniformly.

    What comes in from outside is 0, so ink should be 1 on 0 (:func:`rankkit.read_labelled` sees to it). In training
    it draws from the generator of the run, elsewhere from torch's global one.

    Args:
        degrees: Largest turn, either way, from 0 to 180.
        scale: Largest relative change of size, from 0 to below 1: 0.2 is between 0.8 and 1.2 times.
        shear: Largest slant, either way, in degrees from 0 to below 90.
        shift: Largest shift along each axis, as a share of the side, from 0 to 1.

    Raises:
        ConfigError: If a number is out of range.

    Example:
        >>> import torch
        >>> RandomAffine(degrees=10)(torch.zeros(4, 1, 28, 28)).shape
        torch.Size([4, 1, 28, 28])
    """

    def __init__(self, degrees: float = 10.0, scale: float = 0.15, shear: float = 10.0, shift: float = 0.08) -> None:
        limits = {"degrees": (degrees, 180), "scale": (scale, 0.99), "shear": (shear, 89), "shift": (shift, 1)}
        for name, (value, most) in limits.items():
            if not 0 <= value <= most:
                raise ConfigError(f"RandomAffine: expected {name} from 0 to {most}; got {value!r}. Pass less.")
        self.degrees, self.scale, self.shear, self.shift = degrees, scale, shear, shift

    def __call__(self, inputs: Tensor) -> Tensor:
        """``[n, channels, height, width]`` to as many pictures of the same size.

        Raises:
            ShapeError: If the inputs are no pictures.
        """
        if inputs.ndim != 4:
            raise ShapeError(
                f"RandomAffine: expected pictures [n, channels, height, width]; got {list(inputs.shape)}. "
                "Leave augment out for vectors."
            )
        grid = functional.affine_grid(self._matrices(inputs), list(inputs.shape), align_corners=False)
        return functional.grid_sample(inputs, grid, align_corners=False)

    def _matrices(self, inputs: Tensor) -> Tensor:
        """``[n, 2, 3]``: turn, slant, size and shift of each picture, in half sides.

        Half sides are of two lengths where a picture is no square: what leads from one axis to the other counts that.
        """
        tall = inputs.shape[2] / inputs.shape[3]
        generator = generator_of(inputs.device)
        draws = torch.rand(5, len(inputs), device=inputs.device, dtype=inputs.dtype, generator=generator) * 2 - 1
        angle = draws[0] * math.radians(self.degrees)
        slant = torch.tan(draws[1] * math.radians(self.shear))
        size = 1 + draws[2] * self.scale
        cos, sin = torch.cos(angle) / size, torch.sin(angle) / size
        rows = [
            torch.stack([cos, (cos * slant - sin) * tall, 2 * self.shift * draws[3]], dim=1),
            torch.stack([sin / tall, sin * slant + cos, 2 * self.shift * draws[4]], dim=1),
        ]
        return torch.stack(rows, dim=1)

    def __repr__(self) -> str:
        return f"RandomAffine(degrees={self.degrees}, scale={self.scale}, shear={self.shear}, shift={self.shift})"
