"""What scorers and encoders share that are trained epoch by epoch."""

import inspect
import statistics
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from rankkit.comparison.systems.fitted import Report
from rankkit.training.callbacks import StepRecord
from rankkit.training.history import EpochRecord, History


class EpochReporter:
    """Tells of each epoch.

    Args:
        report: Is told.
    """

    def __init__(self, report: Report) -> None:
        self._report = report
        self._best: float | None = None

    def on_step(self, record: StepRecord) -> None:
        """Steps are too many to tell of."""

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Tell of the best value so far."""
        if record.valid is not None:
            self._best = record.valid if self._best is None else max(self._best, record.valid)
        self._report({"step": record.epoch, "of": None, "valid": self._best})


def course(history: History) -> dict[str, Any]:
    """What a :class:`rankkit.comparison.systems.fitted.Fitted` says of the course of the training."""
    if history.stopped == "in one go":
        value = float("nan") if history.best_value is None else history.best_value
        return {"valid": value, "chosen": history.chosen, "seconds": history.seconds}
    ran: dict[str, Any] = {"best_epoch": history.best_epoch, "epochs": len(history), **history.chosen}
    if history.unit == "tree":
        ran = {"trees": history.best_epoch, "trees_grown": len(history), **history.chosen}
    ends = [record.seconds for record in history.epochs]
    return {
        "valid": float("nan") if history.best_value is None else history.best_value,
        "chosen": ran,
        "seconds": history.seconds,
        "step_seconds": statistics.median(after - before for before, after in pairwise([0.0, *ends])),
        "per_second": statistics.median(record.docs_per_second for record in history.epochs),
    }


def plain_defaults(function: Callable[..., Any]) -> dict[str, Any]:
    """The defaults of a function that are numbers or texts."""
    parameters = inspect.signature(function).parameters.values()
    plain = (bool, int, float, str)
    return {parameter.name: parameter.default for parameter in parameters if isinstance(parameter.default, plain)}
