"""Losses of one pair of documents, as values: a function of d, the score of the lower document less the higher one's.

The lower document is the one with the smaller label, so that d < 0 where the scores agree with the labels. Each class
gives value and slope in tensor code; :mod:`rankkit.objectives.pairs.kernels` compiles the same formula for the CPU.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

# Which pairs (i, j) of a list there are: y_i > y_j; y_i = y_j, each once; all with i = j among them.
ORDERED, TIED, ALL = 0, 1, 2

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


PairLoss = Logistic | TiedLogistic | SoftZeroOne | Exponential | Hinge | Square
