"""What an observer of a run may see: each step and each epoch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from rankkit.training.history import EpochRecord
from rankkit.training.interrupt import CtrlC
from rankkit.training.run import Run


@dataclass(frozen=True)
class StepRecord:
    """One optimizer step.

    Args:
        epoch: From 1.
        step: Optimizer steps since the start of the run.
        loss: Mean loss of the epoch so far; None where the device has not been asked yet.
        learning_rate: Of this step.
        n_docs: Documents of the batch.
        docs_per_second: Of the epoch so far.
    """

    epoch: int
    step: int
    loss: float | None
    learning_rate: float
    n_docs: int
    docs_per_second: float


class Callback(Protocol):
    """An observer of :func:`rankkit.fit`. A class that names this one as its parent needs only the methods it uses.

    A method that raises ``KeyboardInterrupt`` stops the run as Ctrl-C does: the run is saved first.
    """

    def on_step(self, record: StepRecord) -> None:
        """After each optimizer step."""

    def on_epoch_end(self, record: EpochRecord) -> None:
        """After each epoch, its validation and its checkpoint."""


class Observers:
    """All observers of a run; Ctrl-C, and a ``KeyboardInterrupt`` from one of them, become ``stop_requested``."""

    def __init__(self, callbacks: Sequence[Callback], ctrl_c: CtrlC) -> None:
        self._callbacks = callbacks
        self._ctrl_c = ctrl_c

    @property
    def stop_requested(self) -> bool:
        """Whether the run is to stop at the next point where it can be saved."""
        return self._ctrl_c.requested

    def on_step(self, run: Run, n_docs: int) -> None:
        """Tell all of a step."""
        loss = run.loss_sum / run.n_queries if run.n_queries else None
        record = StepRecord(run.epoch, run.step, loss, run.learning_rate, n_docs, run.docs_per_second)
        try:
            for callback in self._callbacks:
                callback.on_step(record)
        except KeyboardInterrupt:
            self._ctrl_c.requested = True

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Tell all of an epoch."""
        try:
            for callback in self._callbacks:
                callback.on_epoch_end(record)
        except KeyboardInterrupt:
            self._ctrl_c.requested = True
