"""What a gradient training is given to do, whatever it trains."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.tasks.gradient.settings import Settings


@dataclass(frozen=True)
class BadStep:
    """A step whose loss or gradient is not finite.

    Args:
        epoch: From 1.
        batch: Within the epoch, from 1.
        rows: The queries or examples of the batch, by position.
        loss: Of the batch.
        norm: Of its gradient.
        last_norm: Of the gradient of the last good step, or NaN.
    """

    epoch: int
    batch: int
    rows: NDArray[np.int64]
    loss: float
    norm: float
    last_norm: float

    @property
    def what(self) -> str:
        """What is not finite."""
        return "loss" if not math.isfinite(self.loss) else "gradient"

    def __str__(self) -> str:
        value = self.norm if math.isfinite(self.loss) else self.loss
        return f"fit: expected a finite {self.what}; got {value} in epoch {self.epoch}, batch {self.batch}"


Explain = Callable[[BadStep], str]


@dataclass(frozen=True)
class Work:
    """What a run trains, on what, and how.

    Args:
        model: Learns, in training mode, on the device of the run.
        objective: Learns along, where the objective has weights of its own.
        plan: The batches of an epoch, counted from 1, each as positions of queries or examples.
        take: The batch of these, on the device.
        step: Its loss.
        validate: The metric on the validation data, the higher the better; None without.
        explain: Why a loss or a gradient is not finite.
        n_docs: Documents or examples of an epoch, about.
        draws_globally: Whether something of it may draw from torch's global generators: they are then lent to its
            steps, one run at a time (:meth:`rankkit.randomness.Randomness.lent`).
        facts: More numbers about the last step, whose means a record of an epoch holds.
    """

    model: nn.Module
    objective: nn.Module | None
    plan: Callable[[int], Sequence[NDArray[np.int64]]]
    take: Callable[[NDArray[np.int64]], Any]
    step: Callable[[Any, Any], Tensor]
    validate: Callable[[], float] | None
    explain: Explain
    n_docs: int
    draws_globally: bool
    facts: Callable[[], Mapping[str, float]] = dict


class Job(Protocol):
    """A model, an objective and data of one task, on their way to become :class:`Work`.

    Attributes:
        where: The function that a person called, for messages.
        model: What is trained.
        objective: As a person chose it; None for a model that learns in one go.
        train: Training data, brought into the model's form by :meth:`check`.
        valid: Validation data, or None.
    """

    where: str
    model: Any
    objective: Callable[..., Tensor] | None
    train: Any
    valid: Any

    @property
    def has_valid(self) -> bool:
        """Whether there is validation data."""
        ...

    @property
    def docs_a_step(self) -> float | None:
        """Documents of a batch, about, of a training whose bfloat16 was compared with float32; else None."""
        ...

    @property
    def default_epochs(self) -> int:
        """Where the options name no number."""
        ...

    def check(self) -> None:
        """Raise ConfigError or DataError if model, objective and data do not go together."""
        ...

    def identity(self) -> dict[str, Any]:
        """What a run is, besides its settings: a checkpoint is refused where one of these differs."""
        ...

    @staticmethod
    def value(model: Any, data: Any, metric: str) -> float:
        """The metric of a model, as it stands, on data of the task."""
        ...

    def work(self, settings: Settings, place: torch.device) -> Work:
        """Fit what has to be fitted before the first step, and say what to do."""
        ...
