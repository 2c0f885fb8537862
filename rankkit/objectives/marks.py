"""What an objective says of itself to training and to the command line, as attributes of the function."""

from collections.abc import Callable
from typing import Any, TypeVar

Function = TypeVar("Function", bound=Callable[..., Any])


def marked(**marks: str) -> Callable[[Function], Function]:
    """Give a function attributes.

    ``learns_from``: ``"documents"``, where one grade in a list teaches too. ``readout``: how several outputs become a
    score. ``curvature``: where that of boosting comes from, see :mod:`rankkit.objectives.curvature`. ``takes``,
    ``distance`` and ``output`` of embedding objectives: :mod:`rankkit.objectives.embedding`.
    """

    def mark(function: Function) -> Function:
        vars(function).update(marks)
        return function

    return mark
