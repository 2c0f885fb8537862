"""Exact nearest neighbours, and classification by them."""

from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rankkit.distances import Distance
from rankkit.errors import ConfigError, ShapeError
from rankkit.similarity.comparing import (
    as_classes,
    as_rows,
    count_at_least,
    distance_for,
    score_blocks,
)


class Neighbours(NamedTuple):
    """What was found for each query, the nearest first.

    Args:
        indices: int64 ``[query, k]``: rows of the gallery.
        values: ``[query, k]``: their distances, in the unit of the distance (a similarity falls along a row).
    """

    indices: NDArray[np.int64]
    values: NDArray[Any]


def nearest_neighbours(
    queries: ArrayLike | Tensor,
    gallery: ArrayLike | Tensor,
    *,
    k: int,
    distance: str | Distance,
    exclude_self: bool = False,
    chunk_size: int = 1024,
) -> Neighbours:
    """The k nearest rows of the gallery for each query, by comparing every query with every row.

    *Ties*: rows of equal distance come in the order of the gallery, also where only some of them fit into the k. Two
    equal vectors have equal distances for the norms; matrix products (cosine, dot) may differ in the last digit.

    Args:
        queries: ``[n, n_dims]``.
        gallery: ``[m, n_dims]``.
        k: How many neighbours a query, at most as many as there are.
        distance: Name or object; an encoder's is ``encoder.distance``.
        exclude_self: Queries and gallery are the same rows; row i is not found as its own neighbour (equal rows are).
        chunk_size: Queries at one time; fewer where that would hold more than 4 million distances in memory.

    Raises:
        ConfigError: If k is not between 1 and the number of rows that can be found.
        ShapeError: If the shapes do not fit.
        DataError: If an embedding or a distance is not finite.

    Example:
        >>> found = nearest_neighbours([[0.0]], [[3.0], [1.0], [-1.0]], k=2, distance="euclidean")
        >>> found.indices, found.values
        (array([[1, 2]]), array([[1., 1.]]))
    """
    where = "nearest_neighbours"
    rows, others = as_rows(where, "queries", queries), as_rows(where, "gallery", gallery)
    measure, rows = distance_for(distance, rows)
    others = others.to(rows.device)
    if exclude_self and len(rows) != len(others):
        raise ShapeError(
            f"{where}: expected the gallery itself as queries, with exclude_self; got {len(rows)} queries and "
            f"{len(others)} rows. Pass exclude_self=False for queries from elsewhere."
        )
    n_found = len(others) - int(exclude_self)
    if count_at_least(where, "k", k) > n_found:
        raise ConfigError(f"{where}: expected k of at most {n_found}, the rows that can be found; got {k}. Lower it.")
    indices, values = [], []
    for block in score_blocks(where, rows, others, measure, chunk_size):
        scores = block.values
        if exclude_self:
            own = torch.arange(block.first, block.last, device=scores.device)
            scores = scores.scatter(1, own[:, None], -torch.inf)
        found = _top(scores, k)
        indices.append(found.cpu())
        nearest = scores.gather(1, found)
        values.append((nearest if measure.nearer == "larger" else -nearest).cpu())
    # Negating turns a distance of 0 into -0.
    return Neighbours(torch.cat(indices).numpy(), torch.cat(values).numpy() + 0.0)


def _top(scores: Tensor, k: int) -> Tensor:
    """Places of the k greatest of each row, greatest first, equal ones in their order; torch.topk leaves that open."""
    kept, found = scores.topk(k, dim=1)
    split = (scores >= kept[:, -1:]).sum(dim=1) > k  # equal ones, of which only some fit in
    if split.any():
        found[split] = scores[split].sort(dim=1, descending=True, stable=True).indices[:, :k]
    found = found.sort(dim=1).values
    order = scores.gather(1, found).sort(dim=1, descending=True, stable=True).indices
    return found.gather(1, order)


def classify(
    queries: ArrayLike | Tensor,
    gallery: ArrayLike | Tensor,
    gallery_labels: ArrayLike | Tensor,
    *,
    distance: str | Distance,
    k: int = 1,
    exclude_self: bool = False,
    chunk_size: int = 1024,
) -> NDArray[Any]:
    """The class that most of the k nearest neighbours have; the gallery's classes need never have been trained on.

    *Ties*: of classes with as many neighbours, the one whose nearest neighbour is nearer.

    >>> classify([[0.2], [2.9]], [[0.0], [1.0], [3.0]], ["a", "b", "b"], distance="euclidean").tolist()
    ['a', 'b']

    Args:
        queries: ``[n, n_dims]``.
        gallery: ``[m, n_dims]``.
        gallery_labels: ``[m]``: a class, number or text, of each row of the gallery.
        distance: Name or object; an encoder's is ``encoder.distance``.
        k: How many neighbours vote.
        exclude_self: Queries and gallery are the same rows; row i is not found as its own neighbour.
        chunk_size: Queries at one time; fewer where that would hold too many distances in memory.

    Returns:
        ``[n]``, in the type of ``gallery_labels``.

    Raises:
        ConfigError, ShapeError, DataError: As :func:`nearest_neighbours`.
    """
    others = as_rows("classify", "gallery", gallery)
    classes, codes = np.unique(
        as_classes("classify", "gallery_labels", gallery_labels, len(others)), return_inverse=True
    )
    found = nearest_neighbours(
        queries, others, k=k, distance=distance, exclude_self=exclude_self, chunk_size=chunk_size
    )
    near = codes[found.indices]
    # votes[i, j]: how many of the k neighbours of query i have the class of neighbour j; the first of the most wins.
    votes = (near[:, :, None] == near[:, None, :]).sum(axis=2)
    winners = near[np.arange(len(near)), votes.argmax(axis=1)]
    return np.asarray(classes[winners])


def knn_accuracy(
    embeddings: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    *,
    distance: str | Distance,
    k: int = 5,
    chunk_size: int = 1024,
) -> float:
    """Share of examples that their k nearest neighbours among all the others classify rightly (leave one out).

    An example whose class has no other example counts as wrong: nothing could have told it.

    >>> knn_accuracy([[0.0], [0.1], [1.0], [1.1]], [0, 0, 1, 1], distance="euclidean", k=1)
    1.0

    Args:
        embeddings: ``[n, n_dims]``.
        labels: ``[n]``.
        distance: Name or object; an encoder's is ``encoder.distance``.
        k: How many neighbours vote.
        chunk_size: Queries at one time; fewer where that would hold too many distances in memory.

    Raises:
        ConfigError, ShapeError, DataError: As :func:`nearest_neighbours`.
    """
    rows = as_rows("knn_accuracy", "embeddings", embeddings)
    classes = as_classes("knn_accuracy", "labels", labels, len(rows))
    told = classify(rows, rows, classes, distance=distance, k=k, exclude_self=True, chunk_size=chunk_size)
    return float((told == classes).mean())
