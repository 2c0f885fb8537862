"""The options of a training by gradients, as one value."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, get_args

from rankkit.evaluation.names import Metric
from rankkit.tasks.gradient.methods import Method
from rankkit.tasks.gradient.settings import AskedPrecision, Schedule, Settings, check_name
from rankkit.training.callbacks import Callback


@dataclass(frozen=True)
class Options:
    """The options that every training by gradients takes, as they were given; :func:`rankkit.fit` describes each."""

    metric: Metric
    epochs: int | None = None
    optimizer: Method = "adamw"
    optimizer_options: Mapping[str, Any] | None = None
    learning_rate: float | None = None
    weight_decay: float = 0.01
    momentum: float = 0.9
    schedule: Schedule = "one_cycle"
    warmup: float = 0.3
    clip_norm: float | None = None
    ema: float | None = None
    patience: int | None = None
    precision: AskedPrecision = "fp32"
    device: str = "auto"
    seed: int = 0
    out: str | Path | None = None
    resume: bool = False
    checkpoint_every: float = 300.0
    callbacks: Sequence[Callback] = ()
    progress: bool = True
    trunk_rate: float = 1.0

    def settings(self, metric: str, *, epochs: int, learning_rate: float) -> Settings:
        """The settings of the run.

        Args:
            metric: Its name, checked.
            epochs: Where none are given.
            learning_rate: Where none is given.

        Where the precision is "auto" they have float32, until one is chosen.
        """
        given = {field.name: getattr(self, field.name) for field in fields(Settings)}
        given["metric"] = metric
        given["epochs"] = epochs if self.epochs is None else self.epochs
        check_name("precision", self.precision, get_args(AskedPrecision))
        given["precision"] = "fp32" if self.precision == "auto" else self.precision
        given["learning_rate"] = learning_rate if self.learning_rate is None else self.learning_rate
        return Settings(**given)
