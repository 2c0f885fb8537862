"""Manifest: what lies in an artefact, which features it takes, and rows with the scores it has to give."""

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.schema import Schema
from rankkit.errors import ExportError
from rankkit.export.artefacts.parity import Parity, ScoreMap
from rankkit.naming import named

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
LARGEST_MANIFEST = 64 * 2**20


@dataclass(frozen=True)
class Feature:
    """One input of the ranker.

    Args:
        name: Unique among the features.
        letor_index: Its index in LETOR text, from 1.
        dtype: Always ``"float32"``.
        missing_default: What the server takes for a missing value; None: send NaN, the ranker's transform replaces it.
    """

    name: str
    letor_index: int
    dtype: str = "float32"
    missing_default: float | None = None


@dataclass(frozen=True, eq=False)
class Samples:
    """Rows with the scores that the ranker gives them.

    Args:
        features: float32 ``[doc, feature]``; NaN is a missing value (null in JSON).
        offsets: int64 ``[query + 1]``.
        scores: float32 or float64 ``[doc]``: the ranker's.
        artefact_scores: What the artefact gave at export, where its scores are not the ranker's (a score map, int8).
        rows: Of an artefact that takes the columns themselves: the last of the documents as people write them.
    """

    features: NDArray[np.float32]
    offsets: NDArray[np.int64]
    scores: NDArray[np.floating]
    artefact_scores: NDArray[np.floating] | None = None
    rows: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, eq=False)
class Manifest:
    """All that a server or a person needs to know of an artefact; ``manifest.json`` beside it.

    Args:
        target: Name of the target, such as ``"onnx"``.
        scorer: ``{"name": ..., "options": {...}}``.
        features: The inputs, in order.
        transform: Spec of the transform that stands inside the artefact; None for trees.
        objective: What the ranker was trained with, as the bundle says.
        protocol: What else the bundle records, such as its metrics.
        data_fingerprint: Of the training data.
        versions: Of rankkit, Python and the libraries that wrote the artefact.
        weights_sha256: Of the weights in the bundle.
        listwise: Whether a document's score depends on the other documents of its query.
        samples: Rows with expected scores.
        parity: How far the artefact's scores were from the ranker's at export.
        files: Name to sha256 of each file; names are relative to the artefact.
        score_map: How the artefact's scores follow from the ranker's; None: they are the same.
        options: Options of the export, such as the opset.
        metric_drop: For int8: metric, value before and after, and the limit that was set.
        inputs: Of an ONNX file that takes the columns themselves: name, type, shape and meaning of each input.

    Attributes:
        schema: What the features stand for, as :meth:`rankkit.Schema.to_dict` has it: ``RowEncoder`` of
            :mod:`rankkit.data.columns.row_encoder` makes the features of rows with it. None where they are
            numbers alone.
    """

    target: str
    scorer: Mapping[str, Any]
    features: tuple[Feature, ...]
    transform: str | list[str] | None
    objective: Mapping[str, Any] | None
    protocol: Mapping[str, Any] | None
    data_fingerprint: str | None
    versions: Mapping[str, str]
    weights_sha256: str
    listwise: bool
    samples: Samples
    parity: Parity | None = None
    files: Mapping[str, str] = field(default_factory=dict)
    score_map: ScoreMap | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    metric_drop: Mapping[str, Any] | None = None
    inputs: tuple[Mapping[str, Any], ...] = ()

    @property
    def schema(self) -> Mapping[str, Any] | None:
        """See the class."""
        found: Mapping[str, Any] | None = self.scorer.get("options", {}).get("schema")
        return found

    @property
    def n_features(self) -> int:
        """How many features a document has."""
        return len(self.features)

    @property
    def feature_names(self) -> tuple[str, ...]:
        """Names of the features, in order."""
        return tuple(feature.name for feature in self.features)

    def to_text(self) -> str:
        """As JSON.

        Raises:
            ValueError, TypeError: If JSON cannot hold a value.
        """
        return json.dumps(_to_json(self), indent=1, allow_nan=False, ensure_ascii=False)


class Described(Protocol):
    """The manifest of a ranker, of an encoder, or of another kind of models."""

    @property
    def files(self) -> Mapping[str, str]:
        """Name to sha256 of each file."""
        ...

    def to_text(self) -> str:
        """As JSON."""
        ...


def named_features(
    names: Sequence[str] | None, n_features: int, *, missing_default: float | None = None, prefix: str = ""
) -> tuple[Feature, ...]:
    """The features of a manifest, in order; "1", "2", ... after the prefix where no names are known.

    Raises:
        ExportError: If two have the same name, a name is empty, or the number is another.

    Example:
        >>> named_features(["bm25"], 1)
        (Feature(name='bm25', letor_index=1, dtype='float32', missing_default=None),)
    """
    known = named(names, n_features, prefix)
    if len(known) != n_features:
        raise ExportError(f"features: expected {n_features} names; got {len(known)}. Name every feature.")
    seen: set[str] = set()
    for name in known:
        if not isinstance(name, str) or not name.strip() or name in seen:
            what = "an empty name" if isinstance(name, str) and not name.strip() else f"{name!r} more than once"
            raise ExportError(f"features: expected names that differ; got {what}. Save the ranker with other names.")
        seen.add(name)
    return tuple(Feature(name, index, missing_default=missing_default) for index, name in enumerate(known, start=1))


def manifest_path(artefact: str | Path) -> Path:
    """Where the manifest of an artefact lies: inside a folder, beside a single file.

    >>> manifest_path("ranker.onnx").name
    'ranker.onnx.manifest.json'
    """
    path = Path(artefact)
    return path / MANIFEST_FILE if path.is_dir() else path.with_name(f"{path.name}.{MANIFEST_FILE}")


def write_manifest(manifest: Described, path: Path) -> None:
    """Write a manifest as JSON, where it is not in its place yet.

    Raises:
        ExportError: If JSON cannot hold a value, or it would be larger than one that is read.
    """
    try:
        text = manifest.to_text()
    except (TypeError, ValueError) as error:
        raise ExportError(f"{path}: expected values that JSON can hold; got {error}. Save plain values.") from error
    if len(text) > LARGEST_MANIFEST // 2:  # letters beyond ASCII take more bytes than one
        raise ExportError(
            f"{path}: expected a manifest of at most {LARGEST_MANIFEST // 2:,} characters; got {len(text):,}. "
            "Export a model of smaller inputs."
        )
    path.write_text(text + "\n", encoding="utf-8")


def read_manifest(path: Path) -> Manifest:
    """Read the manifest of a ranker that :func:`write_manifest` wrote.

    Raises:
        ExportError: If it is missing, damaged, too large, of an encoder, or of a newer rankkit.
    """
    found = read_json(path)
    if "input_shape" in found:
        raise ExportError(f"{path}: expected the manifest of a ranker; got that of an encoder. Pass a ranker's.")
    with intact(path):
        return ranker_manifest(found)


def read_json(path: Path) -> dict[str, Any]:
    """What a manifest says, of a ranker or of an encoder, not looked at further than its version.

    Raises:
        ExportError: If it is missing, damaged, too large, or of a newer rankkit.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_MANIFEST + 1)
    except OSError as error:
        raise ExportError(
            f"{path}: expected the manifest of an exported model; got {error.strerror}. "
            "Pass what `rankkit export --out` wrote, with its manifest."
        ) from error
    if len(content) > LARGEST_MANIFEST:
        raise ExportError(f"{path}: expected at most {LARGEST_MANIFEST:,} bytes; got more. Export the model again.")
    with intact(path):
        found: dict[str, Any] = dict(json.loads(content))
        if found["format_version"] != FORMAT_VERSION:
            raise ExportError(
                f"{path}: expected format version {FORMAT_VERSION}; got {found['format_version']!r}. "
                "Install a newer rankkit."
            )
        return found


def listed_files(path: Path) -> dict[str, str]:
    """Name to sha256 of each file that a manifest lists, whatever it describes.

    Raises:
        ExportError: As :func:`read_json`.
    """
    found = read_json(path)
    with intact(path):
        return {str(name): str(digest) for name, digest in dict(found["files"]).items()}


@contextmanager
def intact(path: Path) -> Iterator[None]:
    """Raise ExportError for whatever goes wrong with what a manifest says."""
    try:
        yield
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise ExportError(
            f"{path}: expected what rankkit's export wrote; got damaged JSON ({type(error).__name__}: {error}). "
            "Export the model again."
        ) from error


def _to_json(manifest: Manifest) -> dict[str, Any]:
    plain = dict(vars(manifest))
    plain["features"] = [dict(vars(feature)) for feature in manifest.features]
    plain["parity"] = None if manifest.parity is None else manifest.parity.to_json()
    plain["score_map"] = None if manifest.score_map is None else dict(vars(manifest.score_map))
    if manifest.schema is not None:  # stands by itself, for who reads it without rankkit
        plain |= {"schema": manifest.schema, "scorer": without_schema(manifest.scorer)}
    samples = plain.pop("samples")
    if not plain["inputs"]:
        del plain["inputs"]
    plain["samples"] = {
        **({"rows": list(samples.rows)} if samples.rows else {}),
        "features": [_numbers(row) for row in samples.features],
        "offsets": samples.offsets.tolist(),
        "scores": _numbers(samples.scores),
        "artefact_scores": None if samples.artefact_scores is None else _numbers(samples.artefact_scores),
    }
    return {"format_version": FORMAT_VERSION, **plain}


def without_schema(scorer: Mapping[str, Any]) -> dict[str, Any]:
    """Name and options of a scorer without its schema, whose vocabularies may be long."""
    return {**scorer, "options": {name: value for name, value in scorer["options"].items() if name != "schema"}}


def _numbers(values: NDArray[np.floating]) -> list[float | None]:
    """The shortest digits that give the same value of that dtype again; null for NaN."""
    return [None if math.isnan(value) else float(str(value)) for value in values]


def ranker_manifest(found: Mapping[str, Any]) -> Manifest:
    """The manifest of a ranker from what its file says; anything may be raised for one that is damaged."""
    features = tuple(Feature(**feature) for feature in found["features"])
    named_features([feature.name for feature in features], len(features))
    samples = found["samples"]
    artefact_scores = samples["artefact_scores"]
    read = Samples(
        features=_array(samples["features"], np.float32),
        offsets=np.asarray(samples["offsets"], dtype=np.int64),
        scores=_array(samples["scores"], np.float64),
        artefact_scores=None if artefact_scores is None else _array(artefact_scores, np.float64),
        rows=tuple(dict(row) for row in samples.get("rows", ())),
    )
    _check_samples(read, len(features))
    files = {str(name): str(digest) for name, digest in found["files"].items()}
    parity, score_map = found["parity"], found["score_map"]
    scorer = dict(found["scorer"])
    if found.get("schema") is not None:
        if Schema.from_dict(found["schema"]).width != len(features):
            raise ValueError("a schema of other features")
        scorer["options"] = {**scorer["options"], "schema": found["schema"]}
    return Manifest(
        target=str(found["target"]),
        scorer=scorer,
        features=features,
        transform=found["transform"],
        objective=found["objective"],
        protocol=found["protocol"],
        data_fingerprint=found["data_fingerprint"],
        versions=dict(found["versions"]),
        weights_sha256=str(found["weights_sha256"]),
        listwise=bool(found["listwise"]),
        samples=read,
        parity=None if parity is None else Parity(**parity),
        files=files,
        score_map=None if score_map is None else ScoreMap(**score_map),
        options=dict(found["options"]),
        metric_drop=found["metric_drop"],
        inputs=tuple(dict(one) for one in found.get("inputs", ())),
    )


def _array(values: Any, dtype: type[Any]) -> NDArray[Any]:
    return np.asarray(values, dtype=np.float64).astype(dtype)  # null becomes NaN


def _check_samples(samples: Samples, n_features: int) -> None:
    n_docs = len(samples.scores)
    offsets = samples.offsets
    whole = (
        n_docs > 0
        and len(samples.rows) <= n_docs
        and samples.features.shape == (n_docs, n_features)
        and samples.scores.shape == (n_docs,)
        and (samples.artefact_scores is None or samples.artefact_scores.shape == (n_docs,))
        and offsets.ndim == 1
        and len(offsets) > 1
        and offsets[0] == 0
        and offsets[-1] == n_docs
        and bool((np.diff(offsets) >= 0).all())
    )
    if not whole:
        raise ValueError("sample rows, offsets and scores that do not belong together")
