"""The ROC curve of pairs: false accepts against false rejects over all thresholds, its area, its equal error rate."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_ROUNDING = 1e-12


@dataclass(frozen=True, repr=False, eq=False)
class Roc:
    """A pair is accepted as "same" where its score is at least the threshold.

    The points run from the strictest threshold, which accepts nothing, to the one that accepts everything; there is
    one for each distinct score.

    Args:
        far: float64 ``[point]``, rising from 0 to 1: false accept rate, the share of pairs of two classes accepted.
        frr: float64 ``[point]``, falling from 1 to 0: false reject rate, the share of pairs of one class refused.
        scores: float64 ``[point]``: the least score that is accepted; infinite at the first point.
    """

    far: NDArray[np.float64]
    frr: NDArray[np.float64]
    scores: NDArray[np.float64]

    @cached_property
    def area(self) -> float:
        """Area under 1 - FRR over FAR: the chance that a pair of one class scores above one of two, ties a half."""
        return float(np.trapezoid(1 - self.frr, self.far))

    @cached_property
    def eer(self) -> float:
        """Equal error rate: FAR where it equals FRR, on the straight line between the two points around it."""
        above = self.far - self.frr
        after = int(np.argmax(above >= 0))
        before = after - 1
        share = above[before] / (above[before] - above[after])
        return float(self.far[before] + share * (self.far[after] - self.far[before]))

    def between(self, point: int) -> float:
        """A score that accepts what the point accepts: the middle between it and the next score below.

        Rounding elsewhere then changes no decision. At the first point just above every score, at the last the least.
        """
        if point == 0:
            return float(np.nextafter(self.scores[1], np.inf))
        if point == len(self.scores) - 1:
            return float(self.scores[point])
        return float((self.scores[point] + self.scores[point + 1]) / 2)

    def thinned(self, n_points: int) -> "Roc":
        """At most about ``n_points`` points, for files and plots: those on straight lines between others go first."""
        turns = np.maximum(np.abs(np.diff(self.far, 2)), np.abs(np.diff(self.frr, 2)))
        bends = np.flatnonzero(turns > _ROUNDING) + 1
        kept = np.concatenate([[0], bends, [len(self.far) - 1]])
        if len(kept) > n_points:
            along = (self.far - self.frr)[kept]
            kept = kept[np.unique(np.searchsorted(along, np.linspace(-1, 1, n_points)).clip(max=len(kept) - 1))]
        return Roc(self.far[kept], self.frr[kept], self.scores[kept])


def roc_of(scores: NDArray[np.float64], same: NDArray[np.bool_]) -> Roc:
    """The curve of pairs of both kinds.

    >>> curve = roc_of(np.array([3.0, 2.0, 2.0, 1.0]), np.array([True, True, False, False]))
    >>> curve.far.tolist(), curve.frr.tolist(), curve.area, curve.eer
    ([0.0, 0.0, 0.5, 1.0], [1.0, 0.5, 0.0, 0.0], 0.875, 0.25)
    """
    order = np.argsort(-scores, kind="stable")
    sorted_scores, sorted_same = scores[order], same[order]
    last_of_each = np.append(np.flatnonzero(np.diff(sorted_scores)), len(scores) - 1)
    n_accepted = np.cumsum(sorted_same)[last_of_each]
    n_false = last_of_each + 1 - n_accepted
    far, frr = n_false / n_false[-1], (n_accepted[-1] - n_accepted) / n_accepted[-1]
    return Roc(
        far=np.concatenate([[0.0], far]),
        frr=np.concatenate([[1.0], frr]),
        scores=np.concatenate([[np.inf], sorted_scores[last_of_each]]),
    )
