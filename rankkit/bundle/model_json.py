"""``model.json``: what a bundle says of its model, its features, its columns and its objective."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from rankkit.bundle.model_schema import FORMAT_VERSION as FORMAT_VERSION
from rankkit.bundle.model_schema import fault_in
from rankkit.data.ranking_dataset import Roles
from rankkit.errors import BundleError, ConfigError
from rankkit.files.plain_files import read_plain
from rankkit.objectives import Objective
from rankkit.registry import name_of

MODEL_FILE = "model.json"
_LARGEST_JSON = 16 * 2**20  # a hundred thousand features with names of 150 characters; parsed it takes the tenfold


def read_model_json(folder: str | Path) -> dict[str, Any]:
    """What ``model.json`` of a bundle says: the model and its options, feature names, objective, metrics, versions, ...

    Raises:
        BundleError: If there is no bundle, the file is damaged, or a newer rankkit wrote it.
    """
    path = Path(folder) / MODEL_FILE
    content = read_bytes(path, _LARGEST_JSON)
    try:
        model = json.loads(content, parse_constant=_no_number)
        if not isinstance(model, dict):
            raise TypeError("not an object")
    except (ValueError, TypeError, RecursionError) as error:
        raise BundleError(
            f"{path}: expected what rankkit.save wrote; got damaged JSON ({error}). Save it again."
        ) from error
    format_version = model.get("format_version")
    if isinstance(format_version, int) and format_version > FORMAT_VERSION:
        raise BundleError(
            f"{path}: expected format version {FORMAT_VERSION}; got {format_version!r}. Install a newer rankkit."
        )
    fault = fault_in(model)
    if fault is not None:
        raise BundleError(f"{path}: {fault.removesuffix('.')}. Save it again.")
    return model


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number of JSON")


def as_text(written: Mapping[str, Any]) -> str:
    """The text of ``model.json``.

    Raises:
        ConfigError: If JSON cannot hold a value.
    """
    try:
        text = json.dumps(written, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
        size = len(text.encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise ConfigError(
            f"save: expected values that JSON can hold; got one it cannot: {error}. Pass plain values."
        ) from error
    if size > _LARGEST_JSON:
        raise ConfigError(
            f"save: expected at most {_LARGEST_JSON:,} bytes about the model; got {size:,}. "
            "Shorten the feature names, or keep what else was passed in a file of its own."
        )
    return text


def features_entry(model: Any, kind: str, names: Sequence[str] | None) -> dict[str, Any]:
    """What ``model.json`` says of the features of a model that has columns: nothing of an encoder, say."""
    if getattr(model, "n_features", None) is None:
        if names is not None:
            raise ConfigError(f"save: expected no feature_names for {a(kind)}; got some. Leave them out.")
        if not isinstance(model.options.get("distance", ""), str):
            raise ConfigError(
                f"save: expected {a(kind)} with a distance of rankkit's catalogue; got {model.distance!r}. "
                "Build it with the name of a distance (a bundle holds no code), or keep its state_dict()."
            )
        return {}
    names = getattr(model, "feature_names", None) if names is None else names
    if names is not None and len(names) != model.n_features:
        raise ConfigError(
            f"save: expected {model.n_features} feature names; got {len(names)}. Name every feature, or leave them out."
        )
    return {
        "n_features": model.n_features,
        "feature_names": None if names is None else list(names),
        "columns": _columns(names, getattr(model, "roles", None)),
    }


def a(kind: str) -> str:
    """A kind with its article.

    >>> a("scorer"), a("encoder")
    ('a scorer', 'an encoder')
    """
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"


def _columns(names: Sequence[str] | None, roles: Roles | None) -> dict[str, str | None]:
    """What each feature was made from, and the columns of the training data that were no features.

    ``features`` says how: each from the column of its name (``"columns"``), from its position in the column ``vector``
    (``"vector"``), or from its number, 1 being the first (``"numbers"``).
    """
    if roles is not None and roles.vector is not None:
        made_from = "vector"
    else:
        made_from = "numbers" if names is None else "columns"
    return {"features": made_from, **({} if roles is None else asdict(roles))}


def roles_from(columns: Any) -> Roles | None:
    """The columns of the training data as a file has them; None where it was no table."""
    if columns is None:
        return None
    named = {role: name for role, name in columns.items() if role != "features"}
    if not all(name is None or isinstance(name, str) for name in named.values()):
        raise ValueError("columns whose names are no texts")
    return Roles(**named) if named else None


def names_from(names: Any, n_features: int) -> tuple[str, ...] | None:
    """The feature names as a file has them.

    Raises:
        ValueError: If they are not that many texts.
    """
    if names is None:
        return None
    if not isinstance(names, list) or len(names) != n_features or not all(isinstance(name, str) for name in names):
        raise ValueError(f"feature names that are not {n_features} texts")
    return tuple(names)


def objective_entry(objective: str | Mapping[str, Any] | Callable[..., Any] | None) -> dict[str, Any] | None:
    """What a model was trained with, as name and options."""
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
    name = name_of("objective", function) or name_of("embedding objective", function) or own_name
    # Nothing is built from these again, so an option that is a function is kept as its repr.
    return {
        "name": name,
        "options": {key: value if _is_plain(value) else repr(value) for key, value in options.items()},
    }


def _is_plain(value: object) -> bool:
    return value is None or isinstance(value, bool | int | float | str)


def saved_by(model: Mapping[str, Any]) -> str:
    """Which rankkit wrote a bundle, for messages."""
    versions = model.get("versions")
    known = versions.get("rankkit") if isinstance(versions, Mapping) else None
    return f"rankkit {known}" if known else "the rankkit that saved it"


def read_bytes(path: Path, largest: int) -> bytes:
    """The content of a file of a bundle, which came from anywhere.

    Raises:
        BundleError: If there is no plain file, or it is larger than it can be.
    """
    try:
        return read_plain(path, largest)
    except OSError as error:
        raise BundleError(
            f"{path}: expected a file of a saved model; got {error.strerror}. "
            "Pass the folder that rankkit.save or `rankkit train --out` wrote."
        ) from error
