"""Distances with weights of their own, trained with the encoder that carries them."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional

from rankkit.distances.distance import Nearer, check_dims, check_pairs, check_sets
from rankkit.distances.norms import distances_of_sets
from rankkit.errors import ConfigError


class WeightedL1(nn.Module):
    r"""The weighted sum of the absolute differences, with weights of at least 0, so that it stays a distance.

    .. math:: \sum_k w_k |x_k - y_k|, \qquad w_k = \log(1 + e^{v_k})

    The v are learned, for embeddings of ``n_dims`` dimensions; every weight begins at 1.

    Example:
        >>> WeightedL1(2).pairwise(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, -4.0]]))
        tensor([7.], grad_fn=<SumBackward1>)
    """

    name = "weighted_l1"
    nearer: Nearer = "smaller"

    def __init__(self, n_dims: int) -> None:
        super().__init__()
        self.n_dims = _positive("WeightedL1", n_dims)
        self.raw_weights = nn.Parameter(torch.full((n_dims,), math.log(math.expm1(1.0))))

    @property
    def weights(self) -> Float[Tensor, " dim"]:
        """One a dimension, at least 0."""
        return functional.softplus(self.raw_weights)

    def pairwise(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """Between row i of x and row i of y, at least 0."""
        x, y = check_pairs("WeightedL1", x, y)
        check_dims("WeightedL1", self.n_dims, x)
        return ((x - y).abs() * self.weights.to(x.dtype)).sum(dim=1)

    def matrix(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """Between each row of x and each row of y, at least 0."""
        x, y = check_sets("WeightedL1", x, y)
        check_dims("WeightedL1", self.n_dims, x)
        weights = self.weights.to(x.dtype)
        return distances_of_sets(x * weights, y * weights, power=1.0)

    def extra_repr(self) -> str:
        """What print shows in the brackets."""
        return f"n_dims={self.n_dims}"


class VerificationHead(nn.Module):
    r"""Koch's head: the log odds that two embeddings are of the same class, from their weighted absolute differences.

    .. math:: b + \sum_k \alpha_k |x_k - y_k|

    Alpha and b are learned, for embeddings of ``n_dims`` dimensions. Unlike the weights of :class:`WeightedL1`, the
    alpha are free; without b, identical inputs would have probability 1/2 and no more. They begin at
    ``-4 / sqrt(n_dims)`` and 2: for embeddings of length 1 log odds of 2 for identical ones, about -2.5 for unrelated
    ones. Train it with :func:`rankkit.objectives.embedding.verification_loss` and weight decay in the optimiser
    (``fit_encoder`` decays the matrices of the encoder, as everywhere, and not alpha).

    Example:
        >>> head = VerificationHead(2)
        >>> head.set_weights([-2.0, 1.0], bias=1.0)
        >>> head.pairwise(torch.tensor([[0.2, 0.8]]), torch.tensor([[0.6, 0.8]])).sigmoid().item()  # of 1 - 2 * .4
        0.549833...

    References:
        Koch, Zemel, Salakhutdinov, "Siamese Neural Networks for One-shot Image Recognition", ICML workshop 2015,
        section 3.1.
    """

    name = "verification"
    nearer: Nearer = "larger"

    def __init__(self, n_dims: int) -> None:
        super().__init__()
        self.n_dims = _positive("VerificationHead", n_dims)
        self.alpha = nn.Parameter(torch.full((n_dims,), -4 / math.sqrt(n_dims)))
        self.bias = nn.Parameter(torch.tensor(2.0))

    def set_weights(self, alpha: list[float] | Float[Tensor, " dim"], *, bias: float) -> None:
        """Write the weights and the bias, say those of a paper."""
        values = torch.as_tensor(alpha, dtype=self.alpha.dtype, device=self.alpha.device)
        if values.shape != self.alpha.shape:
            raise ConfigError(
                f"VerificationHead: expected {self.n_dims} weights; got {list(values.shape)}. Pass one a dimension."
            )
        with torch.no_grad():
            self.alpha.copy_(values)
            self.bias.fill_(bias)

    def pairwise(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "n dim"]) -> Float[Tensor, " n"]:
        """The log odds that row i of x and row i of y are the same."""
        x, y = check_pairs("VerificationHead", x, y)
        check_dims("VerificationHead", self.n_dims, x)
        return ((x - y).abs() * self.alpha.to(x.dtype)).sum(dim=1) + self.bias.to(x.dtype)

    def matrix(self, x: Float[Tensor, "n dim"], y: Float[Tensor, "m dim"]) -> Float[Tensor, "n m"]:
        """The log odds that each row of x and each row of y are the same."""
        x, y = check_sets("VerificationHead", x, y)
        check_dims("VerificationHead", self.n_dims, x)
        # Two sums with weights of at least 0, each a norm, instead of an [n, m, n_dims] tensor. A weight of exactly 0
        # is 1 - 1: a norm has no slope in a weight of 0.
        alpha = self.alpha.to(x.dtype)
        drawn = torch.where(alpha > 0, alpha, torch.where(alpha == 0, 1 + alpha, 0))
        apart = torch.where(alpha < 0, -alpha, (alpha == 0).to(alpha.dtype))
        gain = distances_of_sets(x * drawn, y * drawn, power=1.0)
        return gain - distances_of_sets(x * apart, y * apart, power=1.0) + self.bias.to(x.dtype)

    def extra_repr(self) -> str:
        """What print shows in the brackets."""
        return f"n_dims={self.n_dims}"


def _positive(where: str, n_dims: int) -> int:
    if n_dims < 1:
        raise ConfigError(f"{where}: expected n_dims of at least 1; got {n_dims}. Pass the encoder's n_dims.")
    return n_dims
