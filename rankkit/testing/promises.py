"""Promises: properties that are checked one by one, and told together where they are broken."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import torch
from torch import Tensor

Case = TypeVar("Case")
Promise = Callable[[Case], None]


def expect(good: bool | Tensor, what: str) -> None:
    """Raise AssertionError with what was expected, unless it holds."""
    if not bool(good):
        raise AssertionError(what)


def expect_same(found: Any, wanted: Any, what: str) -> None:
    """Raise AssertionError unless tensors are equal to the last bit."""
    expect(all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True)), what)


def expect_near(found: Tensor, wanted: Tensor, what: str, *, rtol: float = 1e-12, atol: float = 0.0) -> None:
    """Raise AssertionError unless numbers agree within a tolerance."""
    try:
        torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol, check_dtype=False)
    except AssertionError as error:
        raise AssertionError(f"{what}; {str(error).splitlines()[0]}") from None


def check_all(name: str, promises: Mapping[str, Promise[Case]], case: Case) -> None:
    """Check every promise on a case.

    Raises:
        AssertionError: If one is broken; the message lists all that are.
    """
    broken = []
    for promise, check in promises.items():
        try:
            check(case)
        except Exception as error:  # what breaks a promise may be anything that code of others raises
            told = str(error) if type(error) is AssertionError else f"{type(error).__name__}: {error}"
            broken.append(f"  {promise.replace('_', ' ')}: {told.strip().partition(chr(10))[0][:300]}")
    if broken:
        raise AssertionError("\n".join([f"{name}: {len(broken)} of {len(promises)} promises are broken", *broken]))
