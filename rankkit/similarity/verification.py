"""Verification: are two examples the same? Error rates over pairs."""

import math
import textwrap
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from rankkit.distances import Distance
from rankkit.errors import ConfigError
from rankkit.similarity.comparing import as_classes, as_rows, count_at_least, distance_for
from rankkit.similarity.pairs import score_pairs
from rankkit.similarity.retrieval import lone_anchors
from rankkit.similarity.roc import Roc, roc_of
from rankkit.similarity.thresholds import MAX_PAIRS, Threshold

POINTS_IN_FILE = 200
"""Points of the curve in :meth:`VerificationReport.to_dict`."""


@dataclass(frozen=True, repr=False, eq=False)
class VerificationReport:
    """What :func:`verify` returns; printing it gives the table.

    Pairs share examples, so they are not independent: no interval is given for these rates.

    Args:
        roc: The curve; its scores are larger for nearer pairs (a distance with its sign turned).
        distance: Name of the distance.
        threshold: Where two count as the same, or None.
        far: False accept rate at the threshold, on the pairs measured; None without one.
        frr: False reject rate at the threshold; None without one.
        n_same: Pairs of one class that were measured, of ``n_same_in_all``.
        n_different: Pairs of two classes that were measured, of ``n_different_in_all``.
        n_same_in_all: Pairs of one class that there are.
        n_different_in_all: Pairs of two classes that there are.
        n_lone: Examples whose class has no other: they stand in no pair of one class.
        seed: Of the sample, where there are too many pairs.
    """

    roc: Roc
    distance: str
    threshold: Threshold | float | None
    far: float | None
    frr: float | None
    n_same: int
    n_different: int
    n_same_in_all: int
    n_different_in_all: int
    n_lone: int
    seed: int

    @property
    def eer(self) -> float:
        """Equal error rate: of the threshold where both rates are equal, found on the pairs measured themselves."""
        return self.roc.eer

    @property
    def area(self) -> float:
        """Area under the ROC curve: the chance that a pair of one class is nearer than one of two, ties a half."""
        return self.roc.area

    @property
    def sampled(self) -> bool:
        """Whether some pairs are left out."""
        return (self.n_same, self.n_different) != (self.n_same_in_all, self.n_different_in_all)

    @property
    def convention(self) -> str:
        """What the numbers mean, which must stand wherever they do."""
        if isinstance(self.threshold, Threshold):
            chosen = str(self.threshold)
        elif self.threshold is None:
            chosen = "no threshold: choose one on validation examples"
        else:
            chosen = f"threshold {self.threshold:.4g} as given"
        pairs = f"{self.n_same:,} pairs of one class, {self.n_different:,} of two"
        if self.sampled:
            in_all = f"{self.n_same_in_all:,} and {self.n_different_in_all:,}"
            pairs += f", sampled from {in_all} with seed {self.seed}"
        lone = f"; {self.n_lone:,} examples alone in their class" if self.n_lone else ""
        return f"{chosen}; {pairs}{lone}; distance {self.distance}"

    def to_dict(self) -> dict[str, Any]:
        """Rates, counts, threshold and about 200 points of the curve, of plain types."""
        curve = self.roc.thinned(POINTS_IN_FILE)
        chosen = self.threshold.to_dict() if isinstance(self.threshold, Threshold) else self.threshold
        facts = ("far", "frr", "n_same", "n_different", "n_same_in_all", "n_different_in_all", "n_lone", "distance")
        return {
            "eer": self.eer,
            "area": self.area,
            "threshold": chosen,
            **{name: getattr(self, name) for name in facts},
            "roc": {"far": curve.far.tolist(), "frr": curve.frr.tolist()},
        }

    def __repr__(self) -> str:
        return f"VerificationReport(eer={self.eer:.4f}, area={self.area:.4f}; {self.n_same + self.n_different:,} pairs)"

    def __str__(self) -> str:
        rows = [("equal error rate", self.eer), ("area under ROC", self.area)]
        if self.far is not None and self.frr is not None:
            rows += [("FAR at threshold", self.far), ("FRR at threshold", self.frr)]
        table = [f"{name:<18}{value:.4f}" for name, value in rows]
        return "\n".join([*table, textwrap.fill(self.convention, 80, subsequent_indent="  ")])


def verify(
    embeddings: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    *,
    distance: str | Distance,
    threshold: Threshold | float | None = None,
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
) -> VerificationReport:
    """Tell pairs of one class from pairs of two by their distance, over all thresholds and at a given one.

    >>> report = verify([[0.0], [1.0], [5.0], [6.0]], [0, 0, 1, 1], distance="euclidean", threshold=4.5)
    >>> report.eer, report.area, report.far, report.frr
    (0.0, 1.0, 0.25, 0.0)

    Args:
        embeddings: ``[n, n_dims]``.
        labels: ``[n]``: a class, number or text, of each.
        distance: Name or object; an encoder's is ``encoder.distance``.
        threshold: What :func:`choose_threshold` found on validation examples, or a number in the unit of the distance;
            None: no rates at a threshold.
        max_pairs: Beyond this many pairs a sample is taken: half of one class, half of two (all of a kind where there
            are no more), drawn with replacement. The report says so.
        seed: Of the sample.

    Raises:
        ConfigError: If the distance is unknown, or the threshold is no number or one of another distance.
        ShapeError: If the shapes do not fit.
        DataError: If an embedding is not finite, or there are not pairs of both kinds.
    """
    where = "verify"
    rows = as_rows(where, "embeddings", embeddings)
    classes = as_classes(where, "labels", labels, len(rows))
    measure, rows = distance_for(distance, rows)
    value = _value_of(threshold, measure)
    pairs = score_pairs(where, rows, classes, measure, count_at_least(where, "max_pairs", max_pairs, 2), seed)
    far = frr = None
    if value is not None:
        accepted = pairs.scores >= (value if measure.nearer == "larger" else -value)
        far, frr = float(accepted[~pairs.same].mean()), float((~accepted[pairs.same]).mean())
    n_same = int(pairs.same.sum())
    return VerificationReport(
        roc=roc_of(pairs.scores, pairs.same),
        distance=measure.name,
        threshold=threshold,
        far=far,
        frr=frr,
        n_same=n_same,
        n_different=len(pairs.same) - n_same,
        n_same_in_all=pairs.n_same,
        n_different_in_all=pairs.n_different,
        n_lone=int(np.sum(lone_anchors(classes, classes, True))),
        seed=seed,
    )


def _value_of(threshold: Threshold | float | None, distance: Distance) -> float | None:
    if isinstance(threshold, Threshold):
        if threshold.distance != distance.name:
            raise ConfigError(
                f"verify: expected a threshold of {distance.name}; got one of {threshold.distance}. "
                "Choose it with the distance that is measured."
            )
        return threshold.value
    if threshold is not None and not math.isfinite(threshold):
        raise ConfigError(f"verify: expected a finite threshold; got {threshold}. Choose one on validation examples.")
    return threshold
