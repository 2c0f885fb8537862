"""What the experiment files of ``rankkit compare`` share, whether they compare rankers or encoders."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from rankkit.cli.experiments.config import Named, Section
from rankkit.comparison.plan import (
    Part,
    Plan,
    Range,
    Rules,
    Search,
    Significance,
    System,
    check_search,
    external_system,
    with_grid,
)
from rankkit.errors import ConfigError
from rankkit.evaluation import parse_metric
from rankkit.registry import find
from rankkit.schemas import Finite, Whole, explain
from rankkit.statistics.significance import EPSILON


class SearchSection(Section):
    """The same number of option sets for each system."""

    trials: Whole = Field(ge=2)
    options: dict[str, Any]
    seed: Whole = Field(default=0, ge=0)
    sampler: Literal["random", "tpe"] = "random"


class RangeSection(Section):
    """Numbers to draw from."""

    low: Finite
    high: Finite
    log: bool = False
    whole: bool = False

    @model_validator(mode="after")
    def _rises(self) -> "RangeSection":
        if not self.low < self.high or (self.log and self.low <= 0):
            positive = ", above 0 with log" if self.log else ""
            raise ValueError(
                f"search: expected low below high{positive}; got low {self.low:g}, high {self.high:g}. Change one"
            )
        return self


class SignificanceSection(Section):
    """How systems are tested against each other."""

    test: Literal["paired-t", "randomization"] = "paired-t"
    correction: Literal["holm", "bonferroni", "none"] = "holm"
    alpha: Finite = Field(default=0.05, gt=0, lt=1)
    interval: Literal["bca", "percentile"] = "bca"
    n_resamples: Whole = Field(default=10_000, ge=100)
    epsilon: Finite = Field(default=EPSILON, ge=0)
    seed: Whole = Field(default=0, ge=0)


class Compared(Section):
    """What an experiment file of ``rankkit compare`` holds, whatever it compares."""

    data: Any
    evaluation: Any

    objectives: list[Named] = Field(default=[])
    external: list[Named] = Field(default=[])
    baseline: str | None = None
    seeds: Whole | list[Whole] = Field(default=3, validate_default=True)  # a count, which becomes a list
    metric: str
    threads: Whole = Field(default=1, ge=1)
    training: dict[str, Any] = Field(default={})
    grid: dict[str, Any] = Field(default={})
    search: SearchSection | None = None
    significance: SignificanceSection = SignificanceSection()
    plugins: list[str] = Field(default=[])

    @field_validator("metric")
    @classmethod
    def _known(cls, name: str) -> str:
        parse_metric(name)
        return name

    @field_validator("seeds")
    @classmethod
    def _as_list(cls, seeds: int | list[int]) -> list[int]:
        listed = list(range(seeds)) if isinstance(seeds, int) else seeds
        if not listed or min(listed) < 0 or len(set(listed)) < len(listed):
            raise ValueError(
                f"seeds: expected a count, or different whole numbers from 0; got {seeds}. Write seeds = 5"
            )
        return listed

    def plan(self) -> Plan:
        """The comparison as it will be run.

        Raises:
            ConfigError: If an option is unknown or of another type, or nothing is to be compared.
        """
        raise NotImplementedError

    def planned(
        self,
        trained: Sequence[System],
        source: Any,
        rules: Rules,
        check: Callable[[System], System],
    ) -> Plan:
        """The comparison as it will be run, every option checked against the function that will take it.

        Args:
            trained: The systems that rankkit trains, before the grid.
            source: The data.
            rules: What is measured.
            check: Gives a system with its options typed, or raises ConfigError.

        Raises:
            ConfigError: If an option is unknown or of another type, or nothing is to be compared.
        """
        systems = [*trained, *(external_system(part_of(named)) for named in self.external)]
        if len(systems) < 2:
            raise ConfigError(
                f"compare: expected at least two systems; got {len(systems)}. Name objectives, or external systems."
            )
        for system in systems:
            _refuse_objective(system)
            check(system)
        grid = {address: _values(address, values) for address, values in _flat(self.grid).items()}
        systems = [check(system) for system in with_grid(systems, grid)]
        search = self._search(systems, check)
        return Plan(
            source=source,
            systems=tuple(systems),
            baseline=self.baseline if self.baseline is not None else systems[0].name,
            seeds=tuple(self.seeds) if isinstance(self.seeds, list) else (self.seeds,),
            metric=self.metric,
            rules=rules,
            search=search,
            significance=Significance(**self.significance.model_dump()),
            threads=self.threads,
        )

    def _search(self, systems: list[System], check: Callable[[System], System]) -> Search | None:
        if self.search is None:
            return None
        options = {address: _choice(address, values) for address, values in _flat(self.search.options).items()}
        search = Search(self.search.trials, options, self.search.seed, self.search.sampler)
        check_search(systems, search)
        for address, choice in options.items():
            for system in systems:
                if system.takes(address):
                    for value in _extremes(choice):
                        check(system.with_option(address, value))
        return search


def _refuse_objective(system: System) -> None:
    """Raise ConfigError if a model that learns in one go stands with objectives: each of its runs would refuse them."""
    part = system.model
    if part is not None and system.objective is not None and hasattr(find(system.kind, part.name), "learn"):
        raise ConfigError(
            f"{system.kind}s: expected those that objectives train; got {part.name!r}, which learns in one go. Leave "
            "it out: external has best-feature, random and raw-inputs, and 'saved' for any that was trained before."
        )


def _extremes(choice: Range | list[Any]) -> list[Any]:
    """Values that stand for all: the ends of a range, every one of a list."""
    if isinstance(choice, list):
        return choice
    return [int(choice.low), int(choice.high)] if choice.whole else [choice.low, choice.high]


def part_of(named: Named) -> Part:
    """As a plan holds it."""
    return Part(named.name, named.options)


def plain(options: dict[str, Any]) -> dict[str, Any]:
    """As JSON gives them back, so that a plan that was read again is the same plan."""
    plain: dict[str, Any] = json.loads(json.dumps(options))
    return plain


def _flat(options: Mapping[str, Any], path: str = "") -> dict[str, Any]:
    """Nested tables as addresses: ``{"scorer": {"mlp": {"dropout": [...]}}}`` to ``{"scorer.mlp.dropout": [...]}``."""
    flat: dict[str, Any] = {}
    for key, value in options.items():
        address = f"{path}.{key}" if path else key
        if isinstance(value, dict) and not {"low", "high"} & set(value):
            flat |= _flat(value, address)
        else:
            flat[address] = value
    return flat


def _values(address: str, values: Any) -> list[Any]:
    if not isinstance(values, list) or not values:
        raise ConfigError(f"grid: expected a list of values for {address}; got {values!r}. Write {address} = [...].")
    return values


def _choice(address: str, values: Any) -> Range | list[Any]:
    if not isinstance(values, dict):
        return _values(address, values)
    try:
        return Range(**RangeSection.model_validate(values).model_dump())
    except ValidationError as error:
        raise ConfigError(explain(error, f"search: {address}", RangeSection)) from None
