"""save(), load() and load_encoder(): a model as a folder of weights (safetensors) and ``model.json`` (all else).

No pickle: loading a bundle runs no code from it. ``model.json`` is written last and holds the digest of the weights, so
a save that was cut off is noticed and never half loaded. A scorer's weights are in ``scorer.safetensors``, an encoder's
in ``encoder.safetensors``.
"""

import hashlib
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal, cast

import safetensors
import safetensors.torch
import torch
from torch import nn

from rankkit.catalogue import EMBEDDING_OBJECTIVES, ENCODERS, OBJECTIVES, SCORERS, find
from rankkit.encoders import Encoder
from rankkit.errors import BundleError, ConfigError
from rankkit.objectives import Objective
from rankkit.scorers import Scorer

Kind = Literal["scorer", "encoder"]

FORMAT_VERSION = 1
MODEL_FILE = "model.json"
WEIGHTS_FILE = "scorer.safetensors"
ENCODER_WEIGHTS_FILE = "encoder.safetensors"
_WEIGHTS: Mapping[Kind, str] = {"scorer": WEIGHTS_FILE, "encoder": ENCODER_WEIGHTS_FILE}
_CATALOGUE: Mapping[Kind, Mapping[str, Callable[..., Any]]] = {"scorer": SCORERS, "encoder": ENCODERS}
_LOADER: Mapping[Kind, str] = {"scorer": "rankkit.load", "encoder": "rankkit.load_encoder"}
_A: Mapping[Kind, str] = {"scorer": "a scorer", "encoder": "an encoder"}
_LARGEST_JSON = 64 * 2**20
_LARGEST_HEADER = 100 * 2**20  # of safetensors
_LONGEST_LIST = 10_000  # of widths or chains: each is a layer
_DAMAGE = (AttributeError, IndexError, KeyError, MemoryError, OverflowError, RuntimeError, TypeError, ValueError)


def save(
    model: nn.Module,
    folder: str | Path,
    *,
    feature_names: Sequence[str] | None = None,
    objective: str | Mapping[str, Any] | Callable[..., Any] | None = None,
    metrics: Sequence[str] | None = None,
    data_fingerprint: str | None = None,
    **about: Any,
) -> None:
    """Save a scorer with its fitted transform, or an encoder with its distance, for the same results when loaded.

    Each of the two files is replaced in one step; other files of the folder stay.

    Args:
        model: A scorer or an encoder of the catalogue; :func:`load` or :func:`load_encoder` reads it.
        folder: Made if it is not there. A bundle that is there is replaced.
        feature_names: One a feature, for a scorer; ``model.feature_names`` if left out.
        objective: What it was trained with: a name, a function, an ``Objective`` or ``{"name": ..., "options": ...}``.
        metrics: Names of the metrics it was chosen and evaluated by.
        data_fingerprint: ``fingerprint`` of the training data.
        **about: Anything else worth keeping that JSON can hold.

    Raises:
        ConfigError: If the model is not of the catalogue, the number of names is wrong, or JSON cannot hold a value.
    """
    kind, name = _find_out(model)
    known = cast(Any, model)
    weights = safetensors.torch.save({key: value.contiguous() for key, value in model.state_dict().items()})
    written = {
        "format_version": FORMAT_VERSION,
        kind: {"name": name, "options": known.options},
        **_features(known, kind, feature_names),
        "objective": _objective(objective),
        "metrics": None if metrics is None else list(metrics),
        "data_fingerprint": data_fingerprint,
        "versions": {
            "rankkit": version("rankkit-torch"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "weights_sha256": hashlib.sha256(weights).hexdigest(),
        **({"about": about} if about else {}),
    }
    try:
        text = json.dumps(written, indent=2, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"save: expected values that JSON can hold; got one it cannot: {error}. Pass plain values."
        ) from error
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / _WEIGHTS[kind], weights)
    _replace(folder / MODEL_FILE, (text + "\n").encode())
    for other, file in _WEIGHTS.items():
        if other != kind:  # of a bundle that was here before, and which model.json no longer describes
            (folder / file).unlink(missing_ok=True)


def load(folder: str | Path) -> Scorer:
    """The scorer that :func:`save` wrote, on the CPU, in eval mode, with ``feature_names`` as saved.

    Args:
        folder: The folder of the bundle.

    Raises:
        BundleError: If it is missing, damaged, of an encoder, or written by a newer rankkit.
    """
    return cast(Scorer, _load(Path(folder), "scorer"))


def load_encoder(folder: str | Path) -> Encoder:
    """The encoder that :func:`save` wrote, with its distance, on the CPU, in eval mode.

    Args:
        folder: The folder of the bundle.

    Raises:
        BundleError: If it is missing, damaged, of a scorer, or written by a newer rankkit.
    """
    return cast(Encoder, _load(Path(folder), "encoder"))


def _load(folder: Path, kind: Kind) -> nn.Module:
    model = read_model_json(folder)
    for other in _WEIGHTS:
        if other in model and kind not in model:
            raise BundleError(f"{folder}: expected {_A[kind]}; got {_A[other]}. Load it with {_LOADER[other]}.")
    try:
        with torch.device("meta"):  # what the options promise, without memory for it
            expected = build(model[kind], kind).state_dict()
    except (ConfigError, *_DAMAGE) as error:
        raise _cannot_build(folder, kind, model, error) from error
    path = folder / _WEIGHTS[kind]
    weights = _read(path, _LARGEST_HEADER + sum(8 * tensor.numel() for tensor in expected.values()))
    if hashlib.sha256(weights).hexdigest() != model.get("weights_sha256"):
        raise BundleError(
            f"{path}: expected the weights that {MODEL_FILE} describes; got others: the file is "
            f"damaged, or saving was cut off. Save the {kind} again."
        )
    try:
        tensors = safetensors.torch.load(weights)
        _check_shapes(expected, tensors)
        built = build(model[kind], kind)
        built.load_state_dict(tensors)
        if kind == "scorer":
            built.feature_names = _names(model["feature_names"], built.n_features)
    except (ConfigError, *_DAMAGE, safetensors.SafetensorError) as error:
        raise _cannot_build(folder, kind, model, error) from error
    return cast(nn.Module, built.eval())


def build(described: Mapping[str, Any], kind: Kind = "scorer") -> Any:
    """A scorer or encoder with fresh weights from what a file says of it, which need not make sense.

    Args:
        described: ``{"name": ..., "options": {...}}``.
        kind: ``"scorer"`` or ``"encoder"``.

    Raises:
        ConfigError: If there is none of that name, or no such option.
        ValueError: If it is anything else that none can be built from.
    """
    try:
        options = described["options"]
        for name, value in options.items():
            if isinstance(value, list) and len(value) > _LONGEST_LIST:
                raise ValueError(f"{name} of {len(value):,} entries")
        with torch.random.fork_rng(devices=[]):  # fresh weights are overwritten and must not use up random numbers
            return find(kind, described["name"])(**options)
    except ConfigError:
        raise
    except _DAMAGE as error:  # torch's messages go on for pages
        raise ValueError(f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}") from error


def _find_out(model: nn.Module) -> tuple[Kind, str]:
    """Kind and name of a model of the catalogue."""
    for kind, known in _CATALOGUE.items():
        for name, made in known.items():
            if made is type(model):
                return kind, name
    scorers, encoders = (", ".join(sorted(known)) for known in _CATALOGUE.values())
    raise ConfigError(
        f"save: expected a scorer of rankkit's catalogue ({scorers}) or an encoder ({encoders}); "
        f"got {type(model).__name__}. Save your own module with torch.save(model.state_dict(), ...)."
    )


def _features(model: Any, kind: Kind, names: Sequence[str] | None) -> dict[str, Any]:
    """What ``model.json`` says of the features: nothing for an encoder, which has an ``input_shape`` instead."""
    if kind == "encoder":
        if names is not None:
            raise ConfigError("save: expected no feature_names for an encoder; got some. Leave them out.")
        if not isinstance(model.options["distance"], str):
            raise ConfigError(
                f"save: expected an encoder with a distance of rankkit's catalogue; got {model.distance!r}. "
                "Build it with the name of a distance (a bundle holds no code), or keep its state_dict()."
            )
        return {}
    names = model.feature_names if names is None else names
    if names is not None and len(names) != model.n_features:
        raise ConfigError(
            f"save: expected {model.n_features} feature names; got {len(names)}. Name every feature, or leave them out."
        )
    return {"n_features": model.n_features, "feature_names": None if names is None else list(names)}


def _cannot_build(folder: Path, kind: Kind, model: Mapping[str, Any], error: Exception) -> BundleError:
    return BundleError(
        f"{folder}: expected {_A[kind]} that this rankkit can build; got an error: {error!r}. "
        f"Load it with {_saved_by(model)}."
    )


def _check_shapes(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> None:
    """The file has to hold what its options promise before memory is taken for that."""
    for name in sorted(expected.keys() | found.keys()):
        wanted, got = (list(side[name].shape) if name in side else None for side in (expected, found))
        if wanted != got:
            raise ValueError(f"weights {name!r} of shape {got}, where the options give {wanted}")


def _names(names: Any, n_features: int) -> tuple[str, ...] | None:
    if names is None:
        return None
    if not isinstance(names, list) or len(names) != n_features or not all(isinstance(name, str) for name in names):
        raise ValueError(f"feature names that are not {n_features} texts")
    return tuple(names)


def _saved_by(model: Mapping[str, Any]) -> str:
    versions = model.get("versions")
    known = versions.get("rankkit") if isinstance(versions, Mapping) else None
    return f"rankkit {known}" if known else "the rankkit that saved it"


def read_model_json(folder: str | Path) -> dict[str, Any]:
    """What ``model.json`` of a bundle says: the model and its options, feature names, objective, metrics, versions, ...

    Raises:
        BundleError: If there is no bundle, the file is damaged, or a newer rankkit wrote it.
    """
    path = Path(folder) / MODEL_FILE
    try:
        model = json.loads(_read(path, _LARGEST_JSON))
        format_version = model["format_version"]
        if not isinstance(model, dict):
            raise TypeError("not an object")
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise BundleError(
            f"{path}: expected what rankkit.save wrote; got damaged JSON ({error}). Save it again."
        ) from error
    if format_version != FORMAT_VERSION:
        raise BundleError(
            f"{path}: expected format version {FORMAT_VERSION}; got {format_version!r}. Install a newer rankkit."
        )
    return cast(dict[str, Any], model)


def _objective(objective: str | Mapping[str, Any] | Callable[..., Any] | None) -> dict[str, Any] | None:
    if objective is None:
        return None
    if isinstance(objective, Mapping):
        return dict(objective)
    if isinstance(objective, str):
        return {"name": objective, "options": {}}
    function, options = objective, {}
    if isinstance(objective, Objective):
        function, options = objective.function, objective.options
    own_name = getattr(function, "__name__", type(function).__name__)
    catalogue = {**OBJECTIVES, **EMBEDDING_OBJECTIVES}
    name = next((name for name, known in catalogue.items() if known is function), own_name)
    # Nothing is built from these again, so an option that is a function is kept as its repr.
    return {
        "name": name,
        "options": {key: value if _is_plain(value) else repr(value) for key, value in options.items()},
    }


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def _read(path: Path, largest: int | None = None) -> bytes:
    try:
        size = path.stat().st_size
        if largest is not None and size > largest:
            raise BundleError(f"{path}: expected at most {largest:,} bytes; got {size:,}. Save it again.")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{path}: expected a file of a saved scorer or encoder; got {error.strerror}. "
            "Pass the folder that rankkit.save or `rankkit train --out` wrote."
        ) from error


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
