"""save() and load(): a scorer as a folder of ``scorer.safetensors`` (weights) and ``model.json`` (everything else).

No pickle: loading a bundle runs no code from it. ``model.json`` is written last and holds the digest of the weights, so
a save that was cut off is noticed and never half loaded.
"""

import hashlib
import json
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import safetensors
import safetensors.torch
import torch
from torch import nn

from rankkit.catalogue import OBJECTIVES, SCORERS, find
from rankkit.errors import BundleError, ConfigError
from rankkit.objectives import Objective
from rankkit.scorers import Scorer

FORMAT_VERSION = 1
MODEL_FILE = "model.json"
WEIGHTS_FILE = "scorer.safetensors"
_LARGEST_JSON = 64 * 2**20
_LARGEST_HEADER = 100 * 2**20  # of safetensors
_LONGEST_LIST = 10_000  # of widths or chains: each is a layer
_DAMAGE = (AttributeError, IndexError, KeyError, MemoryError, OverflowError, RuntimeError, TypeError, ValueError)


def save(
    scorer: nn.Module,
    folder: str | Path,
    *,
    feature_names: Sequence[str] | None = None,
    objective: str | Mapping[str, Any] | Callable[..., Any] | None = None,
    metrics: Sequence[str] | None = None,
    data_fingerprint: str | None = None,
    **about: Any,
) -> None:
    """Save a scorer, with its fitted transform, so that :func:`load` gives the same scores.

    Each of the two files is replaced in one step; other files of the folder stay.

    Args:
        scorer: A scorer of the catalogue.
        folder: Made if it is not there. A bundle that is there is replaced.
        feature_names: One a feature; ``scorer.feature_names`` if left out.
        objective: What it was trained with: a name, a function, an ``Objective`` or ``{"name": ..., "options": ...}``.
        metrics: Names of the metrics it was chosen and evaluated by.
        data_fingerprint: ``fingerprint`` of the training data.
        **about: Anything else worth keeping that JSON can hold.

    Raises:
        ConfigError: If the scorer is not of the catalogue, the number of names is wrong, or JSON cannot hold a value.
    """
    name = next((name for name, made in SCORERS.items() if made is type(scorer)), None)
    if name is None:
        raise ConfigError(
            f"save: expected a scorer of rankkit's catalogue ({', '.join(sorted(SCORERS))}); "
            f"got {type(scorer).__name__}. Save your own module with torch.save(scorer.state_dict(), ...)."
        )
    known = cast(Scorer, scorer)
    names = feature_names if feature_names is not None else known.feature_names
    if names is not None and len(names) != known.n_features:
        raise ConfigError(
            f"save: expected {known.n_features} feature names; got {len(names)}. Name every feature, or leave them out."
        )
    weights = safetensors.torch.save({key: value.contiguous() for key, value in scorer.state_dict().items()})
    model = {
        "format_version": FORMAT_VERSION,
        "scorer": {"name": name, "options": known.options},
        "n_features": known.n_features,
        "feature_names": None if names is None else list(names),
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
        text = json.dumps(model, indent=2, allow_nan=False, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"save: expected values that JSON can hold; got one it cannot: {error}. Pass plain values."
        ) from error
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    _replace(folder / WEIGHTS_FILE, weights)
    _replace(folder / MODEL_FILE, (text + "\n").encode())


def load(folder: str | Path) -> Scorer:
    """The scorer that :func:`save` wrote, on the CPU, in eval mode, with ``feature_names`` as saved.

    Args:
        folder: The folder of the bundle.

    Raises:
        BundleError: If it is missing, damaged, or written by a newer rankkit.
    """
    folder = Path(folder)
    model = read_model_json(folder)
    try:
        with torch.device("meta"):  # what the options promise, without memory for it
            expected = build(model["scorer"]).state_dict()
    except (ConfigError, *_DAMAGE) as error:
        raise _cannot_build(folder, model, error) from error
    largest = _LARGEST_HEADER + sum(8 * tensor.numel() for tensor in expected.values())
    weights = _read(folder / WEIGHTS_FILE, largest)
    if hashlib.sha256(weights).hexdigest() != model.get("weights_sha256"):
        raise BundleError(
            f"{folder / WEIGHTS_FILE}: expected the weights that {MODEL_FILE} describes; got others: the file is "
            "damaged, or saving was cut off. Save the scorer again."
        )
    try:
        tensors = safetensors.torch.load(weights)
        _check_shapes(expected, tensors)
        scorer = build(model["scorer"])
        scorer.load_state_dict(tensors)
        scorer.feature_names = _names(model["feature_names"], scorer.n_features)
    except (ConfigError, *_DAMAGE, safetensors.SafetensorError) as error:
        raise _cannot_build(folder, model, error) from error
    return cast(Scorer, scorer.eval())


def build(scorer: Mapping[str, Any]) -> Any:
    """A scorer with fresh weights from what a file says of it, which need not make sense.

    Args:
        scorer: ``{"name": ..., "options": {...}}``.

    Raises:
        ConfigError: If there is no such scorer or option.
        ValueError: If it is anything else that no scorer can be built from.
    """
    try:
        options = scorer["options"]
        for name, value in options.items():
            if isinstance(value, list) and len(value) > _LONGEST_LIST:
                raise ValueError(f"{name} of {len(value):,} entries")
        with torch.random.fork_rng(devices=[]):  # fresh weights are overwritten and must not use up random numbers
            return find("scorer", scorer["name"])(**options)
    except ConfigError:
        raise
    except _DAMAGE as error:  # torch's messages go on for pages
        raise ValueError(f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}") from error


def _cannot_build(folder: Path, model: Mapping[str, Any], error: Exception) -> BundleError:
    return BundleError(
        f"{folder}: expected a scorer that this rankkit can build; got an error: {error!r}. "
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
    """What ``model.json`` of a bundle says: scorer and options, feature names, objective, metrics, versions, ...

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
            f"{path}: expected what rankkit.save wrote; got damaged JSON ({error}). Save the scorer again."
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
    name = next((name for name, known in OBJECTIVES.items() if known is function), own_name)
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
            raise BundleError(f"{path}: expected at most {largest:,} bytes; got {size:,}. Save the scorer again.")
        return path.read_bytes()
    except OSError as error:
        raise BundleError(
            f"{path}: expected a file of a saved scorer; got {error.strerror}. "
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
