"""How far a run has come: counters, records, the best epoch so far."""

import math
import time
from dataclasses import dataclass, field

from torch import Tensor, nn

from rankkit.tasks.gradient.settings import Settings
from rankkit.training.history import EpochRecord, History, Stopped


@dataclass
class Run:
    """The state of a run. With weights, optimizer and random states, it is all that going on needs.

    ``position``, ``loss_sum``, ``fact_sums``, ``n_queries``, ``n_docs`` and ``training_seconds`` are of the epoch under
    way, the others of the whole run. Of an encoder, queries and documents are the examples.
    """

    epoch: int = 1
    position: int = 0
    step: int = 0
    loss_sum: float = 0.0
    fact_sums: dict[str, float] = field(default_factory=dict)
    n_queries: int = 0
    n_docs: int = 0
    training_seconds: float = 0.0
    seconds: float = 0.0
    learning_rate: float = 0.0
    records: list[EpochRecord] = field(default_factory=list)
    best_epoch: int = 0
    best_value: float | None = None
    best_weights: dict[str, Tensor] | None = None
    stopped: Stopped | None = None

    @property
    def docs_per_second(self) -> float:
        """Training documents a second in the epoch under way."""
        return self.n_docs / self.training_seconds if self.training_seconds else 0.0

    def end_step(self, n_docs: int) -> None:
        """Count a finished step."""
        self.position += 1
        self.step += 1
        self.n_docs += n_docs

    def end_epoch(self, trained: nn.Module, settings: Settings, value: float | None) -> None:
        """Record a finished epoch, keep its weights if they are the best, decide whether the run goes on.

        Args:
            trained: Whose weights they are.
            settings: Of the run.
            value: The validation metric, or None without validation data.
        """
        record = EpochRecord(
            epoch=self.epoch,
            step=self.step,
            loss=self.loss_sum / self.n_queries,
            metric=None if value is None else settings.metric,
            valid=value,
            learning_rate=self.learning_rate,
            docs_per_second=self.docs_per_second,
            seconds=self.seconds,
            facts={name: total / self.n_queries for name, total in self.fact_sums.items()},
        )
        self.records.append(record)
        self._keep_if_best(trained, record)
        if settings.patience is not None and value is not None and self.epoch - self.best_epoch >= settings.patience:
            self.stopped = "patience"
        if self.epoch == settings.epochs:
            self.stopped = "epochs"
        self.epoch += 1
        self.position = self.n_queries = self.n_docs = 0
        self.loss_sum = self.training_seconds = 0.0
        self.fact_sums = {}

    def _keep_if_best(self, trained: nn.Module, record: EpochRecord) -> None:
        if record.valid is None or math.isnan(record.valid):
            # No epoch can be told from another: the last one counts.
            if self.best_value is None:
                self.best_epoch = record.epoch
        elif self.best_value is None or record.valid > self.best_value:
            self.best_epoch, self.best_value = record.epoch, record.valid
            self.best_weights = {name: value.detach().clone() for name, value in trained.state_dict().items()}

    def history(self, metric: str | None, stopped: Stopped) -> History:
        """The run so far as a value."""
        return History(tuple(self.records), metric, self.best_epoch, self.best_value, stopped, self.seconds)


class Clock:
    """Adds the time that passes to a run: to all of it, and to training alone."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self.start()

    def start(self) -> None:
        """Count from here."""
        self._mark = time.perf_counter()

    def stop(self) -> float:
        """Add the time since the last mark to the run, and mark again."""
        now = time.perf_counter()
        passed, self._mark = now - self._mark, now
        self._run.seconds += passed
        return passed

    def stop_training(self) -> None:
        """As :meth:`stop`, and count the time as training."""
        self._run.training_seconds += self.stop()
