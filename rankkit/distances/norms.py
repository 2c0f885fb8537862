"""Norms of the difference: Euclidean, squared Euclidean, L1.

Matrices come from differences, never from ``|x|^2 + |y|^2 - 2 x y``, which loses all digits between near vectors of
large norm: with it the self-distance of float32 vectors of norm 1,000 reaches 1.1. No ``[n, m, n_dims]`` tensor is
made. The gradient where two vectors are equal is 0. All can be differentiated once.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rankkit.distances.distance import Nearer, check_pairs, check_sets


class Euclidean(nn.Module):
    r"""The length of the difference.

    .. math:: \sqrt{\sum_k (x_k - y_k)^2}

    Example:
        >>> Euclidean().pairwise(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
        tensor([5.])
    """

    name = "euclidean"
    nearer: Nearer = "smaller"

    def pairwise(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Between row i of x and row i of y, at least 0."""
        x, y = check_pairs("Euclidean", x, y)
        lengths: Tensor = torch.linalg.vector_norm(x - y, dim=1)
        return lengths

    def matrix(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Between each row of x and each row of y, at least 0."""
        x, y = check_sets("Euclidean", x, y)
        return distances_of_sets(x, y, power=2.0)


class SquaredEuclidean(nn.Module):
    r"""The squared length of the difference: FaceNet's distance, no metric (the triangle inequality does not hold).

    .. math:: \sum_k (x_k - y_k)^2

    Example:
        >>> SquaredEuclidean().pairwise(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
        tensor([25.])
    """

    name = "squared_euclidean"
    nearer: Nearer = "smaller"

    def pairwise(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Between row i of x and row i of y, at least 0."""
        x, y = check_pairs("SquaredEuclidean", x, y)
        return (x - y).square().sum(dim=1)

    def matrix(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Between each row of x and each row of y, at least 0."""
        x, y = check_sets("SquaredEuclidean", x, y)
        return distances_of_sets(x, y, power=2.0).square()


class L1(nn.Module):
    r"""The sum of the absolute differences.

    .. math:: \sum_k |x_k - y_k|

    Example:
        >>> L1().pairwise(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, -4.0]]))
        tensor([7.])
    """

    name = "l1"
    nearer: Nearer = "smaller"

    def pairwise(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Between row i of x and row i of y, at least 0."""
        x, y = check_pairs("L1", x, y)
        return (x - y).abs().sum(dim=1)

    def matrix(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Between each row of x and each row of y, at least 0."""
        x, y = check_sets("L1", x, y)
        return distances_of_sets(x, y, power=1.0)


def distances_of_sets(x: Tensor, y: Tensor, *, power: float) -> Tensor:
    """All distances of two sets in a norm, from differences, in memory of the result alone."""
    distances: Tensor = torch.cdist(x, y, p=power, compute_mode="donot_use_mm_for_euclid_dist")
    return distances
