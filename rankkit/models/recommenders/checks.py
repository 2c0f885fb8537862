"""Options of recommenders that are numbers, checked where they are given."""

from typing import Any

import numpy as np

from rankkit.errors import ConfigError


def check_positive(where: str, *, or_none: bool = False, **numbers: Any) -> None:
    """Raise ConfigError if an option is not a number above 0."""
    for name, value in numbers.items():
        if or_none and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 < value < np.inf:
            raise ConfigError(f"{where}: expected {name} as a number above 0; got {value!r}. Pass such a number.")


def check_count(where: str, *, or_none: bool = False, **numbers: Any) -> None:
    """Raise ConfigError if an option is not a whole number from 1."""
    for name, value in numbers.items():
        if or_none and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
            raise ConfigError(f"{where}: expected {name} as a whole number from 1; got {value!r}. Pass such a number.")


def check_from_zero(where: str, *, or_none: bool = False, **numbers: Any) -> None:
    """Raise ConfigError if an option is not a number of 0 or more."""
    for name, value in numbers.items():
        if or_none and value is None:
            continue
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value < np.inf:
            raise ConfigError(f"{where}: expected {name} as a number of 0 or more; got {value!r}. Pass such a number.")


def check_flag(where: str, **flags: Any) -> None:
    """Raise ConfigError if an option is neither True nor False; text such as "no" would count as True."""
    for name, value in flags.items():
        if not isinstance(value, bool | np.bool_):
            raise ConfigError(f"{where}: expected {name} as True or False; got {value!r}. Pass one of the two.")
