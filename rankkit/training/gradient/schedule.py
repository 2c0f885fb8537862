"""The learning rate along a run, as a pure function: nothing to step, nothing to save."""

import math

from rankkit.errors import ConfigError
from rankkit.tasks.gradient.settings import Schedule


def learning_rate_factor(schedule: Schedule, progress: float, warmup: float) -> float:
    r"""What the learning rate is multiplied by when a fraction of the run is done.

    With p for progress and w for warmup, while :math:`p < w` it rises: :math:`(1 - \cos(\pi p / w)) / 2` in
    ``one_cycle``, :math:`p / w` otherwise. Afterwards, with :math:`q = (p - w) / (1 - w)`, it is

    - ``one_cycle``, ``cosine``: :math:`(1 + \cos(\pi q)) / 2`
    - ``linear``: :math:`1 - q`
    - ``constant``: 1

    Args:
        schedule: Name of the shape; or a function of the progress, whose values are taken as they are.
        progress: Fraction of the run that is done, from 0 to 1.
        warmup: Fraction of the run that the rise takes, from 0 to below 1.

    Returns:
        A factor, from 0 to 1 of the named shapes.

    Raises:
        ConfigError: If a function gives no finite number of at least 0.

    >>> [learning_rate_factor("linear", p, warmup=0.5) for p in (0.0, 0.25, 0.5, 0.75, 1.0)]
    [0.0, 0.5, 1.0, 0.5, 0.0]
    """
    if callable(schedule):
        factor = schedule(progress)
        if not (isinstance(factor, int | float) and math.isfinite(factor) and factor >= 0):
            raise ConfigError(
                f"schedule: expected a finite factor of at least 0; got {factor!r} at {progress:.3f} of the run. "
                "Mend the function."
            )
        return float(factor)
    if progress < warmup:
        rise = progress / warmup
        return (1 - math.cos(math.pi * rise)) / 2 if schedule == "one_cycle" else rise
    fall = (progress - warmup) / (1 - warmup)
    if schedule == "constant":
        return 1.0
    if schedule == "linear":
        return 1 - fall
    return (1 + math.cos(math.pi * fall)) / 2
