"""Options against what takes them: the names and types of a signature, then the checks of the function itself."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import ConfigDict, ValidationError, create_model

from rankkit.errors import ConfigError
from rankkit.schemas import Number, Whole, explain

_NUMBERS = {int: Whole, float: Number}

# What rankkit passes itself, so that it is no option of an experiment file.
NOT_OPTIONS = {
    "scorer": {"n_features", "readout", "seed"},
    "encoder": {"input_shape", "seed"},
    "augment": set(),
    "objective": {"scores", "logits", "labels", "mask", "weights", "reduction", "generator"},
    "embedding objective": {
        *("x", "y", "anchor", "positive", "negative", "query", "embeddings", "logits"),
        *("same", "classes", "prototypes", "negatives", "ids", "known_positives", "log_q"),
        *("distance", "reduction"),
    },
    "training": {"scorer", "objective", "train", "valid", "seed", "out", "resume", "callbacks", "progress"},
    "encoder training": {
        *("encoder", "objective", "train", "valid", "augment", "seed", "out", "resume", "callbacks", "progress"),
    },
}


def check_options(kind: str, function: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Check names and types of options against the signature of the function that will take them; give them typed.

    Raises:
        ValueError: If one is unknown or of another type.
    """
    parameters = inspect.signature(function).parameters
    fields: dict[str, Any] = {
        name: (_in_a_file(parameter.annotation), ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in parameters.items()
        if name not in NOT_OPTIONS[kind] and parameter.kind is not parameter.VAR_KEYWORD
    }
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    model = create_model(f"{kind} options", __config__=config, **fields)
    try:
        typed: dict[str, Any] = model.model_validate(options).model_dump(exclude_unset=True)
        return typed
    except ValidationError as error:
        raise ValueError(explain(error, kind, model)) from None


def _in_a_file(annotation: Any) -> Any:
    """The type of an option less the functions that it may be in Python, its numbers being written as numbers."""
    if annotation in _NUMBERS:
        return _NUMBERS[annotation]
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return Union[tuple(_in_a_file(part) for part in parts if get_origin(part) is not Callable)]  # noqa: UP007
    if origin in (list, tuple, dict, Sequence, Mapping):
        return origin[tuple(part if part is ... else _in_a_file(part) for part in parts)]
    return annotation


def defaults_of(kind: str, function: Callable[..., Any]) -> dict[str, Any]:
    """The options of a function that have a default other than None, with it."""
    parameters = inspect.signature(function).parameters
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if name not in NOT_OPTIONS[kind] and parameter.default not in (parameter.empty, None)
    }


def check_run(check: Callable[..., None], *arguments: Any) -> None:
    """Make a check of :mod:`rankkit.training.beforehand`; what it refuses is named as a key of the training table.

    Raises:
        ConfigError: As the check says.
    """
    try:
        check(*arguments)
    except ConfigError as error:
        option = str(error).partition(": ")[0]
        raise ConfigError(f"training.{error}" if option in arguments[0] else str(error)) from None


def check_objective(name: str, options: Mapping[str, Any], kind: str = "objective") -> None:
    """Build an objective and try it, so that options that it cannot work with are refused.

    Raises:
        ConfigError: As the objective says, under its name in the catalogue.
    """
    from rankkit.tasks.objectives import build_objective
    from rankkit.tasks.trial import try_objective

    try:
        try_objective(build_objective(name, options, kind=kind))
    except ConfigError as error:
        _, _, what = str(error).partition(": ")
        raise ConfigError(f"objective {name}: {what}") from None


def untrained_scorer(name: str, options: Mapping[str, Any], objective: str, n_features: int | None) -> Any:
    """A scorer with these options, for as many features and grades as are known before data is read.

    Raises:
        ConfigError: If it cannot be built.
    """
    from rankkit import catalogue

    chosen = dict(options)
    readout = getattr(catalogue.find("objective", objective), "readout", None)
    if readout is not None:
        chosen = {"n_outputs": 3, **chosen, "readout": readout}
    return catalogue.find("scorer", name)(n_features or 2, **chosen, seed=0)
