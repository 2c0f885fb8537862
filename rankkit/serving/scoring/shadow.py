"""Shadow: a second model scores what the first one was asked; the scores are compared, counted and thrown away."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import ConfigError
from rankkit.serving.refusal import RefusedError
from rankkit.serving.scoring.batching import Batcher
from rankkit.serving.scoring.models import Model

log = logging.getLogger("rankkit.serving")


@dataclass(frozen=True)
class Comparison:
    """How the scores of two models differ over some queries.

    Args:
        n_queries: With two documents at least.
        n_other_first: Of these, how many have another best document.
        n_docs: Scored.
        difference: Sum over the documents of how far the scores are apart.
    """

    n_queries: int
    n_other_first: int
    n_docs: int
    difference: float


class Count(Protocol):
    """Told of a request: what became of it, and the comparison if there is one."""

    def __call__(self, outcome: str, comparison: Comparison | None) -> None:
        """Count it; ``outcome`` is ``"compared"``, ``"left out"`` (too much to do) or ``"failed"``."""
        ...


def compare(first: NDArray[np.float32], second: NDArray[np.float32], list_sizes: Sequence[int]) -> Comparison:
    """How the scores of two models differ.

    >>> compare(np.array([1.0, 2.0, 5.0]), np.array([2.0, 1.0, 5.0]), [2, 1])
    Comparison(n_queries=1, n_other_first=1, n_docs=3, difference=2.0)
    """
    n_queries = n_other = start = 0
    for size in list_sizes:
        if size > 1:
            n_queries += 1
            n_other += bool(np.argmax(first[start : start + size]) != np.argmax(second[start : start + size]))
        start += size
    return Comparison(n_queries, n_other, len(first), float(np.abs(first.astype(float) - second.astype(float)).sum()))


def columns(model: Model, shadow: Model) -> NDArray[np.intp]:
    """Where the features of the shadow are among those of the model.

    Raises:
        ConfigError: If the shadow needs one that the model has not.
    """
    if model.ranker.schema is not None or shadow.ranker.schema is not None:
        if model.ranker.schema != shadow.ranker.schema:
            raise ConfigError(
                f"shadow: expected the vocabularies of {model.name!r}, which reads the requests; got others of "
                f"{shadow.name!r}. Send requests to it by its name instead."
            )
        return np.arange(shadow.ranker.source.n_features, dtype=np.intp)
    places = {name: place for place, name in enumerate(model.ranker.names)}
    missing = next((name for name in shadow.ranker.names if name not in places), None)
    if missing is not None:
        raise ConfigError(
            f"shadow: expected features that {model.name!r} has too; got {missing!r} of {shadow.name!r}. "
            "Send requests to it by its name instead."
        )
    return np.array([places[name] for name in shadow.ranker.names], dtype=np.intp)


class Shadow:
    """Compares what a second model says, when there is time for it.

    Args:
        batcher: A worker of its own, so that nobody waits for the shadow.
        count: Told of every request.
    """

    def __init__(self, batcher: Batcher, count: Count) -> None:
        self.batcher = batcher
        self._count = count
        self._tasks: set[asyncio.Task[None]] = set()

    def follow(
        self,
        model: Model,
        shadow: Model,
        features: NDArray[np.float32],
        list_sizes: Sequence[int],
        scores: NDArray[np.float32],
    ) -> None:
        """Score a request of the model once more; returns at once."""
        task = asyncio.get_running_loop().create_task(self._compare(model, shadow, features, list_sizes, scores))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _compare(
        self,
        model: Model,
        shadow: Model,
        features: NDArray[np.float32],
        list_sizes: Sequence[int],
        scores: NDArray[np.float32],
    ) -> None:
        try:
            own = await self.batcher.scores(shadow.scores, features[:, columns(model, shadow)], list_sizes)
        except RefusedError:
            self._count("left out", None)
        except Exception as error:
            log.warning("shadow %s: %s", shadow.name, type(error).__name__)
            self._count("failed", None)
        else:
            if np.isfinite(own).all():
                self._count("compared", compare(scores, own, list_sizes))
            else:
                self._count("failed", None)
