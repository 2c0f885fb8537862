"""as_column(): the column that somebody asks for, by the name of a kind, in a file, or in Python."""

from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from rankkit.data.columns.kinds import KINDS, Category, Column
from rankkit.errors import ConfigError, did_you_mean

_LEARNT = frozenset({"name", "vocabulary", "origin"})
_KEY = "key"  # a category that is no feature


def as_column(name: str, asked: Any) -> Column:
    """The column of that name that is asked for.

    Args:
        name: Of the column.
        asked: The name of a kind, a table of one with options, as files have it, or what :func:`category` and the like
            make.

    Raises:
        ConfigError: If it is none of them, or an option cannot work.

    >>> as_column("brand", {"kind": "category", "min_count": 5}).min_count
    5
    """
    if isinstance(asked, Mapping):
        return _from_table(name, asked)
    if isinstance(asked, str):
        if asked == _KEY:
            return Category(name, key=True)
        if asked not in KINDS:
            known = (*KINDS, _KEY)
            raise ConfigError(f"columns: expected the kind of {name!r}; got {asked!r}. {did_you_mean(asked, known)}")
        return KINDS[asked](name=name)
    if not isinstance(asked, Column):
        raise ConfigError(
            f"columns: expected the kind of {name!r}, such as 'category' or rankkit.text(64); got {asked!r}. Name one."
        )
    return replace(asked, name=name)


def _from_table(name: str, asked: Mapping[str, Any]) -> Column:
    options = {option: value for option, value in asked.items() if option != "kind"}
    kind = as_column(name, asked.get("kind"))
    known = {field.name for field in fields(kind)} - _LEARNT
    for option, value in options.items():
        if option not in known:
            raise ConfigError(
                f"columns.{name}: expected options of a {kind.kind}; got {option!r}. {did_you_mean(option, known)}"
            )
        default = getattr(kind, option)
        is_text = isinstance(default, str) or option in ("reference", "against")
        is_good = type(value) is bool if isinstance(default, bool) else isinstance(value, str) == is_text
        if isinstance(default, tuple) and option == "parts":
            is_good = isinstance(value, list) and all(isinstance(part, str) for part in value)
        elif isinstance(default, tuple):
            is_good = isinstance(value, list)
        if not is_good:
            raise ConfigError(f"columns.{name}: expected another value of {option}; got {value!r}. Change it.")
    values: dict[str, Any] = {name: tuple(one) if isinstance(one, list) else one for name, one in options.items()}
    return replace(kind, **values)
