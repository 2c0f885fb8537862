"""Options against what takes them: the names and types of a signature, then the checks of the function itself."""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import reduce
from operator import or_
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from rankkit.errors import ConfigError, did_you_mean

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

# What a value of a type is called; pydantic's own sentences are about Python.
_EXPECTED: Mapping[str, str] = {
    "int": "a whole number",
    "float": "a number",
    "finite": "a finite number",
    "bool": "true or false",
    "string": "text",
    "path": "the name of a file",
    "list": "a list",
    "sequence": "a list",
    "iterable": "a list",
    "tuple": "a list",
    "dict": "a table",
    "model": "a table",
    "none": "nothing",
    "callable": "a function",
}
_BOUNDS: Mapping[str, str] = {
    "greater_than_equal": "a number of at least {ge:g}",
    "greater_than": "a number above {gt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "less_than": "a number below {lt:g}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "literal_error": "{expected}",
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
    """The type of an option less the functions that it may be in Python."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    return reduce(or_, [part for part in get_args(annotation) if get_origin(part) is not Callable])


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
    from rankkit.training.named import build_objective
    from rankkit.training.trial import try_objective

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


def explain(error: ValidationError, where: str, model: type[BaseModel]) -> str:
    """The first problem of a pydantic error in the house form; a misspelt key before the one that is then missing."""
    problems = error.errors()
    problem = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    path = _keys(problem["loc"], model)
    key = ".".join(path)
    if problem["type"] == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        return f"{where}: unknown key {key!r}. {did_you_mean(path[-1], known)}"
    if problem["type"] == "missing":
        return f"{where}: expected a value for {key!r}; got none. Add it."
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    # A value that may be of several types has one problem for each.
    same = [other for other in problems if _keys(other["loc"], model) == path]
    kinds = [other for other in same if not str(other["type"]).startswith("is_")]  # without objects of a class
    if not kinds:
        return f"{where}: {key}: expected what can be passed in Python alone; got {problem['input']!r}. Leave it out."
    expected = " or ".join(dict.fromkeys(_expected(other) for other in kinds))
    return f"{where}: {key}: expected {expected}; got {problem['input']!r}. Change it."


def _expected(problem: Mapping[str, Any]) -> str:
    kind, values = str(problem["type"]), problem.get("ctx") or {}
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**values)
    return _EXPECTED.get(kind.partition("_")[0], "another value")


def _keys(location: Sequence[int | str], model: type[BaseModel]) -> list[str]:
    """The keys that lead to a value, without what pydantic adds of the types that it has tried."""
    keys: list[str] = []
    for part in location:
        below = _model_at(model, keys)
        if below is None and keys:
            break
        keys.append(str(part))
    return keys


def _model_at(model: type[BaseModel], keys: Iterable[str]) -> type[BaseModel] | None:
    """The section that keys lead to; None where they lead to a value."""
    for key in keys:
        field = model.model_fields.get(key)
        annotation = None if field is None else field.annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return None
        model = annotation
    return model


def _fields_at(model: type[BaseModel], path: Iterable[str]) -> list[str]:
    return list((_model_at(model, path) or model).model_fields)
