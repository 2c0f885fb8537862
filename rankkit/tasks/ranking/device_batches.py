"""From a data set at rest to batches on the device that trains."""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from rankkit.data.batch import QueryBatch, take_queries
from rankkit.data.ranking_dataset import RankingDataset, shared_tensor
from rankkit.tasks.gradient.devices import fits_on


class Feed:
    """Gathers the documents of some queries on the training device.

    On the CPU the arrays are used where they lie, memory-mapped ones too. On CUDA they move there once if they fit
    (:func:`rankkit.tasks.gradient.devices.fits_on`); otherwise each batch is gathered on the CPU and sent from pinned
    memory.
    """

    def __init__(self, data: RankingDataset, device: torch.device) -> None:
        self.device = device
        self.data = data
        parts: dict[str, NDArray[Any] | None] = {
            "features": data.features,
            "labels": data.labels,
            "weights": data.weights,
        }
        self.resident = fits_on(device, data.features.nbytes)
        home = device if self.resident else torch.device("cpu")
        self._tensors = {name: shared_tensor(array).to(home) for name, array in parts.items() if array is not None}
        self._offsets = shared_tensor(data.offsets)  # stay here: shapes follow from them

    def take(self, queries: NDArray[np.int64]) -> QueryBatch:
        """The given queries, by position, as one batch on the training device."""
        batch = take_queries(
            self._tensors["features"],
            self._offsets,
            torch.from_numpy(queries),
            labels=self._tensors.get("labels"),
            weights=self._tensors.get("weights"),
            weights_per=self.data.weights_per,
        )
        return batch if self.resident else pinned(batch).to(self.device)


def pinned(batch: QueryBatch) -> QueryBatch:
    """The same batch in memory that a device reads from by itself."""
    moved: dict[str, Any] = {
        name: value.pin_memory() for name, value in vars(batch).items() if isinstance(value, Tensor)
    }
    return replace(batch, **moved)
