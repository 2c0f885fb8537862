"""Target ``kserve``: a model repository with the InferenceService that serves it on Kubernetes."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError
from rankkit.export.artefacts.manifest import Manifest
from rankkit.export.runtimes.onnx_file import check_has_onnx
from rankkit.export.runtimes.triton import OPTIONS, replay_repository, write_repository
from rankkit.export.target import check_options

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://\S+")


class KServeTarget:
    """``models/`` for the place that ``storageUri`` names, and ``inferenceservice.yaml`` for ``kubectl apply``.

    KServe serves ONNX files with Triton (the runtime ``kserve-tritonserver``), so ``models/`` is what target ``triton``
    writes, and requests are of the V2 protocol: ``POST /v2/models/<model_name>/infer``.

    Options: ``storage_uri`` (``"pvc://models/<model_name>"``: where ``models/`` is copied to), and those of ``triton``;
    ``model_name`` has to be a name in Kubernetes.
    """

    name = "kserve"
    suffix: str | None = None
    missing_default: float | None = None
    feature_prefix = ""

    def check(self, model: Any) -> None:
        """Any scorer can be expressed, and trees that are not too large."""
        check_has_onnx("kserve", model)

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> None:
        """Write the repository and the InferenceService."""
        check_options("kserve", options, (*OPTIONS, "storage_uri"))
        name = options.get("model_name", "ranker")
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ConfigError(
                f"model_name: expected lower-case letters, digits and '-', beginning with a letter; got {name!r}. "
                "Kubernetes allows no other names."
            )
        storage_uri = options.get("storage_uri", f"pvc://models/{name}")
        if not isinstance(storage_uri, str) or not _ADDRESS.fullmatch(storage_uri):
            raise ConfigError(
                f"storage_uri: expected an address such as 's3://bucket/ranker'; got {storage_uri!r}. "
                "Give the place that models/ is copied to."
            )
        (folder / "models").mkdir()
        write_repository(model, manifest, folder / "models", options)
        text = service_text(name, storage_uri, manifest)
        (folder / "inferenceservice.yaml").write_text(text, encoding="utf-8")

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.floating]:
        """Score with ONNX Runtime, which Triton runs."""
        return replay_repository(folder, manifest, features, offsets)


def service_text(name: str, storage_uri: str, manifest: Manifest) -> str:
    """The InferenceService, as YAML."""
    annotations = {
        "rankkit.weights-sha256": manifest.weights_sha256,
        "rankkit.features": json.dumps(manifest.feature_names, ensure_ascii=False),
    }
    lines = "\n".join(f"    {key}: {quoted(value)}" for key, value in annotations.items())
    return f"""\
# Copy the content of models/ to storageUri, then: kubectl apply -f inferenceservice.yaml
apiVersion: serving.kserve.io/v1beta1
kind: InferenceService
metadata:
  name: {quoted(name)}
  annotations:
{lines}
spec:
  predictor:
    model:
      modelFormat:
        name: onnx
      runtime: kserve-tritonserver
      protocolVersion: v2
      storageUri: {quoted(storage_uri)}
"""


def quoted(text: str) -> str:
    r"""A double-quoted string of YAML; not JSON's, whose pairs of surrogates Kubernetes does not read.

    >>> print(quoted('a "b"\n'))
    "a \"b\"\U0000000a"
    """
    named = {"\\": r"\\", '"': r"\""}
    return '"' + "".join(named.get(c) or (c if c.isprintable() else f"\\U{ord(c):08x}") for c in text) + '"'
