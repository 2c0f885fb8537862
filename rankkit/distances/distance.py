"""What a distance is, and the arithmetic that all of them share."""

from typing import Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from rankkit.errors import ShapeError

Nearer = Literal["smaller", "larger"]


@runtime_checkable
class Distance(Protocol):
    """A measure of how far apart two embeddings are, or how alike.

    Args:
        name: Under which :func:`find_distance` knows it.
        nearer: ``"smaller"`` for a distance, ``"larger"`` for a similarity.
    """

    name: str
    nearer: Nearer

    def pairwise(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Between row i of x and row i of y."""
        ...

    def matrix(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Between each row of x and each row of y."""
        ...


def nearness(distance: Distance, values: Float[Tensor, "*any"]) -> Float[Tensor, "*any"]:
    """Values of a distance as scores, where larger is nearer: negated if smaller is nearer.

    >>> from rankkit.distances import Dot, Euclidean
    >>> nearness(Euclidean(), torch.tensor([1.0, 2.0])), nearness(Dot(), torch.tensor([1.0, 2.0]))
    (tensor([-1., -2.]), tensor([1., 2.]))
    """
    return values if distance.nearer == "larger" else -values


def check_pairs(where: str, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Rows that belong together ``[n, n_dims]``, in one type of at least single precision."""
    if x.dim() != 2 or x.shape != y.shape:
        raise ShapeError(
            f"{where}.pairwise: expected two tensors [n, n_dims] of one shape; got {list(x.shape)} and "
            f"{list(y.shape)}. Pass one row a pair, or use matrix() for all pairs."
        )
    return at_least_single(x, y)


def check_sets(where: str, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Two sets of rows ``[n, n_dims]`` and ``[m, n_dims]``, in one type of at least single precision."""
    if x.dim() != 2 or y.dim() != 2 or x.shape[1] != y.shape[1]:
        raise ShapeError(
            f"{where}.matrix: expected tensors [n, n_dims] and [m, n_dims]; got {list(x.shape)} and {list(y.shape)}. "
            "Embed both with one encoder."
        )
    return at_least_single(x, y)


def check_dims(where: str, n_dims: int, x: Tensor) -> None:
    """Raise ShapeError unless the rows have as many dimensions as the learned distance has weights."""
    if x.shape[1] != n_dims:
        raise ShapeError(
            f"{where}: expected embeddings of {n_dims} dimensions, one for each weight; got {x.shape[1]}. "
            "Build the distance with the n_dims of the encoder."
        )


def at_least_single(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Both as float64 if one of them is, else as float32: half precision is for storage only."""
    dtype = torch.float64 if torch.float64 in (x.dtype, y.dtype) else torch.float32
    return x.to(dtype), y.to(dtype)
