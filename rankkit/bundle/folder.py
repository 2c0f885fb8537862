"""save() and load(): a model as a folder of weights (safetensors) and ``model.json`` (all else).

No pickle: loading a bundle runs no code from it. ``model.json`` names the file of the weights and holds their digest,
and renaming it into its place is the one step that makes a save: before it the folder holds the old bundle, after it
the new one. Weights go to ``scorer.safetensors``, ``encoder.safetensors``, ..., or, where the bundle that is there has
its own under that name, to ``scorer-<digest>.safetensors``; those that ``model.json`` no longer names are removed last.
"""

import hashlib
import inspect
import platform
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from importlib.metadata import version
from pathlib import Path
from typing import Any, cast

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import nn

from rankkit.bundle.model_json import (
    FORMAT_VERSION,
    MODEL_FILE,
    a,
    as_text,
    features_entry,
    names_from,
    objective_entry,
    read_bytes,
    read_model_json,
    roles_from,
    saved_by,
)
from rankkit.bundle.origins import check_origin, check_plugins, find_out, load_plugins, plugins_of
from rankkit.errors import BundleError, ConfigError
from rankkit.files.atomic import alone_in, sweep, write_bytes, write_text
from rankkit.files.disk import writing
from rankkit.files.places import check_place
from rankkit.files.presence import check_model_is_there
from rankkit.models.building import build as build_anew
from rankkit.models.encoders import Encoder
from rankkit.models.model import expected_of, fill, tensors_of
from rankkit.models.scorers import Scorer
from rankkit.models.trees import TreeScorer, read_tree_model
from rankkit.registry import MODELS, OWN, find, package_of

_WEIGHTS_NAME = re.compile(r"[a-z][a-z0-9_]*(-[0-9a-f]{16})?\.safetensors")
_LARGEST_HEADER = 100 * 2**20  # of safetensors
_LARGEST_STATE = 16 * 2**30  # of a model whose arrays are as large as its data made them
_LONGEST_LIST = 10_000  # of widths or chains: each is a layer
_DAMAGE = (AttributeError, IndexError, KeyError, MemoryError, OverflowError, RuntimeError, TypeError, ValueError)


def save(
    model: Any,
    folder: str | Path,
    *,
    feature_names: Sequence[str] | None = None,
    objective: str | Mapping[str, Any] | Callable[..., Any] | None = None,
    metrics: Sequence[str] | None = None,
    data_fingerprint: str | None = None,
    **about: Any,
) -> None:
    """Save a model for the same results when loaded: a scorer with its fitted transform, an encoder with its distance.

    However a save ends, the folder holds the bundle of before or the new one, whole; other files of it stay. Whoever
    loads at the same time gets one of the two.

    Args:
        model: A model of the catalogue, of a plugin, or trees of a library; :func:`load` reads it.
        folder: Made if it is not there. A bundle that is there is replaced.
        feature_names: One a feature, for a scorer; ``model.feature_names`` if left out.
        objective: What it was trained with: a name, a function, an ``Objective`` or ``{"name": ..., "options": ...}``.
        metrics: Names of the metrics it was chosen and evaluated by.
        data_fingerprint: ``fingerprint`` of the training data.
        **about: Anything else worth keeping that JSON can hold.

    Raises:
        ConfigError: If the model is not of the catalogue, the number of names is wrong, or JSON cannot hold a value.
        DiskError: If it cannot be written; the bundle of before is whole.
    """
    folder = Path(folder)
    check_place(folder, "folder")
    kind, name = find_out(model)
    tensors = tensors_of(model)
    fault = _fault_in(tensors, model)
    if fault is not None:
        raise ConfigError(f"save: expected finite weights; got {fault}. Train it again with a lower learning rate.")
    weights = safetensors.torch.save({key: value.contiguous() for key, value in tensors.items()})
    digest = hashlib.sha256(weights).hexdigest()
    plugins = plugins_of(model)
    written = {
        "format_version": FORMAT_VERSION,
        kind: {"name": name, "options": dict(model.options)},
        **({"plugins": plugins} if plugins else {}),
        **features_entry(model, kind, feature_names),
        "objective": objective_entry(objective),
        "metrics": None if metrics is None else list(metrics),
        "data_fingerprint": data_fingerprint,
        "versions": {
            "rankkit": version("rankkit-torch"),
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "weights_file": weights_file(kind),
        "weights_sha256": digest,
        **({"about": about} if about else {}),
    }
    as_text(written)  # before anything is written
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with alone_in(folder):
        file = _put_weights(folder, kind, weights, digest)
        write_text(folder / MODEL_FILE, as_text({**written, "weights_file": file}))
        for path in folder.iterdir():
            if _WEIGHTS_NAME.fullmatch(path.name) and path.name != file:
                path.unlink(missing_ok=True)
        sweep(folder)


def weights_file(kind: str) -> str:
    """The name of the file of weights of a kind of models."""
    return f"{kind}.safetensors"


def _put_weights(folder: Path, kind: str, weights: bytes, digest: str) -> str:
    """Write the weights where they overwrite none of the bundle that is there; gives the name of their file."""
    name = weights_file(kind)
    if _weights_in_use(folder) == name:
        if _holds(folder / name, digest):
            return name
        name = f"{kind}-{digest[:16]}.safetensors"
    write_bytes(folder / name, weights)
    return name


def _weights_in_use(folder: Path) -> str | None:
    """The file of weights that the bundle in a folder names, if there is one that can be read."""
    try:
        model = read_model_json(folder)
        return _weights_file(model, kind_of(model))
    except (BundleError, ValueError):
        return None


def kind_of(model: Mapping[str, Any]) -> str:
    """The kind of a model by its ``model.json``: ``"scorer"``, ``"encoder"``, ...; {} is of a file of trees."""
    return next((kind for kind in MODELS if model.get(kind) is not None), "scorer")


def _holds(path: Path, digest: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == digest


def _weights_file(model: Mapping[str, Any], kind: str) -> str:
    """The name of the file of weights, which may not lead out of the folder."""
    name = model.get("weights_file", weights_file(kind))  # bundles of the first rankkit do not say it
    if not isinstance(name, str) or not _WEIGHTS_NAME.fullmatch(name):
        raise ValueError(f"a file of weights called {name!r}")
    return name


def load(path: str | Path, *, plugins: Sequence[str] = ()) -> Any:
    """The model that :func:`save` wrote, on the CPU, in eval mode, or a scorer from a file of trees.

    A scorer has its ``feature_names`` as saved, an encoder its distance. A bundle that is replaced at the same time
    gives the old model or the new one. A text file of LightGBM, a JSON or UBJSON file of XGBoost and a JSON file of
    CatBoost, as their ``save_model`` writes them, give a :class:`rankkit.models.trees.TreeScorer`; no library need be
    installed.

    Args:
        path: The folder of the bundle, or the file of the tree model.
        plugins: Packages whose code the model is made of, to be imported first (:func:`rankkit.load_plugin`). A bundle
            says which it needs, and loads none by itself.

    Raises:
        BundleError: If it is missing, damaged, cut off, written by a newer rankkit, or needs a plugin that is not
            loaded.
        ConfigError: If a plugin cannot be loaded.
    """
    load_plugins(plugins)
    return read(path)[0]


def load_scorer(path: str | Path, *, plugins: Sequence[str] = ()) -> Scorer:
    """What :func:`load` gives, if it is a scorer; a BundleError otherwise."""
    load_plugins(plugins)
    return cast(Scorer, read(path, "scorer")[0])


def load_encoder(path: str | Path, *, plugins: Sequence[str] = ()) -> Encoder:
    """What :func:`load` gives, if it is an encoder; a BundleError otherwise."""
    load_plugins(plugins)
    return cast(Encoder, read(path, "encoder")[0])


def read(path: str | Path, kind: str | None = None) -> tuple[Any, dict[str, Any]]:
    """What :func:`load` gives, and the ``model.json`` that belongs to it; {} of a file of trees.

    Args:
        path: The folder of the bundle, or the file of the tree model.
        kind: What it has to be, ``"scorer"``, ``"encoder"``, ...; None: any.

    Raises:
        BundleError: As :func:`load`, or if it is of the other kind.
    """
    folder = Path(path)
    check_model_is_there(folder)
    if not folder.is_dir():
        if kind not in (None, "scorer"):
            raise BundleError(f"{folder}: expected {a(kind)}; got a file. Pass the folder of {a(kind)}.")
        return TreeScorer(read_tree_model(folder)).eval(), {}
    while True:
        before = _state_of(folder / MODEL_FILE)
        try:
            model = read_model_json(folder)
            found = kind_of(model)
            if kind is not None and kind != found:
                raise BundleError(f"{folder}: expected {a(kind)}; got {a(found)}. Pass the folder of {a(kind)}.")
            return _build_and_fill(folder, model, found), model
        except BundleError:
            if _state_of(folder / MODEL_FILE) == before:  # else another bundle was saved since, and is whole
                raise


def _state_of(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _build_and_fill(folder: Path, model: Mapping[str, Any], kind: str) -> Any:
    check_plugins(str(folder), model)
    try:
        name = _weights_file(model, kind)
        found = find(kind, model[kind]["name"])
        check_origin(found, model)
        # What the options promise, without memory for it; code of a plugin need not be ready for that.
        with torch.device("meta") if package_of(found) == OWN else nullcontext():
            built = build(model[kind], kind)
        expected = expected_of(built)
    except (ConfigError, *_DAMAGE) as error:
        raise _cannot_build(folder, kind, model, error) from error
    path = folder / name
    promised = _LARGEST_STATE if expected is None else sum(8 * tensor.numel() for tensor in expected.values())
    weights = read_bytes(path, _LARGEST_HEADER + promised)
    if hashlib.sha256(weights).hexdigest() != model.get("weights_sha256"):
        raise BundleError(
            f"{path}: expected the weights that {MODEL_FILE} describes; got others: the file is "
            f"damaged, or saving was cut off. Save the {kind} again."
        )
    try:
        tensors = safetensors.torch.load(weights)
        if expected is not None:
            _check_shapes(expected, tensors)
            tensors = {name: _laid_out(tensors[name], tensor) for name, tensor in expected.items()}
        fill(built, tensors)
        fault = _fault_in(tensors, built)
        if fault is not None:
            raise ValueError(fault)
        if "feature_names" in model:  # of a model that has columns
            built.feature_names = names_from(model["feature_names"], built.n_features)
            built.roles = roles_from(model.get("columns"))  # the first rankkit kept none
    except (ConfigError, *_DAMAGE, safetensors.SafetensorError) as error:
        raise _cannot_build(folder, kind, model, error) from error
    return built.eval() if isinstance(built, nn.Module) else built


def build(described: Mapping[str, Any], kind: str = "scorer") -> Any:
    """A model with fresh weights from what a file says of it, which need not make sense.

    Args:
        described: ``{"name": ..., "options": {...}}``.
        kind: ``"scorer"``, ``"encoder"``, ...

    Raises:
        ConfigError: If there is none of that name, or no such option.
        ValueError: If it is anything else that none can be built from.
    """
    try:
        options = described["options"]
        for name, value in options.items():
            if isinstance(value, list) and len(value) > _LONGEST_LIST:
                raise ValueError(f"{name} of {len(value):,} entries")
        made = find(kind, described["name"])
        if package_of(made) != OWN:
            with torch.random.fork_rng(devices=[]):
                return build_anew(kind, made, **{"seed": 0, **options})
        if options.get("seed", 0) is not None or "seed" not in inspect.signature(made).parameters:
            return build_anew(kind, made, **options)
        built = build_anew(
            kind, made, **{**options, "seed": 0}
        )  # its weights are overwritten: none are drawn from torch's generator
        built.options["seed"] = None
        return built
    except ConfigError:
        raise
    except _DAMAGE as error:  # torch's messages go on for pages
        raise ValueError(f"{type(error).__name__}: {str(error).partition(chr(10))[0][:300]}") from error


def _cannot_build(folder: Path, kind: str, model: Mapping[str, Any], error: Exception) -> BundleError:
    return BundleError(
        f"{folder}: expected {a(kind)} that this rankkit can build; got an error: {error!r}. "
        f"Load it with {saved_by(model)}."
    )


def _check_shapes(expected: Mapping[str, torch.Tensor], found: Mapping[str, torch.Tensor]) -> None:
    """The file has to hold what its options promise before memory is taken for that."""
    for name in sorted(expected.keys() | found.keys()):
        wanted, got = (list(side[name].shape) if name in side else None for side in (expected, found))
        if wanted != got:
            raise ValueError(f"weights {name!r} of shape {got}, where the options give {wanted}")


def _fault_in(tensors: Mapping[str, torch.Tensor], model: object) -> str | None:
    """Which weights are no numbers, so that no score would be one; None where all are.

    By numpy, as torch's pool of threads would not survive a fork. What a transform has learnt may be infinite.
    """
    learnt = {name for name, _ in model.named_parameters()} if isinstance(model, nn.Module) else {*tensors}
    for name, values in tensors.items():
        if values.is_floating_point():
            numbers = (values.float() if values.dtype == torch.bfloat16 else values).detach().cpu().numpy()
            if np.isnan(numbers).any() or (name in learnt and np.isinf(numbers).any()):
                return f"weights {name!r} that are not finite"
    return None


def _laid_out(found: torch.Tensor, expected: torch.Tensor) -> torch.Tensor:
    """A copy in type and strides of the module, by numpy: torch's pool of threads would not survive a fork."""
    filled = torch.empty_strided(expected.shape, expected.stride(), dtype=expected.dtype)
    np.copyto(filled.numpy(), found.numpy(), casting="same_kind")
    return filled
