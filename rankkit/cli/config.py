"""The experiment file: what ``rankkit train`` runs, validated as a whole before any data is read.

The options of a scorer, an objective and of ``fit`` are read off their signatures, so that an option exists in one
place only: the function that takes it.
"""

import inspect
import tomllib
from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import or_
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import tomli_w
from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    create_model,
    model_validator,
)

from rankkit.atomic import write_text
from rankkit.errors import ConfigError, did_you_mean

# What rankkit passes itself, so that it is no option of an experiment file.
_NOT_OPTIONS = {
    "scorer": {"n_features", "readout", "seed"},
    "encoder": {"input_shape", "seed"},
    "augment": set(),
    "objective": {"scores", "logits", "labels", "mask", "weights", "reduction", "generator"},
    "embedding objective": {
        *("x", "y", "anchor", "positive", "negative", "query", "embeddings", "logits"),
        *("same", "classes", "prototypes", "negatives", "ids", "known_positives", "log_q"),
        *("distance", "reduction"),
    },
    "training": {"scorer", "objective", "train", "valid", "seed", "out", "resume", "callbacks", "progress"},
    "encoder training": {
        *("encoder", "objective", "train", "valid", "augment", "seed", "out", "resume", "callbacks", "progress"),
    },
}

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


class Data(Section):
    """Where the data lies: files that :func:`rankkit.read` reads or a folder of folds, and the columns of tables."""

    train: Path | None = None
    valid: Path | None = None
    test: Path | None = None
    folds: Path | None = None
    n_features: int | None = Field(default=None, ge=1)
    cache: bool | str = False
    regroup: bool = False
    labels: Literal["grades", "any"] = "any"
    on_bad_line: Literal["error", "skip"] = "error"
    label: str = "label"
    qid: str = "qid"
    doc_id: str = "doc_id"

    @model_validator(mode="after")
    def _files_or_folds(self) -> "Data":
        if self.folds is None and self.train is None:
            raise ValueError("data: expected training data; got none. Pass --train FILE, or --folds FOLDER")
        if self.folds is not None and (self.train or self.valid or self.test):
            raise ValueError("data: expected files or a folder of folds; got both. Leave one of them out")
        return self


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
    seed: int = Field(default=0, ge=0)
    target: str | None = None

    @model_validator(mode="after")
    def _options_fit_their_functions(self) -> "Experiment":
        from rankkit import catalogue
        from rankkit.training import fit

        for kind in ("scorer", "objective"):
            named: Named = getattr(self, kind)
            options = check_options(kind, catalogue.find(kind, named.name), named.options)
            setattr(self, kind, Named(name=named.name, **options))
        self.training = check_options("training", fit, self.training)
        return self

    @model_validator(mode="after")
    def _outputs_fit_the_objective(self) -> "Experiment":
        from rankkit import catalogue

        needs_several = hasattr(catalogue.find("objective", self.objective.name), "readout")
        n_outputs = self.scorer.options.get("n_outputs")
        if n_outputs is not None and (n_outputs > 1) != needs_several:
            wanted = "several outputs (at least 2)" if needs_several else "1 output"
            raise ValueError(
                f"scorer.n_outputs: the objective '{self.objective.name}' expects {wanted}; got {n_outputs}. "
                "Leave n_outputs out: it follows from the objective and the labels"
            )
        return self

    @model_validator(mode="after")
    def _scorer_fits_the_target(self) -> "Experiment":
        """What the ranker is trained for has to be able to express it: that is known before hours of training."""
        if self.target is not None:
            from rankkit.export.targets import find_target

            find_target(self.target, where="target").check(self._untrained_scorer())
        return self

    def _untrained_scorer(self) -> Any:
        """The scorer, built for as many features and grades as are known before data is read."""
        from rankkit import catalogue

        options = dict(self.scorer.options)
        readout = getattr(catalogue.find("objective", self.objective.name), "readout", None)
        if readout is not None:
            options = {"n_outputs": 3, **options, "readout": readout}
        return catalogue.find("scorer", self.scorer.name)(self.data.n_features or 2, **options, seed=self.seed)


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
    from rankkit import catalogue
    from rankkit.training import fit
    from rankkit.training.settings import default_epochs, default_learning_rate

    options = {name: value for name, value in scorer.options.items() if name not in _NOT_OPTIONS["scorer"]}
    training = {**defaults_of("training", fit), **experiment.training}
    training.setdefault("learning_rate", default_learning_rate(scorer))
    training.setdefault("epochs", default_epochs(n_queries, training["batch_queries"]))
    objective = defaults_of("objective", catalogue.find("objective", experiment.objective.name))
    return experiment.model_copy(
        update={
            "scorer": Named(name=experiment.scorer.name, **options),
            "objective": Named(name=experiment.objective.name, **{**objective, **experiment.objective.options}),
            "training": training,
        }
    )


def save_experiment(experiment: Section, path: Path) -> None:
    """Write the resolved experiment as TOML that ``--config`` reads again."""
    write_text(path, tomli_w.dumps(experiment.model_dump(mode="json", exclude_none=True)))


def read_toml(path: Path) -> dict[str, Any]:
    """The values of a TOML file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: expected an experiment file; there is none. Check the path.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: expected TOML; got {error}. Mend that line.") from None


def parse_setting(setting: str) -> dict[str, Any]:
    """The nested values of ``key.path=value``; the value is TOML, bare words are text."""
    path, equals, text = setting.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        raise ConfigError(
            f"--set: expected key=value such as training.learning_rate=1e-3; got {setting!r}. Add the missing part."
        )
    try:
        value: Any = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
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


def check_options(kind: str, function: Callable[..., Any], options: dict[str, Any]) -> dict[str, Any]:
    """Check names and types of options against the signature of the function that will take them; give them typed."""
    parameters = inspect.signature(function).parameters
    fields: dict[str, Any] = {
        name: (_in_a_file(parameter.annotation), ... if parameter.default is parameter.empty else parameter.default)
        for name, parameter in parameters.items()
        if name not in _NOT_OPTIONS[kind] and parameter.kind is not parameter.VAR_KEYWORD
    }
    config = ConfigDict(extra="forbid", arbitrary_types_allowed=True)
    model = create_model(f"{kind} options", __config__=config, **fields)
    try:
        typed: dict[str, Any] = model.model_validate(options).model_dump(exclude_unset=True)
        return typed
    except ValidationError as error:
        raise ValueError(explain(error, kind, model)) from None


def _in_a_file(annotation: Any) -> Any:
    """The type of an option less the functions that it may be in Python."""
    if get_origin(annotation) not in (Union, UnionType):
        return annotation
    return reduce(or_, [part for part in get_args(annotation) if get_origin(part) is not Callable])


def defaults_of(kind: str, function: Callable[..., Any]) -> dict[str, Any]:
    """The options of a function that have a default other than None, with it."""
    parameters = inspect.signature(function).parameters
    return {
        name: parameter.default
        for name, parameter in parameters.items()
        if name not in _NOT_OPTIONS[kind] and parameter.default not in (parameter.empty, None)
    }


def explain(error: ValidationError, where: str, model: type[BaseModel]) -> str:
    """The first problem of a pydantic error in the house form; a misspelt key before the one that is then missing."""
    problems = error.errors()
    problem = next((problem for problem in problems if problem["type"] == "extra_forbidden"), problems[0])
    key = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        known = _fields_at(model, problem["loc"][:-1])
        return f"{where}: unknown key {key!r}. {did_you_mean(str(problem['loc'][-1]), known)}"
    if problem["type"] == "missing":
        return f"{where}: expected a value for {key!r}; got none. Add it."
    if problem["type"] == "value_error":
        return str(problem["ctx"]["error"])
    return f"{where}: {key}: expected {problem['msg'].removeprefix('Input should be ')}; got {problem['input']!r}."


def _fields_at(model: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        if not (isinstance(annotation, type) and issubclass(annotation, BaseModel)):
            break
        model = annotation
    return list(model.model_fields)
