"""The experiment file: what ``rankkit train`` runs, validated as a whole before any data is read.

The options of a model, an objective and of ``fit`` are read off their signatures, so that an option exists in one place
only: the function that takes it. What the file of one kind of models holds stands in :mod:`rankkit.cli.kinds`.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self, TypeVar

import tomli_w
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from rankkit.cli.experiments.keys import READING as READING
from rankkit.cli.plugins import load_plugins_of
from rankkit.errors import ConfigError
from rankkit.files.atomic import write_text
from rankkit.files.plain_files import check_name
from rankkit.options import PASSED, defaults_of
from rankkit.schemas import Whole, explain

if TYPE_CHECKING:
    from rankkit.tasks.task import Built, Task

_BARE_NUMBER = re.compile(r"[+-]?(\d+\.|\.\d+)([eE][+-]?\d+)?")
"""A number that TOML takes for none, such as .3"""
_INSTEAD_OF = {
    "folds": ("train", "valid", "test", "valid_fraction"),
    "train": ("folds",),
    "valid": ("valid_fraction",),
    "valid_fraction": ("valid",),
}
"""Keys of data that say the same in two ways, of which a file has one and an option may name the other."""
_DEEPEST = 32  # tables and lists inside of each other


class Section(BaseModel):
    """A table of an experiment file, without keys that nobody reads."""

    model_config = ConfigDict(extra="forbid")


Validated = TypeVar("Validated", bound=Section)


class Named(BaseModel):
    """A scorer or objective by name, with its options: ``"mlp"`` or ``{name = "mlp", hidden = [64]}``."""

    model_config = ConfigDict(extra="allow")

    name: str

    @model_validator(mode="before")
    @classmethod
    def _from_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @property
    def options(self) -> dict[str, Any]:
        """Everything but the name."""
        return dict(self.model_extra or {})


def _names(value: Any) -> Any:
    """Names in one text with commas between, as on the command line, are as good as a list."""
    if isinstance(value, int | list) and not isinstance(value, bool):  # the numbers of LETOR text
        return [
            str(name) if isinstance(name, int) else name for name in (value if isinstance(value, list) else [value])
        ]
    return [name.strip() for name in value.split(",")] if isinstance(value, str) else value


Names = Annotated[list[str], BeforeValidator(_names), Field(min_length=1)]
Column = Annotated[str | None, BeforeValidator(lambda value: None if value == "" else value)]


def _check_metrics(names: list[str]) -> list[str]:
    from rankkit.evaluation import parse_metric

    for name in names:
        parse_metric(name)
    return names


MetricNames = Annotated[list[str], AfterValidator(_check_metrics)]


class AnyExperiment(Section):
    """What the file of a training run holds, whatever it trains."""

    task_name: ClassVar[str]
    training_kind: ClassVar[str]

    data: Any
    out: Path
    objective: Named | None = None
    training: dict[str, Any] = Field(default_factory=dict)
    evaluation: Any
    seed: Whole = Field(default=0, ge=0)
    plugins: list[str] = Field(default_factory=list)

    @property
    def task(self) -> "Task":
        """What is trained."""
        from rankkit.registry import find

        task: Task = find("task", self.task_name)
        return task

    @property
    def model(self) -> Named:
        """What stands under the name of its kind: the scorer, the encoder, ..."""
        named: Named = getattr(self, self.task.model)
        return named

    @property
    def objective_kind(self) -> str:
        """What options the objective has: those of rankings, which train encoders too, or of embeddings."""
        return "objective"

    @property
    def trained_with(self) -> dict[str, Any]:
        """Options of the training, as plain values."""
        return self.training

    @property
    def noted(self) -> dict[str, Any]:
        """How the data is read, of which a saved model keeps what it has to know."""
        data: dict[str, Any] = self.model_dump()["data"]
        return data

    @property
    def said_objective(self) -> tuple[str, dict[str, Any]]:
        """Name and options of the objective; an empty name where the model learns in one go."""
        return ("", {}) if self.objective is None else (self.objective.name, self.objective.options)

    def training_defaults(self) -> dict[str, Any]:
        """The options of the training that have a default, with it."""
        from rankkit.training.fitting import FITS

        return {"metric": self.task.metric, **defaults_of(self.training_kind, FITS[self.task.name])}

    def resolved(self, built: "Built", epochs: int | None) -> Self:
        """The experiment with every option written out, so that it means the same when defaults change.

        Args:
            built: Model and objective that were built for it.
            epochs: Where it names none; None of a model that learns in one go.
        """
        from rankkit import registry
        from rankkit.tasks.gradient.settings import default_learning_rate
        from rankkit.training.boosting import told_by

        task = self.task
        passed = PASSED.get(task.model, frozenset({"seed"}))
        options = {name: value for name, value in built.model.options.items() if name not in passed}
        asked = self.model.options  # what was asked for stands as it was written, such as the names of columns
        changed: dict[str, Any] = {task.model: Named(name=self.model.name, **{**options, **asked})}
        if self.objective is not None:
            training = {**told_by(built.model, self.training_defaults()), **self.training}
            training.setdefault("learning_rate", default_learning_rate(built.model))
            training.setdefault("epochs", epochs)
            name = self.objective.name
            defaults = defaults_of(self.objective_kind, registry.find(task.objective, name))
            changed |= {"objective": Named(name=name, **{**defaults, **built.options}), "training": training}
        return self.model_copy(update=changed)


def load_as(
    model: type[Validated],
    defaults: Mapping[str, Any],
    config: Path | None,
    overrides: dict[str, Any],
    settings: Iterable[str],
) -> Validated:
    """An experiment file of any kind: defaults, the file, options and ``--set`` values, each over the one before.

    Raises:
        ConfigError: If the file is no TOML, a key is unknown, or values do not fit together.
    """
    values = overlaid(defaults, config, overrides, settings)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(error, str(config) if config else "options", model)) from None


def overlaid(
    defaults: Mapping[str, Any], config: Path | None, overrides: dict[str, Any], settings: Iterable[str]
) -> dict[str, Any]:
    """The values of an experiment file as they are written, each over the one before; its plugins are loaded.

    Raises:
        ConfigError: If the file is no TOML, or a setting no ``key=value``.
    """
    values: dict[str, Any] = deepcopy(dict(defaults))
    for over in (read_toml(config) if config else {}, overrides, *map(parse_setting, settings)):
        _make_room(values, over)
        merge(values, over)
    load_plugins_of(str(config) if config else "options", values)
    return values


def _make_room(values: dict[str, Any], over: Mapping[str, Any]) -> None:
    """Leave out where data lay, if it is named in another way now: ``--train`` takes the place of a file's folds."""
    data, named = values.get("data"), over.get("data")
    if isinstance(data, dict) and isinstance(named, Mapping):
        for key in (key for key, value in named.items() if value is not None):
            for other in _INSTEAD_OF.get(key, ()):
                data.pop(other, None)


def save_experiment(experiment: AnyExperiment, path: Path) -> None:
    """Write the resolved experiment as TOML that ``--config`` reads again."""
    values = experiment.model_dump(mode="json", exclude_none=True)
    if not values.get("plugins"):
        values.pop("plugins", None)
    write_text(path, tomli_w.dumps(values))


def read_toml(path: Path) -> dict[str, Any]:
    """The values of a TOML file."""
    check_name(path, ConfigError)
    try:
        return _values_of(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: expected an experiment file; there is none. Check the path.") from None
    except OSError as error:
        raise ConfigError(f"{path}: expected an experiment file; got {error.strerror}. Name a TOML file.") from None
    except ValueError as error:  # of TOML, of UTF-8, or of numbers
        raise ConfigError(f"{path}: expected TOML; got {error}. Mend that line.") from None


def _values_of(text: str) -> dict[str, Any]:
    """The values of TOML, as far as anything could be meant by them.

    Raises:
        ValueError: If it is no TOML, is nested deeper than any option, or has a whole number beyond 64 bits.
    """
    try:
        values = tomllib.loads(text)
    except RecursionError:
        raise ValueError("values that are nested too deeply") from None
    level: list[Any] = [values]
    for _ in range(_DEEPEST):
        level = [
            below
            for one in level
            if isinstance(one, dict | list)
            for below in (one.values() if isinstance(one, dict) else one)
        ]
        too_large = next((one for one in level if isinstance(one, int) and abs(one) >= 2**63), None)
        if too_large is not None:
            raise ValueError(f"a whole number of {too_large.bit_length()} bits")
    if level:
        raise ValueError("values that are nested too deeply")
    return values


def parse_setting(setting: str) -> dict[str, Any]:
    """The nested values of ``key.path=value``; the value is TOML, bare words are text."""
    path, equals, text = setting.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys) or len(keys) > _DEEPEST:
        raise ConfigError(
            f"--set: expected key=value such as training.learning_rate=1e-3; got {setting[:80]!r}. "
            "Add the missing part."
        )
    try:
        value: Any = _values_of(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = float(text) if _BARE_NUMBER.fullmatch(text.strip()) else text.strip()
    except ValueError as error:
        raise ConfigError(f"--set: expected a value for {path[:60]}; got {error}. Change it.") from None
    for key in reversed(keys):
        value = {key: value}
    return value  # type: ignore[no-any-return]


def merge(values: dict[str, Any], over: dict[str, Any]) -> None:
    """Lay ``over`` on ``values``; a name alone (``scorer = "mlp"``) becomes a table when options are laid over it."""
    for key, value in over.items():
        if value is None:
            continue
        old = values.get(key)
        if isinstance(old, str) and isinstance(value, dict):
            old = values[key] = {"name": old}
        if isinstance(old, dict) and isinstance(value, dict):
            merge(old, value)
        elif isinstance(old, dict) and isinstance(value, str):
            # Another scorer or objective by name: options of the old one stay only where the name is the same.
            values[key] = old if old.get("name", value) == value else {"name": value}
            values[key]["name"] = value
        else:
            values[key] = {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value
