"""The options of a training by gradients, as one value."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

from rankkit.evaluation.names import Metric
from rankkit.tasks.settings import OptimizerName, Precision, ScheduleName, Settings
from rankkit.training.callbacks import Callback


@dataclass(frozen=True)
class Options:
    """The options that every training by gradients takes, as they were given; :func:`rankkit.fit` describes each."""

    metric: Metric
    epochs: int | None
    optimizer: OptimizerName
    learning_rate: float | None
    weight_decay: float
    momentum: float
    schedule: ScheduleName
    warmup: float
    clip_norm: float | None
    patience: int | None
    precision: Precision
    device: str
    seed: int
    out: str | Path | None
    resume: bool
    checkpoint_every: float
    callbacks: Sequence[Callback]
    progress: bool

    def settings(self, metric: str, *, epochs: int, learning_rate: float) -> Settings:
        """The settings of the run.

        Args:
            metric: Its name, checked.
            epochs: Where none are given.
            learning_rate: Where none is given.
        """
        given = {field.name: getattr(self, field.name) for field in fields(Settings)}
        given["metric"] = metric
        given["epochs"] = epochs if self.epochs is None else self.epochs
        given["learning_rate"] = learning_rate if self.learning_rate is None else self.learning_rate
        return Settings(**given)
