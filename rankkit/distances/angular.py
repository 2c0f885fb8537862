"""Angles and dot products. No distance normalises in silence: the cosine ones say so in their name."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from rankkit.distances.distance import Nearer, check_pairs, check_sets

# Below this cosine distance 1 - u v has lost half of its digits in float32: there it comes from the difference.
_NEAR = 1e-3
# Numbers gathered at once for near pairs: 16 MiB in float32.
_GATHERED = 2**22


def unit(x: Float[Tensor, "*rows dim"]) -> Float[Tensor, "*rows dim"]:
    """Each vector at length 1; a zero vector stays zero and gets a zero gradient.

    No length under- or overflows. Half precision becomes float32.

    >>> unit(torch.tensor([[3.0, 4.0], [0.0, 0.0]]))
    tensor([[0.6000, 0.8000],
            [0.0000, 0.0000]])
    """
    x = x if x.dtype == torch.float64 else x.float()
    if x.shape[-1] == 0:
        return x
    # The direction does not depend on the scale, so that the scale needs no gradient.
    scale = x.detach().abs().amax(dim=-1, keepdim=True)
    there = ~(scale < torch.finfo(x.dtype).tiny)  # NaN stays NaN
    scaled = torch.where(there, x / scale.where(there, 1), 0)
    lengths = torch.linalg.vector_norm(scaled, dim=-1, keepdim=True)
    directions: Tensor = scaled / lengths.where(there, 1)
    return directions


class Cosine(nn.Module):
    r"""1 less the cosine of the angle: 0 for one direction, 1 at a right angle, 2 for opposite ones; no metric.

    .. math:: 1 - x \cdot y / (|x| |y|)

    A zero vector has distance 1 from everything, another zero vector included, and gets a zero gradient. Of any other
    vector the self-distance is exactly 0: near pairs are computed from the difference of their directions.

    Example:
        >>> Cosine().pairwise(torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([[0.0, 1.0], [3.0, 0.0]]))
        tensor([1., 0.])
    """

    name = "cosine"
    nearer: Nearer = "smaller"

    def pairwise(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Between row i of x and row i of y, in [0, 2]."""
        x, y = check_pairs("Cosine", x, y)
        u, v = unit(x), unit(y)
        halves = (u - v).square().sum(dim=1) / 2
        return halves + (_is_zero(u).to(u.dtype) + _is_zero(v).to(u.dtype)) / 2

    def matrix(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Between each row of x and each row of y, in [0, 2]."""
        x, y = check_sets("Cosine", x, y)
        u, v = unit(x), unit(y)
        values = 1 - products_of_sets(u, v)
        with torch.no_grad():
            exact = _near_from_differences(values, u, v)
        # The value of the difference, the gradient of the product: the same function, each where it is accurate.
        return values + (exact - values.detach())


class CosineSimilarity(nn.Module):
    r"""The cosine of the angle, larger for nearer vectors; 0 where a vector is zero, with a zero gradient.

    .. math:: x \cdot y / (|x| |y|)

    Example:
        >>> CosineSimilarity().pairwise(torch.tensor([[2.0, 0.0]]), torch.tensor([[3.0, 4.0]]))
        tensor([0.6000])
    """

    name = "cosine_similarity"
    nearer: Nearer = "larger"

    def pairwise(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Between row i of x and row i of y, in [-1, 1] up to rounding."""
        x, y = check_pairs("CosineSimilarity", x, y)
        return (unit(x) * unit(y)).sum(dim=1)

    def matrix(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Between each row of x and each row of y, in [-1, 1] up to rounding."""
        x, y = check_sets("CosineSimilarity", x, y)
        return products_of_sets(unit(x), unit(y))


class Dot(nn.Module):
    r"""The dot product, larger for nearer vectors; a vector need not be nearest to itself.

    .. math:: \sum_k x_k y_k

    Example:
        >>> Dot().pairwise(torch.tensor([[2.0, 1.0]]), torch.tensor([[3.0, 4.0]]))
        tensor([10.])
    """

    name = "dot"
    nearer: Nearer = "larger"

    def pairwise(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Between row i of x and row i of y."""
        x, y = check_pairs("Dot", x, y)
        return (x * y).sum(dim=1)

    def matrix(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Between each row of x and each row of y."""
        x, y = check_sets("Dot", x, y)
        return products_of_sets(x, y)


def products_of_sets(x: Tensor, y: Tensor) -> Tensor:
    """All dot products of two sets, in the precision of the sets also under autocast."""
    with torch.autocast(x.device.type, enabled=False):
        return x @ y.T


def _near_from_differences(values: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Cosine distances with those of near pairs computed again from the difference of the two directions."""
    exact = values.clone()
    near = (values < _NEAR).nonzero()
    for part in near.split(max(1, _GATHERED // max(1, u.shape[1]))):
        rows, columns = part.unbind(dim=1)
        exact[rows, columns] = (u[rows] - v[columns]).square().sum(dim=1) / 2
    return exact


def _is_zero(directions: Tensor) -> Tensor:
    return (directions == 0).all(dim=1)
