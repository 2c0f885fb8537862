"""Which queries go together into a batch, and in which order: decided anew each epoch from the seed."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankkit.tasks.gradient.settings import check_counts


@dataclass(frozen=True)
class ListBatches:
    """How lists are put into batches; :func:`rankkit.fit` describes each number.

    :meth:`plan` takes lists as they are in memory together: cutting data into blocks of ``block_docs`` is done before
    (:mod:`rankkit.tasks.ranking.blocks`).
    """

    batch_queries: int
    batch_docs: int
    length_window: int
    block_docs: int | None = None

    def __post_init__(self) -> None:
        check_counts(self.told())

    def told(self) -> dict[str, int]:
        """The numbers that are given."""
        return {name: number for name, number in vars(self).items() if number is not None}

    def plan(self, list_sizes: NDArray[np.int64], rng: np.random.Generator) -> list[NDArray[np.int64]]:
        """:func:`plan_epoch` with these numbers."""
        return plan_epoch(
            list_sizes,
            rng,
            batch_queries=self.batch_queries,
            batch_docs=self.batch_docs,
            length_window=self.length_window,
        )


def plan_epoch(
    list_sizes: NDArray[np.int64],
    rng: np.random.Generator,
    *,
    batch_queries: int,
    batch_docs: int,
    length_window: int,
) -> list[NDArray[np.int64]]:
    """Cut shuffled queries into batches: each query once, lists of like length together.

    Shuffled queries are sorted by list size within windows of ``length_window`` batches, sizes jittered by a quarter,
    so that the padded scores of a batch waste little and yet no epoch has the batches of the one before. A batch
    closes at ``batch_queries`` queries or ``batch_docs`` documents, whichever comes first; a larger query goes alone.

    Args:
        list_sizes: Documents of each query.
        rng: Source of the order.
        batch_queries: Queries of a batch, at most.
        batch_docs: Documents of a batch, at most, unless one query alone has more.
        length_window: Batches that are sorted by list size together; 1 mixes all lengths.

    Returns:
        The queries of each batch, by position.

    >>> sizes = np.array([3, 1, 9, 1, 3, 2])
    >>> plan = plan_epoch(sizes, np.random.default_rng(0), batch_queries=2, batch_docs=6, length_window=1)
    >>> sorted(int(query) for batch in plan for query in batch)
    [0, 1, 2, 3, 4, 5]
    >>> [int(sizes[batch].sum()) for batch in plan if 2 in batch]
    [9]
    """
    order = rng.permutation(len(list_sizes))
    if length_window > 1:
        jittered = list_sizes[order] * rng.uniform(1, 1.25, len(order))
        window = np.arange(len(order)) // (length_window * batch_queries)
        order = order[np.lexsort((jittered, window))]
    docs_before = np.concatenate([[0], np.cumsum(list_sizes[order])])
    batches = []
    start = 0
    while start < len(order):
        within_docs = int(np.searchsorted(docs_before, docs_before[start] + batch_docs, side="right")) - 1
        stop = max(start + 1, min(start + batch_queries, within_docs))
        batches.append(order[start:stop])
        start = stop
    return [batches[i] for i in rng.permutation(len(batches))]


def default_epochs(n_queries: int, batch_queries: int, least: int = 15) -> int:
    """15 epochs, or as many as make 120 steps: fewer than that leave a network half trained, whatever the data.

    Args:
        n_queries: Of the training data.
        batch_queries: Of a batch.
        least: In place of 15.

    >>> default_epochs(20_000, 64), default_epochs(120, 64)
    (15, 60)
    """
    return max(least, math.ceil(120 / max(1, math.ceil(n_queries / max(1, batch_queries)))))
