"""ConvEncoder: a small convolutional network over pictures."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from math import gcd
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from rankkit.distances import Distance
from rankkit.errors import ConfigError, did_you_mean
from rankkit.models.encoders.encoder import check_input_shape, check_inputs, choose_distance
from rankkit.models.encoders.framing import InkFrame
from rankkit.models.encoders.outputs import find_output
from rankkit.models.scorers.layers import fresh, weights_from
from rankkit.models.scorers.scorer import check_count, describe

_LARGEST_GROUP_COUNT = 8


class ConvEncoder(nn.Module):
    """Blocks of 3x3 convolution, normalization, ReLU and 2x2 max-pooling, then a linear layer and the output.

    Once a side is 1 wide, the blocks after it pool no more, so that any size of picture and number of blocks go
    together.

    Args:
        input_shape: ``(channels, height, width)`` of one picture.
        n_dims: Numbers of an embedding.
        channels: Width of each block.
        normalization: ``batch`` (over the pictures of a batch), or ``group`` (up to 8 groups of channels of one
            picture: what an example is embedded to then does not depend on its batch, as
            :func:`rankkit.models.encoders.embed_in_chunks` needs).
        framed: Bring the ink of a drawing to the middle and to one size first (:class:`rankkit.InkFrame`).
        output: ``linear``, ``sigmoid`` (each number in (0, 1)) or ``unit`` (L2 norm 1; zero stays zero).
        distance: What the embeddings are compared by: a name, a distance or a function.
        seed: Seed of the initial weights; None draws them from torch's global generator.

    Raises:
        ConfigError: If an option cannot work.

    Example:
        >>> import torch
        >>> ConvEncoder((1, 28, 28), n_dims=16, channels=(4, 8), seed=0)(torch.zeros(3, 1, 28, 28)).shape
        torch.Size([3, 16])
    """

    learning_rate: ClassVar[float] = 1e-3  # what training takes unless told

    def __init__(
        self,
        input_shape: Sequence[int],
        *,
        n_dims: int = 64,
        channels: Sequence[int] = (32, 64, 64),
        normalization: str = "batch",
        framed: bool = False,
        output: str = "unit",
        distance: str | Distance | Callable[..., Any] = "euclidean",
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.input_shape = check_input_shape("ConvEncoder", input_shape, n_axes=3)
        check_count("ConvEncoder", "n_dims", n_dims)
        if isinstance(channels, str | int) or not channels:
            raise ConfigError(
                f"ConvEncoder: expected the channels of the blocks; got {channels!r}. Pass a list: [32, 64]."
            )
        for width in channels:
            check_count("ConvEncoder", "each width in channels", width)
        self.n_dims = n_dims
        self.output = output
        self._finish = find_output("ConvEncoder", output)
        self.frame = InkFrame() if framed else nn.Identity()
        n_channels, height, width = self.input_shape
        blocks: list[nn.Module] = []
        generator = weights_from("ConvEncoder", seed)
        for n_in, n_out in pairwise([n_channels, *channels]):
            pools = height > 1 and width > 1
            blocks.append(_block(n_in, n_out, normalization, pools, generator))
            height, width = (height // 2, width // 2) if pools else (height, width)
        # Channels last in memory: a third less time on the CPU with batch normalization, and the same function.
        self.blocks = nn.Sequential(*blocks)
        self.blocks.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.projection = fresh(nn.Linear, channels[-1] * height * width, n_dims, generator=generator)
        self.distance, named = choose_distance("ConvEncoder", distance, n_dims)
        self.options: dict[str, Any] = {
            "input_shape": list(self.input_shape),
            "n_dims": n_dims,
            "channels": list(channels),
            "normalization": normalization,
            "framed": framed,
            "output": output,
            "distance": named,
            "seed": seed,
        }

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed each picture: ``[n, channels, height, width]`` to ``[n, n_dims]``."""
        check_inputs("ConvEncoder", inputs.shape, self.input_shape)
        return self._finish(self.projection(self.blocks(self.frame(inputs)).flatten(1)))

    def __repr__(self) -> str:
        return describe(self, self.options)


def _block(
    n_inputs: int, n_outputs: int, normalization: str, pools: bool, generator: torch.Generator | None
) -> nn.Sequential:
    layers = [
        # The normalization has a bias.
        fresh(nn.Conv2d, n_inputs, n_outputs, 3, padding=1, bias=False, generator=generator),
        _normalization(normalization, n_outputs),
        nn.ReLU(inplace=True),
    ]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pools else []))


def _normalization(name: str, n_channels: int) -> nn.Module:
    known: dict[str, Callable[[], nn.Module]] = {
        "batch": lambda: nn.BatchNorm2d(n_channels),
        "group": lambda: nn.GroupNorm(gcd(_LARGEST_GROUP_COUNT, n_channels), n_channels),
    }
    if name not in known:
        raise ConfigError(
            f"ConvEncoder: expected the name of a normalization; got {name!r}. {did_you_mean(name, known)}"
        )
    return known[name]()
