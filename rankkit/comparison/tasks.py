"""What a comparison of rankers and one of encoders do in their own way; all else is the same for both."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rankkit.comparison.example_splits import (
    check_example_files,
    example_split_names,
    load_example_split,
    write_example_split,
)
from rankkit.comparison.plan import Plan, RunSpec
from rankkit.comparison.sources import ExampleSource, Kind, Source, kind_of
from rankkit.comparison.splits import check_files, load_split, split_names, write_split
from rankkit.comparison.systems.cost import embedding_milliseconds, scoring_milliseconds
from rankkit.comparison.systems.encoders import train_encoder
from rankkit.comparison.systems.externals import check_external, find_external
from rankkit.comparison.systems.fitted import Fitted, Report
from rankkit.comparison.systems.measuring import Measured, measure_embeddings, measure_scores
from rankkit.comparison.systems.neural import fit_neural
from rankkit.errors import ConfigError


@dataclass(frozen=True)
class Task:
    """One kind of comparison. What passes between the functions is a split of its own kind.

    Args:
        check_files: ``(source)``: raises if a file is not there.
        split_names: ``(source) -> names``.
        load: ``(source, name) -> split``, with ``train``, ``valid``, ``test`` and ``fingerprints``.
        write: ``(split, folder)``: what the results need to know of it.
        train: ``(spec, split, folder, report) -> Fitted``, of a system that rankkit trains.
        measure: ``(fitted, split, rules) -> Measured``, on the test data.
        time: ``(predict, test data) -> {"p50": ..., "p99": ...}``, in milliseconds.
    """

    check_files: Callable[[Any], None]
    split_names: Callable[[Any], list[str]]
    load: Callable[[Any, str], Any]
    write: Callable[[Any, Path], None]
    train: Callable[[RunSpec, Any, Path, Report], Fitted]
    measure: Callable[..., Measured]
    time: Callable[[Any, Any], dict[str, float]]


TASKS: dict[Kind, Task] = {
    "rankers": Task(
        check_files, split_names, load_split, write_split, fit_neural, measure_scores, scoring_milliseconds
    ),
    "encoders": Task(
        check_example_files,
        example_split_names,
        load_example_split,
        write_example_split,
        train_encoder,
        measure_embeddings,
        embedding_milliseconds,
    ),
}


def task_of(source: Source | ExampleSource) -> Task:
    """What is done with such data."""
    return TASKS[kind_of(source)]


def fit_system(spec: RunSpec, split: Any, folder: Path, report: Report) -> Fitted:
    """Fit the system of a run, trained or external."""
    if spec.system.external is not None:
        return find_external(spec.system.external.name).fit(spec, split, folder, report)
    return task_of(spec.source).train(spec, split, folder, report)


def check_systems(plan: Plan) -> None:
    """Raise ConfigError if a system is not of the kind that the data of a plan is for."""
    kind = kind_of(plan.source)
    model, data = ("scorer", "documents of queries") if kind == "rankers" else ("encoder", "labelled examples")
    for system in plan.systems:
        if system.external is not None:
            check_external(system.external, kind)
        elif getattr(system, model) is None or system.objective is None:
            raise ConfigError(
                f"{system.name}: expected {model} and objective, since the data is {data}; got another system. "
                "Compare rankers with rankers, encoders with encoders."
            )
