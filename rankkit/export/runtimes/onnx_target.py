"""Target ``onnx``: one file with the transform and readout inside."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError
from rankkit.export.artefacts.manifest import Manifest, without_schema
from rankkit.export.runtimes.int8 import quantize
from rankkit.export.runtimes.onnx_file import run_onnx, write_onnx
from rankkit.export.source import check_is_scorer
from rankkit.export.target import check_options, only_file


class OnnxTarget:
    """``features [n, F]`` to ``score [n]``; with a transform over queries, ``features`` and ``mask`` of whole lists."""

    name = "onnx"
    suffix: str | None = ".onnx"
    missing_default: float | None = None
    feature_prefix = ""

    def check(self, model: Any) -> None:
        """Any scorer can be expressed; trees cannot."""
        check_is_scorer("onnx", model)

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> None:
        """Write ``ranker.onnx``; options ``opset`` (18) and ``int8`` (False)."""
        check_options("onnx", options, ("opset", "int8"))
        opset, int8 = options.get("opset", 18), options.get("int8", False)
        if not isinstance(int8, bool):
            raise ConfigError(f"int8: expected True or False; got {int8!r}. Pass one of the two.")
        path = folder / "ranker.onnx"
        write_onnx(model, path, opset=opset, listwise=manifest.listwise, metadata=metadata(manifest))
        if int8:
            full = path.rename(folder / "float32.onnx")
            quantize(full, path)
            full.unlink()

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.floating]:
        """Score with ONNX Runtime."""
        return run_onnx(only_file(folder, manifest), features, offsets, manifest.listwise)


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
