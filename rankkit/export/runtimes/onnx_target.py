"""Target ``onnx``: one file with the transform and readout inside."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError
from rankkit.export.artefacts.manifest import Manifest, without_schema
from rankkit.export.runtimes.int8 import quantize
from rankkit.export.runtimes.onnx_file import OnnxSession, check_has_onnx, run_onnx, write_onnx
from rankkit.export.strings.graph import put_before, write_scorer_part
from rankkit.export.strings.inputs import tensors_of
from rankkit.export.target import check_options, only_file


class OnnxTarget:
    """``features [n, F]`` to ``score [n]``; with a transform over queries, ``features`` and ``mask`` of whole lists.

    With ``strings`` the columns of the table take the place of ``features``, each as a tensor of its own.
    """

    name = "onnx"
    suffix: str | None = ".onnx"
    missing_default: float | None = None
    feature_prefix = ""

    def check(self, model: Any) -> None:
        """Any scorer can be expressed, and trees that are not too large."""
        check_has_onnx("onnx", model)

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> None:
        """Write ``ranker.onnx``; options ``opset`` (18), ``int8`` (False) and ``strings`` (False)."""
        check_options("onnx", options, ("opset", "int8", "strings"))
        opset, int8, strings = options.get("opset", 18), options.get("int8", False), options.get("strings", False)
        for name, value in (("int8", int8), ("strings", strings)):
            if not isinstance(value, bool):
                raise ConfigError(f"{name}: expected True or False; got {value!r}. Pass one of the two.")
        path = folder / "ranker.onnx"
        write_onnx(model, path, opset=opset, listwise=manifest.listwise, metadata=metadata(manifest))
        if int8:
            full = path.rename(folder / "float32.onnx")
            quantize(full, path)
            full.unlink()
        if strings and manifest.schema is not None:
            put_before(path, Schema.from_dict(manifest.schema))

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.floating]:
        """Score with ONNX Runtime; with strings, the sample rows from their columns, and the rest behind the matrix."""
        path = only_file(folder, manifest)
        if not manifest.options.get("strings"):
            return run_onnx(path, features, offsets, manifest.listwise)
        with TemporaryDirectory() as beside:
            part = Path(beside) / "scorer.onnx"
            write_scorer_part(path, manifest.n_features, part)
            scores = run_onnx(part, features, offsets, listwise=False)
        samples, rows = manifest.samples, manifest.samples.rows
        n_samples = len(samples.features)
        if rows and manifest.schema is not None and np.array_equal(features[:n_samples], samples.features, True):
            tensors = tensors_of(Schema.from_dict(manifest.schema), rows)
            scores[n_samples - len(rows) : n_samples] = OnnxSession(path).run("score", tensors)
        return scores


def metadata(manifest: Manifest) -> dict[str, str]:
    """What an ONNX file carries of its manifest, as ``get_modelmeta().custom_metadata_map`` gives it back."""
    about = {
        "rankkit.version": manifest.versions.get("rankkit", ""),
        "rankkit.features": json.dumps(manifest.feature_names, ensure_ascii=False),
        "rankkit.scorer": json.dumps(without_schema(manifest.scorer), ensure_ascii=False),
        "rankkit.objective": json.dumps(manifest.objective, ensure_ascii=False),
        "rankkit.weights_sha256": manifest.weights_sha256,
        "rankkit.data_fingerprint": manifest.data_fingerprint or "",
    }
    if manifest.schema is not None:
        about["rankkit.schema"] = json.dumps(manifest.schema, ensure_ascii=False)
    return about
