"""Objectives: pure functions ``(scores, labels, mask, *, weights, reduction, ...)`` from padded lists to a loss.

Each list is costed first, then the mean is taken over the lists that can teach: those with two grades for pairwise and
listwise objectives, those with a document for pointwise ones.
"""

from rankkit.objectives.listwise import listnet_loss, softmax_loss
from rankkit.objectives.module import Objective
from rankkit.objectives.pairwise import pairwise_hinge_loss, pairwise_logistic_loss, ranknet_loss
from rankkit.objectives.pointwise import bce_loss, cross_entropy_loss, hinge_loss, mse_loss

__all__ = [
    "Objective",
    "bce_loss",
    "cross_entropy_loss",
    "hinge_loss",
    "listnet_loss",
    "mse_loss",
    "pairwise_hinge_loss",
    "pairwise_logistic_loss",
    "ranknet_loss",
    "softmax_loss",
]
