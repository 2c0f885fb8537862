"""The experiment file of ``rankkit compare`` where it names scorers, validated before any data is read."""

from typing import Literal

from pydantic import Field, model_validator

from rankkit.cli.experiments.compared import Compared, part_of, plain
from rankkit.cli.experiments.config import READING, Column, MetricNames, Named, Section
from rankkit.cli.experiments.validation import check_objective, check_options, check_run, untrained_scorer
from rankkit.cli.kinds.ranking.training_file import Data
from rankkit.comparison.plan import Part, Plan, Rules, System, cross
from rankkit.comparison.systems.externals import check_external
from rankkit.data.views import check_windows
from rankkit.errors import ConfigError
from rankkit.evaluation import resolve_protocol
from rankkit.schemas import Finite, Whole
from rankkit.tasks.ranking.splits import Source


class ComparedData(Data):
    """The data section of ``train``, and how validation data and folds are made where there are none."""

    cross_validation: Whole | None = Field(default=None, ge=3)
    by: Column = None
    n_windows: Whole | None = Field(default=None, ge=1)
    window_share: Finite = 0.1

    @model_validator(mode="after")
    def _times_go_with_the_rest(self) -> "ComparedData":
        if self.by is not None and self.cross_validation is not None:
            raise ValueError(
                "data: expected by without cross_validation, which trains on later queries than it tests on; got "
                "both. Write n_windows in place of cross_validation"
            )
        if self.n_windows is None:
            return self
        if self.by is None:
            raise ValueError("data: expected the column of times for n_windows; got no by. Name it: by = COLUMN")
        for name in ("folds", "cross_validation", "valid_fraction"):
            if getattr(self, name) is not None:
                raise ValueError(
                    f"data: expected n_windows without {name}, which makes other splits; got both. "
                    "Leave one of them out"
                )
        check_windows("data", self.n_windows, self.window_share)
        return self

    @model_validator(mode="after")
    def _parts_are_there(self) -> "ComparedData":
        if self.n_windows is not None:
            return self
        if self.cross_validation is not None:
            if self.folds is not None:
                raise ValueError("data: expected folds or cross_validation; got both. Leave one of them out")
            return self
        if self.folds is None and self.test is None:
            raise ValueError(
                "data: expected test data, on which systems are compared; got none. "
                "Name test = FILE, a folder of folds, cross_validation = 5, or n_windows = 3"
            )
        if self.folds is None and self.valid is None and self.valid_fraction is None:
            raise ValueError(
                "data: expected validation data, on which epochs are chosen; got none. "
                "Name valid = FILE, or take valid_fraction = 0.2 of the training queries"
            )
        return self

    def source(self) -> Source:
        """As the plan holds it."""
        values = self.model_dump(mode="json", exclude=set(READING))
        if self.n_windows is None:
            values["window_share"] = None
        return Source(**values, reading=plain(self.reading))


class ComparedEvaluation(Section):
    """What is measured on the test data, and by which conventions."""

    metrics: MetricNames = Field(default=["ndcg@10", "mrr@10"], min_length=1)
    protocol: str = "rankkit"
    empty: Literal["zero", "skip", "one", "error"] | None = None
    ties: Literal["pessimistic", "expected", "stable", "trec"] | None = None

    @model_validator(mode="after")
    def _resolves(self) -> "ComparedEvaluation":
        resolve_protocol(self.protocol, self.empty, self.ties)
        return self


class ComparisonFile(Compared):
    """A comparison of rankers."""

    data: ComparedData
    scorers: list[Named] = Field(default=[Named(name="mlp")], min_length=1)
    metric: str = "ndcg@10"
    evaluation: ComparedEvaluation = ComparedEvaluation()

    def plan(self) -> Plan:
        """The comparison as it will be run, every option checked against the function that will take it.

        Raises:
            ConfigError: If an option is unknown or of another type, or nothing is to be compared.
        """
        for named in self.scorers:
            self.data.read_keys(named.options)
        scorers, objectives = ([part_of(named) for named in names] for names in (self.scorers, self.objectives))
        rules = Rules(**{**self.evaluation.model_dump(), "metrics": tuple(self.evaluation.metrics)})
        return self.planned(cross(scorers, objectives, self.training), self.data.source(), rules, _check)


def _check(system: System) -> System:
    """The system with its options typed.

    Raises:
        ConfigError: If a name or an option is unknown, or a value is of another type.
    """
    from rankkit import registry
    from rankkit.training import fit
    from rankkit.training.beforehand import check_training

    if system.external is not None:
        check_external(system.external)
        return system
    typed: dict[str, Part] = {}
    try:
        _refuse_embedding_objective(system)
        for kind, part in (("scorer", system.model), ("objective", system.objective)):
            if part is not None:
                options = check_options(kind, registry.find(kind, part.name), part.options)
                typed[kind] = Part(part.name, plain(options))
        training = plain(check_options("training", fit, system.training))
        check_run(check_training, training)
        _try(typed["scorer"], typed["objective"])
    except ValueError as error:
        raise ConfigError(str(error)) from None
    for name in ("metric", "progress"):
        if name in training:
            raise ConfigError(f"training: expected {name} outside this table; got it there. Write {name} = at the top.")
    return System(system.name, typed["scorer"], typed["objective"], None, training)


def _try(scorer: Part, objective: Part) -> None:
    """Refuse options that cannot work, whatever the data."""
    check_objective(objective.name, objective.options)
    untrained_scorer(scorer.name, scorer.options, objective.name, None)


def _refuse_embedding_objective(system: System) -> None:
    from rankkit import registry

    name = "" if system.objective is None else system.objective.name
    if name in registry.EMBEDDING_OBJECTIVES and name not in registry.OBJECTIVES:
        raise ConfigError(
            f"objectives: expected those that train scorers; got {name!r}, which trains encoders. "
            'Name encoders = ["conv"] in place of scorers.'
        )
