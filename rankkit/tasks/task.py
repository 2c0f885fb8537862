"""Task: what differs between kinds of models, and nothing else."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rankkit.distances import Distance
from rankkit.evaluation import Evaluation
from rankkit.tasks.words import Words
from rankkit.tasks.work import Job

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Measured:
    """Values on the test data.

    Args:
        evaluation: A value of each metric for each query, or anchor.
        tables: What else is kept of the run, by name of the file.
    """

    evaluation: Evaluation
    tables: "dict[str, pd.DataFrame]" = field(default_factory=dict)


class Predicting(Protocol):
    """A fitted system, as far as it is measured.

    Attributes:
        predict: Scores the documents of a data set, or embeds its examples, in their order.
        distance: What embeddings are compared by; None where there are none.
    """

    @property
    def predict(self) -> Callable[[Any], NDArray[np.floating[Any]]]:
        """Of data of the task."""
        ...

    @property
    def distance(self) -> str | Distance | None:
        """Of embeddings."""
        ...


@dataclass(frozen=True)
class Built:
    """A model and an objective by their names, fitted to each other and to the data.

    Args:
        model: With fresh weights.
        objective: As :func:`rankkit.fit` takes it.
        options: Of the objective, those that follow from model and data written out.
    """

    model: Any
    objective: Callable[..., Tensor]
    options: dict[str, Any]


@dataclass(frozen=True)
class Task:
    """One kind of models. What passes between the functions is data, or a split, of its own kind.

    Args:
        name: ``"ranking"``, ``"similarity"``, ...
        systems: What is compared: ``"rankers"``, ``"encoders"``, ...
        model: What a model is called in the catalogue, in experiment files and in ``model.json``.
        objective: What its objectives are called in the catalogue.
        data: The data in words, for messages.
        metric: By which epochs are chosen, unless another is asked for.
        words: What tables and pages call things.
        job: ``(model, objective, train, valid, **options) -> Job``.
        build: ``(name, options, objective, options, train, seed=) -> Built``, names of the catalogue.
        as_objects: ``(options) -> options`` of the training, tables of an experiment file made into objects.
        few: ``(data, objective or None, options) -> data`` of a few rows that teach the objective something.
        noted: ``(train, how it was read) -> values`` that a saved model keeps besides.
        predict: ``(model, data) -> [doc]`` or ``[n, dim]``.
        source: The class that says where the data lies; it holds plain values.
        check_files: ``(source)``: raises if a file is not there.
        split_names: ``(source) -> names``.
        load: ``(source, name) -> split``, with ``train``, ``valid``, ``test`` and ``fingerprints``.
        write: ``(split, folder)``: what the results of a comparison need to know of it.
        measure: ``(fitted, split, rules) -> Measured``, on the test data.
        time: ``(predict, test data) -> {"p50": ..., "p99": ...}``, in milliseconds.
    """

    name: str
    systems: str
    model: str
    objective: str
    data: str
    metric: str
    words: Words
    job: Callable[..., Job]
    build: Callable[..., Built]
    as_objects: Callable[[Mapping[str, Any]], dict[str, Any]]
    few: Callable[[Any, Callable[..., Any] | None, Mapping[str, Any]], Any]
    noted: Callable[[Any, Mapping[str, Any]], dict[str, Any]]
    predict: Callable[[Any, Any], NDArray[np.floating[Any]]]
    source: type
    check_files: Callable[[Any], None]
    split_names: Callable[[Any], list[str]]
    load: Callable[[Any, str], Any]
    write: Callable[[Any, Path], None]
    measure: Callable[[Predicting, Any, Any], Measured]
    time: Callable[[Callable[[Any], object], Any], dict[str, float]]


def milliseconds(call: Callable[[], object], n_warm_up: int, n_timed: int) -> dict[str, float]:
    """How long a call takes, warm: median and 99th percentile.

    Args:
        call: What is timed.
        n_warm_up: Calls before.
        n_timed: Calls.
    """
    for _ in range(n_warm_up):
        call()
    taken = np.empty(n_timed)
    for number in range(n_timed):
        start = time.perf_counter()
        call()
        taken[number] = time.perf_counter() - start
    p50, p99 = np.percentile(taken * 1e3, [50, 99])
    return {"p50": float(p50), "p99": float(p99)}
