"""Before the clock of a run starts: whatever a process does once, so that the first system does not pay for all.

Compiled loops are made or read from disk at their first call, torch sets up an optimizer and a device. A throw-away
model of the same kind is trained on a few rows, once a process and kind of system.
"""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from rankkit.comparison.plan import RunSpec
from rankkit.comparison.systems.fitted import Selection
from rankkit.data.labelled_examples import LabelledExamples
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import RankkitError
from rankkit.tasks.ranking.informative import Need, teaching_queries

_N_QUERIES = 2
_PER_CLASS = 4
_warm: set[tuple[Any, ...]] = set()


def warm_up(spec: RunSpec, train: Callable[[], object]) -> None:
    """Train a throw-away model, unless this process has trained one of its kind.

    Args:
        spec: Of the run: model, objective and metric tell kinds apart, and which options are given.
        train: Trains it. What it refuses the run refuses too, in its own words.
    """
    parts = (spec.system.scorer, spec.system.encoder, spec.system.objective)
    kind = (spec.metric, *((part.name, *sorted(part.options)) for part in parts if part is not None))
    if kind not in _warm:
        _warm.add(kind)
        with contextlib.suppress(RankkitError):
            train()


def warm_up_selection(selection: Selection, n_docs: int) -> None:
    """Compute the metric of selection once, for scores of either width."""
    for width in (np.float32, np.float64):
        selection(np.zeros(n_docs, width))


def few_queries(data: RankingDataset, needs: Iterable[Need]) -> RankingDataset:
    """Queries from which an objective learns, few of them; the first ones where none does."""
    teaching = np.any([teaching_queries(data, need) for need in needs], axis=0)
    few = data.select(np.flatnonzero(teaching)[:_N_QUERIES] if teaching.any() else np.arange(min(1, data.n_queries)))
    if not data.offsets.flags.writeable:  # loops are compiled anew for what they cannot write to
        few.offsets.flags.writeable = False
    return few


def few_examples(data: LabelledExamples, n_classes: int) -> LabelledExamples:
    """A few examples of each of so many classes."""
    chosen = np.unique(data.labels)[:n_classes]
    return data.take(np.concatenate([np.flatnonzero(data.labels == label)[:_PER_CLASS] for label in chosen]))
