"""RawEncoder: the numbers of an input as its embedding, which any other encoder has to beat."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from torch import Tensor, nn

from rankkit.distances import Distance
from rankkit.models.encoders.encoder import check_input_shape, check_inputs, choose_distance
from rankkit.models.scorers.scorer import describe


class RawEncoder(nn.Module):
    """Inputs as they are, one number behind the other; there is nothing to train.

    Args:
        input_shape: Shape of one input, or its number of features.
        distance: What they are compared by.
    """

    output = "linear"

    def __init__(self, input_shape: int | Sequence[int], *, distance: str | Distance = "euclidean") -> None:
        super().__init__()
        self.input_shape = check_input_shape("RawEncoder", input_shape)
        self.n_dims = prod(self.input_shape)
        self.distance, named = choose_distance("RawEncoder", distance, self.n_dims)
        self.options: dict[str, Any] = {"input_shape": list(self.input_shape), "distance": named}

    def forward(self, inputs: Tensor) -> Tensor:
        """``[n, *input_shape]`` to ``[n, n_dims]``."""
        check_inputs("RawEncoder", inputs.shape, self.input_shape)
        return inputs.flatten(1)

    def learn(self, train: Any, choosing: Any, value: Callable[[], float], *, seed: int) -> dict[str, Any]:
        """There is nothing to learn."""
        return {}

    def __repr__(self) -> str:
        return describe(self, self.options)
