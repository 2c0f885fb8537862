"""A function of a user as a distance."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rankkit.distances.distance import Nearer, check_pairs, check_sets
from rankkit.errors import ConfigError, ShapeError


class FunctionDistance(nn.Module):
    """A callable ``(x [n, n_dims], y [n, n_dims]) -> [n]`` as a distance.

    The matrix calls it once a row of x, in memory for one row against all of y (in training for all of them, as
    autograd keeps what it needs).

    Args:
        function: Gives one value a pair of rows; anything else is a ShapeError.
        nearer: ``"smaller"`` for a distance, ``"larger"`` for a similarity.

    Example:
        >>> largest = FunctionDistance(lambda x, y: (x - y).abs().amax(dim=1))
        >>> largest.matrix(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, -4.0], [1.0, 0.0]]))
        tensor([[4., 1.]])
    """

    def __init__(self, function: Callable[[Tensor, Tensor], Tensor], *, nearer: Nearer = "smaller") -> None:
        super().__init__()
        if nearer not in ("smaller", "larger"):
            raise ConfigError(
                f"FunctionDistance: expected nearer 'smaller' or 'larger'; got {nearer!r}. Pass one of the two."
            )
        self.function = function
        self.name: str = getattr(function, "__name__", type(function).__name__)
        self.nearer: Nearer = nearer

    def pairwise(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Between row i of x and row i of y."""
        x, y = check_pairs("FunctionDistance", x, y)
        return self._of_pairs(x, y)

    def matrix(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Between each row of x and each row of y."""
        x, y = check_sets("FunctionDistance", x, y)
        if not x.shape[0]:
            return x.new_zeros(0, y.shape[0])
        return torch.stack([self._of_pairs(row.expand_as(y), y) for row in x])

    def _of_pairs(self, x: Tensor, y: Tensor) -> Tensor:
        values = self.function(x, y)
        if not isinstance(values, Tensor) or values.shape != x.shape[:1]:
            got = list(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise ShapeError(
                f"{self.name}: expected one value a pair, [{x.shape[0]}]; got {got}. Reduce over the last axis."
            )
        return values

    def extra_repr(self) -> str:
        """What print shows in the brackets."""
        return f"{self.name}, nearer={self.nearer!r}"
