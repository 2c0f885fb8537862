"""Watches losses and gradient norms: sums the losses of an epoch and stops a run whose loss is not finite."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from rankkit.errors import RankkitError, TrainingError
from rankkit.training.feed import Feed
from rankkit.training.run import Run

# On CUDA, reading a loss waits for the device, so losses are read this many steps at a time.
_CUDA_STEPS = 32
_SHOWN_QIDS = 8


@dataclass(frozen=True)
class _Seen:
    epoch: int
    batch: int
    queries: NDArray[np.int64]
    loss: Tensor
    norm: Tensor


class LossWatch:
    """Reads loss and gradient norm of each step, on the CPU before the weights change.

    Args:
        run: Gets the sum of the losses.
        scorer: Is examined when something is wrong.
        feed: Gives the documents of a batch again.
        learning_rate: Of the settings, for the message.
    """

    def __init__(self, run: Run, scorer: nn.Module, feed: Feed, learning_rate: float) -> None:
        self._run, self._scorer, self._feed, self._learning_rate = run, scorer, feed, learning_rate
        self._unread: list[_Seen] = []
        self._steps = _CUDA_STEPS if feed.device.type == "cuda" else 1
        self._last_norm = math.nan

    def see(self, queries: NDArray[np.int64], loss: Tensor, norm: Tensor) -> None:
        """Take in one step.

        Raises:
            TrainingError: If its loss or gradient, or that of an earlier step not read yet, is not finite.
        """
        self._unread.append(_Seen(self._run.epoch, self._run.position + 1, queries, loss.detach(), norm))
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
                raise TrainingError(self._explain(seen, loss, norm))
            self._run.loss_sum += loss * len(seen.queries)
            self._run.n_queries += len(seen.queries)
            self._last_norm = norm

    def _explain(self, seen: _Seen, loss: float, norm: float) -> str:
        qids = [str(qid) for qid in self._feed.data.qids[seen.queries[:_SHOWN_QIDS]]]
        more = len(seen.queries) - len(qids)
        what = "loss" if not math.isfinite(loss) else "gradient"
        value = loss if what == "loss" else norm
        return (
            f"fit: expected a finite {what}; got {value} in epoch {seen.epoch}, batch {seen.batch} "
            f"(qids {', '.join(qids)}{f' and {more} more' if more else ''}). {self._cause(seen, loss)}"
        )

    @torch.no_grad()
    def _cause(self, seen: _Seen, loss: float) -> str:
        if not all(bool(weight.isfinite().all()) for weight in self._scorer.parameters()):
            before = f"; the gradient norm before was {self._last_norm:.3g}" if math.isfinite(self._last_norm) else ""
            return (
                f"The weights of the scorer are not finite{before}. "
                f"Lower learning_rate={self._learning_rate:g}, or set clip_norm=1."
            )
        batch = self._feed.take(seen.queries)
        transform = getattr(self._scorer, "transform", None)
        inputs = batch.features if transform is None else transform(batch.features, batch.offsets)
        if not bool(inputs.isfinite().all()):
            return _blame_features(batch.features, inputs, self._feed.data.feature_names, transform is not None)
        if batch.weights is not None and not bool(batch.weights.isfinite().all()):
            return "The weights of the data are not finite. Mend them."
        try:
            scores = self._scorer(batch.features, batch.offsets)
        except RankkitError as error:
            return str(error)
        if not bool(scores.isfinite().all()):
            return (
                "The features are finite, yet the scores are not: they overflow inside the scorer. "
                f"Lower learning_rate={self._learning_rate:g}, or limit the features with transform='standardize'."
            )
        largest = float(scores.abs().max())
        which = "objective" if not math.isfinite(loss) else "gradient of the objective"
        return (
            f"Features, labels and scores (largest {largest:.3g}) are finite: the {which} is not finite for them. "
            f"Lower learning_rate={self._learning_rate:g}, set clip_norm=1, or look into the objective."
        )


def _blame_features(features: Tensor, inputs: Tensor, names: tuple[str, ...] | None, transformed: bool) -> str:
    bad = (~features.isfinite()).any(dim=0).nonzero().flatten().tolist()
    if not bad:
        return (
            f"The features are finite, but {int((~inputs.isfinite()).sum())} values are not after the scorer's "
            "transform. Choose another transform."
        )
    shown = ", ".join(names[column] if names else str(column) for column in bad[:_SHOWN_QIDS])
    after = " and the scorer's transform lets that through" if transformed else ""
    return f"Features hold NaN or infinity (columns, counted from 0: {shown}){after}. Mend them, or choose a transform."
