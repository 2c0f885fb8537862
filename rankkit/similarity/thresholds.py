"""choose_threshold(): from where on two embeddings count as the same, chosen on validation examples."""

from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from torch import Tensor

from rankkit.distances import Distance
from rankkit.errors import ConfigError
from rankkit.similarity.comparing import as_classes, as_rows, count_at_least, distance_for
from rankkit.similarity.pairs import score_pairs
from rankkit.similarity.roc import Roc, roc_of

ThresholdRule = Literal["eer", "balanced_accuracy", "far"]

MAX_PAIRS = 2_000_000
"""All pairs of up to 2,000 examples; of more a sample of this size."""


@dataclass(frozen=True)
class Threshold:
    """From where on two examples count as the same, and how that was chosen.

    Args:
        value: In the unit of the distance: two are the same where their distance is at most this (for a similarity: at
            least this).
        distance: Name of the distance.
        rule: How it was chosen.
        far: False accept rate on the pairs that it was chosen on.
        frr: False reject rate there.
        n_same: Pairs of one class that it was chosen on.
        n_different: Pairs of two classes.
    """

    value: float
    distance: str
    rule: str
    far: float
    frr: float
    n_same: int
    n_different: int

    def to_dict(self) -> dict[str, Any]:
        """The fields, of plain types."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"threshold {self.value:.4g} ({self.distance}) chosen on {self.n_same + self.n_different:,} validation "
            f"pairs ({self.rule}; FAR {self.far:.4f}, FRR {self.frr:.4f} there)"
        )


def choose_threshold(
    embeddings: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    *,
    distance: str | Distance,
    rule: ThresholdRule = "eer",
    max_far: float = 0.01,
    max_pairs: int = MAX_PAIRS,
    seed: int = 0,
) -> Threshold:
    """Choose a threshold on validation examples; :func:`verify` then tells its error rates on others.

    Rates at a threshold that was chosen on the examples measured are too good: do not pass those.

    >>> chosen = choose_threshold([[0.0], [1.0], [5.0], [6.0]], [0, 0, 1, 1], distance="euclidean")
    >>> chosen.value, chosen.far, chosen.frr
    (2.5, 0.0, 0.0)

    Args:
        embeddings: ``[n, n_dims]``, of validation examples.
        labels: ``[n]``: a class, number or text, of each.
        distance: Name or object; an encoder's is ``encoder.distance``.
        rule: ``"eer"`` where false accept and false reject rate are nearest to each other, ``"balanced_accuracy"``
            where their mean is least, ``"far"`` the least false reject rate with a false accept rate of at most
            ``max_far``. The threshold lies in the middle between the last distance accepted and the first refused.
        max_far: For ``rule="far"``.
        max_pairs: Beyond this many pairs a sample is taken: half of one class, half of two, with replacement.
        seed: Of the sample.

    Raises:
        ConfigError: If a rule or distance is unknown, or max_far is not in [0, 1].
        ShapeError: If the shapes do not fit.
        DataError: If an embedding is not finite, or there are not pairs of both kinds.
    """
    where = "choose_threshold"
    if rule not in get_args(ThresholdRule):
        known = ", ".join(map(repr, get_args(ThresholdRule)))
        raise ConfigError(f"{where}: expected rule to be one of {known}; got {rule!r}. Pass one of them.")
    if not 0 <= max_far <= 1:
        raise ConfigError(f"{where}: expected max_far in [0, 1]; got {max_far}. Pass a share such as 0.01.")
    rows = as_rows(where, "embeddings", embeddings)
    classes = as_classes(where, "labels", labels, len(rows))
    measure, rows = distance_for(distance, rows)
    pairs = score_pairs(where, rows, classes, measure, count_at_least(where, "max_pairs", max_pairs, 2), seed)
    curve = roc_of(pairs.scores, pairs.same)
    point = _chosen_point(curve, rule, max_far)
    score = curve.between(point)
    n_same = int(pairs.same.sum())
    return Threshold(
        value=score if measure.nearer == "larger" else -score,
        distance=measure.name,
        rule=f"FAR at most {max_far:g}"
        if rule == "far"
        else {"eer": "equal error rate"}.get(rule, "balanced accuracy"),
        far=float(curve.far[point]),
        frr=float(curve.frr[point]),
        n_same=n_same,
        n_different=len(pairs.same) - n_same,
    )


def _chosen_point(curve: Roc, rule: str, max_far: float) -> int:
    if rule == "far":
        return int(np.searchsorted(curve.far, max_far, side="right")) - 1
    total = curve.far + curve.frr
    if rule == "balanced_accuracy":
        return int(total.argmin())
    apart = np.abs(curve.far - curve.frr)
    return int(np.lexsort((total, apart))[0])
