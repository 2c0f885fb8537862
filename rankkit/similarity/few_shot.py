"""Few-shot classification: how well a few examples tell classes that were never trained on."""

import math
import textwrap
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from rankkit.distances import Distance, Euclidean, nearness
from rankkit.errors import ConfigError, ShapeError
from rankkit.similarity.comparing import as_classes, as_rows, check_finite, distance_for, flat_inputs
from rankkit.similarity.episodes import Episodes, draw_episodes

Rule = Literal["prototype", "neighbour"]

NORMAL_95 = 1.959963984540054
"""Standard errors on each side of a mean that hold 95% of a normal distribution."""

_RULES = {"prototype": "nearest mean of the shots", "neighbour": "nearest single shot"}


@dataclass(frozen=True, repr=False, eq=False)
class FewShotReport:
    """What :func:`evaluate_few_shot` returns; printing it gives the table.

    Args:
        accuracies: float64 ``[episode]``: share of the queries that the embeddings classify rightly.
        raw_accuracies: float64 ``[episode]``: the same by the raw inputs, in the same episodes.
        ways: Classes in an episode.
        shots: Examples of a class whose class is told.
        n_queries: Examples of a class to classify.
        rule: ``"prototype"`` or ``"neighbour"``, for embeddings and raw inputs alike.
        distance: Name of the distance of the embeddings; raw inputs are compared by Euclidean distance.
        n_classes: Classes that episodes draw from.
        n_small: Classes left out for lack of examples.
        seed: Of the episodes.
    """

    accuracies: NDArray[np.float64]
    raw_accuracies: NDArray[np.float64]
    ways: int
    shots: int
    n_queries: int
    rule: Rule
    distance: str
    n_classes: int
    n_small: int
    seed: int

    @property
    def name(self) -> str:
        """As in ``"5-way 1-shot"``."""
        return f"{self.ways}-way {self.shots}-shot"

    @property
    def n_episodes(self) -> int:
        """How many episodes."""
        return len(self.accuracies)

    @property
    def accuracy(self) -> float:
        """Mean over episodes; chance is ``1 / ways``."""
        return float(self.accuracies.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of :attr:`accuracy`: mean plus and minus 1.96 standard errors over episodes.

        It tells how much the mean depends on which episodes were drawn from these examples, not how much training
        varies, nor how other classes would do. NaN with one episode.
        """
        return _interval(self.accuracies)

    @property
    def raw_accuracy(self) -> float:
        """Mean over episodes of the raw inputs."""
        return float(self.raw_accuracies.mean())

    @property
    def raw_interval(self) -> tuple[float, float]:
        """95% interval of :attr:`raw_accuracy`, as :attr:`interval`."""
        return _interval(self.raw_accuracies)

    @property
    def gain(self) -> float:
        """Mean over episodes of what embeddings have above raw inputs; below 0 they do harm."""
        return float((self.accuracies - self.raw_accuracies).mean())

    @property
    def gain_interval(self) -> tuple[float, float]:
        """95% interval of :attr:`gain`, over the differences in each episode."""
        return _interval(self.accuracies - self.raw_accuracies)

    def to_dict(self) -> dict[str, Any]:
        """Means, intervals and conditions, of plain types; None stands for NaN."""
        numbers = {}
        for name in ("accuracy", "raw_accuracy", "gain"):
            low, high = getattr(
                self, "interval" if name == "accuracy" else f"{name.removesuffix('_accuracy')}_interval"
            )
            named = {"mean": getattr(self, name), "low": low, "high": high}
            numbers[name] = {key: None if math.isnan(value) else value for key, value in named.items()}
        facts = ("ways", "shots", "n_queries", "n_episodes", "rule", "distance", "n_classes", "n_small", "seed")
        return {**numbers, **{name: getattr(self, name) for name in facts}}

    def __repr__(self) -> str:
        return f"FewShotReport({self.name}: {self.accuracy:.4f}, raw inputs {self.raw_accuracy:.4f})"

    def __str__(self) -> str:
        rows = [
            ("embeddings", self.accuracy, self.interval),
            ("raw inputs", self.raw_accuracy, self.raw_interval),
            ("gain", self.gain, self.gain_interval),
        ]
        table = [f"{name:<12}{mean:8.4f}  [{low:.4f}, {high:.4f}]" for name, mean, (low, high) in rows]
        return "\n".join([f"{self.name}, chance {1 / self.ways:.4f}", *table, textwrap.fill(self.convention, 80)])

    @property
    def convention(self) -> str:
        """What the numbers mean, which must stand wherever they do."""
        small = f", {self.n_small:,} classes left out as too small" if self.n_small else ""
        return (
            f"{self.n_episodes:,} episodes from {self.n_classes:,} classes{small}, {self.n_queries} queries a class; "
            f"{_RULES[self.rule]}, by {self.distance} (embeddings) and euclidean (raw inputs) in the same episodes; "
            "in brackets: mean +- 1.96 standard errors over episodes"
        )


def evaluate_few_shot(
    embeddings: ArrayLike | Tensor,
    labels: ArrayLike | Tensor,
    *,
    raw_inputs: ArrayLike | Tensor,
    distance: str | Distance,
    ways: int = 5,
    shots: int = 1,
    n_queries: int = 5,
    n_episodes: int = 600,
    rule: Rule = "prototype",
    seed: int = 0,
) -> FewShotReport:
    """Classify the queries of drawn episodes by their nearest class, by embeddings and by raw inputs beside.

    A class is represented by the mean of its shots (``rule="prototype"``, Snell et al. 2017; the mean of the
    embeddings is not brought back to length 1), or by each shot alone (``"neighbour"``); with one shot the two are
    the same. Give examples of classes that the encoder was not trained on.

    *Ties*: where c classes are equally near and the right one is among them, the query counts 1/c, so that a constant
    embedding has the accuracy of chance.

    >>> report = evaluate_few_shot(
    ...     [[0.0], [0.1], [1.0], [1.1]], [0, 0, 1, 1], raw_inputs=[[0.0]] * 4,
    ...     distance="euclidean", ways=2, n_queries=1, n_episodes=20,
    ... )
    >>> report
    FewShotReport(2-way 1-shot: 1.0000, raw inputs 0.5000)

    Args:
        embeddings: ``[n, n_dims]``.
        labels: ``[n]``: a class, number or text, of each example.
        raw_inputs: ``[n, ...]``: what was embedded. Its nearest class by Euclidean distance is the baseline.
        distance: Name or object; an encoder's is ``encoder.distance``.
        ways: Classes in an episode.
        shots: Examples of a class whose class is told.
        n_queries: Examples of a class to classify; a class with fewer than ``shots + n_queries`` is left out, and
            the report says how many are.
        n_episodes: How many.
        rule: How shots represent a class.
        seed: Of the episodes.

    Raises:
        ConfigError: If a number is too small, or rule or distance is unknown.
        ShapeError: If the shapes do not fit.
        DataError: If an embedding is not finite, or too few classes have enough examples.

    References:
        Vinyals et al.: Matching networks for one shot learning. NeurIPS 2016. Snell, Swersky, Zemel: Prototypical
        networks for few-shot learning. NeurIPS 2017.
    """
    where = "evaluate_few_shot"
    if rule not in get_args(Rule):
        raise ConfigError(f"{where}: expected rule 'prototype' or 'neighbour'; got {rule!r}. Pass one of them.")
    rows, raw = as_rows(where, "embeddings", embeddings), flat_inputs(where, raw_inputs)
    classes = as_classes(where, "labels", labels, len(rows))
    if len(raw) != len(rows):
        raise ShapeError(
            f"{where}: expected one raw input an embedding; got {len(raw)} and {len(rows)}. Pass what was embedded."
        )
    measure, rows = distance_for(distance, rows)
    drawn = draw_episodes(classes, ways=ways, shots=shots, n_queries=n_queries, n_episodes=n_episodes, seed=seed)
    return FewShotReport(
        accuracies=episode_accuracies(rows, drawn, measure, rule),
        raw_accuracies=episode_accuracies(raw, drawn, Euclidean(), rule),
        ways=ways,
        shots=shots,
        n_queries=n_queries,
        rule=rule,
        distance=measure.name,
        n_classes=drawn.n_classes,
        n_small=drawn.n_small,
        seed=seed,
    )


def episode_accuracies(rows: Tensor, episodes: Episodes, distance: Distance, rule: Rule) -> NDArray[np.float64]:
    """``[episode]``: share of the queries whose nearest class is their own, ties counted by their number."""
    support, queries = (torch.from_numpy(places).to(rows.device) for places in (episodes.support, episodes.queries))
    n_episodes, ways, n_queries = queries.shape
    own = torch.arange(ways, device=rows.device).repeat_interleave(n_queries)[:, None]
    accuracies = np.empty(n_episodes)
    with torch.no_grad():
        for episode in range(n_episodes):
            shown = rows[support[episode]]  # [way, shot, dim]
            shown = shown.mean(dim=1) if rule == "prototype" else shown.flatten(0, 1)
            values = distance.matrix(rows[queries[episode].flatten()], shown)
            scores = nearness(distance, check_finite("evaluate_few_shot", distance, values))
            nearest = scores.reshape(len(scores), ways, -1).amax(dim=2)
            best = nearest == nearest.amax(dim=1, keepdim=True)
            counted = best.gather(1, own)[:, 0] / best.sum(dim=1)
            accuracies[episode] = float(counted.double().mean())
    return accuracies


def _interval(values: NDArray[np.float64]) -> tuple[float, float]:
    if len(values) < 2:
        return math.nan, math.nan
    half = NORMAL_95 * float(values.std(ddof=1)) / math.sqrt(len(values))
    return float(values.mean()) - half, float(values.mean()) + half
