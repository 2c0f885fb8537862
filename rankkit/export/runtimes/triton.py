"""Target ``triton``: a model repository for NVIDIA's Triton inference server."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError, ExportError, did_you_mean
from rankkit.export.artefacts.manifest import Manifest
from rankkit.export.runtimes import triton_backend
from rankkit.export.runtimes.onnx_file import check_has_onnx, run_onnx, write_onnx
from rankkit.export.runtimes.onnx_target import metadata
from rankkit.export.target import check_options

BACKENDS = ("onnxruntime", "python")
OPTIONS = ("model_name", "backend", "max_batch_size", "opset")
MODEL = "model.onnx"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


class TritonTarget:
    """``ranker/config.pbtxt`` and ``ranker/1/model.onnx``: the folder is what ``--model-repository`` takes.

    A pointwise ranker takes ``features [n, F]`` and gives ``score [n, 1]``; n is Triton's batch, so that documents of
    several requests are scored together. A ranker that compares the documents of a query takes ``features [batch, list,
    F]`` and ``mask [batch, list]``. A missing value is NaN, which Triton reads in JSON as well.

    Options: ``model_name`` (``"ranker"``); ``backend``: ``"onnxruntime"``, or ``"python"`` for servers without it,
    where ``model.py`` runs the same file (Triton 2.51 wants numpy below 2 for it); ``max_batch_size`` (4096 documents);
    ``opset`` (18).
    """

    name = "triton"
    suffix: str | None = None
    missing_default: float | None = None
    feature_prefix = ""

    def check(self, model: Any) -> None:
        """Any scorer can be expressed, and trees that are not too large."""
        check_has_onnx("triton", model)

    def write(self, model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> None:
        """Write the repository."""
        check_options("triton", options, OPTIONS)
        write_repository(model, manifest, folder, options)

    def replay(
        self, folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
    ) -> NDArray[np.floating]:
        """Score with ONNX Runtime, which both backends run."""
        return replay_repository(folder, manifest, features, offsets)


def write_repository(model: Any, manifest: Manifest, folder: Path, options: Mapping[str, Any]) -> None:
    """Write ``<model_name>/config.pbtxt``, ``<model_name>/1/model.onnx`` and, for the python backend, ``model.py``.

    Raises:
        ConfigError: If an option cannot work.
    """
    name, backend = options.get("model_name", "ranker"), options.get("backend", "onnxruntime")
    max_batch_size = options.get("max_batch_size", 4096)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ConfigError(
            f"model_name: expected letters, digits, '_', '.' and '-', beginning with a letter or digit; got {name!r}. "
            "It becomes a folder and part of an address."
        )
    if backend not in BACKENDS:
        raise ConfigError(
            f"backend: expected a backend of Triton; got {backend!r}. {did_you_mean(str(backend), BACKENDS)}"
        )
    if not isinstance(max_batch_size, int) or isinstance(max_batch_size, bool) or not 1 <= max_batch_size < 2**31:
        raise ConfigError(
            f"max_batch_size: expected documents, 1 or more; got {max_batch_size!r}. Leave it out for 4096."
        )
    version = folder / name / "1"
    version.mkdir(parents=True)
    opset = options.get("opset", 18)
    write_onnx(model, version / MODEL, opset=opset, listwise=manifest.listwise, metadata=metadata(manifest))
    if backend == "python":
        source = Path(triton_backend.__file__).read_text(encoding="utf-8")
        (version / "model.py").write_text(source, encoding="utf-8")
    text = config_text(manifest, name=name, backend=backend, max_batch_size=max_batch_size)
    (folder / name / "config.pbtxt").write_text(text, encoding="utf-8")


def replay_repository(
    folder: Path, manifest: Manifest, features: NDArray[np.float32], offsets: NDArray[np.int64]
) -> NDArray[np.floating]:
    """The scores that the ONNX file of a repository gives."""
    paths = [folder / name for name in manifest.files if name.endswith(f"/1/{MODEL}")]
    if len(paths) != 1:
        raise ExportError(
            f"{folder}: expected one file .../1/{MODEL} in the manifest; got {len(paths)}. Export the ranker again."
        )
    return run_onnx(paths[0], features, offsets, manifest.listwise)


def config_text(manifest: Manifest, *, name: str, backend: str, max_batch_size: int) -> str:
    """``config.pbtxt``: Triton's ModelConfig in protobuf's text form."""
    n_features = manifest.n_features
    if manifest.listwise:
        # The batch of lists is an axis of the file like the others: lists of two requests may differ in length.
        tensors = f"""\
max_batch_size: 0
input [
  {{ name: "features" data_type: TYPE_FP32 dims: [ -1, -1, {n_features} ] }},
  {{ name: "mask" data_type: TYPE_BOOL dims: [ -1, -1 ] }}
]
output [
  {{ name: "score" data_type: TYPE_FP32 dims: [ -1, -1 ] }}
]
"""
    else:
        # The file's output is [n]: no axis is left behind the batch, which Triton writes as an empty shape.
        tensors = f"""\
max_batch_size: {max_batch_size}
dynamic_batching {{ max_queue_delay_microseconds: 500 }}
input [
  {{ name: "features" data_type: TYPE_FP32 dims: [ {n_features} ] }}
]
output [
  {{ name: "score" data_type: TYPE_FP32 dims: [ 1 ] reshape {{ shape: [ ] }} }}
]
"""
    names = json.dumps(manifest.feature_names, ensure_ascii=False)
    return f"""\
name: {quoted(name)}
backend: {quoted(backend)}
{tensors}instance_group [ {{ kind: KIND_CPU }} ]
parameters [
  {{ key: "rankkit_features" value {{ string_value: {quoted(names)} }} }},
  {{ key: "rankkit_weights_sha256" value {{ string_value: {quoted(manifest.weights_sha256)} }} }}
]
"""


def quoted(text: str) -> str:
    r"""A string literal of protobuf's text form.

    >>> print(quoted('a "b"\n\\'))
    "a \"b\"\n\\"
    """
    named = {"\\": r"\\", '"': r"\"", "\n": r"\n", "\r": r"\r", "\t": r"\t"}
    escaped = (named.get(char) or (char if char.isprintable() else _octal(char)) for char in text)
    return f'"{"".join(escaped)}"'


def _octal(char: str) -> str:
    return "".join(f"\\{byte:03o}" for byte in char.encode())
