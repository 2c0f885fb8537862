"""Commands: what the command line asks of a kind of models; and which kind a file is about."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic import ValidationError

from rankkit import registry
from rankkit.cli.experiments.compared import Compared
from rankkit.cli.experiments.config import AnyExperiment, load_as, merge, overlaid, parse_setting, read_toml
from rankkit.cli.plugins import load_plugins_of
from rankkit.errors import ConfigError
from rankkit.schemas import explain
from rankkit.tasks.known import tasks
from rankkit.tasks.task import Task


@dataclass(frozen=True)
class Asked:
    """What ``rankkit evaluate`` was asked for.

    Args:
        run: Where the model lies.
        model: It.
        data: Where the data lies.
        metrics: Names, or None.
        rules: What else was given, by option: ``{"--protocol": "trec"}``.
        reading: How the data is to be read, as far as that was given.
    """

    run: Path
    model: Any
    data: Path
    metrics: list[str] | None
    rules: Mapping[str, Any] = field(default_factory=dict)
    reading: Mapping[str, Any] = field(default_factory=dict)

    def only(self, *taken: str) -> dict[str, Any]:
        """The values of the rules that a kind takes.

        Raises:
            ConfigError: If any other was given.
        """
        for option in self.rules:
            if option not in taken:
                raise ConfigError(f"{self.run}: expected no {option}, which is of other models; got it. Leave it out.")
        return {option: value for option, value in self.rules.items() if option in taken}


class Commands(Protocol):
    """A kind of models at the command line.

    Attributes:
        training: Of its files of ``rankkit train``.
        comparison: Of its files of ``rankkit compare``.
        defaults: Values of a training file that names nothing.
    """

    training: type[AnyExperiment]
    comparison: type[Compared]
    defaults: Mapping[str, Any]

    def check(self, experiment: Any) -> None:
        """Refuse data of which it is known before it is read that there is none."""
        ...

    def read(self, experiment: Any) -> dict[str, Any]:
        """The parts of the data of a training, ``"train"`` among them, said in a line each."""
        ...

    def measure(self, experiment: Any, model: Any, data: Mapping[str, Any]) -> dict[str, Any]:
        """What a trained model is worth on the parts besides: printed, and given by part."""
        ...

    def evaluate(self, asked: Asked) -> Any:
        """What ``rankkit evaluate`` prints."""
        ...

    def rows(self, run: Path, model: Any, data: Path, reading: Mapping[str, Any]) -> Any:
        """What ``rankkit export --data`` names."""
        ...

    def trained(self, experiment: Any) -> tuple[str | Path, ...]:
        """The words of the command to try next after a training; none where there is none."""
        ...

    def evaluated(self, run: Path, data: Path) -> tuple[str | Path, ...]:
        """The words of the command to try next after an evaluation."""
        ...


def commands_of(task: Task) -> Commands:
    """What the command line does for a task."""
    commands: Commands = task.part("commands")(task)
    return commands


def load_experiment(config: Path | None, overrides: dict[str, Any], settings: Iterable[str]) -> AnyExperiment:
    """Read an experiment file, lay command-line options and ``--set`` values over it, validate the whole.

    What it is about follows from the model that it names: ``scorer``, ``encoder``, ...

    Args:
        config: A TOML file, or None.
        overrides: Nested values from command-line options; None values are left out.
        settings: ``key.path=value`` texts, values in TOML notation; bare words count as text.

    Raises:
        ConfigError: If the file is no TOML, a key is unknown, or values do not fit together.
    """
    values = overlaid({}, config, overrides, settings)
    task = task_of_values(values)
    commands = commands_of(task)
    refuse_of_other_tasks(task, commands.training, overrides)
    return load_as(commands.training, _defaults(task, commands, values), config, overrides, settings)


def _defaults(task: Task, commands: Commands, values: Mapping[str, Any]) -> dict[str, Any]:
    """Of a file of a task: an objective only where the model is trained by one."""
    defaults = dict(commands.defaults)
    name = _name(values.get(task.model, defaults.get(task.model)))
    if isinstance(name, str) and hasattr(registry.find(task.model, name), "learn"):
        defaults.pop("objective", None)
    return defaults


def _name(named: Any) -> Any:
    return named.get("name") if isinstance(named, Mapping) else named


def task_of_values(values: Mapping[str, Any]) -> Task:
    """The task that the values of a training file are about: the one whose model, or whose objective, they name.

    Raises:
        ConfigError: If models of two kinds are named.
    """
    known = list(tasks())
    named = [task for task in known if values.get(task.model) is not None]
    if len(named) > 1:
        first, second = named[0].model, named[1].model
        raise ConfigError(f"train: expected one model; got {first} and {second}. Leave one of them out.")
    objective = _name(values.get("objective"))
    if named or objective is None or objective in registry.names(known[0].objective):
        return named[0] if named else known[0]
    return next((task for task in known if objective in registry.names(task.objective)), known[0])


def refuse_of_other_tasks(task: Task, file: type[AnyExperiment], overrides: Mapping[str, Any]) -> None:
    """Raise ConfigError if an option of the command line was given that this kind of models has not.

    Raises:
        ConfigError: If one was.
    """
    known = getattr(file.model_fields["data"].annotation, "model_fields", None)
    if known is None:
        return
    for name, value in overrides.get("data", {}).items():
        if value is not None and name not in known:
            raise ConfigError(
                f"rankkit train of {task.systems}: expected no --{name.replace('_', '-')}, which is of other data; got "
                "it. Leave it out."
            )


def load_comparison(config: Path, settings: Iterable[str] = ()) -> Compared:
    """Read the experiment file of a comparison, lay ``--set`` values over it, validate the whole.

    It compares the kind of models that it names: ``scorers``, ``encoders``, ...

    Args:
        config: A TOML file.
        settings: ``key.path=value`` texts, values in TOML notation; bare words count as text.

    Raises:
        ConfigError: If the file is no TOML, a key is unknown, or values do not fit together.
    """
    values: dict[str, Any] = {}
    merge(values, read_toml(config))
    for setting in settings:
        merge(values, parse_setting(setting))
    load_plugins_of(str(config), values)
    known = list(tasks())
    named = [task for task in known if f"{task.model}s" in values]
    if len(named) > 1:
        first, second = (f"{task.model}s" for task in named[:2])
        raise ConfigError(
            f"compare: expected {second} or {first}; got both. Leave one out: each has its own kind of data"
        )
    kind = commands_of(named[0] if named else known[0]).comparison
    try:
        file = kind.model_validate(values)
        file.plan()
    except ValidationError as error:
        raise ConfigError(explain(error, str(config), kind)) from None
    return file
