"""Target ``numpy``: ``ranker.py``, generated and readable, with its weights in ``ranker.npz``; needs numpy only."""

import inspect
import json
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rankkit.bundle import build
from rankkit.data.columns import row_encoder
from rankkit.errors import ExportError
from rankkit.export.artefacts.install import digest
from rankkit.export.artefacts.manifest import Manifest
from rankkit.export.runtimes.numpy_source import source_text
from rankkit.export.source import check_is_scorer
from rankkit.export.target import check_options

CODE_FILE = "ranker.py"
WEIGHTS_FILE = "ranker.npz"
ENCODER_FILE = "encoder.py"
SCHEMA_FILE = "schema.json"


class NumpyTarget:
    """A module with ``score(features)``, or ``score(features, offsets)`` with a transform over queries.

    Of columns that are no numbers the features are codes and parts; ``encoder.py`` and ``schema.json`` beside it make
    them of rows: ``RowEncoder(json.loads(Path("schema.json").read_text())).encode(rows)``.
    """

    name = "numpy"
    suffix: str | None = None
    missing_default: float | None = None
    feature_prefix = ""

    def check(self, model: Any) -> None:
        """Scorers whose layers have a numpy form; trees and others are refused."""
        check_is_scorer("numpy", model)
        source_text(model, [], "")

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> None:
        """Write ``ranker.py`` and ``ranker.npz``."""
        check_options("numpy", options)
        weights = {
            name: value.detach().numpy()
            for name, value in model.state_dict().items()
            if not name.endswith(".fitted") and not name.endswith("num_batches_tracked")
        }
        np.savez(folder / WEIGHTS_FILE, **weights)
        text = source_text(model, manifest.feature_names, digest(folder / WEIGHTS_FILE))
        (folder / CODE_FILE).write_text(text, encoding="utf-8")
        if manifest.schema is not None:
            write_encoder(manifest.schema, folder)

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.floating]:
        """Run ``ranker.py``, if it is what rankkit generates for this manifest and nothing else."""
        path = folder / CODE_FILE
        text = _generated(path, manifest)
        module = types.ModuleType("ranker")
        module.__file__ = str(path)
        try:
            exec(compile(text, str(path), "exec"), module.__dict__)  # noqa: S102 - rankkit's own text, compared above
            with np.errstate(over="ignore", invalid="ignore"):
                scores = module.score(features, offsets) if manifest.listwise else module.score(features)
        except Exception as error:
            raise ExportError(
                f"{path}: expected a module that scores {manifest.n_features} features; got {error!r}. "
                "Export the ranker again."
            ) from error
        return np.asarray(scores)


def write_encoder(schema: Mapping[str, Any], folder: Path) -> None:
    """Write ``encoder.py`` and the schema that it is for, so that features can be made of rows without rankkit."""
    (folder / SCHEMA_FILE).write_text(json.dumps(schema, ensure_ascii=False), encoding="utf-8")
    (folder / ENCODER_FILE).write_text(inspect.getsource(row_encoder), encoding="utf-8")


def _generated(path: Path, manifest: Manifest) -> str:
    """The text of ``ranker.py``, which has to be the one that the manifest's scorer gives: it is going to be run."""
    try:
        with torch.device("meta"):  # the structure alone, without memory for weights
            scorer: nn.Module = build(manifest.scorer)
        wanted = source_text(scorer, manifest.feature_names, manifest.files[WEIGHTS_FILE])
        found = path.read_text(encoding="utf-8")
    except (KeyError, ValueError, OSError) as error:
        raise ExportError(
            f"{path}: expected the module of a scorer that this rankkit knows; got {error!r}. Export the ranker again."
        ) from error
    if found != wanted:
        raise ExportError(
            f"{path}: expected the code that this rankkit generates for the manifest; got other code, which is not "
            f"run. It was written by rankkit {manifest.versions.get('rankkit', 'of another version')} or changed: "
            "export the ranker again."
        )
    return found
