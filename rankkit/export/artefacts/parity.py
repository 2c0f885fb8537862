"""Whether an artefact scores as the ranker does: greatest difference, inversions, and the gate on both."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rankkit.errors import ExportError
from rankkit.numbers import how_many

TOLERANCE = 1e-5
_BLOCK = 1024


@dataclass(frozen=True)
class ScoreMap:
    """How the scores of an artefact follow from the ranker's, where a server forces another scale. It keeps the order.

    ``affine``: artefact = scale * ranker + shift. ``sigmoid``: artefact = 1 / (1 + exp(-(scale * ranker + shift))).

    Args:
        kind: ``"affine"`` or ``"sigmoid"``.
        scale: Above 0.
        shift: Any number.
    """

    kind: str
    scale: float = 1.0
    shift: float = 0.0

    def __post_init__(self) -> None:
        if (
            self.kind not in ("affine", "sigmoid")
            or not self.scale > 0
            or not np.isfinite((self.scale, self.shift)).all()
        ):
            raise ExportError(
                f"score map: expected 'affine' or 'sigmoid' with a scale above 0; got {self}. Export the ranker again."
            )

    def formula(self) -> str:
        """What the artefact gives, in terms of the ranker's score.

        >>> ScoreMap("affine", shift=-0.5).formula()
        'score - 0.5'
        >>> ScoreMap("sigmoid", scale=2.0, shift=1.0).formula()
        '1 / (1 + exp(-(2 * score + 1)))'
        """
        line = "score" if self.scale == 1 else f"{self.scale:.6g} * score"
        if self.shift:
            line += f" {'-' if self.shift < 0 else '+'} {abs(self.shift):.6g}"
        return line if self.kind == "affine" else f"1 / (1 + exp(-({line})))"

    def ranker_scores(self, scores: NDArray[np.floating]) -> NDArray[np.float64]:
        """The ranker's scores from the artefact's.

        >>> ScoreMap("affine", scale=2.0, shift=1.0).ranker_scores(np.array([5.0]))
        array([2.])
        >>> ScoreMap("sigmoid").ranker_scores(np.array([0.5]))
        array([0.])
        """
        values = np.asarray(scores, dtype=np.float64)
        if self.kind == "sigmoid":
            with np.errstate(divide="ignore", invalid="ignore"):  # a saturated 0 or 1 gives an infinite score: gated
                values = np.log(values) - np.log1p(-values)
        return (values - self.shift) / self.scale


@dataclass(frozen=True)
class Parity:
    """How an artefact's scores differ from the ranker's.

    Args:
        max_difference: Greatest absolute difference.
        max_relative: Greatest difference divided by ``max(1, |score|)``: what the gate looks at.
        inversions: Pairs of documents further apart than the tolerance, which the artefact orders otherwise or ties.
        n_docs: Documents compared.
    """

    max_difference: float
    max_relative: float
    inversions: int
    n_docs: int

    def passes(self, tolerance: float = TOLERANCE) -> bool:
        """Whether differences are within the tolerance and no pair is inverted."""
        return self.max_relative <= tolerance and self.inversions == 0

    def to_json(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        return dict(vars(self))

    def __str__(self) -> str:
        over = how_many(self.n_docs, "document")
        return f"max difference {self.max_difference:.2g}, {self.inversions} inversions, over {over}"


def measure(
    expected: ArrayLike,
    scores: ArrayLike,
    *,
    score_map: ScoreMap | None = None,
    tolerance: float = TOLERANCE,
) -> Parity:
    """Compare the scores of an artefact with the ranker's.

    Args:
        expected: The ranker's scores ``[doc]``.
        scores: The artefact's, of the same documents.
        score_map: How the artefact's follow from the ranker's; the difference is taken behind the map, the order as
            the artefact gives it.
        tolerance: Share of ``max(1, |score|)`` that two scores have to be apart for their order to count.

    Raises:
        ExportError: If the number of scores differs, or a score is not a finite number where the ranker's is.

    Example:
        >>> measure([2.0, 1.0, 0.0], [2.0, 0.5, 1.0])
        Parity(max_difference=1.0, max_relative=1.0, inversions=1, n_docs=3)
    """
    wanted, raw = np.asarray(expected, dtype=np.float64), np.asarray(scores, dtype=np.float64)
    if wanted.ndim != 1 or raw.shape != wanted.shape:
        raise ExportError(
            f"parity: expected one score a document, {list(wanted.shape)}; got {list(raw.shape)}. Report this export."
        )
    mapped = raw if score_map is None else score_map.ranker_scores(raw)
    if not np.isfinite(wanted).all():
        raise ExportError(
            f"parity: expected finite scores of the ranker; got {wanted[~np.isfinite(wanted)][0]}. "
            "Train it again: its weights cannot rank. One of your own has to score missing values (NaN) too."
        )
    if not np.isfinite(mapped).all():
        at = int(np.flatnonzero(~np.isfinite(mapped))[0])
        raise ExportError(
            f"parity: expected a score near {wanted[at]:.6g} for document {at}; got {raw[at]}. Report this export."
        )
    difference = np.abs(mapped - wanted)
    return Parity(
        max_difference=float(difference.max(initial=0.0)),
        max_relative=float((difference / np.maximum(1, np.abs(wanted))).max(initial=0.0)),
        inversions=_inversions(wanted, raw, tolerance),
        n_docs=len(wanted),
    )


def gate(where: str, parity: Parity, *, tolerance: float = TOLERANCE, action: str = "Export it again.") -> None:
    """Raise unless the artefact scores as the ranker does.

    Args:
        where: The artefact, for the message.
        parity: What :func:`measure` found.
        tolerance: Greatest difference, as a share of ``max(1, |score|)``.
        action: What the user can do, for the message.

    Raises:
        ExportError: If it does not.
    """
    if not parity.passes(tolerance):
        raise ExportError(
            f"{where}: expected scores within {tolerance:g} * max(1, |score|) of the ranker's and no pair inverted; "
            f"got a relative difference of {parity.max_relative:.3g} and {parity.inversions:,} inversions over "
            f"{how_many(parity.n_docs, 'document')}. {action}"
        )


def _inversions(wanted: NDArray[np.float64], scores: NDArray[np.float64], tolerance: float) -> int:
    size = np.maximum(1, np.abs(wanted))
    count = 0
    for start in range(0, len(wanted), _BLOCK):
        block = slice(start, start + _BLOCK)
        apart = wanted[block, None] - wanted > tolerance * np.maximum(size[block, None], size)
        count += int((apart & (scores[block, None] <= scores)).sum())
    return count
