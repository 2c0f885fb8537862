"""MLPEncoder: a feed-forward network over the numbers of an input."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any, ClassVar

from torch import Tensor, nn

from rankkit.distances import Distance
from rankkit.errors import ConfigError
from rankkit.models.encoders.encoder import check_input_shape, check_inputs, choose_distance
from rankkit.models.encoders.outputs import find_output
from rankkit.models.scorers.layers import fresh, weights_from
from rankkit.models.scorers.networks.hidden import HiddenLayer
from rankkit.models.scorers.scorer import check_count, describe


class MLPEncoder(nn.Module):
    """A feed-forward network: each hidden layer is linear, ReLU, dropout; the last layer is linear, then the output.

    Args:
        input_shape: Shape of one input, or its number of features. Inputs of several axes are flattened.
        n_dims: Numbers of an embedding.
        hidden: Widths of the hidden layers; none makes a linear map.
        dropout: Share of hidden values set to 0 in training, from 0 to below 1.
        output: ``linear``, ``sigmoid`` (each number in (0, 1)) or ``unit`` (L2 norm 1; zero stays zero).
        distance: What the embeddings are compared by: a name, a distance or a function.
        seed: Seed of the initial weights; None draws them from torch's global generator.

    Raises:
        ConfigError: If an option cannot work.

    Example:
        >>> import torch
        >>> encoder = MLPEncoder(4, n_dims=2, hidden=(8,), seed=0)
        >>> encoder(torch.eye(4)).norm(dim=1).round().tolist()
        [1.0, 1.0, 1.0, 1.0]
    """

    learning_rate: ClassVar[float] = 1e-3  # what training takes unless told

    def __init__(
        self,
        input_shape: int | Sequence[int],
        *,
        n_dims: int = 32,
        hidden: Sequence[int] = (256,),
        dropout: float = 0.0,
        output: str = "unit",
        distance: str | Distance | Callable[..., Any] = "euclidean",
        seed: int | None = None,
    ) -> None:
        super().__init__()
        self.input_shape = check_input_shape("MLPEncoder", input_shape)
        check_count("MLPEncoder", "n_dims", n_dims)
        if isinstance(hidden, str | int):
            raise ConfigError(
                f"MLPEncoder: expected the widths of the hidden layers; got {hidden!r}. Pass a list: [256]."
            )
        for width in hidden:
            check_count("MLPEncoder", "each width in hidden", width)
        if not 0 <= dropout < 1:
            raise ConfigError(f"MLPEncoder: expected dropout from 0 to below 1; got {dropout!r}. Pass a share.")
        self.n_dims = n_dims
        self.output = output
        self._finish = find_output("MLPEncoder", output)
        n_inputs = 1
        for size in self.input_shape:
            n_inputs *= size
        widths = [n_inputs, *hidden]
        generator = weights_from("MLPEncoder", seed)
        self.hidden = nn.Sequential(
            *(HiddenLayer(n_in, n_out, "relu", dropout, "none", False, generator) for n_in, n_out in pairwise(widths))
        )
        self.projection = fresh(nn.Linear, widths[-1], n_dims, generator=generator)
        self.distance, named = choose_distance("MLPEncoder", distance, n_dims)
        self.options: dict[str, Any] = {
            "input_shape": list(self.input_shape),
            "n_dims": n_dims,
            "hidden": list(hidden),
            "dropout": dropout,
            "output": output,
            "distance": named,
            "seed": seed,
        }

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed each input: ``[n, *input_shape]`` to ``[n, n_dims]``."""
        check_inputs("MLPEncoder", inputs.shape, self.input_shape)
        return self._finish(self.projection(self.hidden(inputs.flatten(1))))

    def __repr__(self) -> str:
        return describe(self, self.options)
