"""N-way K-shot episodes: which examples stand for the classes, and which ask."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rankkit.errors import DataError
from rankkit.similarity.comparing import as_classes, count_at_least


@dataclass(frozen=True, eq=False)
class Episodes:
    """Rows of the examples that each episode takes; those of one class stand at one place of the axis ``way``.

    Args:
        support: int64 ``[episode, way, shot]``: the examples whose classes are told.
        queries: int64 ``[episode, way, query]``: the examples to classify, none of them in the support.
        n_classes: Classes that episodes draw from.
        n_small: Classes left out, since they have fewer examples than an episode takes.
    """

    support: NDArray[np.int64]
    queries: NDArray[np.int64]
    n_classes: int
    n_small: int

    def __len__(self) -> int:
        return len(self.support)

    def __repr__(self) -> str:
        _, ways, shots = self.support.shape
        return (
            f"Episodes({len(self):,} of {ways} ways, {shots} shots, {self.queries.shape[2]} queries a way; "
            f"{self.n_classes:,} classes, {self.n_small:,} too small)"
        )


def draw_episodes(
    labels: ArrayLike | Tensor, *, ways: int, shots: int = 1, n_queries: int = 5, n_episodes: int = 600, seed: int = 0
) -> Episodes:
    """Draw episodes: ``ways`` different classes, from each ``shots + n_queries`` different examples.

    Classes are drawn with equal chances, whatever their sizes. Equal labels and seeds give equal episodes, so that
    encoders can be compared on the same ones.

    >>> draw_episodes([0, 0, 0, 1, 1, 1, 2], ways=2, n_queries=2, n_episodes=10)
    Episodes(10 of 2 ways, 1 shots, 2 queries a way; 2 classes, 1 too small)

    Args:
        labels: ``[n]``: a class, number or text, of each example.
        ways: Classes in an episode.
        shots: Examples of a class whose class is told.
        n_queries: Examples of a class to classify.
        n_episodes: How many.
        seed: Of the draws.

    Raises:
        ConfigError: If a number is too small.
        DataError: If fewer than ``ways`` classes have ``shots + n_queries`` examples.
    """
    where = "draw_episodes"
    count_at_least(where, "ways", ways, 2)
    for name, value in (("shots", shots), ("n_queries", n_queries), ("n_episodes", n_episodes)):
        count_at_least(where, name, value)
    classes = labels.detach().cpu().numpy() if isinstance(labels, Tensor) else np.asarray(labels)
    names, codes = np.unique(as_classes(where, "labels", classes, classes.size), return_inverse=True)
    rows_of = [np.flatnonzero(codes == code) for code in range(len(names))]
    taken = shots + n_queries
    usable = [rows for rows in rows_of if len(rows) >= taken]
    if len(usable) < ways:
        raise DataError(
            f"{where}: expected at least {ways} classes with {taken} examples ({shots} to show, {n_queries} to ask); "
            f"got {len(usable)} of {len(names)}. Lower ways, shots or n_queries."
        )
    generator = np.random.default_rng(seed)
    drawn = np.empty((n_episodes, ways, taken), np.int64)
    for episode in range(n_episodes):
        for way, place in enumerate(generator.choice(len(usable), ways, replace=False)):
            drawn[episode, way] = generator.choice(usable[place], taken, replace=False)
    return Episodes(drawn[:, :, :shots], drawn[:, :, shots:], len(usable), len(names) - len(usable))
