"""Target: what every place that a ranker can be exported to provides."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError, did_you_mean
from rankkit.export.artefacts.manifest import Described, Manifest
from rankkit.export.artefacts.parity import ScoreMap


class Target(Protocol):
    """Where a ranker can go. ``model`` is a scorer, or a ``TreeModel`` of :mod:`rankkit.models.trees`.

    Attributes:
        name: As ``--to`` has it.
        suffix: Of a single-file artefact, such as ``".onnx"``; None: the artefact is a folder.
        missing_default: What the server takes for a missing feature; None: NaN is accepted and handled inside.
        feature_prefix: What stands before the number of a feature without a name, where a name must be an identifier.

    A target may have two more, which ``rankkit train --target`` looks for: ``training``, by the name of a scorer the
    options that it needs there, each with why; and ``numbers_alone``, True where it has no place for columns that are
    no numbers.
    """

    name: str
    suffix: str | None
    missing_default: float | None
    feature_prefix: str

    def check(self, model: Any) -> None:
        """Raise ExportError that names the layer or step which cannot be expressed, and what to do instead.

        Looks at the structure only, so that it can run before training.
        """
        ...

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> ScoreMap | None:
        """Write the artefact's files, manifest excepted, into an empty folder; unknown options are refused.

        A single-file target writes exactly one file. ``manifest`` has no parity and no files yet.

        Returns:
            How the artefact's scores follow from the ranker's; None: they are the ranker's.
        """
        ...

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.floating]:
        """Score documents with the artefact's files alone (no scorer), as the server would: ``[doc]``.

        Raises:
            ExportError: If a file is not what it should be.
        """
        ...


def check_options(where: str, options: Mapping[str, Any], known: tuple[str, ...] = ()) -> None:
    """Refuse options that a target does not have.

    Raises:
        ConfigError: Naming the first of them.

    Example:
        >>> check_options("onnx", {"opset": 18}, ("opset", "int8"))
    """
    for name in options:
        if name not in known:
            action = did_you_mean(name, known) if known else "Leave it out."
            raise ConfigError(f"{where}: expected an option of this target; got {name!r}. {action}")


def only_file(folder: Path, manifest: Described) -> Path:
    """The one file of a single-file artefact."""
    (name,) = manifest.files
    return folder / name
