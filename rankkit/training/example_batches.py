"""Labelled examples on their way into a step: batches by class, the feed, and what to say of a step that fails."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.sampling import class_batches
from rankkit.training.embedding_steps import ExampleBatch
from rankkit.training.nonfinite import blame_weights
from rankkit.training.settings import check_counts
from rankkit.training.sharing import fits_on
from rankkit.training.watch import BadStep

_SHOWN = 8


@dataclass(frozen=True)
class ExampleBatches:
    """How examples are put into batches; :func:`rankkit.fit_encoder` describes each number."""

    batch_classes: int
    per_class: int
    two_views: bool = False

    def __post_init__(self) -> None:
        check_counts({"batch_classes": self.batch_classes, "per_class": self.per_class})

    def n_batches(self, labels: NDArray[np.int64]) -> int:
        """Batches of an epoch: about as many as hold all examples once; of two views of one example, the one counts."""
        if self.two_views:
            return math.ceil(len(labels) / self.batch_classes)
        n_usable = int((np.bincount(labels) >= 2).sum())
        return max(1, round(len(labels) / (max(1, min(self.batch_classes, n_usable)) * self.per_class)))

    def plan(self, labels: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """The examples of each batch of an epoch, those of a class side by side."""
        if self.two_views:
            order = rng.permutation(len(labels))
            return np.array_split(order, self.n_batches(labels))
        return class_batches(
            labels,
            n_classes=self.batch_classes,
            n_per_class=self.per_class,
            n_batches=self.n_batches(labels),
            rng=rng,
        )


class ExampleFeed:
    """Gathers examples on the training device. On CUDA they move there once if they fit, otherwise batch by batch.

    Args:
        data: The examples.
        device: That trains.
    """

    def __init__(self, data: LabelledExamples, device: torch.device) -> None:
        self.data = data
        self._device = device
        self.resident = fits_on(device, data.inputs.nbytes)
        home = device if self.resident else torch.device("cpu")
        self._inputs, self._labels = (torch.as_tensor(array).to(home) for array in (data.inputs, data.labels))

    def take(self, rows: NDArray[np.int64]) -> ExampleBatch:
        """The examples in these rows."""
        chosen = torch.from_numpy(np.ascontiguousarray(rows)).to(self._labels.device)
        inputs, labels = self._inputs[chosen], self._labels[chosen]
        if self.resident:
            return ExampleBatch(inputs, labels)
        return ExampleBatch(*(part.pin_memory().to(self._device, non_blocking=True) for part in (inputs, labels)))


class ExampleBlame:
    """Examines an encoder and a batch of examples after a step that is not finite.

    Args:
        encoder: That was trained.
        feed: Gives the examples of the batch again.
        learning_rate: Of the settings, for the message.
    """

    def __init__(self, encoder: nn.Module, feed: ExampleFeed, learning_rate: float) -> None:
        self._encoder, self._feed, self._learning_rate = encoder, feed, learning_rate

    @torch.no_grad()
    def __call__(self, bad: BadStep) -> str:
        """The message."""
        classes = sorted({self._feed.data.class_names[label] for label in self._feed.data.labels[bad.rows].tolist()})
        shown = ", ".join(classes[:_SHOWN]) + (f" and {len(classes) - _SHOWN} more" if len(classes) > _SHOWN else "")
        return f"{bad} (classes {shown}). {self._cause(bad)}"

    def _cause(self, bad: BadStep) -> str:
        overflow = blame_weights(self._encoder, bad, self._learning_rate)
        if overflow is not None:
            return overflow
        batch = self._feed.take(bad.rows)
        if not bool(batch.inputs.isfinite().all()):
            return "The inputs hold NaN or infinity. Mend them."
        embeddings = self._encoder(batch.inputs)
        if not bool(embeddings.isfinite().all()):
            return (
                "The inputs are finite, yet the embeddings are not: they overflow inside the encoder. "
                f"Lower learning_rate={self._learning_rate:g}, or scale the inputs to about 0 to 1."
            )
        return (
            "Inputs and embeddings are finite: the "
            f"{'objective' if bad.what == 'loss' else 'gradient of the objective'} is not finite for them. "
            f"Lower learning_rate={self._learning_rate:g}, set clip_norm=1, or look into the objective."
        )
