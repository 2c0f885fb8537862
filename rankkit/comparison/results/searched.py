"""The trials of a search, those that were chosen and the others: what was tried, and what it reached."""

from typing import TYPE_CHECKING

from rankkit.comparison.trials import n_trials, seeds_of

if TYPE_CHECKING:
    from rankkit.comparison.results.outcomes import RunResult
    from rankkit.comparison.results.results import Results

_NONE = "\u2013"


def trials_of(results: "Results") -> "list[RunResult]":
    """The finished trials of all systems that were searched, by system, split and number."""
    plan = results.plan
    order = {system.name: place for place, system in enumerate(plan.systems)}
    first = {system.name: seeds_of(plan, system)[0] for system in plan.systems if n_trials(plan, system) > 1}
    found = [run for run in (*results.runs, *results.trials) if run.spec.seed == first.get(run.spec.system.name)]
    return sorted(found, key=lambda run: (order[run.spec.system.name], run.spec.split, run.spec.trial))


def trial_head(results: "Results") -> list[str]:
    """The head of the table of trials."""
    return ["system", "split", "trial", "options", "chosen by validation", f"validation {results.plan.metric}", "kept"]


def trial_rows(results: "Results") -> list[list[str]]:
    """The rows of the table of trials."""
    kept = {run.spec.id for run in results.runs}
    rows = []
    for run in trials_of(results):
        spec, valid = run.spec, run.outcome["valid"]
        rows.append(
            [
                spec.system.name,
                spec.split,
                str(spec.trial),
                options_of(run),
                chosen_of(run),
                _NONE if valid is None else f"{valid:.4f}",
                "kept" if spec.id in kept else "",
            ]
        )
    return rows


def options_of(run: "RunResult") -> str:
    """What the search set; the first trial sets nothing."""
    return ", ".join(f"{name} = {_short(value)}" for name, value in run.spec.options.items()) or _NONE


def chosen_of(run: "RunResult") -> str:
    """What validation data chose within the run: an epoch, a number of trees, a feature."""
    return ", ".join(f"{name} {value}" for name, value in run.outcome["chosen"].items()) or _NONE


def _short(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
