"""Labels as the rows of each class: what every sampler begins with."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rankkit.errors import ConfigError, DataError

Labels = NDArray[Any] | Tensor
Seed = int | np.random.Generator


@dataclass(frozen=True)
class ClassRows:
    """The rows of each class: those of class c are ``rows[starts[c] : starts[c] + counts[c]]``, in rising order."""

    rows: NDArray[np.int64]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def n_classes(self) -> int:
        """Classes with at least one row."""
        return len(self.counts)

    def of(self, index: int) -> NDArray[np.int64]:
        """The rows of one class."""
        return self.rows[self.starts[index] : self.starts[index] + self.counts[index]]


def find_classes(where: str, labels: Labels) -> ClassRows:
    """Group rows by label; classes stand in the order of their labels.

    Args:
        where: The public function that was called, for the message.
        labels: ``[n]``: numbers or texts.

    Raises:
        DataError: If there is not one label a row, or a label is NaN.
    """
    found = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    if found.ndim != 1:
        raise DataError(f"{where}: expected labels [n]; got shape {list(found.shape)}. Pass one label a row.")
    if found.dtype.kind == "f" and np.isnan(found).any():
        raise DataError(f"{where}: expected a class for every row; got NaN. Leave such rows out.")
    _, inverse, counts = np.unique(found, return_inverse=True, return_counts=True)
    rows = np.argsort(inverse, kind="stable").astype(np.int64)
    return ClassRows(rows, np.cumsum(counts) - counts, counts.astype(np.int64))


def need(where: str, classes: ClassRows, *, n_with_two: int, n_classes: int) -> NDArray[np.int64]:
    """The classes with two examples or more, checked to be enough.

    Raises:
        DataError: If fewer than ``n_with_two`` classes have two examples, or there are fewer than ``n_classes`` at all.
    """
    repeated = np.flatnonzero(classes.counts >= 2)
    if len(repeated) < n_with_two or classes.n_classes < n_classes:
        raise DataError(
            f"{where}: expected at least {n_classes} classes, and {n_with_two} with two examples or more; got "
            f"{classes.n_classes} and {len(repeated)}. Add examples."
        )
    return repeated


def check_draws(where: str, n: int) -> None:
    """Check that a number of draws is a whole number of at least 0."""
    if not isinstance(n, int | np.integer) or isinstance(n, bool) or n < 0:
        raise ConfigError(f"{where}: expected n of at least 0; got {n!r}. Pass a whole number.")
