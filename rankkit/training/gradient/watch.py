"""Watches losses and gradient norms: sums the losses of an epoch and stops a run whose loss is not finite."""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.errors import TrainingError
from rankkit.objectives.options import LabelCheck, checked_later
from rankkit.tasks.gradient.work import BadStep, Explain
from rankkit.training.run import Run

# Reading a loss waits for a device, so losses of one are read this many steps at a time, and checks of its labels.
_DEVICE_STEPS = 32


@dataclass(frozen=True)
class _Seen:
    epoch: int
    batch: int
    rows: NDArray[np.int64]
    loss: Tensor
    norm: Tensor
    facts: Mapping[str, float]
    checks: Sequence[LabelCheck]


class LossWatch:
    """Reads loss and gradient norm of each step, on the CPU before the weights change.

    Args:
        run: Gets the sum of the losses.
        explain: The message about a step that is not finite.
        device: That trains.
    """

    def __init__(self, run: Run, explain: Explain, device: torch.device) -> None:
        self._run, self._explain = run, explain
        self._unread: list[_Seen] = []
        self._steps = 1 if device.type == "cpu" else _DEVICE_STEPS
        self._checks: Sequence[LabelCheck] = ()
        self._last_norm = math.nan

    @contextmanager
    def checking(self) -> Iterator[None]:
        """What a step in here checks of labels on the device is read with its loss, which is seen next."""
        with checked_later() as self._checks:
            yield

    def see(
        self, rows: NDArray[np.int64], loss: Tensor, norm: Tensor, facts: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        """Take in one step, with what else there is to know of it.

        Raises:
            TrainingError: If its loss or gradient, or that of an earlier step not read yet, is not finite.
            DataError: If its labels, or those of such a step, are none that the objective takes.
        """
        checks, self._checks = self._checks, ()
        self._unread.append(_Seen(self._run.epoch, self._run.position + 1, rows, loss.detach(), norm, facts, checks))
        if len(self._unread) >= self._steps:
            self.read()

    def read(self) -> None:
        """Read what has been taken in since the last time."""
        unread, self._unread = self._unread, []
        if not unread:
            return
        asked = [
            value
            for seen in unread
            for value in (seen.loss.float(), seen.norm.float(), *(check.good.float() for check in seen.checks))
        ]
        values = iter(torch.stack(asked).tolist())
        for seen in unread:
            loss, norm = next(values), next(values)
            for check in seen.checks:
                if not next(values):
                    check.refuse()
            if not (math.isfinite(loss) and math.isfinite(norm)):
                bad = BadStep(seen.epoch, seen.batch, seen.rows, loss, norm, self._last_norm)
                raise TrainingError(self._explain(bad))
            self._run.loss_sum += loss * len(seen.rows)
            self._run.n_queries += len(seen.rows)
            for name, fact in seen.facts.items():
                self._run.fact_sums[name] = self._run.fact_sums.get(name, 0.0) + fact * len(seen.rows)
            self._last_norm = norm
