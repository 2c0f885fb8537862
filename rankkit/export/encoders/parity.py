"""Whether an artefact embeds as the encoder does: greatest difference of any number, and the gate on it."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from rankkit.errors import ExportError
from rankkit.export.artefacts.parity import TOLERANCE


@dataclass(frozen=True)
class EmbeddingParity:
    """How an artefact's embeddings differ from the encoder's.

    Args:
        max_difference: Greatest absolute difference of two numbers.
        max_relative: Greatest difference divided by ``max(1, size)``, where the size of an embedding is its largest
            |number|: what the gate looks at. A number near 0 in an embedding of large ones is the difference of large
            ones, and has no more digits than they leave it.
        n_inputs: Inputs compared.
    """

    max_difference: float
    max_relative: float
    n_inputs: int

    def passes(self, tolerance: float = TOLERANCE) -> bool:
        """Whether every embedding is within the tolerance."""
        return self.max_relative <= tolerance

    def to_json(self) -> dict[str, Any]:
        """As the manifest keeps it."""
        return dict(vars(self))

    def __str__(self) -> str:
        return f"max difference {self.max_difference:.2g} over {self.n_inputs:,} inputs"


def measure_embeddings(expected: ArrayLike, embeddings: ArrayLike) -> EmbeddingParity:
    """Compare the embeddings of an artefact with the encoder's.

    Args:
        expected: The encoder's ``[n, n_dims]``, finite.
        embeddings: The artefact's, of the same inputs.

    Raises:
        ExportError: If the shapes differ, or a number of the artefact is not finite.

    Example:
        >>> measure_embeddings([[4.0, 0.0], [0.1, 0.2]], [[4.0, 2.0], [0.1, 0.2]])
        EmbeddingParity(max_difference=2.0, max_relative=0.5, n_inputs=2)
    """
    wanted, found = np.asarray(expected, np.float64), np.asarray(embeddings, np.float64)
    if found.shape != wanted.shape:
        raise ExportError(
            f"parity: expected embeddings {list(wanted.shape)}; got {list(found.shape)}. Report this export."
        )
    good = np.isfinite(found).all(axis=1)
    if not good.all():
        raise ExportError(
            f"parity: expected finite embeddings; got NaN or infinity for input {int(np.argmin(good))}. "
            "Report this export."
        )
    difference = np.abs(found - wanted).max(axis=1, initial=0.0)
    size = np.abs(wanted).max(axis=1, initial=1.0)
    return EmbeddingParity(
        max_difference=float(difference.max(initial=0.0)),
        max_relative=float((difference / size).max(initial=0.0)),
        n_inputs=len(wanted),
    )


def gate_embeddings(where: str, parity: EmbeddingParity, *, action: str) -> None:
    """Raise unless the artefact embeds as the encoder does.

    Args:
        where: The artefact, for the message.
        parity: What :func:`measure_embeddings` found.
        action: What the user can do, for the message.

    Raises:
        ExportError: If it does not.
    """
    if not parity.passes():
        raise ExportError(
            f"{where}: expected embeddings within {TOLERANCE:g} * max(1, largest |number|) of the encoder's; got a "
            f"relative difference of {parity.max_relative:.3g} over {parity.n_inputs:,} inputs. {action}"
        )
