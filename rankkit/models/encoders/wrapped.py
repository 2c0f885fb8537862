"""WrappedEncoder: any module that gives vectors, as an encoder."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from torch import Tensor, nn

from rankkit.distances import Distance
from rankkit.errors import ShapeError
from rankkit.models.encoders.encoder import check_input_shape, check_inputs, choose_distance
from rankkit.models.encoders.outputs import find_output
from rankkit.models.scorers.scorer import check_count


class WrappedEncoder(nn.Module):
    """A module of your own, such as a pretrained network, with an output and a distance.

    It trains and is evaluated as the other encoders. :func:`rankkit.save` does not take it, since a bundle holds no
    code: save ``encoder.state_dict()``.

    Args:
        module: ``[n, *input_shape]`` to ``[n, n_dims]``.
        n_dims: Numbers of an embedding.
        input_shape: Shape of one input; None takes any.
        output: ``linear``, ``sigmoid`` (each number in (0, 1)) or ``unit`` (L2 norm 1; zero stays zero).
        distance: What the embeddings are compared by: a name, a distance or a function.

    Raises:
        ConfigError: If an option cannot work.

    Example:
        >>> import torch
        >>> encoder = WrappedEncoder(torch.nn.Flatten(), 4, output="linear", distance="l1")
        >>> encoder(torch.ones(3, 2, 2)).shape
        torch.Size([3, 4])
    """

    learning_rate: ClassVar[float] = 1e-3  # what training takes unless told

    def __init__(
        self,
        module: nn.Module,
        n_dims: int,
        *,
        input_shape: int | Sequence[int] | None = None,
        output: str = "unit",
        distance: str | Distance | Callable[..., Any] = "euclidean",
    ) -> None:
        super().__init__()
        check_count("WrappedEncoder", "n_dims", n_dims)
        self.input_shape = None if input_shape is None else check_input_shape("WrappedEncoder", input_shape)
        self.module = module
        self.n_dims = n_dims
        self.output = output
        self._finish = find_output("WrappedEncoder", output)
        self.distance, named = choose_distance("WrappedEncoder", distance, n_dims)
        self.options: dict[str, Any] = {
            "module": module,  # no JSON, on purpose: it cannot be built again from a file
            "n_dims": n_dims,
            "input_shape": None if self.input_shape is None else list(self.input_shape),
            "output": output,
            "distance": named,
        }

    def forward(self, inputs: Tensor) -> Tensor:
        """Embed each input: ``[n, *input_shape]`` to ``[n, n_dims]``.

        Raises:
            ShapeError: If the inputs have another shape, or the module gives another.
        """
        check_inputs("WrappedEncoder", inputs.shape, self.input_shape)
        values: Tensor = self.module(inputs)
        if tuple(values.shape) != (inputs.shape[0], self.n_dims):
            raise ShapeError(
                f"WrappedEncoder: expected [{inputs.shape[0]}, {self.n_dims}] of the module; got {list(values.shape)}. "
                "Set n_dims to what it gives, or end it with a torch.nn.Flatten."
            )
        return self._finish(values)
