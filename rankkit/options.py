"""What a person may set: the options of every callable that takes some, described in one place.

An option is a parameter of the function or class that takes it, with its type, its default and what its docstring says
of it. What of a signature is no option, since rankkit passes it itself, stands in :data:`PASSED`; command line help,
experiment files, :class:`rankkit.Ranker`, :class:`rankkit.Objective` and searches all ask here.
"""

import inspect
import re
import sys
import textwrap
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

REQUIRED: Any = inspect.Parameter.empty
"""The default of an option that has none."""

_KEYWORD = inspect.Parameter.KEYWORD_ONLY

# Of an objective also what has its place in a call: scores, labels and mask, or embeddings.
_OF_A_CALL = frozenset(
    {
        *("weights", "reduction", "generator"),
        *(
            "same",
            "classes",
            "prototypes",
            "negatives",
            "reference",
            "reference_classes",
            "ids",
            "known_positives",
            "log_q",
        ),
    }
)
_OF_A_RUN = frozenset(
    {"model", "encoder", "objective", "train", "valid", "augment", "seed", "out", "resume", "callbacks", "progress"}
)

_OF_A_MODEL = frozenset({"seed"})
"""Of kinds that a registered task brings: their options are keywords, what follows from data is not."""

PASSED: Mapping[str, frozenset[str]] = {
    "scorer": frozenset({"n_features", "readout", "schema", "seed"}),
    "encoder": frozenset({"input_shape", "seed"}),
    "recommender": frozenset(),
    "augment": frozenset(),
    "objective": _OF_A_CALL,
    "embedding objective": _OF_A_CALL | {"distance"},  # that of the encoder
    "training": _OF_A_RUN,
    "encoder training": _OF_A_RUN,
    "pretraining": _OF_A_RUN | {"scorer", "unlabelled"},
    # A Ranker has a metric of its own, and is cloned and fitted many times over: no run in a folder.
    "estimator training": _OF_A_RUN | {"metric", "checkpoint_every"},
}
"""By kind, what rankkit passes itself: data, what goes with a call or a run, what follows from other options."""


@dataclass(frozen=True)
class Option:
    """One option.

    Args:
        name: As a keyword.
        annotation: Its type, as far as a value of it can stand in a file.
        default: Its value where none is given, or :data:`REQUIRED`.
        help: What its docstring says of it, on one line.
    """

    name: str
    annotation: Any
    default: Any
    help: str

    @property
    def values(self) -> str:
        """What it takes, in words."""
        return in_words(self.annotation)


def options_of(kind: str, function: Callable[..., Any]) -> dict[str, Option]:
    """The options of a function or class, in its order.

    Args:
        kind: A key of :data:`PASSED`.
        function: What takes them.

    >>> def made(n_features: int, *, width: int = 8, rate: float | None = None, seed: int | None = None) -> None:
    ...     '''A scorer.
    ...
    ...     Args:
    ...         n_features: Columns.
    ...         width: Of the hidden layer.
    ...         rate: Of forgetting.
    ...     '''
    >>> for option in options_of("scorer", made).values():
    ...     print(option.name, option.values, option.default, option.help)
    width whole number 8 Of the hidden layer.
    rate number None Of forgetting.
    """
    meanings = arguments_of(function)
    of_a_call = kind in ("objective", "embedding objective") and not isinstance(function, type)
    by_keyword = of_a_call or kind not in PASSED
    kinds = (_KEYWORD,) if by_keyword else (_KEYWORD, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return {
        name: Option(name, in_a_file(_annotation_of(parameter, function)), parameter.default, meanings.get(name, ""))
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in PASSED.get(kind, _OF_A_MODEL) and parameter.kind in kinds
    }


def _annotation_of(parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
    """The type of a parameter, also where it is written as text; Any where there is none that can be read."""
    annotation = parameter.annotation
    if annotation is parameter.empty:
        return Any
    if not isinstance(annotation, str):
        return annotation
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    names_there = vars(sys.modules.get(function.__module__, types))
    try:
        return get_type_hints(holder, globalns=names_there, include_extras=True)["it"]
    except (NameError, TypeError, SyntaxError, AttributeError):  # a type that is imported for type checkers alone
        return Any


def defaults_of(kind: str, function: Callable[..., Any]) -> dict[str, Any]:
    """The options of a function that have a default other than None, with it."""
    found = options_of(kind, function).values()
    return {option.name: option.default for option in found if option.default not in (REQUIRED, None)}


def in_a_file(annotation: Any) -> Any:
    """A type less the functions that a value of it may be in Python, its numbers being written as numbers."""
    from rankkit.schemas import Number, Whole  # imports pydantic, which help does without

    if annotation in (int, float):
        return Whole if annotation is int else Number
    origin, parts = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        return Union[tuple(in_a_file(part) for part in parts if get_origin(part) is not Callable)]  # noqa: UP007
    if origin in (list, tuple, dict, Sequence, Mapping):
        return origin[tuple(part if part is ... else in_a_file(part) for part in parts)]
    return annotation


def in_words(annotation: Any) -> str:
    """What a value of a type is, in the words of rankkit.

    >>> in_words(int | None), in_words(Literal["a", "b"]), in_words(str | list[str])
    ('whole number', '"a" "b"', 'text or list')
    """
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return in_words(inner[0])
    if origin is Literal:
        return " ".join(f'"{value}"' for value in inner)
    if origin in (Union, types.UnionType):
        words = [in_words(part) for part in inner if part is not type(None)]
        return " or ".join(dict.fromkeys(word for word in words if word))
    if getattr(origin or annotation, "__name__", "") in ("list", "tuple", "Sequence"):
        return "list"
    if getattr(origin or annotation, "__name__", "") in ("dict", "Mapping"):
        return "table"
    if hasattr(annotation, "model_fields"):  # a table that is checked by a model of its own
        return "name or table" if "name" in annotation.model_fields else "table"
    words_of = {bool: "true or false", int: "whole number", float: "number", str: "text"}
    return words_of.get(annotation, "path" if getattr(annotation, "__name__", "") == "Path" else "")


def sections_of(documented: object) -> dict[str, str]:
    """A Google-style docstring by section, with its first paragraph as ``summary``."""
    doc = inspect.getdoc(documented) or ""
    parts = re.split(r"^(Args|Attributes|Returns|Raises|Example|References):\n", doc, flags=re.MULTILINE)
    found = {"summary": one_line(parts[0].split("\n\n")[0])}
    return found | {title: textwrap.dedent(text) for title, text in zip(parts[1::2], parts[2::2], strict=True)}


def arguments_of(documented: object) -> dict[str, str]:
    """Argument by argument, what its docstring says of it, on one line."""
    parts = re.split(r"^(\w+): ", sections_of(documented).get("Args", ""), flags=re.MULTILINE)
    return {name: one_line(text) for name, text in zip(parts[1::2], parts[2::2], strict=True)}


def one_line(text: str) -> str:
    """Text of a docstring as plain words."""
    plain = re.sub(r":\w+:`~?(?:rankkit\.)?(.+?)`", r"\1", text).replace("``", "")
    return " ".join(plain.split())
