"""The experiment file of ``rankkit compare``, validated as a whole before any data is read."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from rankkit.cli.config import Data, Named, Section, check_options, explain, merge, parse_setting, read_toml
from rankkit.comparison.externals import check_external
from rankkit.comparison.plan import (
    Part,
    Plan,
    Range,
    Rules,
    Search,
    Significance,
    Source,
    System,
    check_search,
    cross,
    external_system,
    with_grid,
)
from rankkit.errors import ConfigError
from rankkit.evaluation import parse_metric, resolve_protocol
from rankkit.evaluation.significance import EPSILON

_READING = ("n_features", "cache", "regroup", "labels", "on_bad_line", "label", "qid", "doc_id")


class ComparedData(Data):
    """The data section of ``train``, and how validation data and folds are made where there are none."""

    cross_validation: int | None = Field(default=None, ge=3)
    valid_fraction: float | None = Field(default=None, gt=0, lt=1)
    split_seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _parts_are_there(self) -> "ComparedData":
        if self.cross_validation is not None:
            if self.folds is not None:
                raise ValueError("data: expected folds or cross_validation; got both. Leave one of them out")
            return self
        if self.folds is None and self.test is None:
            raise ValueError(
                "data: expected test data, on which systems are compared; got none. "
                "Name test = FILE, a folder of folds, or cross_validation = 5"
            )
        if self.folds is None and self.valid is None and self.valid_fraction is None:
            raise ValueError(
                "data: expected validation data, on which epochs are chosen; got none. "
                "Name valid = FILE, or take valid_fraction = 0.2 of the training queries"
            )
        return self

    def source(self) -> Source:
        """As the plan holds it."""
        values = self.model_dump(mode="json")
        reading = {name: values.pop(name) for name in _READING}
        return Source(**values, reading=reading)


class ComparedEvaluation(Section):
    """What is measured on the test data, and by which conventions."""

    metrics: list[str] = Field(default=["ndcg@10", "mrr@10"], min_length=1)
    protocol: str = "rankkit"
    empty: Literal["zero", "skip", "one", "error"] | None = None
    ties: Literal["pessimistic", "expected", "stable", "trec"] | None = None

    @field_validator("metrics")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        for name in names:
            parse_metric(name)
        return names

    @model_validator(mode="after")
    def _resolves(self) -> "ComparedEvaluation":
        resolve_protocol(self.protocol, self.empty, self.ties)
        return self


class SearchSection(Section):
    """The same number of option sets for each system."""

    trials: int = Field(ge=2)
    options: dict[str, Any]
    seed: int = Field(default=0, ge=0)
    sampler: Literal["random", "tpe"] = "random"


class RangeSection(Section):
    """Numbers to draw from."""

    low: float
    high: float
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
    alpha: float = Field(default=0.05, gt=0, lt=1)
    interval: Literal["bca", "percentile"] = "bca"
    n_resamples: int = Field(default=10_000, ge=100)
    epsilon: float = Field(default=EPSILON, ge=0)
    seed: int = Field(default=0, ge=0)


class ComparisonFile(Section):
    """One comparison, whole."""

    data: ComparedData
    scorers: list[Named] = Field(default=[Named(name="mlp")], min_length=1)
    objectives: list[Named] = Field(default=[])
    external: list[Named] = Field(default=[])
    baseline: str | None = None
    seeds: int | list[int] = 3
    metric: str = "ndcg@10"
    threads: int = Field(default=1, ge=1)
    training: dict[str, Any] = Field(default={})
    grid: dict[str, Any] = Field(default={})
    search: SearchSection | None = None
    evaluation: ComparedEvaluation = ComparedEvaluation()
    significance: SignificanceSection = SignificanceSection()

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
        """The comparison as it will be run, every option checked against the function that will take it.

        Raises:
            ConfigError: If an option is unknown or of another type, or nothing is to be compared.
        """
        parts = {
            name: [_part(named) for named in getattr(self, name)] for name in ("scorers", "objectives", "external")
        }
        trained = cross(parts["scorers"], parts["objectives"], self.training)
        systems = [*trained, *(external_system(part) for part in parts["external"])]
        if len(systems) < 2:
            raise ConfigError(
                f"compare: expected at least two systems; got {len(systems)}. Name objectives, or external systems."
            )
        for system in systems:
            _check(system)
        grid = {address: _values(address, values) for address, values in _flat(self.grid).items()}
        systems = [_check(system) for system in with_grid(systems, grid)]
        search = self._search(systems)
        return Plan(
            source=self.data.source(),
            systems=tuple(systems),
            baseline=self.baseline if self.baseline is not None else systems[0].name,
            seeds=tuple(self.seeds) if isinstance(self.seeds, list) else (self.seeds,),
            metric=self.metric,
            rules=Rules(**{**self.evaluation.model_dump(), "metrics": tuple(self.evaluation.metrics)}),
            search=search,
            significance=Significance(**self.significance.model_dump()),
            threads=self.threads,
        )

    def _search(self, systems: list[System]) -> Search | None:
        if self.search is None:
            return None
        options = {address: _choice(address, values) for address, values in _flat(self.search.options).items()}
        search = Search(self.search.trials, options, self.search.seed, self.search.sampler)
        check_search(systems, search)
        for address, choice in options.items():
            for system in systems:
                if system.takes(address):
                    for value in _extremes(choice):
                        _check(system.with_option(address, value))
        return search


def load_comparison(config: Path, settings: Iterable[str] = ()) -> ComparisonFile:
    """Read the experiment file of a comparison, lay ``--set`` values over it, validate the whole.

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
    try:
        file = ComparisonFile.model_validate(values)
        file.plan()
    except ValidationError as error:
        raise ConfigError(explain(error, str(config), ComparisonFile)) from None
    return file


def _extremes(choice: Range | list[Any]) -> list[Any]:
    """Values that stand for all: the ends of a range, every one of a list."""
    if isinstance(choice, list):
        return choice
    return [int(choice.low), int(choice.high)] if choice.whole else [choice.low, choice.high]


def _part(named: Named) -> Part:
    return Part(named.name, named.options)


def _check(system: System) -> System:
    """The system with its options typed.

    Raises:
        ConfigError: If a name or an option is unknown, or a value is of another type.
    """
    from rankkit import catalogue
    from rankkit.training import fit

    if system.external is not None:
        check_external(system.external)
        return system
    typed: dict[str, Part] = {}
    try:
        for kind, part in (("scorer", system.scorer), ("objective", system.objective)):
            if part is not None:
                options = check_options(kind, catalogue.find(kind, part.name), part.options)
                typed[kind] = Part(part.name, _plain(options))
        training = _plain(check_options("training", fit, system.training))
    except ValueError as error:
        raise ConfigError(str(error)) from None
    for name in ("metric", "progress"):
        if name in training:
            raise ConfigError(f"training: expected {name} outside this table; got it there. Write {name} = at the top.")
    return System(system.name, typed["scorer"], typed["objective"], None, training)


def _plain(options: dict[str, Any]) -> dict[str, Any]:
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
