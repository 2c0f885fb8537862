"""Labelled examples on their way into a step: batches by class, and the feed."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.sampling import class_batches
from rankkit.tasks.gradient.devices import fits_on
from rankkit.tasks.gradient.settings import check_counts
from rankkit.tasks.similarity.steps import ExampleBatch


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


def default_encoder_epochs(n_batches: int) -> int:
    """15 epochs, or as many as make 300 steps.

    >>> default_encoder_epochs(100), default_encoder_epochs(10)
    (15, 30)
    """
    return max(15, math.ceil(300 / max(1, n_batches)))
