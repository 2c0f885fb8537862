"""The experiment file: what ``rankkit train`` runs, validated as a whole before any data is read.

The options of a scorer, an objective and of ``fit`` are read off their signatures, so that an option exists in one
place only: the function that takes it.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import tomli_w
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from rankkit.cli.experiments.keys import READING as READING
from rankkit.cli.experiments.validation import (
    check_objective,
    check_options,
    check_run,
    untrained_scorer,
)
from rankkit.cli.plugins import load_plugins_of
from rankkit.errors import ConfigError
from rankkit.files.atomic import write_text
from rankkit.files.plain_files import check_name
from rankkit.options import PASSED, defaults_of
from rankkit.schemas import MOST_FEATURES, Finite, Whole, explain

_BARE_NUMBER = re.compile(r"[+-]?(\d+\.|\.\d+)([eE][+-]?\d+)?")
"""A number that TOML takes for none, such as .3"""
_DEEPEST = 32  # tables and lists inside of each other
_DEFAULTS = {"scorer": "mlp", "objective": "ranknet"}


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


class Data(Section):
    """Where the data lies: files that :func:`rankkit.read` reads or a folder of folds, and the columns of tables."""

    train: Path | None = None
    valid: Path | None = None
    test: Path | None = None
    folds: Path | None = None
    valid_fraction: Finite | None = Field(default=None, gt=0, lt=1)
    split_seed: Whole = Field(default=0, ge=0)
    label: Column = "label"
    qid: str = "qid"
    doc_id: Column = "doc_id"
    weight: Column = "doc_weight"
    query_weight: Column = "query_weight"
    features: Names | None = None
    drop: Names | None = None
    n_features: Whole | None = Field(default=None, ge=1, le=MOST_FEATURES)
    zero_based: bool | None = None
    regroup: bool = False
    labels: Literal["grades", "any"] = "any"
    on_bad_line: Literal["error", "skip"] = "error"
    cache: bool | str = False

    @model_validator(mode="after")
    def _files_or_folds(self) -> "Data":
        if self.folds is None and self.train is None:
            raise ValueError("data: expected training data; got none. Pass --train FILE, or --folds FOLDER")
        if self.folds is not None and (self.train or self.valid or self.test):
            raise ValueError("data: expected files or a folder of folds; got both. Leave one of them out")
        if self.valid is not None and self.valid_fraction is not None:
            raise ValueError("data: expected valid or valid_fraction; got both. Leave one of them out")
        return self

    @property
    def reading(self) -> dict[str, Any]:
        """Options of :func:`rankkit.read`, as far as they are not as by default."""
        fields = type(self).model_fields
        return {name: getattr(self, name) for name in READING if getattr(self, name) != fields[name].default}


def _check_metrics(names: list[str]) -> list[str]:
    from rankkit.evaluation import parse_metric

    for name in names:
        parse_metric(name)
    return names


MetricNames = Annotated[list[str], AfterValidator(_check_metrics)]


class EvaluationSection(Section):
    """What is measured on the validation and test data at the end, and by which rules."""

    metrics: MetricNames = ["ndcg@10", "mrr@10"]
    empty: Literal["zero", "skip", "one", "error"] = "zero"
    ties: Literal["pessimistic", "expected", "stable", "trec"] = "pessimistic"


class Experiment(Section):
    """One training run, whole: an experiment file with the command line's options laid over it."""

    data: Data
    out: Path
    scorer: Named
    objective: Named
    training: dict[str, Any] = {}
    evaluation: EvaluationSection = EvaluationSection()
    seed: Whole = Field(default=0, ge=0)
    target: str | None = None
    plugins: list[str] = []

    @model_validator(mode="after")
    def _options_fit_their_functions(self) -> "Experiment":
        from rankkit import registry
        from rankkit.training import fit

        for kind in ("scorer", "objective"):
            named: Named = getattr(self, kind)
            options = check_options(kind, registry.find(kind, named.name), named.options)
            setattr(self, kind, Named(name=named.name, **options))
        self.training = check_options("training", fit, self.training)
        return self

    @model_validator(mode="after")
    def _outputs_fit_the_objective(self) -> "Experiment":
        from rankkit import registry

        needs_several = hasattr(registry.find("objective", self.objective.name), "readout")
        n_outputs = self.scorer.options.get("n_outputs")
        if n_outputs is not None and (n_outputs > 1) != needs_several:
            wanted = "several outputs (at least 2)" if needs_several else "1 output"
            raise ValueError(
                f"scorer.n_outputs: the objective '{self.objective.name}' expects {wanted}; got {n_outputs}. "
                "Leave n_outputs out: it follows from the objective and the labels"
            )
        return self

    @model_validator(mode="after")
    def _options_work(self) -> "Experiment":
        """What can be known to fail is known before hours of reading and training."""
        from rankkit.export.targets import find_target
        from rankkit.training.beforehand import check_training

        check_run(check_training, {**self.training, "seed": self.seed})
        if self.training.get("patience") is not None and not self.has_validation:
            raise ValueError(
                "training.patience: expected validation data, on which it waits; got none. "
                "Pass valid= or valid_fraction=.1, or leave patience out."
            )
        check_objective(self.objective.name, self.objective.options)
        scorer = untrained_scorer(self.scorer.name, self.scorer.options, self.objective.name, self.data.n_features)
        if self.target is not None:
            find_target(self.target, where="target").check(scorer)
        return self

    @property
    def has_validation(self) -> bool:
        """Whether there is validation data, as far as is known before a folder of folds is looked at."""
        data = self.data
        return data.valid is not None or data.valid_fraction is not None or data.folds is not None


def load_experiment(config: Path | None, overrides: dict[str, Any], settings: Iterable[str]) -> Experiment:
    """Read an experiment file, lay command-line options and ``--set`` values over it, validate the whole.

    Args:
        config: A TOML file, or None.
        overrides: Nested values from command-line options; None values are left out.
        settings: ``key.path=value`` texts, values in TOML notation; bare words count as text.

    Raises:
        ConfigError: If the file is no TOML, a key is unknown, or values do not fit together.
    """
    return load_as(Experiment, _DEFAULTS, config, overrides, settings)


def load_as(
    model: type[Validated],
    defaults: Mapping[str, Any],
    config: Path | None,
    overrides: dict[str, Any],
    settings: Iterable[str],
) -> Validated:
    """An experiment file of any kind: defaults, the file, options and ``--set`` values, each over the one before.

    Raises:
        ConfigError: As :func:`load_experiment`.
    """
    values: dict[str, Any] = dict(defaults)
    merge(values, read_toml(config) if config else {})
    merge(values, overrides)
    for setting in settings:
        merge(values, parse_setting(setting))
    load_plugins_of(str(config) if config else "options", values)
    try:
        return model.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(error, str(config) if config else "options", model)) from None


def resolve(experiment: Experiment, scorer: Any, n_queries: int) -> Experiment:
    """The experiment with every option written out, so that it means the same when defaults change.

    Args:
        experiment: What was asked for.
        scorer: The scorer that was built for it.
        n_queries: Training queries, on which the number of epochs depends.
    """
    from rankkit import registry
    from rankkit.training import fit
    from rankkit.training.settings import default_epochs, default_learning_rate

    options = {name: value for name, value in scorer.options.items() if name not in PASSED["scorer"]}
    training = {**defaults_of("training", fit), **experiment.training}
    training.setdefault("learning_rate", default_learning_rate(scorer))
    training.setdefault("epochs", default_epochs(n_queries, training["batch_queries"]))
    objective = defaults_of("objective", registry.find("objective", experiment.objective.name))
    return experiment.model_copy(
        update={
            "scorer": Named(name=experiment.scorer.name, **options),
            "objective": Named(name=experiment.objective.name, **{**objective, **experiment.objective.options}),
            "training": training,
        }
    )


def save_experiment(experiment: Section, path: Path) -> None:
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
