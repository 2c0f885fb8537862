"""What every evaluation of embeddings begins with: checked rows, numbered classes, distances block by block."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from rankkit.distances import Distance, find_distance, nearness
from rankkit.errors import ConfigError, DataError, ShapeError

VALUES_AT_ONCE = 4_000_000
"""Distances that stand in memory at one time: queries are taken in blocks of at most this many."""


class Block(NamedTuple):
    """The rows ``first`` to ``last`` (not included) of the queries against the whole gallery."""

    first: int
    last: int
    values: Tensor


def as_rows(where: str, name: str, values: ArrayLike | Tensor) -> Tensor:
    """Embeddings as a tensor ``[n, n_dims]`` of floats, on the device that they came on.

    Raises:
        ShapeError: If they are not ``[n, n_dims]``, or there are none.
        DataError: If a number is missing or not finite.
    """
    rows = values.detach() if isinstance(values, Tensor) else _from_array(where, name, values)
    rows = rows if rows.dtype == torch.float64 else rows.float()
    if rows.dim() != 2 or not rows.numel():
        raise ShapeError(
            f"{where}: expected {name} [n, n_dims]; got {list(rows.shape)}. Pass one row an example, as "
            "rankkit.models.encoders.embed gives them."
        )
    if not torch.isfinite(rows).all():
        wrong = ~torch.isfinite(rows).all(dim=1)
        raise DataError(
            f"{where}: expected finite {name}; got NaN or infinite ones in {int(wrong.sum())} of {len(rows)} rows, "
            f"first row {int(wrong.int().argmax())}. Look for an encoder that diverged."
        )
    return rows


def _from_array(where: str, name: str, values: ArrayLike) -> Tensor:
    array = np.asarray(values)
    if array.dtype.kind not in "fiub":
        raise DataError(f"{where}: expected numbers as {name}; got {array.dtype}. Pass the embeddings.")
    # torch warns about arrays that cannot be written to.
    array = np.ascontiguousarray(array, dtype=np.float64 if array.dtype == np.float64 else np.float32)
    return torch.from_numpy(array if array.flags.writeable else array.copy())


def flat_inputs(where: str, values: ArrayLike | Tensor) -> Tensor:
    """Inputs of any shape as rows ``[n, numbers of an input]``, to be compared as they are."""
    shape = values.shape if isinstance(values, Tensor | np.ndarray) else np.asarray(values).shape
    if len(shape) < 2:
        raise ShapeError(f"{where}: expected raw inputs [n, ...]; got {list(shape)}. Pass one input an example.")
    rows = values if isinstance(values, Tensor) else np.asarray(values)
    return as_rows(where, "raw inputs", rows.reshape(shape[0], -1))


def as_classes(where: str, name: str, labels: ArrayLike | Tensor, n: int) -> NDArray[Any]:
    """One class an example, numbers or texts.

    Raises:
        ShapeError: If there is not one an example.
        DataError: If a class is NaN.
    """
    classes = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if classes.shape != (n,):
        raise ShapeError(f"{where}: expected {n} {name}, one an example; got shape {classes.shape}. Align them.")
    if classes.dtype.kind == "f" and np.isnan(classes).any():
        raise DataError(f"{where}: expected a class in each of the {name}; got NaN. Drop examples without a class.")
    if classes.dtype.kind not in "biufU":
        raise DataError(f"{where}: expected numbers or texts as {name}; got {classes.dtype}. Convert them.")
    return classes


def of_one_kind(where: str, classes: NDArray[Any], others: NDArray[Any]) -> None:
    """Check that two sets of classes can be equal: both numbers, or both texts.

    Raises:
        DataError: If they cannot.
    """
    if (classes.dtype.kind == "U") != (others.dtype.kind == "U"):
        raise DataError(
            f"{where}: expected labels and gallery_labels of one kind; got {classes.dtype} and {others.dtype}. "
            "Name classes alike in both."
        )


def count_at_least(where: str, name: str, value: int, least: int = 1) -> int:
    """A whole number that is not too small.

    Raises:
        ConfigError: If it is.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise ConfigError(f"{where}: expected {name} of {least} or more; got {value!r}. Pass a whole number.")
    return int(value)


def distance_for(distance: str | Distance, rows: Tensor) -> tuple[Distance, Tensor]:
    """The distance, and the rows where its weights are (rows stay where they are if it has none)."""
    found = find_distance(distance, n_dims=rows.shape[1])
    weights = next(found.parameters(), None) if isinstance(found, nn.Module) else None
    return found, rows if weights is None else rows.to(weights.device)


def distance_blocks(
    where: str, queries: Tensor, gallery: Tensor, distance: Distance, chunk_size: int = 1024
) -> Iterator[Block]:
    """Distances of all queries to all of the gallery, for some queries at a time, without gradients.

    Args:
        where: The public function that was called, for messages.
        queries: ``[n, n_dims]``.
        gallery: ``[m, n_dims]``.
        distance: Of the two.
        chunk_size: Queries in a block; fewer where the block would hold more than ``VALUES_AT_ONCE`` distances.

    Raises:
        ShapeError: If the two have different numbers of dimensions.
        DataError: If a distance is not finite.
    """
    if queries.shape[1] != gallery.shape[1]:
        raise ShapeError(
            f"{where}: expected queries and gallery of one number of dimensions; got {queries.shape[1]} and "
            f"{gallery.shape[1]}. Embed both with one encoder."
        )
    size = max(1, min(count_at_least(where, "chunk_size", chunk_size), VALUES_AT_ONCE // len(gallery)))
    for first in range(0, len(queries), size):
        last = min(first + size, len(queries))
        with torch.no_grad():
            values = distance.matrix(queries[first:last], gallery)
        yield Block(first, last, check_finite(where, distance, values))


def check_finite(where: str, distance: Distance, values: Tensor) -> Tensor:
    """The distances, if all of them are finite.

    Raises:
        DataError: If one is not.
    """
    if not torch.isfinite(values).all():
        raise DataError(
            f"{where}: expected finite distances; got {int((~torch.isfinite(values)).sum())} of {distance.name} that "
            "are not. Look at the scale of the embeddings."
        )
    return values


def score_blocks(
    where: str, queries: Tensor, gallery: Tensor, distance: Distance, chunk_size: int = 1024
) -> Iterator[Block]:
    """As :func:`distance_blocks`, as scores: larger is nearer."""
    for block in distance_blocks(where, queries, gallery, distance, chunk_size):
        yield block._replace(values=nearness(distance, block.values))
