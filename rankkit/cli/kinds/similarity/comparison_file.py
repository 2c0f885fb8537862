"""The experiment file of ``rankkit compare`` where it names encoders."""

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, model_validator

from rankkit.cli.experiments.compared import Compared, part_of, plain
from rankkit.cli.experiments.config import MetricNames, Named, Section
from rankkit.cli.kinds.similarity.training_file import EncoderExperiment
from rankkit.comparison.plan import Part, Plan, Rules, System, cross
from rankkit.comparison.systems.externals import check_external
from rankkit.errors import ConfigError
from rankkit.schemas import Finite, Whole, explain
from rankkit.tasks.similarity.splits import ExampleSource

_READING = ("size", "colour", "ink", "label")
_FOR_RANKERS = {
    "data": {
        "folds": "Name train, and test or held_out",
        "cross_validation": "Name held_out, a share of the classes",
        "valid_fraction": "Name valid_held_out, a share of the classes",
    },
    "evaluation": {"protocol": "Leave it out: rankkit's own is used"},
}


class ComparedExamples(Section):
    """Where labelled examples lie, as in ``train``, and which classes nothing is trained on."""

    train: str
    valid: str | None = None
    test: str | None = None
    held_out: Finite | None = Field(default=None, gt=0, lt=1)
    valid_held_out: Finite | None = Field(default=None, gt=0, lt=1)
    held_out_by: Literal["class", "group"] = "class"
    split_seed: Whole = Field(default=0, ge=0)
    size: Whole | tuple[Whole, Whole] = 28
    colour: bool = False
    ink: Literal["light", "dark"] = "light"
    label: str = "label"

    @model_validator(mode="after")
    def _parts_are_there(self) -> "ComparedExamples":
        self.source()
        return self

    def source(self) -> ExampleSource:
        """As the plan holds it."""
        values = self.model_dump(mode="json")
        reading = {name: values.pop(name) for name in _READING}
        return ExampleSource(**values, reading=reading)


class ComparedRetrieval(Section):
    """What is measured on the test examples: each is an anchor, the others are ranked by distance."""

    metrics: MetricNames = Field(default=["map_at_r", "hit_rate@1"], min_length=1)
    empty: Literal["zero", "skip", "one", "error"] = "skip"
    ties: Literal["pessimistic", "expected", "stable"] | None = None


class EncoderComparisonFile(Compared):
    """A comparison of encoders."""

    data: ComparedExamples
    encoders: list[Named] = Field(min_length=1)
    augment: dict[str, Any] | None = None
    metric: str = "map_at_r"
    evaluation: ComparedRetrieval = ComparedRetrieval()

    @model_validator(mode="before")
    @classmethod
    def _for_encoders(cls, values: Any) -> Any:
        for section, keys in _FOR_RANKERS.items():
            named = values.get(section)
            for key in keys if isinstance(named, dict) else ():
                if key in named:
                    raise ValueError(f"{section}: expected what encoders take; got {key}, for rankers. {keys[key]}")
        return values

    def plan(self) -> Plan:
        """The comparison as it will be run, every option checked against the function that will take it.

        Raises:
            ConfigError: If an option is unknown or of another type, or nothing is to be compared.
        """
        encoders, objectives = ([part_of(named) for named in names] for names in (self.encoders, self.objectives))
        training = self.training if self.augment is None else {**self.training, "augment": self.augment}
        rules = Rules(**{**self.evaluation.model_dump(), "metrics": tuple(self.evaluation.metrics)})
        trained = cross(encoders, objectives, training, kind="encoder")
        return self.planned(trained, self.data.source(), rules, _check)


def _check(system: System) -> System:
    """The system with its options typed.

    Raises:
        ConfigError: If a name or an option is unknown, or a value is of another type.
    """
    if system.external is not None or system.model is None or system.objective is None:
        if system.external is not None:
            check_external(system.external, "encoders")
        return system
    training = dict(system.training)
    if "metric" in training:
        raise ConfigError("training: expected metric outside this table; got it there. Write metric = at the top.")
    values = {
        "out": Path(),  # a comparison has a folder for each run
        "encoder": {**system.model.options, "name": system.model.name},
        "objective": {**system.objective.options, "name": system.objective.name},
        "augment": training.pop("augment", None),
        "training": training,
    }
    try:
        typed = EncoderExperiment.model_validate(values)
    except ValidationError as error:
        raise ConfigError(explain(error, system.name, EncoderExperiment)) from None
    augment = {} if typed.augment is None else {"augment": typed.augment}
    name, options = typed.said_objective
    return replace(
        system,
        model=Part(typed.encoder.name, plain(typed.encoder.options)),
        objective=Part(name, plain(options)),
        training=plain({**typed.training, **augment}),
    )
