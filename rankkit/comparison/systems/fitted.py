"""What every kind of system gives back once it is fitted."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.distances import Distance
from rankkit.evaluation import Protocol, evaluate_scores
from rankkit.tasks.ranking.splits import labels_of

Report = Callable[[dict[str, Any]], None]
"""Takes how far a run is: ``{"step": 3, "of": 60, "valid": 0.41}``."""

Scoring = Callable[[RankingDataset], NDArray[np.floating[Any]]]


@dataclass(frozen=True)
class Fitted:
    """A fitted system.

    Args:
        predict: Of a ranker: scores the documents of a data set, in its order. Of an encoder: embeds the examples of
            one, in its order.
        valid: The selection metric on the validation data.
        chosen: What was chosen by it, as ``{"best_epoch": 12, "epochs": 60}`` or ``{"trees": 33}``.
        n_parameters: Weights of a network, leaves of trees, or None.
        seconds: Of the whole fit, validation included.
        step_seconds: Of a usual epoch (median) or tree (mean), validation included, or None.
        per_second: Training documents or examples a second, or None.
        config: Every option of the system with its defaults, as JSON values.
        versions: Of the libraries that fitted it, beyond rankkit's own.
        ignores_weights: Whether the training data has weights that the system cannot take.
        distance: Of an encoder: what embeddings are compared by.
    """

    predict: Callable[[Any], NDArray[np.floating[Any]]]
    valid: float
    chosen: dict[str, Any] = field(default_factory=dict)
    n_parameters: int | None = None
    seconds: float = 0.0
    step_seconds: float | None = None
    per_second: float | None = None
    config: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    ignores_weights: bool = False
    distance: str | Distance | None = None


class Selection:
    """The one number by which epochs, trees, features and options of rankers are chosen, the same for every system.

    It is the metric under rankkit's own protocol, as :func:`rankkit.fit` computes it, whatever the report uses.

    Args:
        valid: Validation data.
        metric: Name of the metric.
    """

    def __init__(self, valid: RankingDataset, metric: str) -> None:
        self._metric, self._labels = metric, labels_of(valid)
        self._queries = np.repeat(np.arange(valid.n_queries), valid.list_sizes)

    def __call__(self, scores: NDArray[Any]) -> float:
        """The metric of these scores."""
        report = evaluate_scores(
            scores, self._labels, qids=self._queries, metrics=[self._metric], protocol=Protocol(minus_inf="last")
        )
        return report.means[self._metric]
