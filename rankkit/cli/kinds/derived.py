"""DerivedCommands: a task at the command line by what it says of itself, where it brings no commands of its own."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import typer
from pydantic import Field, TypeAdapter, ValidationError, create_model, field_validator

from rankkit import registry
from rankkit.cli.data.options import refuse_reading
from rankkit.cli.experiments.compared import Compared, part_of, plain
from rankkit.cli.experiments.config import AnyExperiment, MetricNames, Named, Section
from rankkit.cli.experiments.validation import check_options
from rankkit.cli.kinds.commands import Asked
from rankkit.comparison.plan import Part, Plan, Rules, System, cross, in_one_go
from rankkit.comparison.systems.externals import check_external
from rankkit.errors import ConfigError
from rankkit.options import PASSED
from rankkit.tasks.task import Task
from rankkit.training.fitting import defaults_of


class Measures(Section):
    """What is measured: the metrics; the first metric of the task where none are named."""

    metrics: MetricNames = Field(default=[])


class DerivedExperiment(AnyExperiment):
    """A training file: its data is the source of the task, its model stands under the name of its kind."""

    training_kind = "training"

    evaluation: Measures = Measures()

    def training_defaults(self) -> dict[str, Any]:
        """The options of the training that have a default, with it."""
        return {
            name: value
            for name, value in defaults_of(self.task).items()
            if value is not None and name not in PASSED["training"]
        }


class DerivedComparison(Compared):
    """A comparison: its data is the source of the task, its models stand under the plural of their kind."""

    of: ClassVar[Task]

    evaluation: Measures = Measures()

    def plan(self) -> Plan:
        """The comparison as it will be run.

        Raises:
            ConfigError: If an option is unknown, or nothing is to be compared.
        """
        task = self.of
        models = [part_of(named) for named in getattr(self, f"{task.model}s")]
        metrics = tuple(self.evaluation.metrics or [self.metric])
        learners = [model for model in models if hasattr(registry.find(task.model, model.name), "learn")]
        others = [model for model in models if model not in learners]
        trained = cross(others, [part_of(named) for named in self.objectives], self.training, kind=task.model)
        alone = in_one_go(learners, self.training, kind=task.model)
        return self.planned([*trained, *alone], self.data, Rules(metrics=metrics), self._checked)

    def _checked(self, system: System) -> System:
        if system.external is not None:
            check_external(system.external, self.of.systems)
            return system
        try:
            parts = {
                name: None if part is None else Part(part.name, plain(_checked(kind, part)))
                for name, kind, part in (
                    ("model", self.of.model, system.model),
                    ("objective", self.of.objective, system.objective),
                )
            }
        except ValueError as error:
            raise ConfigError(str(error)) from None
        _check_training(self.of, system.training)
        return replace(system, **parts)  # type: ignore[arg-type]


def _checked(kind: str, part: Any) -> dict[str, Any]:
    return check_options(kind, registry.find(kind, part.name), part.options)


def _check_training(task: Task, training: Mapping[str, Any]) -> None:
    known = defaults_of(task)
    for name in training:
        if name not in known:
            raise ConfigError(f"training: expected one of {', '.join(known)}; got {name!r}. Leave it out.")


class DerivedCommands:
    """What the command line does for a task; :class:`rankkit.cli.kinds.commands.Commands` describes the methods.

    Args:
        task: What it is for.
    """

    def __init__(self, task: Task) -> None:
        self.task = task
        self.defaults: Mapping[str, Any] = {}
        kind = task.model
        source: TypeAdapter[Any] = TypeAdapter(task.source)

        def as_source(cls: type, value: Any) -> Any:
            if isinstance(value, task.source):
                return value
            try:
                return source.validate_python(value)
            except ValidationError as error:
                first = error.errors()[0]
                key = ".".join(map(str, first["loc"])) or "data"
                raise ValueError(f"data: {key}: {first['msg']}; got {first['input']!r:.80}. Mend it") from None

        checked: Any = {"as_source": field_validator("data", mode="before")(classmethod(as_source))}
        model: Any = {kind: (Named, ...)}
        self.training: type[AnyExperiment] = create_model(
            "TrainingFile", __base__=DerivedExperiment, __validators__=checked, **model
        )
        self.training.task_name = task.name
        models: Any = {f"{kind}s": (list[Named], Field(min_length=1)), "metric": (str, task.metric)}
        self.comparison: type[Compared] = create_model(
            "ComparisonFile", __base__=DerivedComparison, __validators__=checked, **models
        )
        self.comparison.of = task  # type: ignore[attr-defined]

    def check(self, experiment: Any) -> None:
        """Refuse options that are none, and files that are not there."""
        task = self.task
        for kind, part in ((task.model, experiment.model), (task.objective, experiment.objective)):
            if part is not None:
                try:
                    _checked(kind, part)
                except ValueError as error:
                    raise ConfigError(str(error)) from None
        _check_training(task, experiment.training)
        task.check_files(experiment.data)

    def read(self, experiment: Any) -> dict[str, Any]:
        """The parts of the first split."""
        task = self.task
        split = task.load(experiment.data, task.split_names(experiment.data)[0])
        parts = {name: getattr(split, name) for name in ("train", "valid", "test")}
        for name, part in parts.items():
            typer.echo(f"{name:<6} {part!r}")
        return parts

    def measure(self, experiment: Any, model: Any, data: Mapping[str, Any]) -> dict[str, Any]:
        """What the model is worth on validation and test data."""
        reports = {}
        for name in ("valid", "test"):
            reports[name] = self.task.evaluate(model, data[name], experiment.evaluation.metrics or None)
            typer.echo(f"\n{name}\n{reports[name]}")
        return reports

    def evaluate(self, asked: Asked) -> Any:
        """What ``rankkit evaluate`` prints: the task's report on the data at a place, read by its ``read``."""
        asked.only("--per-query")
        refuse_reading(str(asked.run), dict(asked.reading))
        return self.task.evaluate(asked.model, self._data(asked.data), asked.metrics)

    def rows(self, run: Path, model: Any, data: Path, reading: Mapping[str, Any]) -> Any:
        """Data of the task."""
        refuse_reading(str(run), dict(reading))
        return self._data(data)

    def _data(self, path: Path) -> Any:
        if self.task.read is None:
            raise ConfigError(f"{path}: expected a task that reads data by itself; got {self.task.name!r}, none.")
        return self.task.read(path)

    def trained(self, experiment: Any) -> tuple[str | Path, ...]:
        """Measure the model."""
        return ("rankkit", "evaluate", experiment.out, "DATA")

    def evaluated(self, run: Path, data: Path) -> tuple[str | Path, ...]:
        """Nothing more is known."""
        return ()
