"""Profile: what the time of a run goes into, and a trace of some of its steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile, record_function

from rankkit.files.atomic import replacing
from rankkit.phases import Phases, watched
from rankkit.training.callbacks import StepRecord
from rankkit.training.history import EpochRecord

TRACE_FILE = "trace.json"
_FIRST, _LAST = 3, 6  # steps that are traced: the first ones take memory that later ones use again
# In the order of a run: all that phase() is called with.
_MEANINGS = {
    "read": "files into memory",
    "prepare": "statistics of the transform, once",
    "load": "batches of rows",
    "transform": "features before the network",
    "forward": "the network",
    "objective": "scores and labels to a loss",
    "step": "batches to a loss",
    "backward": "gradients",
    "optimiser": "clipping, new weights",
    "validation": "the metric after each epoch",
    "save": "checkpoints",
    "measure": "the metrics at the end",
    "other": "what is told apart nowhere",
}


class Profile:
    """Watches a run: an observer of its steps, and of what they are spent on.

    Args:
        folder: Where ``trace.json`` goes, the form of Chrome's about:tracing and of Perfetto; None: nowhere.
    """

    def __init__(self, folder: Path | None) -> None:
        self.phases = Phases(_settle)
        self.total = 0.0
        self.n_steps = 0
        self._folder = folder
        self._tracer: Any = None
        self._n_traced = 0
        self._untold = 0.0
        self._mark = 0.0

    @contextmanager
    def watching(self) -> Iterator["Profile"]:
        """Count from here to the end of the block."""
        begin = self.phases._clock()
        try:
            with watched(self.phases):
                yield self
        finally:
            self._end_trace()
            self.total += self.phases._clock() - begin - self._untold

    def on_step(self, record: StepRecord) -> None:
        """Begin to trace, or end it."""
        if self._tracer is None and self.n_steps + 1 == _FIRST:
            self._begin_trace()
        elif self._tracer is not None:
            self._n_traced += 1
            if self.n_steps + 1 == _LAST:
                self._end_trace()
        self.n_steps += 1

    def on_epoch_end(self, record: EpochRecord) -> None:
        """An epoch that is over ends the trace, which is of steps; one that has none yet waits for the next epoch's."""
        if self._n_traced:
            self._end_trace()

    def _begin_trace(self) -> None:
        if self._folder is None:
            return
        self._mark = self.phases._clock()
        activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * torch.cuda.is_available()
        self._tracer = profile(activities=activities)
        self._tracer.start()
        self.phases.mark = record_function

    def _end_trace(self) -> None:
        """Write the trace, if there is one of steps; these, slower than others, are not counted."""
        if self._tracer is None or self.phases.mark is None:
            return
        self.phases.mark = None
        self._tracer.stop()
        if self._folder is not None and self._n_traced:
            with replacing(self._folder / TRACE_FILE) as temporary:
                self._tracer.export_chrome_trace(str(temporary))
        self._untold += self.phases._clock() - self._mark

    def table(self) -> list[tuple[str, float, str]]:
        """Phase, seconds and what it is, in the order of a run; those that came, and what is left."""
        seconds = dict(self.phases.seconds)
        if "objective" in seconds:
            seconds.pop("step", None)  # what is left of it between the network and the objective
        seconds["other"] = max(self.total - sum(seconds.values()), 0.0)
        return [(name, seconds[name], meaning) for name, meaning in _MEANINGS.items() if name in seconds]

    def __str__(self) -> str:
        rows = [
            f"{name:<11}{seconds:>10.2f} s{100 * seconds / max(self.total, 1e-9):>6.1f}%  {meaning}".rstrip()
            for name, seconds, meaning in self.table()
        ]
        return "\n".join([f"{'all':<11}{self.total:>10.2f} s 100.0%  {self.n_steps:,} steps", *rows])


def _settle() -> None:
    """Wait for a GPU, whose work goes on while Python is elsewhere."""
    if torch.cuda.is_initialized():
        torch.cuda.synchronize()
