"""Encoder: what training, evaluation and saving expect of an encoder, and the checks that all encoders share."""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from torch import Tensor

from rankkit.distances import DISTANCES, Distance, find_distance
from rankkit.errors import ConfigError, ShapeError
from rankkit.models.scorers.scorer import check_count

Output = Literal["linear", "sigmoid", "unit"]


class Encoder(Protocol):
    """A ``torch.nn.Module`` that embeds: similar inputs are to lie near each other.

    Attributes:
        input_shape: Shape of one input, or None where any will do.
        n_dims: Numbers of an embedding.
        output: ``"linear"``, ``"sigmoid"`` (each number in (0, 1)) or ``"unit"`` (L2 norm 1).
        distance: What its embeddings are compared by; a learned one is a submodule and is trained and saved along.
        options: JSON-able keywords that build the same encoder again: ``type(encoder)(**encoder.options)``.
        learning_rate: What training takes unless told.
    """

    input_shape: tuple[int, ...] | None
    n_dims: int
    output: str
    distance: Distance
    options: dict[str, Any]
    learning_rate: float

    def __call__(self, inputs: Tensor) -> Tensor:
        """``[n, *input_shape]`` to ``[n, n_dims]``."""
        ...


def check_input_shape(where: str, input_shape: int | Sequence[int], *, n_axes: int | None = None) -> tuple[int, ...]:
    """The shape of one input as a tuple; a whole number is a shape of one axis.

    Raises:
        ConfigError: If it is no shape, or has not the number of axes that is asked for.
    """
    given: object = input_shape  # read from a file it can be anything
    if isinstance(given, str) or not isinstance(given, int | Sequence):
        raise ConfigError(f"{where}: expected the shape of one input; got {given!r}. Pass for example (1, 28, 28).")
    shape: tuple[int, ...] = (given,) if isinstance(given, int) else tuple(given)
    for size in shape:
        check_count(where, "each size in input_shape", size)
    if not shape or (n_axes is not None and len(shape) != n_axes):
        axes = "(channels, height, width)" if n_axes == 3 else "at least one axis"
        raise ConfigError(f"{where}: expected input_shape of {axes}; got {shape}. Pass the shape of one input.")
    return shape


def check_inputs(where: str, shape: Sequence[int], input_shape: tuple[int, ...] | None) -> None:
    """Check the shape of a batch of inputs.

    Raises:
        ShapeError: If it is not ``[n, *input_shape]``.
    """
    if len(shape) < 1 or (input_shape is not None and tuple(shape[1:]) != input_shape):
        wanted = "..." if input_shape is None else ", ".join(str(size) for size in input_shape)
        raise ShapeError(
            f"{where}: expected inputs [n, {wanted}]; got {list(shape)}. Bring them into the shape of the encoder."
        )


def choose_distance(where: str, distance: str | Distance | Callable[..., Any], n_dims: int) -> tuple[Distance, Any]:
    """The distance of an encoder, and what ``options`` says of it.

    A distance of the catalogue goes by its name, since its numbers, if it learns any, are among the weights. Any other
    object stands in the options as it is: such an encoder works, and cannot be saved.

    Raises:
        ConfigError: If there is no such distance, or it was made for another number of dimensions.
    """
    found = find_distance(distance, n_dims)
    made_for = getattr(found, "n_dims", None)
    if made_for is not None and made_for != n_dims:
        raise ConfigError(
            f"{where}: expected a distance of {n_dims} dimensions; got {found.name!r} of {made_for}. "
            "Pass the name of the distance instead."
        )
    return found, found.name if type(found) is DISTANCES.get(found.name) else found
