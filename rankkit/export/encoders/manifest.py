"""EncoderManifest: what lies in the artefact of an encoder, how its embeddings compare, and inputs with theirs.

It serves any module of torch that takes inputs of one shape: one without a distance gives outputs, not embeddings.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.distances import DISTANCES, Distance, VerificationHead, WeightedL1
from rankkit.export.artefacts.manifest import FORMAT_VERSION, Manifest, intact, ranker_manifest, read_json
from rankkit.export.encoders.parity import EmbeddingParity
from rankkit.registry import MODELS

FORMULAS = {
    "euclidean": "sqrt(sum_k (x_k - y_k)^2)",
    "squared_euclidean": "sum_k (x_k - y_k)^2",
    "l1": "sum_k |x_k - y_k|",
    "weighted_l1": "sum_k weights_k |x_k - y_k|",
    "cosine": "1 - x.y / (|x| |y|)",
    "cosine_similarity": "x.y / (|x| |y|)",
    "dot": "x.y",
    "verification": "bias + sum_k alpha_k |x_k - y_k|",
}


@dataclass(frozen=True)
class KnownDistance:
    """What two embeddings are to be compared by. The artefact gives embeddings: the distance is computed outside.

    Args:
        name: Such as ``"cosine"``.
        nearer: ``"smaller"`` or ``"larger"``.
        formula: Of two embeddings x and y; None for a distance that is not of rankkit's catalogue.
        weights: The numbers in the formula that were learned, by name; empty where there are none.
    """

    name: str
    nearer: str
    formula: str | None
    weights: Mapping[str, list[float] | float] = field(default_factory=dict)


def known_distance(distance: Distance) -> KnownDistance:
    """What a manifest says of a distance.

    >>> known_distance(WeightedL1(2))
    KnownDistance(name='weighted_l1', nearer='smaller', formula='sum_k weights_k |x_k - y_k|',
    weights={'weights': [1.0, 1.0]})
    """
    weights: dict[str, list[float] | float] = {}
    if isinstance(distance, WeightedL1):
        weights = {"weights": distance.weights.tolist()}
    elif isinstance(distance, VerificationHead):
        weights = {"alpha": distance.alpha.tolist(), "bias": distance.bias.item()}
    known = type(distance) is DISTANCES.get(distance.name)  # a function of a user may have the name of another
    return KnownDistance(distance.name, distance.nearer, FORMULAS[distance.name] if known else None, weights)


@dataclass(frozen=True, eq=False)
class EncoderSamples:
    """Inputs with the embeddings that the encoder gives them.

    Args:
        inputs: float32 ``[n, *input_shape]``.
        embeddings: float32 ``[n, n_dims]``.
    """

    inputs: NDArray[np.float32]
    embeddings: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class EncoderManifest:
    """All that a server or a person needs to know of an exported encoder; it lies beside the file.

    Args:
        target: ``"onnx"`` or ``"torch"``.
        kind: ``"encoder"``, or what another task calls its models.
        encoder: ``{"name": ..., "options": {...}}``, in the file under its kind.
        input_shape: Shape of one input: the file takes float32 ``[n, *input_shape]``.
        n_dims: Numbers of an embedding: the file gives float32 ``[n, n_dims]``.
        output: ``"linear"``, ``"sigmoid"`` or ``"unit"``; it is inside the file.
        distance: What embeddings are to be compared by; it is not in the file. None where they are not compared.
        objective: What the encoder was trained with, as the bundle says.
        protocol: What else the bundle records, such as its metrics and the ink of its pictures.
        data_fingerprint: Of the training data.
        versions: Of rankkit, Python and the libraries that wrote the artefact.
        weights_sha256: Of the weights in the bundle, those of a learned distance included.
        samples: Inputs with expected embeddings.
        parity: How far the artefact's embeddings were from the encoder's at export.
        files: Name to sha256 of the file.
        options: Options of the export, such as the opset.
    """

    target: str
    kind: str
    encoder: Mapping[str, Any]
    input_shape: tuple[int, ...]
    n_dims: int
    output: str
    distance: KnownDistance | None
    objective: Mapping[str, Any] | None
    protocol: Mapping[str, Any] | None
    data_fingerprint: str | None
    versions: Mapping[str, str]
    weights_sha256: str
    samples: EncoderSamples
    parity: EmbeddingParity | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def output_name(self) -> str:
        """What the file calls its output."""
        return "outputs" if self.distance is None else "embeddings"

    def to_text(self) -> str:
        """As JSON: all but the samples for people to read, and those, the numbers of whole pictures, in one line.

        Raises:
            ValueError, TypeError: If JSON cannot hold a value.
        """
        plain: dict[str, Any] = {"format_version": FORMAT_VERSION}
        plain |= {self.kind if name == "encoder" else name: value for name, value in vars(self).items()}
        del plain["kind"]
        plain |= {"distance": self.distance and dict(vars(self.distance))}
        plain |= {"parity": self.parity and self.parity.to_json()}
        samples = plain.pop("samples")
        numbers = {name: _numbers(values) for name, values in vars(samples).items()}
        head = json.dumps(plain, indent=1, allow_nan=False, ensure_ascii=False)
        return f'{head[:-2]},\n "samples": {json.dumps(numbers, allow_nan=False, separators=(",", ":"))}\n}}'


def read_either(path: Path) -> Manifest | EncoderManifest:
    """Read the manifest of a ranker or of an encoder.

    Raises:
        ExportError: If it is missing, damaged, too large, or of a newer rankkit.
    """
    found = read_json(path)
    with intact(path):
        return _from_json(found) if "input_shape" in found else ranker_manifest(found)


def _from_json(found: Mapping[str, Any]) -> EncoderManifest:
    input_shape, n_dims = tuple(int(size) for size in found["input_shape"]), int(found["n_dims"])
    parity, distance = found["parity"], found["distance"]
    kind = next(kind for kind in MODELS if kind in found)
    inputs, embeddings = (np.asarray(found["samples"][name], np.float32) for name in ("inputs", "embeddings"))
    n_inputs = len(inputs)
    if n_inputs < 1 or inputs.shape != (n_inputs, *input_shape) or embeddings.shape != (n_inputs, n_dims):
        raise ValueError("sample inputs and embeddings that do not belong together")
    return EncoderManifest(
        target=str(found["target"]),
        kind=kind,
        encoder=dict(found[kind]),
        input_shape=input_shape,
        n_dims=n_dims,
        output=str(found["output"]),
        distance=None if distance is None else KnownDistance(**distance),
        objective=found["objective"],
        protocol=found["protocol"],
        data_fingerprint=found["data_fingerprint"],
        versions=dict(found["versions"]),
        weights_sha256=str(found["weights_sha256"]),
        samples=EncoderSamples(inputs, embeddings),
        parity=None if parity is None else EmbeddingParity(**parity),
        files={str(name): str(digest) for name, digest in found["files"].items()},
        options=dict(found["options"]),
    )


def _numbers(values: NDArray[np.float32]) -> Any:
    """The shortest digits that give the same float32 again, in lists of the array's shape."""
    digits = [float(str(value)) for value in values.ravel()]
    if not all(map(math.isfinite, digits)):
        raise ValueError("a sample that is not finite")
    return np.array(digits).reshape(values.shape).tolist()
