"""What counts as a number where a caller gives one: True is none, and neither are text, NaN and infinity."""

import math
from numbers import Integral, Real
from typing import Any

from rankkit.errors import ConfigError


def is_whole(value: object) -> bool:
    """Whether a value is a whole number, of Python or numpy.

    >>> import numpy as np
    >>> [is_whole(value) for value in (3, np.int64(3), 3.0, True, "3")]
    [True, True, False, False, False]
    """
    return isinstance(value, Integral) and not isinstance(value, bool)


def is_finite(value: object) -> bool:
    """Whether a value is a finite number, of Python or numpy, that a float can hold.

    >>> import numpy as np
    >>> [is_finite(value) for value in (3, 0.5, np.float32(1), math.nan, math.inf, 10**400, True, "3")]
    [True, True, True, False, False, False, False, False]
    """
    if isinstance(value, bool) or not isinstance(value, Real):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def check_whole(where: str, value: Any, least: int = 0) -> None:
    """Raise ConfigError unless a value is a whole number, and not below the least.

    >>> check_whole("split: seed", -1)
    Traceback (most recent call last):
    rankkit.errors.ConfigError: split: seed: expected a whole number from 0; got -1. Choose such a number.
    """
    if not is_whole(value) or value < least:
        raise ConfigError(f"{where}: expected a whole number from {least}; got {value!r}. Choose such a number.")


def how_many(count: int, thing: str) -> str:
    """A count with its thing, in the plural unless there is one.

    >>> [how_many(count, "query") for count in (0, 1, 31531)], how_many(2, "epoch")
    (['0 queries', '1 query', '31,531 queries'], '2 epochs')
    """
    many = thing if count == 1 else f"{thing[:-1]}ies" if thing.endswith("y") else f"{thing}s"
    return f"{count:,} {many}"


def counted(**counts: int) -> str:
    """Several counts by the names of their things.

    >>> counted(query=1, doc=24)
    '1 query, 24 docs'
    """
    return ", ".join(how_many(count, thing) for thing, count in counts.items())
