"""Losses of one pair of documents, as values: a function of d, the score of the lower document less the higher one's.

The lower document is the one with the smaller label, so that d < 0 where the scores agree with the labels. Each class
gives value and slope in tensor code, and its curvature: the second derivative in d where it is convex, else that of a
convex function above it. :mod:`rankkit.objectives.pairs.kernels` compiles the same formulas for the CPU.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

# Which pairs (i, j) of a list there are: y_i > y_j; y_i = y_j, each once; all with i = j among them.
ORDERED, TIED, ALL = 0, 1, 2

NEAREST = 0.1
"""How near to its corner a hinge may be taken for a parabola that touches it: the nearer, the steeper it bends."""

MAX_EXPONENT = 30.0
"""Where the exponential loss leaves the exponential for its tangent: exp(30) is 1e13."""


class Logistic(NamedTuple):
    """``log(1 + exp(sigma d))``."""

    sigma: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        x = d * self.sigma
        return -functional.logsigmoid(-x), torch.sigmoid(x) * self.sigma

    def curvature(self, d: Tensor) -> Tensor:
        """``sigma^2 p (1 - p)``, p = ``1 / (1 + exp(-sigma d))``."""
        x = d * self.sigma
        return torch.sigmoid(x) * torch.sigmoid(-x) * self.sigma**2


class TiedLogistic(NamedTuple):
    """The mean of the logistic loss over both orders of two documents, neither of which is the higher one."""

    sigma: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        x = d * self.sigma
        return x.abs() / 2 - functional.logsigmoid(x.abs()), torch.tanh(x / 2) * (self.sigma / 2)

    def curvature(self, d: Tensor) -> Tensor:
        """``sigma^2 p (1 - p)``, p = ``1 / (1 + exp(-sigma d))``."""
        x = d * self.sigma
        return torch.sigmoid(x) * torch.sigmoid(-x) * self.sigma**2


class SoftZeroOne(NamedTuple):
    """``1 / (1 + exp(-sigma d))``."""

    sigma: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        chance = torch.sigmoid(d * self.sigma)
        return chance, chance * torch.sigmoid(d * -self.sigma) * self.sigma

    def curvature(self, d: Tensor) -> Tensor:
        """``sigma^2 p (1 - p)^2``, of the logistic loss that touches the loss p at d and lies above it."""
        x = d * self.sigma
        return torch.sigmoid(x) * torch.sigmoid(-x).square() * self.sigma**2


class Exponential(NamedTuple):
    """``exp(sigma d)``; above an exponent of MAX_EXPONENT its tangent there, so that no gap overflows."""

    sigma: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        x = d * self.sigma
        beyond = (x - MAX_EXPONENT).clamp(min=0)
        power = torch.exp(x - beyond)
        return power * (1 + beyond), power * self.sigma

    def curvature(self, d: Tensor) -> Tensor:
        """``sigma^2 exp(sigma d)``, above an exponent of MAX_EXPONENT what it is there."""
        return torch.exp((d * self.sigma).clamp(max=MAX_EXPONENT)) * self.sigma**2


class Hinge(NamedTuple):
    """``max(0, margin + d)``, of slope 0 where -d equals the margin."""

    margin: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        gap = d + self.margin
        return gap.clamp(min=0), (gap > 0).to(d.dtype)

    def curvature(self, d: Tensor) -> Tensor:
        """``1 / (2 |margin + d|)``, of the parabola that touches the hinge at d and lies above it.

        Nearer to the corner of the hinge than NEAREST it is what it is there.
        """
        return 0.5 / (d + self.margin).abs().clamp(min=NEAREST)


class Square(NamedTuple):
    """``scale d^2``."""

    scale: float = 1.0

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        return d.square() * self.scale, d * (2 * self.scale)

    def curvature(self, d: Tensor) -> Tensor:
        """``2 scale``."""
        return torch.full_like(d, 2 * self.scale)


PairLoss = Logistic | TiedLogistic | SoftZeroOne | Exponential | Hinge | Square
