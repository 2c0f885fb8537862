"""The options of a training run, checked before any work."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from torch import nn

from rankkit.errors import ConfigError, did_you_mean
from rankkit.evaluation.names import check_rises
from rankkit.numbers import check_whole, is_finite, is_whole
from rankkit.tasks.gradient.methods import Method, check_method, told

ScheduleName = Literal["one_cycle", "cosine", "linear", "constant"]
Schedule = ScheduleName | Callable[[float], float]
"""A name, or a function of the part of the run that is done to what the learning rate is multiplied by."""
Precision = Literal["fp32", "bf16"]
AskedPrecision = Literal["fp32", "bf16", "auto"]


@dataclass(frozen=True)
class Settings:
    """What decides the weights that come out of a run, besides its batches; :func:`rankkit.fit` describes each."""

    metric: str
    epochs: int
    optimizer: Method
    learning_rate: float
    weight_decay: float
    momentum: float
    schedule: Schedule
    warmup: float
    clip_norm: float | None
    patience: int | None
    precision: Precision
    seed: int
    optimizer_options: Mapping[str, Any] | None = None
    ema: float | None = None
    trunk_rate: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if isinstance(value, np.generic):  # neither torch nor JSON takes numbers of numpy
                object.__setattr__(self, name, value.item())
        check_rises("fit", self.metric)
        check_method(self.optimizer, self.optimizer_options or {})
        if not callable(self.schedule):
            check_name("schedule", self.schedule, get_args(ScheduleName))
        check_name("precision", self.precision, get_args(Precision))
        check_counts({"epochs": self.epochs, **({} if self.patience is None else {"patience": self.patience})})
        check_whole("seed", self.seed)
        for name in ("learning_rate", "clip_norm", "trunk_rate"):
            value = getattr(self, name)
            if not (name == "clip_norm" and value is None):
                _check_number(name, value, is_finite(value) and value > 0, "a finite number above 0")
        if self.ema is not None:
            _check_number("ema", self.ema, is_finite(self.ema) and 0 < self.ema < 1, "a number above 0 and below 1")
        check_from_0("weight_decay", self.weight_decay)
        for name in ("warmup", "momentum"):
            value = getattr(self, name)
            _check_number(name, value, is_finite(value) and 0 <= value < 1, "a number from 0 to below 1")

    def identity(self) -> dict[str, Any]:
        """What tells this run from another, as values that JSON can hold."""
        values = {**vars(self), "optimizer": told(self.optimizer), "schedule": told(self.schedule)}
        if self.trunk_rate == 1:  # as runs were before there was one
            del values["trunk_rate"]
        options = values.pop("optimizer_options")
        return {**values, "optimizer_options": dict(options)} if options else values


def check_counts(values: Mapping[str, int]) -> None:
    """Raise ConfigError unless each is a whole number of at least 1."""
    for name, value in values.items():
        _check_number(name, value, is_whole(value) and value >= 1, "a whole number of at least 1")


def check_from_0(option: str, value: float) -> None:
    """Raise ConfigError unless a value is a finite number from 0 on."""
    _check_number(option, value, is_finite(value) and value >= 0, "a finite number from 0")


def check_name(option: str, value: str, known: tuple[str, ...]) -> None:
    """Raise ConfigError unless the value is one of those known."""
    if value not in known:
        raise ConfigError(
            f"{option}: expected one of {', '.join(known)}; got {value!r}. {did_you_mean(str(value), known)}"
        )


def _check_number(option: str, value: float | None, good: bool, expected: str) -> None:
    if not good:
        raise ConfigError(f"{option}: expected {expected}; got {value!r}. Choose such a number.")


def default_learning_rate(scorer: nn.Module) -> float:
    """What the scorer's class suggests, or 0.002.

    >>> from rankkit.models.scorers import LinearScorer, MLPScorer
    >>> default_learning_rate(LinearScorer(3)), default_learning_rate(MLPScorer(3))
    (0.05, 0.002)
    """
    return float(getattr(scorer, "learning_rate", 2e-3))
