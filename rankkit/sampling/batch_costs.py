"""The batch that is mined: who is alike, and what each pair costs."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rankkit.distances import Distance, find_distance, nearness
from rankkit.errors import ConfigError, DataError, ShapeError, did_you_mean
from rankkit.ranking import check_tensors
from rankkit.sampling.classes import Labels


@dataclass(frozen=True)
class BatchCosts:
    """All pairs of a batch.

    Attributes:
        costs: ``[n, n]``, smaller for nearer: the distance, or the negated similarity.
        same: bool ``[n, n]``: both of one class, and not the same row.
        different: bool ``[n, n]``: of two classes.
        distance: What was measured by.
    """

    costs: Tensor
    same: Tensor
    different: Tensor
    distance: Distance


def measure_batch(where: str, embeddings: Tensor, labels: Labels, distance: str | Distance) -> BatchCosts:
    """Measure a batch against itself, without gradients, in memory of a few ``[n, n]`` matrices.

    Raises:
        ShapeError: If there is not one label a row of ``[n, n_dims]``.
        DataError: If the embeddings are no tensor, or one is not finite: such rows would drop out of every comparison
            unseen.
    """
    check_tensors(where, embeddings=embeddings)
    if not isinstance(labels, Tensor):
        labels = np.asarray(labels)
    if embeddings.ndim != 2 or tuple(labels.shape) != (len(embeddings),):
        raise ShapeError(
            f"{where}: expected embeddings [n, n_dims] and labels [n]; got {list(embeddings.shape)} and "
            f"{list(labels.shape)}. Pass one label a row."
        )
    with torch.no_grad():
        if not bool(embeddings.isfinite().all()):
            raise DataError(f"{where}: expected finite embeddings; got NaN or infinity. Lower the learning rate.")
        known = find_distance(distance, embeddings.shape[1])
        values = known.matrix(embeddings.detach(), embeddings.detach())
        if not isinstance(labels, Tensor):
            labels = torch.from_numpy(np.unique(labels, return_inverse=True)[1])
        labels = labels.to(values.device)
        alike = labels[:, None] == labels[None, :]
        itself = torch.eye(len(labels), dtype=torch.bool, device=values.device)
        return BatchCosts(-nearness(known, values), alike & ~itself, ~alike, known)


def check_rule(where: str, how: str, known: tuple[str, ...]) -> None:
    """Check the name of a mining rule."""
    if how not in known:
        raise ConfigError(f"{where}: expected a rule of mining; got {how!r}. {did_you_mean(str(how), known)}")


def check_margin(where: str, margin: float) -> None:
    """Check that a margin is a number of at least 0; infinity counts everything as active."""
    if not margin >= 0:
        raise ConfigError(f"{where}: expected margin of at least 0; got {margin!r}. Pass the margin of the objective.")
