"""Types and limits of what files say, for pydantic, and what it finds wrong in the words of rankkit."""

import reprlib
from collections.abc import Iterable, Mapping, Sequence
from types import NoneType
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic_core import PydanticKnownError

from rankkit.errors import did_you_mean

MOST_FEATURES = 10_000_000
"""That a file may say there are: a number that it only claims must cost no memory."""

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
_INSTANCES: Mapping[str, str] = {"Sequence": "a list", "Mapping": "a table"}  # the classes that a file has values of
_BOUNDS: Mapping[str, str] = {
    "greater_than_equal": "a number of at least {ge:g}",
    "greater_than": "a number above {gt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "less_than": "a number below {lt:g}",
    "too_short": "at least {min_length} of them",
    "too_long": "at most {max_length} of them",
    "literal_error": "{expected}",
}


# Of a value that may be a whole file: its beginning.
_short = reprlib.Repr()
_short.maxstring = _short.maxother = 120
_short.maxlevel, _short.maxlist, _short.maxdict = 3, 12, 6


def _encodable(text: str) -> str:
    """Text that can be written again: JSON can spell halves of characters, which no file can hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError(f"expected text; got {text[:60]!r}, which is no Unicode. Rename it") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]
"""What can be written as UTF-8."""


def _no_number(kind: Literal["int_type", "float_type"]) -> BeforeValidator:
    """Refuses true, false and text, which pydantic would take for numbers."""

    def refuse(value: Any) -> Any:
        if isinstance(value, bool | str | bytes):
            raise PydanticKnownError(kind)
        return value

    return BeforeValidator(refuse)


Whole = Annotated[int, _no_number("int_type")]
"""A whole number, written as one: 3 and 3.0, but neither true nor "3"."""

Number = Annotated[float, _no_number("float_type")]
"""A number, written as one; whether it has to be finite is for the option to say."""

Finite = Annotated[Number, Field(allow_inf_nan=False)]
"""A number that is neither NaN nor infinite."""

Name = Annotated[Text, Field(max_length=200)]
"""Text of which messages can quote all."""


class Entry(BaseModel):
    """Values of a file by name, of the types that they are said to have; later versions may say more."""

    model_config = ConfigDict(strict=True, extra="allow")


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
        of_entry = str(problem["loc"][-1])  # the name, where an entry of a list is a table without one
        inside, missing = (f"{key}: ", of_entry) if path[-1] != of_entry else ("", key)
        return f"{where}: {inside}expected a value for {missing!r}; got none. Add it."
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    got = _short.repr(problem["input"])
    # A value that may be of several types has one problem for each.
    same = [other for other in problems if _keys(other["loc"], model) == path]
    kinds = [other for other in same if _is_in_a_file(other)]
    if not kinds:
        return f"{where}: {key}: expected what can be passed in Python alone; got {got}. Leave it out."
    expected = " or ".join(dict.fromkeys(expected_by(other) for other in kinds))
    return f"{where}: {key}: expected {expected}; got {got}. Change it."


def _is_in_a_file(problem: Mapping[str, Any]) -> bool:
    """Whether what was expected can stand in a file, as objects of most classes cannot."""
    is_of_class = str(problem["type"]).startswith("is_")
    return not is_of_class or (problem.get("ctx") or {}).get("class") in _INSTANCES


def expected_by(problem: Mapping[str, Any]) -> str:
    """What was expected where pydantic found a problem, in the words of rankkit."""
    kind, values = str(problem["type"]), problem.get("ctx") or {}
    if kind in _BOUNDS:
        return _BOUNDS[kind].format(**values)
    if kind.startswith("is_") and values.get("class") in _INSTANCES:
        return _INSTANCES[values["class"]]
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
        kinds = [kind for kind in get_args(annotation) if kind is not NoneType]
        if NoneType in get_args(annotation) and len(kinds) == 1:  # a section that may be left out
            annotation = kinds[0]
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            return None
        model = annotation
    return model


def _fields_at(model: type[BaseModel], path: Iterable[str]) -> list[str]:
    return list((_model_at(model, path) or model).model_fields)
