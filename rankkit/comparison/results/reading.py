"""read_results(): a comparison from its folder, if its runs can stand in one table."""

import math
from pathlib import Path
from typing import Any

from rankkit.comparison.plan import Plan, RunSpec
from rankkit.comparison.results.outcomes import OUTCOME, PLAN, RunResult
from rankkit.comparison.results.printed import summary
from rankkit.comparison.results.results import Results
from rankkit.comparison.trials import reported_runs, runs_to_do
from rankkit.errors import ConfigError, DataError
from rankkit.files.plain_files import check_name
from rankkit.files.records import read_json


def read_results(folder: str | Path) -> Results:
    """Read what :func:`rankkit.compare` left, finished or not.

    Args:
        folder: Of the comparison.

    Raises:
        ConfigError: If there is no comparison, no system is complete, or runs differ in the protocol of their metrics.
        DataError: If runs differ in the data they saw.
    """
    folder = Path(folder)
    check_name(folder)
    if not (folder / PLAN).is_file():
        raise ConfigError(f"{folder}: expected the folder of a comparison; got none. Name what --out named.")
    values = read_json(folder / PLAN)
    splits, plan = values["splits"], Plan.from_dict(values)
    found: dict[str, RunResult] = {}

    def valid(spec: RunSpec) -> float | None:
        run = found.get(spec.id) or _read_run(folder, spec)
        if run is None:
            return math.nan if (folder / "runs" / spec.id / "error.txt").is_file() else None
        found[spec.id] = run
        return math.nan if run.outcome["valid"] is None else float(run.outcome["valid"])

    settled = runs_to_do(plan, splits, valid)
    reported = reported_runs(plan, splits, valid)
    for spec in [*settled, *reported]:
        valid(spec)
    runs = tuple(found[spec.id] for spec in reported if spec.id in found)
    chosen = {run.spec.id for run in runs}
    expected = dict.fromkeys(spec.id for spec in [*settled, *reported])
    systems = tuple(
        system.name
        for system in plan.systems
        if set.intersection(
            *(
                {r.spec.seed for r in runs if (r.spec.split, r.spec.system.name) == (split, system.name)}
                for split in splits
            )
        )
    )
    if not systems:
        errors = "; ".join(dict.fromkeys(_error(folder, run) for run in expected)) or "not run"
        raise ConfigError(f"{folder}: expected a system with a finished run on every split; got none ({errors}).")
    _check_one_protocol(folder, list(found.values()))
    _check_same_data(folder, list(found.values()))
    return Results(
        folder=folder,
        plan=plan,
        splits=tuple(splits),
        runs=runs,
        trials=tuple(run for run in found.values() if run.spec.id not in chosen),
        errors={run: _error(folder, run) for run in expected if run not in found},
        protocol=_protocol(runs[0].outcome["protocol"]),
        convention=_convention(runs),
        systems=systems,
        summary=summary,
    )


def _read_run(folder: Path, spec: RunSpec) -> RunResult | None:
    run = folder / "runs" / spec.id
    return RunResult(spec, run, read_json(run / OUTCOME)) if (run / OUTCOME).is_file() else None


def _error(folder: Path, run: str) -> str:
    path = folder / "runs" / run / "error.txt"
    return path.read_text(encoding="utf-8").partition("\n\n")[0].strip() if path.is_file() else "not run"


def _protocol(values: dict[str, Any]) -> dict[str, Any]:
    # The greatest label of the data stands in a protocol; splits may differ in that, and in nothing else.
    return {name: value for name, value in values.items() if name != "max_label"}


def _convention(runs: tuple[RunResult, ...]) -> str:
    """The words on the protocol; the part on queries without relevant documents is about one split, so it goes."""
    return str(runs[0].outcome["convention"]).partition(";")[0]


def _check_one_protocol(folder: Path, runs: list[RunResult]) -> None:
    first = _protocol(runs[0].outcome["protocol"])
    for run in runs:
        protocol = _protocol(run.outcome["protocol"])
        if protocol != first:
            differing = ", ".join(name for name in first if protocol.get(name) != first[name])
            raise ConfigError(
                f"{folder}: expected runs under one protocol; got {run.spec.id} with another {differing} than "
                f"{runs[0].spec.id}. Run them again: they cannot stand in one table."
            )


def _check_same_data(folder: Path, runs: list[RunResult]) -> None:
    for run in runs:
        expected = read_json(folder / "splits" / run.spec.split / "about.json")["fingerprints"]
        got = run.outcome["fingerprints"]
        if got != expected:
            part = next(name for name in expected if got.get(name) != expected[name])
            raise DataError(
                f"{folder}: expected all runs on the same data; got {run.spec.id} with other {part} data. "
                "Run it again: it cannot stand in the table."
            )
