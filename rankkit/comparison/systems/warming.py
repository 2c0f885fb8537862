"""Before the clock of a run starts: whatever a process does once, so that the first system does not pay for all.

Compiled loops are made or read from disk at their first call, torch sets up an optimizer and a device. A throw-away
model of the same kind is trained on a few rows, once a process and kind of system.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np

from rankkit.comparison.plan import RunSpec
from rankkit.comparison.systems.fitted import Selection
from rankkit.errors import RankkitError

_warm: set[tuple[Any, ...]] = set()


def warm_up(spec: RunSpec, train: Callable[[], object]) -> None:
    """Train a throw-away model, unless this process has trained one of its kind.

    Args:
        spec: Of the run: model, objective and metric tell kinds apart, and which options are given.
        train: Trains it. What it refuses the run refuses too, in its own words.
    """
    parts = (spec.system.model, spec.system.objective)
    kind = (spec.metric, *((part.name, *sorted(part.options)) for part in parts if part is not None))
    if kind not in _warm:
        _warm.add(kind)
        with contextlib.suppress(RankkitError):
            train()


def warm_up_selection(selection: Selection, n_docs: int) -> None:
    """Compute the metric of selection once, for scores of either width."""
    for width in (np.float32, np.float64):
        selection(np.zeros(n_docs, width))
