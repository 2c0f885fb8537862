"""The runs of a plan: every seed on every split, and the option sets of a search first."""

import math
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np

from rankkit.comparison import tpe
from rankkit.comparison.plan import Plan, Range, RunSpec, System
from rankkit.comparison.systems.externals import EXTERNALS
from rankkit.errors import ConfigError
from rankkit.registry import find

Valid = Callable[[RunSpec], float | None]
"""The validation metric of a run: NaN where it ended without one, None where it has not ended."""

_ATTEMPTS = 1000


def seeds_of(plan: Plan, system: System) -> tuple[int, ...]:
    """The seeds that a system runs with: the first alone where seeds change nothing."""
    if system.external is not None:
        is_seeded = EXTERNALS[system.external.name].is_seeded
    else:  # a model that learns in one go may draw nothing
        made = None if system.model is None else find(system.kind, system.model.name)
        is_seeded = getattr(made, "is_seeded", True)
    return plan.seeds if is_seeded else plan.seeds[:1]


def n_trials(plan: Plan, system: System) -> int:
    """How many option sets of a system are tried."""
    return plan.search.trials if plan.search is not None and _addresses(plan, system) else 1


def option_sets(plan: Plan, system: System, split: str, valid: Valid) -> list[dict[str, Any]]:
    """What the trials of a system set, as far as that is settled: nothing first, then drawn values, no two the same.

    Drawn at random, all are settled from the start and the same for each split. TPE settles one when those before it
    have ended on the split.

    Raises:
        ConfigError: If the declared values have fewer combinations than there are trials.
    """
    count, search = n_trials(plan, system), plan.search
    if count == 1 or search is None:
        return [{}]
    drawn = _random_sets(plan, system, count)
    if search.sampler == "random":
        return drawn
    options = {address: search.options[address] for address in _addresses(plan, system)}
    sets: list[dict[str, Any]] = [{}]
    values: list[float] = []
    while len(sets) < count:
        value = valid(_spec(plan, system, split, plan.seeds[0], len(sets) - 1, sets[-1]))
        if value is None:
            break
        values.append(value)
        seed = zlib.crc32(f"{search.seed} {system.name} {split}".encode())
        proposed = tpe.propose(options, sets, values, n_trials=count, seed=seed)
        sets.append(proposed if proposed not in sets else next(other for other in drawn if other not in sets))
    return sets


def runs_to_do(plan: Plan, splits: list[str], valid: Valid) -> list[RunSpec]:
    """All runs that are settled by those that have ended, these included.

    Every seed of a system without search. Of one with search, its option sets with the first seed; when these have
    ended, the other seeds with the set that was best on the validation data.
    """
    runs = []
    for split in splits:
        for system in plan.systems:
            sets, seeds = option_sets(plan, system, split, valid), seeds_of(plan, system)
            trials = [_spec(plan, system, split, seeds[0], trial, options) for trial, options in enumerate(sets)]
            runs += trials
            if n_trials(plan, system) == 1:
                best: int | None = 0
            elif len(sets) == n_trials(plan, system) and all(valid(trial) is not None for trial in trials):
                best = _best([valid(trial) for trial in trials])
            else:
                best = None
            if best is not None:
                runs += [_spec(plan, system, split, seed, best, sets[best]) for seed in seeds[1:]]
    return runs


def reported_runs(plan: Plan, splits: list[str], valid: Valid) -> list[RunSpec]:
    """The runs that stand in the table: of a search only those with the set that is the best of those that ended."""
    runs = []
    for split in splits:
        for system in plan.systems:
            sets, seeds = option_sets(plan, system, split, valid), seeds_of(plan, system)
            values = [valid(_spec(plan, system, split, seeds[0], trial, options)) for trial, options in enumerate(sets)]
            best = _best(values) or 0
            runs += [_spec(plan, system, split, seed, best, sets[best]) for seed in seeds]
    return runs


def _best(values: list[float | None]) -> int | None:
    """The place of the greatest number, the first of equals; None where there is none."""
    known = {place: value for place, value in enumerate(values) if value is not None and not math.isnan(value)}
    return max(known, key=lambda place: (known[place], -place), default=None)


def _addresses(plan: Plan, system: System) -> list[str]:
    return [address for address in plan.search.options if system.takes(address)] if plan.search else []


def _random_sets(plan: Plan, system: System, count: int) -> list[dict[str, Any]]:
    search = plan.search
    sets: list[dict[str, Any]] = [{}]
    if search is None:
        return sets
    generator = np.random.default_rng([search.seed, zlib.crc32(system.name.encode())])
    attempts = 0
    while len(sets) < count:
        drawn = {address: _draw(search.options[address], generator) for address in _addresses(plan, system)}
        if drawn not in sets:
            sets.append(drawn)
        attempts += 1
        if attempts > _ATTEMPTS * count:
            raise ConfigError(
                f"search: expected at least {count - 1} combinations of values for '{system.name}'; got "
                f"{len(sets) - 1}. Lower trials, or declare more values."
            )
    return sets


def count_runs(plan: Plan, n_splits: int) -> int:
    """How many runs a plan has."""
    per_split = sum(n_trials(plan, system) + len(seeds_of(plan, system)) - 1 for system in plan.systems)
    return n_splits * per_split


def _spec(plan: Plan, system: System, split: str, seed: int, trial: int, options: dict[str, Any]) -> RunSpec:
    for address, value in options.items():
        system = system.with_option(address, value)
    return RunSpec(
        system=system,
        split=split,
        seed=seed,
        trial=trial,
        options=options,
        source=plan.source,
        metric=plan.metric,
        rules=plan.rules,
        threads=plan.threads,
    )


def _draw(choice: Range | list[Any], generator: np.random.Generator) -> Any:
    if isinstance(choice, list):
        return choice[int(generator.integers(len(choice)))]
    if choice.whole:
        return int(generator.integers(int(choice.low), int(choice.high) + 1))
    if choice.log:
        return float(np.exp(generator.uniform(np.log(choice.low), np.log(choice.high))))
    return float(generator.uniform(choice.low, choice.high))
