"""What counts as a number where a caller gives one: True is none, and neither are text, NaN and infinity."""

import math
from typing import Any

import numpy as np

from rankkit.errors import ConfigError


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, of Python or numpy.

    >>> [is_whole(value) for value in (3, np.int64(3), 3.0, True, "3")]
    [True, True, False, False, False]
    """
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def is_finite(value: object) -> bool:
    """Whether a value is a finite number, of Python or numpy.

    >>> [is_finite(value) for value in (3, 0.5, np.float32(1), math.nan, math.inf, True, "3")]
    [True, True, True, False, False, False, False]
    """
    return is_whole(value) or (isinstance(value, float | np.floating) and math.isfinite(value))


def check_whole(where: str, value: Any, least: int = 0) -> None:
    """Raise ConfigError unless a value is a whole number, and not below the least.

    >>> check_whole("split: seed", -1)
    Traceback (most recent call last):
    rankkit.errors.ConfigError: split: seed: expected a whole number from 0; got -1. Choose such a number.
    """
    if not is_whole(value) or value < least:
        raise ConfigError(f"{where}: expected a whole number from {least}; got {value!r}. Choose such a number.")
