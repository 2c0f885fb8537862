"""Checks of what a caller passes to an objective beyond the lists: numbers, and labels in a range."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, NamedTuple, NoReturn, get_args

import torch
from torch import Tensor

from rankkit.errors import ConfigError, DataError
from rankkit.placement import is_here


def check_number(
    where: str, name: str, value: float, *, above: float | None = None, least: float | None = None
) -> None:
    """Raise ConfigError unless the option is a finite number above one bound, or not below the other.

    >>> check_number("ranknet_loss", "sigma", -1.0, above=0.0)
    Traceback (most recent call last):
    rankkit.errors.ConfigError: ranknet_loss: expected sigma above 0; got -1.0. Pass a finite number above 0.
    """
    bound = f"above {above:g}" if above is not None else f"of at least {least:g}"
    good = math.isfinite(value) and (above is None or value > above) and (least is None or value >= least)
    if not good:
        raise ConfigError(f"{where}: expected {name} {bound}; got {value!r}. Pass a finite number {bound}.")


def check_choice(where: str, name: str, value: object, choices: Any) -> None:
    """Raise ConfigError unless the option is one of the two values of a ``Literal``."""
    if value not in get_args(choices):
        first, second = get_args(choices)
        raise ConfigError(f"{where}: expected {name} {first!r} or {second!r}; got {value!r}. Pass one of the two.")


def check_labels(where: str, labels: Tensor, good: Tensor, expected: str, action: str) -> None:
    """Raise DataError with the first label that is not good, a ``[query, list]`` that is True in padded places.

    ``expected`` says what a label must be, ``action`` what to do about it. On a device this waits for it, unless
    somebody asks later: :func:`checked_later`.
    """

    def refuse() -> NoReturn:
        query, doc = (int(index) for index in torch.nonzero(~good)[0])
        raise DataError(
            f"{where}: expected {expected}; got {labels[query, doc].item():g} (list {query}, document {doc}). {action}"
        )

    all_good, later = good.all(), _later.get()
    if later is not None and not is_here(labels):
        later.append(LabelCheck(all_good, refuse))
    elif not bool(all_good):
        refuse()


class LabelCheck(NamedTuple):
    """A check of labels that somebody asks later.

    Args:
        good: Of the device, whether all of them are good.
        refuse: Raises the error; to be called where they are not.
    """

    good: Tensor
    refuse: Callable[[], NoReturn]


_later: ContextVar[list[LabelCheck] | None] = ContextVar("rankkit_checked_later", default=None)


@contextmanager
def checked_later() -> Iterator[list[LabelCheck]]:
    """Labels on a device are not waited for; whoever enters this asks what is in the list, when it suits."""
    checks: list[LabelCheck] = []
    before = _later.set(checks)
    try:
        yield checks
    finally:
        _later.reset(before)
