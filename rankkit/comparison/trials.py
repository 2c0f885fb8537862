"""The runs of a plan: every seed on every split, and the option sets of a search first."""

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from rankkit.comparison.externals import EXTERNALS
from rankkit.comparison.plan import Plan, Range, RunSpec, System
from rankkit.errors import ConfigError

_ATTEMPTS = 1000


def seeds_of(plan: Plan, system: System) -> tuple[int, ...]:
    """The seeds that a system runs with: the first alone where seeds change nothing."""
    is_seeded = system.external is None or EXTERNALS[system.external.name].is_seeded
    return plan.seeds if is_seeded else plan.seeds[:1]


def option_sets(plan: Plan, system: System) -> list[dict[str, Any]]:
    """What the trials of a system set: nothing first, then drawn values, no two the same.

    Raises:
        ConfigError: If the declared values have fewer combinations than there are trials.
    """
    search = plan.search
    addresses = [address for address in search.options if system.takes(address)] if search else []
    sets: list[dict[str, Any]] = [{}]
    if search is None or not addresses:
        return sets
    generator = np.random.default_rng([search.seed, zlib.crc32(system.name.encode())])
    attempts = 0
    while len(sets) < search.trials:
        drawn = {address: _draw(search.options[address], generator) for address in addresses}
        if drawn not in sets:
            sets.append(drawn)
        attempts += 1
        if attempts > _ATTEMPTS * search.trials:
            raise ConfigError(
                f"search: expected at least {search.trials - 1} combinations of values for '{system.name}'; got "
                f"{len(sets) - 1}. Lower trials, or declare more values."
            )
    return sets


def first_runs(plan: Plan, splits: list[str]) -> list[RunSpec]:
    """Every seed of a system without search; every option set with the first seed of one with search."""
    runs = []
    for split in splits:
        for system in plan.systems:
            sets = option_sets(plan, system)
            seeds = seeds_of(plan, system) if len(sets) == 1 else plan.seeds[:1]
            runs += [
                _spec(plan, system, split, seed, trial, sets[trial]) for seed in seeds for trial in range(len(sets))
            ]
    return runs


def further_runs(plan: Plan, splits: list[str], valid: Mapping[str, float]) -> list[RunSpec]:
    """The other seeds of the systems with search, with the option set that was best on the validation data.

    Args:
        plan: The comparison.
        splits: Names of the splits.
        valid: The validation metric of each finished run, by id. A trial without one cannot be chosen.
    """
    runs = []
    for split in splits:
        for system in plan.systems:
            sets = option_sets(plan, system)
            trial = best_trial(plan, system, split, valid) if len(sets) > 1 else None
            if trial is not None:
                runs += [_spec(plan, system, split, seed, trial, sets[trial]) for seed in seeds_of(plan, system)[1:]]
    return runs


def reported_runs(plan: Plan, splits: list[str], valid: Mapping[str, float]) -> list[RunSpec]:
    """The runs that stand in the table: of a search only those with the chosen option set."""
    runs = []
    for split in splits:
        for system in plan.systems:
            trial = best_trial(plan, system, split, valid) or 0
            options = option_sets(plan, system)[trial]
            runs += [_spec(plan, system, split, seed, trial, options) for seed in seeds_of(plan, system)]
    return runs


def best_trial(plan: Plan, system: System, split: str, valid: Mapping[str, float]) -> int | None:
    """The option set with the best validation metric, the first of equals; None where no trial has finished."""
    sets = option_sets(plan, system)
    ids = [_spec(plan, system, split, plan.seeds[0], trial, options).id for trial, options in enumerate(sets)]
    finished = [trial for trial, run in enumerate(ids) if run in valid]
    return max(finished, key=lambda trial: (valid[ids[trial]], -trial), default=None)


def count_runs(plan: Plan, n_splits: int) -> int:
    """How many runs a plan has."""
    per_split = sum(len(option_sets(plan, system)) + len(seeds_of(plan, system)) - 1 for system in plan.systems)
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
