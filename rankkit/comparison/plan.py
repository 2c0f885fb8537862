"""What a comparison is to run: systems on splits with seeds, as plain values that JSON can hold."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import product
from typing import Any, Literal

from rankkit.errors import ConfigError, did_you_mean
from rankkit.evaluation.names import check_rises
from rankkit.registry import MODELS
from rankkit.statistics.significance import EPSILON, Correction, Test
from rankkit.tasks.known import source_from_dict

Interval = Literal["bca", "percentile"]
Sampler = Literal["random", "tpe"]


@dataclass(frozen=True)
class Part:
    """A model, an objective or an external system by name, with its options."""

    name: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class System:
    """One row of the table: a model trained with an objective, or an external system.

    Args:
        name: Of the row.
        model: Of a trained system, or None.
        objective: Of a trained system, or None where its model learns in one go.
        external: Of any other system, or None.
        training: Options of :func:`rankkit.fit`, of a trained system.
        kind: Of the model: ``"scorer"``, ``"encoder"``, ...
    """

    name: str
    model: Part | None = None
    objective: Part | None = None
    external: Part | None = None
    training: dict[str, Any] = field(default_factory=dict)
    kind: str = "scorer"

    def part(self, section: str) -> Part | None:
        """The part that stands under a name: ``"scorer"``, ``"objective"``, ..."""
        parts = {self.kind: self.model, "objective": self.objective, "external": self.external}
        return parts.get(section)

    def takes(self, address: str) -> bool:
        """Whether an option is one of this system: ``training.epochs``, ``scorer.mlp.dropout``, ..."""
        section, _, rest = address.partition(".")
        if section == "training":
            return self.model is not None
        part = self.part(section)
        return part is not None and rest.startswith(f"{part.name}.")

    def with_option(self, address: str, value: Any) -> "System":
        """This system with one option set."""
        section, _, rest = address.partition(".")
        if section == "training":
            return replace(self, training={**self.training, rest: value})
        part = self.part(section)
        if part is None:
            raise ConfigError(f"{self.name}: expected an option of a part that it has; got {address!r}. Leave it out.")
        changed = replace(part, options={**part.options, rest.removeprefix(f"{part.name}."): value})
        return replace(self, **{"model" if section == self.kind else section: changed})  # type: ignore[arg-type]


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, drawn evenly, evenly in the logarithm, or whole."""

    low: float
    high: float
    log: bool = False
    whole: bool = False


@dataclass(frozen=True)
class Search:
    """The same number of option sets for every system, the best on validation data reported.

    Args:
        trials: Option sets of each system. The first is the system as it is written, the others are drawn.
        options: What may be drawn, by address (``training.learning_rate``, ``objective.ranknet.sigma``): a
            :class:`Range` or a list of values.
        seed: Of the draws.
        sampler: ``"random"``: all are drawn before any is tried. ``"tpe"``: each is proposed by Optuna from what those
            before it reached on the validation data of the same split.
    """

    trials: int
    options: dict[str, Range | list[Any]]
    seed: int = 0
    sampler: Sampler = "random"


@dataclass(frozen=True)
class Rules:
    """What is measured on the test data and by which conventions; None: those of the protocol.

    Args:
        metrics: What systems are tested on: of each query a value.
        protocol, empty, ties: The conventions.
        lists: Of recommenders: numbers of their lists, shown beside.
        features: Of recommenders: columns of items that such numbers are of.
    """

    metrics: tuple[str, ...] = ("ndcg@10", "mrr@10")
    protocol: str = "rankkit"
    empty: str | None = None
    ties: str | None = None
    lists: tuple[str, ...] = ()
    features: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Rules":
        """Rules from JSON values, or from those of a file, whose lists become tuples."""
        given: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in values.items()
        }
        return cls(**given)


@dataclass(frozen=True)
class Significance:
    """How systems are tested against each other.

    Args:
        test: ``"paired-t"`` or ``"randomization"``.
        correction: Of the p values of a family: the comparisons with the baseline, and all pairs, a metric each.
        alpha: Corrected p up to which a difference counts as significant.
        interval: Bootstrap interval of a mean: ``"bca"`` or ``"percentile"``.
        n_resamples: Of the randomization test and of the bootstrap.
        epsilon: The greatest difference of a query that counts as a tie.
        seed: Of the resampling.
    """

    test: Test = "paired-t"
    correction: Correction = "holm"
    alpha: float = 0.05
    interval: Interval = "bca"
    n_resamples: int = 10_000
    epsilon: float = EPSILON
    seed: int = 0


@dataclass(frozen=True)
class Plan:
    """A comparison, whole.

    Args:
        source: The data.
        systems: The rows of the table.
        baseline: Name of the system that the others are compared with.
        seeds: Each system with randomness runs once with each.
        metric: Selects epochs, numbers of trees, features and options on the validation data.
        rules: What is measured on the test data.
        search: Options to try, or None.
        significance: The tests.
        threads: Of one run. Sums depend on it, so it belongs to the comparison, not to the machine.
    """

    source: Any
    systems: tuple[System, ...]
    baseline: str
    seeds: tuple[int, ...] = (0, 1, 2)
    metric: str = "ndcg@10"
    rules: Rules = Rules()
    search: Search | None = None
    significance: Significance = Significance()
    threads: int = 1

    def __post_init__(self) -> None:
        for metric in (self.metric, *self.rules.metrics):
            check_rises("compare", metric)
        names = [system.name for system in self.systems]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ConfigError(
                f"systems: expected each once; got '{twice[0]}' twice. Leave one out, or give it options."
            )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(
                f"seeds: expected seeds that differ, one at least; got {list(self.seeds)}. Pass for example [0, 1, 2]."
            )
        if self.baseline not in names:
            raise ConfigError(
                f"baseline: expected the name of a system; got {self.baseline!r}. {did_you_mean(self.baseline, names)}"
            )

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON values."""
        return _values(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Plan":
        """What :meth:`to_dict` gave, as a plan again."""
        search = values["search"]
        if search is not None:
            options = {k: v if isinstance(v, list) else Range(**v) for k, v in search["options"].items()}
            search = Search(**{**search, "options": options})
        return cls(
            source=source_from_dict(values["source"]),
            systems=tuple(system_from_dict(system) for system in values["systems"]),
            baseline=values["baseline"],
            seeds=tuple(values["seeds"]),
            metric=values["metric"],
            rules=Rules.from_dict(values["rules"]),
            search=search,
            significance=Significance(**values["significance"]),
            threads=values["threads"],
        )


@dataclass(frozen=True)
class RunSpec:
    """One run: a system with its options on one split with one seed.

    Args:
        system: With the options of the trial set.
        split: Name of the split.
        seed: Of weights, batches, dropout, sampling.
        trial: Which option set, from 0.
        options: What the trial set, by address.
        source: The data.
        metric: Selects on the validation data.
        rules: What is measured on the test data.
        threads: Of the run.
    """

    system: System
    split: str
    seed: int
    trial: int
    options: dict[str, Any]
    source: Any
    metric: str
    rules: Rules
    threads: int

    @property
    def id(self) -> str:
        """Name of the run's folder: readable, and another one for anything that could change the result."""
        digest = hashlib.blake2b(json.dumps(_values(self), sort_keys=True).encode(), digest_size=4).hexdigest()
        name = re.sub(r"[^a-z0-9.]+", "-", self.system.name.lower()).strip("-.")[:60]
        trial = f"-trial{self.trial}" if self.trial else ""
        return f"{name}-{self.split}-seed{self.seed}{trial}-{digest}"

    def to_dict(self) -> dict[str, Any]:
        """The run as JSON values."""
        return _values(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "RunSpec":
        """What :meth:`to_dict` gave, as a run again."""
        parts = {"system": system_from_dict(values["system"]), "source": source_from_dict(values["source"])}
        return cls(**{**values, **parts, "rules": Rules.from_dict(values["rules"])})


def system_from_dict(values: Mapping[str, Any]) -> System:
    """A system from its JSON values."""
    kind = next((kind for kind in MODELS if values.get(kind) is not None), "scorer")
    parts = {
        name: None if values.get(section) is None else Part(**values[section])
        for name, section in (("model", kind), ("objective", "objective"), ("external", "external"))
    }
    return System(name=values["name"], training=values["training"], kind=kind, **parts)


def _values(plan_or_run: "Plan | RunSpec") -> dict[str, Any]:
    """As JSON values; a model stands under its kind."""
    values: dict[str, Any] = asdict(plan_or_run)
    for system in values["systems"] if "systems" in values else [values["system"]]:
        model, kind = system.pop("model"), system.pop("kind")
        system |= {"scorer": None, **({} if model is None else {kind: model})}  # runs are named after it: as ever
    plain: dict[str, Any] = json.loads(json.dumps(values))
    return plain


def cross(
    models: Sequence[Part],
    objectives: Sequence[Part],
    training: Mapping[str, Any],
    *,
    kind: str = "scorer",
) -> list[System]:
    """A system for each model of a kind with each objective, named after both.

    >>> [system.name for system in cross([Part("mlp")], [Part("ranknet"), Part("ranknet", {"sigma": 2.0})], {})]
    ['mlp ranknet', 'mlp ranknet sigma=2.0']
    """
    return [
        System(f"{_label(model)} {_label(objective)}", model, objective, training=dict(training), kind=kind)
        for model, objective in product(models, objectives)
    ]


def in_one_go(models: Sequence[Part], training: Mapping[str, Any], *, kind: str) -> list[System]:
    """A system for each model of a kind that learns without an objective, named after it and its options.

    >>> [system.name for system in in_one_go([Part("ease"), Part("ease", {"l2": 10.0})], {}, kind="recommender")]
    ['ease', 'ease l2=10.0']
    """
    return [System(_label(model), model, training=dict(training), kind=kind) for model in models]


def external_system(external: Part) -> System:
    """An external system, named after it and its options."""
    return System(_label(external), external=external)


def with_grid(systems: Sequence[System], grid: Mapping[str, Sequence[Any]]) -> list[System]:
    """In place of each system one for every combination of the grid's values that it takes, named after them.

    Raises:
        ConfigError: If no system takes an option.
    """
    _check_addresses("grid", systems, grid)
    made = []
    for system in systems:
        addresses = [address for address in grid if system.takes(address)]
        for values in product(*(grid[address] for address in addresses)):
            changed = system
            for address, value in zip(addresses, values, strict=True):
                changed = changed.with_option(address, value)
                changed = replace(changed, name=f"{changed.name} {address.rpartition('.')[2]}={_show(value)}")
            made.append(changed)
    return made


def check_search(systems: Sequence[System], search: Search) -> None:
    """Raise ConfigError if no system takes an option of a search."""
    _check_addresses("search", systems, search.options)


def _check_addresses(where: str, systems: Sequence[System], addresses: Mapping[str, Any]) -> None:
    for address in addresses:
        section, _, rest = address.partition(".")
        parts = (*MODELS, "objective", "external")
        if section not in ("training", *parts) or not rest:
            known = ", ".join(f"{part}.NAME.OPTION" for part in parts[:-1])
            raise ConfigError(
                f"{where}: expected training.OPTION, {known} or external.NAME.OPTION; got {address!r}. "
                "Write for example objective.ranknet.sigma."
            )
        if section != "training" and "." not in rest:
            raise ConfigError(f"{where}: expected {section}.NAME.OPTION; got {address!r}. Name the {section} too.")
        if not any(system.takes(address) for system in systems):
            raise ConfigError(
                f"{where}: expected an option of a system; got {address!r}, which none has. Leave it out."
            )


def _label(part: Part) -> str:
    shown = (_show(v) if name == part.name else f"{name}={_show(v)}" for name, v in part.options.items())
    return " ".join([part.name, *shown])


def _show(value: Any) -> str:
    if isinstance(value, list):
        return "x".join(map(_show, value))
    return f"{value:g}" if isinstance(value, float) and value != int(value) else str(value)
