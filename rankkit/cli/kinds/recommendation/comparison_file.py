"""The experiment file of ``rankkit compare`` where it names recommenders."""

from dataclasses import replace
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from rankkit.cli.experiments.compared import Compared, part_of, plain
from rankkit.cli.experiments.config import Named, Section
from rankkit.cli.kinds.recommendation.training_file import LogData, check_training, checked_recommender
from rankkit.comparison.plan import Part, Plan, Rules, System, in_one_go
from rankkit.comparison.systems.externals import check_external
from rankkit.errors import ConfigError
from rankkit.tasks.recommendation.job import METRICS


def _check_names(names: list[str]) -> list[str]:
    from rankkit.evaluation import parse_metric
    from rankkit.evaluation.beyond import is_beyond

    for name in names:
        if is_beyond(name):
            raise ValueError(
                f"expected metrics of what is held out, which systems are tested on; got {name}. Write it in "
                "evaluation.lists"
            )
        parse_metric(name)
    return names


def _check_lists(names: list[str]) -> list[str]:
    from rankkit.evaluation.beyond import BEYOND, is_beyond

    for name in names:
        if not is_beyond(name) or not name.partition("@")[2].isdigit() or int(name.partition("@")[2]) < 1:
            raise ValueError(f"expected {', '.join(BEYOND)}, each with a k, as coverage@10; got {name}. Write such")
    return names


def _check_protocol(name: str) -> str:
    from rankkit.evaluation import resolve_protocol
    from rankkit.evaluation.catalogue import RECOMMENDER_PROTOCOLS

    resolve_protocol(name, presets=RECOMMENDER_PROTOCOLS)
    return name


class ComparedLists(Section):
    """What is measured on the test part: where held-out items stand among all items."""

    metrics: Annotated[list[str], AfterValidator(_check_names)] = Field(default=[*METRICS], min_length=1)
    protocol: Annotated[str, AfterValidator(_check_protocol)] = "rankkit"
    empty: Literal["zero", "skip", "one", "error"] | None = None
    ties: Literal["pessimistic", "expected", "stable"] | None = None
    lists: Annotated[list[str], AfterValidator(_check_lists)] = Field(default=[])
    features: list[str] = Field(default=[])

    @model_validator(mode="after")
    def _features_where_they_are_needed(self) -> "ComparedLists":
        from rankkit.evaluation.beyond import OF_FEATURES

        needing = [name for name in self.lists if name.partition("@")[0] in OF_FEATURES]
        if needing and not self.features:
            raise ValueError(f"expected features, columns of items, for {needing[0]}; got none. Write them")
        if self.features and not needing:
            raise ValueError(
                f"features: expected {' or '.join(OF_FEATURES)} in lists, which they are for; got none. Write one"
            )
        return self


class RecommenderComparisonFile(Compared):
    """A comparison of recommenders."""

    data: LogData
    recommenders: list[Named] = Field(min_length=1)
    metric: str = METRICS[0]
    evaluation: ComparedLists = ComparedLists()

    def plan(self) -> Plan:
        """The comparison as it will be run, every option checked against what will take it.

        Raises:
            ConfigError: If an option is unknown or of another type, or nothing is to be compared.
        """
        if self.objectives:
            raise ConfigError("compare: expected no objectives of recommenders; got some. Leave them out.")
        systems = in_one_go([part_of(named) for named in self.recommenders], self.training, kind="recommender")
        rules = Rules.from_dict(self.evaluation.model_dump())
        return self.planned(systems, self.data.source(), rules, _check)


def _check(system: System) -> System:
    """The system with its options typed.

    Raises:
        ConfigError: If a name or an option is unknown, or a value is of another type.
    """
    if system.external is not None:
        check_external(system.external, "recommenders")
        return system
    part = system.model or Part("")
    try:
        if "metric" in system.training:
            raise ValueError("training: expected metric outside this table; got it there. Write metric = at the top")
        check_training(system.training)
        checked = checked_recommender(Named(name=part.name, **part.options))
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return replace(system, model=Part(checked.name, plain(checked.options)))
