"""Losses of one pair of documents, as values: a function of d, the score of the lower document less the higher one's.

The lower document is the one with the smaller label, so that d < 0 where the scores agree with the labels. Each class
gives value and slope in tensor code; :mod:`rankkit.objectives.pairs.kernels` compiles the same formula for the CPU.
"""

from typing import Any, NamedTuple

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


class TiedLogistic(NamedTuple):
    """The mean of the logistic loss over both orders of two documents, neither of which is the higher one."""

    sigma: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        x = d * self.sigma
        return x.abs() / 2 - functional.logsigmoid(x.abs()), torch.tanh(x / 2) * (self.sigma / 2)


class SoftZeroOne(NamedTuple):
    """``1 / (1 + exp(-sigma d))``."""

    sigma: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        chance = torch.sigmoid(d * self.sigma)
        return chance, chance * torch.sigmoid(d * -self.sigma) * self.sigma


class Exponential(NamedTuple):
    """``exp(sigma d)``; above an exponent of MAX_EXPONENT its tangent there, so that no gap overflows."""

    sigma: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        x = d * self.sigma
        beyond = (x - MAX_EXPONENT).clamp(min=0)
        power = torch.exp(x - beyond)
        return power * (1 + beyond), power * self.sigma


class Hinge(NamedTuple):
    """``max(0, margin + d)``, of slope 0 where -d equals the margin."""

    margin: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        gap = d + self.margin
        return gap.clamp(min=0), (gap > 0).to(d.dtype)


class Square(NamedTuple):
    """``scale d^2``."""

    scale: float = 1.0

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Value of every pair and its slope in d."""
        return d.square() * self.scale, d * (2 * self.scale)


class LogisticCurvature(NamedTuple):
    """``sigma^2 p (1 - p)``, p = ``1 / (1 + exp(-sigma d))``: the second derivative of both logistic losses."""

    sigma: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Nothing, and the curvature of every pair."""
        x = d * self.sigma
        return torch.zeros_like(d), torch.sigmoid(x) * torch.sigmoid(-x) * self.sigma**2


class SoftZeroOneCurvature(NamedTuple):
    """``sigma^2 p (1 - p)^2``, of the logistic loss that touches the soft zero-one loss p at d and lies above it."""

    sigma: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Nothing, and the curvature of every pair."""
        x = d * self.sigma
        return torch.zeros_like(d), torch.sigmoid(x) * torch.sigmoid(-x).square() * self.sigma**2


class ExponentialCurvature(NamedTuple):
    """``sigma^2 exp(sigma d)``, above an exponent of MAX_EXPONENT what it is there."""

    sigma: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Nothing, and the curvature of every pair."""
        return torch.zeros_like(d), torch.exp((d * self.sigma).clamp(max=MAX_EXPONENT)) * self.sigma**2


class HingeCurvature(NamedTuple):
    """``1 / (2 |margin + d|)``, of the parabola that touches the hinge at d and lies above it.

    Nearer to the corner of the hinge than NEAREST it is what it is there.
    """

    margin: float

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Nothing, and the curvature of every pair."""
        return torch.zeros_like(d), 0.5 / (d + self.margin).abs().clamp(min=NEAREST)


class SquareCurvature(NamedTuple):
    """``2 scale``."""

    scale: float = 1.0

    def evaluate(self, d: Tensor) -> tuple[Tensor, Tensor]:
        """Nothing, and the curvature of every pair."""
        return torch.zeros_like(d), torch.full_like(d, 2 * self.scale)


PairLoss = Logistic | TiedLogistic | SoftZeroOne | Exponential | Hinge | Square
PairCurvature = LogisticCurvature | SoftZeroOneCurvature | ExponentialCurvature | HingeCurvature | SquareCurvature
"""What stands in the place of a loss where curvatures are summed: a pair adds it to *both* of its documents."""

_CURVATURES: dict[type, Any] = {
    Logistic: LogisticCurvature,
    TiedLogistic: LogisticCurvature,
    SoftZeroOne: SoftZeroOneCurvature,
    Exponential: ExponentialCurvature,
    Hinge: HingeCurvature,
    Square: SquareCurvature,
}


def curvature_of(loss: PairLoss) -> PairCurvature:
    """The second derivative of a pair loss in d where it is convex, else that of a convex function above it."""
    found: PairCurvature = _CURVATURES[type(loss)](*loss)
    return found
