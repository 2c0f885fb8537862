"""Task: what differs between kinds of models, and nothing else.

A task is a value. ``rankkit.register("task", name, task)`` makes its kind of models one that rankkit trains, evaluates,
compares, saves, loads, exports and serves; see docs/extending.md.
"""

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
from rankkit.registry.entries import import_from
from rankkit.tasks.words import Words

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
        objective: As :func:`rankkit.fit` takes it; None of a model that learns in one go.
        options: Of the objective, those that follow from model and data written out.
    """

    model: Any
    objective: Callable[..., Tensor] | None
    options: dict[str, Any]


@dataclass(frozen=True)
class Route:
    """What the service answers under one path.

    Args:
        answer: ``(model, body) -> answer``: the body of a request as JSON values, and those of the answer. A
            :class:`rankkit.RankkitError` tells the client what is wrong with the body.
        summary: For /docs.
        example: ``(model) -> body`` that works, for /docs.
    """

    answer: Callable[[Any, Any], Any]
    summary: str = "Ask the model"
    example: Callable[[Any], Any] = lambda model: {}


@dataclass(frozen=True)
class Task:
    """One kind of models. What passes between the functions is data, or a split, of its own kind.

    What rooms above this one do for a task stands here too: an object, or the place of one as ``"module:name"``, which
    is imported when somebody asks.

    Args:
        name: ``"ranking"``, ``"similarity"``, ...
        systems: What is compared: ``"rankers"``, ``"encoders"``, ...
        model: What a model is called in the catalogue, in experiment files and in ``model.json``.
        objective: What its objectives are called in the catalogue.
        data: The data in words, for messages.
        data_type: Its class, or its classes.
        metric: By which epochs are chosen, unless another is asked for.
        words: What tables and pages call things.
        job: The class of its :class:`rankkit.tasks.gradient.work.Job`: ``(model, objective, train, valid, **options)``.
        build: ``(name, options, objective, options, train, seed=) -> Built``, names of the catalogue; ``""`` for no
            objective.
        as_objects: ``(options) -> options`` of the training, tables of an experiment file made into objects.
        few: ``(data, objective or None, options) -> data`` of a few rows that teach the objective something.
        noted: ``(train, how it was read) -> values`` that a saved model keeps besides.
        predict: ``(model, data) -> [doc]`` or ``[n, dim]``.
        evaluate: ``(model, data, metrics or None, **rules) -> report``, which has ``means`` by name, prints itself, and
            has ``to_dict()``.
        source: The class that says where the data lies; it holds plain values.
        check_files: ``(source)``: raises if a file is not there.
        split_names: ``(source) -> names``.
        load: ``(source, name) -> split``, with ``train``, ``valid``, ``test`` and ``fingerprints``.
        read: ``(path) -> data`` of one place, for ``rankkit evaluate`` and ``export --data``; None: none.
        write: ``(split, folder)``: what the results of a comparison need to know of it.
        measure: ``(fitted, split, rules) -> Measured``, on the test data.
        time: ``(predict, test data) -> {"p50": ..., "p99": ...}``, in milliseconds.
        commands: Its :class:`rankkit.cli.kinds.commands.Commands`; left out, they follow from the rest.
        export: Its :class:`rankkit.export.exportable.Exportable`; None: its models go nowhere.
        check_saved: ``(model.json, split)``: raises if a saved model may not be compared on a split; None: any may.
        routes: What the service answers with a model of it: ``{"embed": Route(...)}`` is ``POST /embed``.
    """

    name: str
    systems: str
    model: str
    objective: str
    data: str
    data_type: type | tuple[type, ...]
    metric: str
    words: Words
    job: Any
    build: Callable[..., Built]
    as_objects: Callable[[Mapping[str, Any]], dict[str, Any]]
    few: Callable[[Any, Callable[..., Any] | None, Mapping[str, Any]], Any]
    noted: Callable[[Any, Mapping[str, Any]], dict[str, Any]]
    predict: Callable[[Any, Any], NDArray[np.floating[Any]]]
    evaluate: Callable[..., Any]
    source: type
    check_files: Callable[[Any], None]
    split_names: Callable[[Any], list[str]]
    load: Callable[[Any, str], Any]
    write: Callable[[Any, Path], None]
    measure: Callable[[Predicting, Any, Any], Measured]
    time: Callable[[Callable[[Any], object], Any], dict[str, float]]
    commands: Any = "rankkit.cli.kinds.derived:DerivedCommands"
    export: Any = None
    read: Callable[[Path], Any] | None = None
    check_saved: Callable[[Mapping[str, Any], Any], None] | None = None
    routes: Mapping[str, Route] = field(default_factory=dict)

    def part(self, name: str) -> Any:
        """What stands under a name, imported where it is the place of it."""
        found = getattr(self, name)
        return import_from(found) if isinstance(found, str) else found


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
