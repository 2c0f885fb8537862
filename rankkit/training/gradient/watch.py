"""Watches losses and gradient norms: sums the losses of an epoch and stops a run whose loss is not finite."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.errors import TrainingError
from rankkit.tasks.gradient.work import BadStep, Explain
from rankkit.training.run import Run

# On CUDA, reading a loss waits for the device, so losses are read this many steps at a time.
_CUDA_STEPS = 32


@dataclass(frozen=True)
class _Seen:
    epoch: int
    batch: int
    rows: NDArray[np.int64]
    loss: Tensor
    norm: Tensor
    facts: Mapping[str, float]


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
        self._steps = _CUDA_STEPS if device.type == "cuda" else 1
        self._last_norm = math.nan

    def see(
        self, rows: NDArray[np.int64], loss: Tensor, norm: Tensor, facts: Mapping[str, float] = MappingProxyType({})
    ) -> None:
        """Take in one step, with what else there is to know of it.

        Raises:
            TrainingError: If its loss or gradient, or that of an earlier step not read yet, is not finite.
        """
        self._unread.append(_Seen(self._run.epoch, self._run.position + 1, rows, loss.detach(), norm, facts))
        if len(self._unread) >= self._steps:
            self.read()

    def read(self) -> None:
        """Read what has been taken in since the last time."""
        unread, self._unread = self._unread, []
        if not unread:
            return
        values = torch.stack([value for seen in unread for value in (seen.loss.float(), seen.norm.float())]).tolist()
        for seen, loss, norm in zip(unread, values[::2], values[1::2], strict=True):
            if not (math.isfinite(loss) and math.isfinite(norm)):
                bad = BadStep(seen.epoch, seen.batch, seen.rows, loss, norm, self._last_norm)
                raise TrainingError(self._explain(bad))
            self._run.loss_sum += loss * len(seen.rows)
            self._run.n_queries += len(seen.rows)
            for name, fact in seen.facts.items():
                self._run.fact_sums[name] = self._run.fact_sums.get(name, 0.0) + fact * len(seen.rows)
            self._last_norm = norm
