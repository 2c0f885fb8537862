"""The experiment file of a recommender: what ``rankkit train --recommender`` runs, validated before data is read."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from rankkit.cli.experiments.config import AnyExperiment, Named, Section
from rankkit.cli.experiments.validation import check_options
from rankkit.schemas import Finite, Whole
from rankkit.tasks.recommendation.job import METRICS
from rankkit.tasks.recommendation.splits import LogSource


class LogData(Section):
    """Where a log lies, and how it is split.

    Without ``by`` it is the split that ``rankkit split`` wrote into the log, if there is one, else by time, or where
    there are no times the last event of each user.
    """

    log: str
    by: Literal["time", "leave_last", "ratio"] | None = None
    valid: Finite | None = Field(default=None, ge=0, lt=1)
    test: Finite | None = Field(default=None, gt=0, lt=1)
    n: Whole | None = Field(default=None, ge=1)
    order: Literal["time", "random"] = "time"
    split_seed: Whole = Field(default=0, ge=0)

    def source(self) -> LogSource:
        """As a plan holds it."""
        return LogSource(**self.model_dump())


def _check_names(names: list[str]) -> list[str]:
    from rankkit.evaluation import parse_metric
    from rankkit.evaluation.beyond import is_beyond

    for name in names:
        if not is_beyond(name):
            parse_metric(name)
    return names


class ListsSection(Section):
    """What is measured on the test part: of held-out items, and of the lists (``"coverage@10"``)."""

    metrics: Annotated[list[str], AfterValidator(_check_names)] = Field(default=[*METRICS], min_length=1)


class RecommenderExperiment(AnyExperiment):
    """One training run of a recommender, whole."""

    task_name = "recommendation"
    training_kind = "training"

    data: LogData
    recommender: Named
    evaluation: ListsSection = ListsSection()

    @property
    def noted(self) -> dict[str, Any]:
        """How the log is split, and whether the validation part was learnt from too."""
        return {**super().noted, **({"refit": True} if self.training.get("refit") else {})}

    @model_validator(mode="after")
    def _options_fit_their_functions(self) -> "RecommenderExperiment":
        if self.objective is not None:
            raise ValueError(f"objective: expected none for a recommender; got {self.objective.name}. Leave it out")
        check_training(self.training, "metric", "refit")
        self.recommender = checked_recommender(self.recommender)
        return self


def check_training(training: dict[str, Any], *known: str) -> None:
    """Refuse what of a training only gradients have; the metric by which options are chosen stays.

    Args:
        training: As it was asked for.
        *known: What else than the metric there may be.

    Raises:
        ValueError: If anything else is named.
    """
    from rankkit.evaluation import parse_metric

    for name in training:
        if name != "metric" and name not in known:
            raise ValueError(
                f"training: expected {' and '.join(known) or 'metric'} alone, as recommenders learn in one go; got "
                f"{name}. Leave it out"
            )
    if not isinstance(training.get("refit", False), bool):
        raise ValueError(f"training.refit: expected true or false; got {training['refit']!r}. Write one of them")
    if "metric" in training:
        parse_metric(str(training["metric"]))


def checked_recommender(named: Named) -> Named:
    """A recommender by name with its options typed, such as can be built.

    Raises:
        ValueError: If the name or an option is unknown, or a value is out of range.
    """
    from rankkit import registry
    from rankkit.models.building import build

    made = registry.find("recommender", named.name)
    checked = Named(name=named.name, **check_options("recommender", made, named.options))
    build("recommender", made, **checked.options, seed=0)
    return checked
