"""compare(): run a plan, all of it or what is missing, and read the results."""

import math
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from rankkit.comparison.plan import Plan, RunSpec
from rankkit.comparison.report import write_report
from rankkit.comparison.results.outcomes import COMMANDS, OUTCOME, PLAN, REPORT
from rankkit.comparison.results.reading import read_results
from rankkit.comparison.results.results import Results
from rankkit.comparison.results.tables import write_tables
from rankkit.comparison.runs.mirror import Mirror
from rankkit.comparison.runs.pool import Watchers, run_all
from rankkit.comparison.runs.progress import Board
from rankkit.comparison.systems.externals import check_installed, check_is_there
from rankkit.comparison.systems.fitting import check_systems
from rankkit.comparison.tpe import check_installed as check_sampler
from rankkit.comparison.trials import count_runs, runs_to_do
from rankkit.errors import ConfigError
from rankkit.files.disk import keeping
from rankkit.files.occupied import alone_at_work_in
from rankkit.files.places import check_place
from rankkit.files.records import read_json, write_json
from rankkit.models.model import check_installed as check_library
from rankkit.registry import OWN, find, loaded_plugins, package_of
from rankkit.tasks.known import task_of
from rankkit.training.tracking import check_tracker


class ComparisonInterrupted(KeyboardInterrupt):
    """Ctrl-C stopped :func:`compare`: what is finished is kept, and the message says how to go on."""


def compare(
    plan: Plan,
    out: str | Path,
    *,
    jobs: int | None = None,
    resume: bool = False,
    track: Sequence[str] = (),
    progress: bool = True,
) -> Results:
    """Run every system on every split with every seed, in parallel processes, and compare them.

    Runs that are finished are not run again with ``resume``; a run that was cut off goes on from its last checkpoint.
    Either way the tables are, byte for byte, those of a comparison that was never stopped. A run whose worker process
    dies is tried once more; one that fails is named in the results, and the others go on.

    Args:
        plan: What to run.
        out: Folder of the comparison, as :mod:`rankkit.comparison.results.outcomes` describes it.
        jobs: Runs at a time; None: as many as the cores allow with the plan's threads, which is also the most.
        resume: Go on in a folder that holds a comparison: of the same plan, or of one that had less.
        track: Names of trackers (``mlflow``, ``tensorboard``) to which each run is mirrored when it is finished, with
            ``resume`` those that were finished before as well.
        progress: Show on stderr how it goes.

    Returns:
        The results, also written as tables to ``out/results`` and as a page to ``out/report.html``.

    Raises:
        DataError: If a data file is not there.
        ConfigError: If the folder holds a comparison and ``resume`` is False, another process is at work in it, a
            library that a system or a tracker needs is not installed, or the plan does not fit the data.
        TrainingError: If no worker process can be started, or a tracker did not take every run.
        DiskError: If the folder cannot be written to; it says how many runs are kept.
        ComparisonInterrupted: After Ctrl-C.
    """
    out = Path(out)
    check_place(out, "folder")
    check_systems(plan)
    _check_plugins(plan)
    for system in plan.systems:
        if system.external is not None:
            check_installed(system.external)
            if not resume:  # a run that is finished needs it no more
                check_is_there(system.external)
        if system.model is not None:
            check_library(find(system.kind, system.model.name))
    if plan.search is not None and plan.search.sampler == "tpe":
        check_sampler()
    for name in track:
        check_tracker(name)
    n_jobs = _jobs(jobs, plan.threads)
    if not resume and (out / PLAN).exists() and _has_begun(out):
        raise ConfigError(
            f"{out}: expected a folder without a comparison; it holds one. "
            "Choose another --out, go on with --resume, or delete it."
        )
    task = task_of(plan.source)
    task.check_files(plan.source)
    splits = task.split_names(plan.source)
    todo = _ToDo(plan, splits, out)
    before = {spec.id: spec for spec in todo.settled() if _is_finished(out, spec)}
    with alone_at_work_in(out, "Wait for it, or choose another --out."):
        if not resume:
            _forget(out)
        write_json(out / PLAN, {**plan.to_dict(), "splits": splits})
        _add_command(out / COMMANDS)
        n_runs = count_runs(plan, len(splits))
        mirror = Mirror(track, out, before.values())
        with Board(plan, out, n_runs, n_jobs, before, shown=progress) as board:
            watchers = Watchers(board, mirror)
            try:
                with _keeping(board, n_runs, out):
                    run_all(todo.take(), out, jobs=n_jobs, threads=plan.threads, watcher=watchers, then=todo.take)
            except KeyboardInterrupt:
                raise ComparisonInterrupted(
                    f"compare: stopped with {board.n_done} of {n_runs} runs finished; they are kept in {out}. "
                    "Go on with resume=True (the same command with --resume)."
                ) from None
        with _keeping(board, n_runs, out):
            results = read_results(out)
            write_tables(results, out / "results")
            write_report(results, out / REPORT)
        mirror.check()
    return results


def _check_plugins(plan: Plan) -> None:
    """Refuse code that worker processes could not have: they load the plugins that are loaded here, and nothing else.

    Raises:
        ConfigError: If a system has a part that a script has registered.
    """
    task = task_of(plan.source)
    loadable = {OWN, *(package.partition(".")[0] for package in loaded_plugins())}
    for system in plan.systems:
        for kind, part in ((task.model, system.model), (task.objective, system.objective)):
            if part is None:
                continue
            package = package_of(find(kind, part.name))
            if package not in loadable:
                raise ConfigError(
                    f"compare: expected the {kind} {part.name!r} of a package that each worker process can load; got "
                    f"one of {package!r}. Put it into a package, and name that: --plugin, or rankkit.load_plugin."
                )


def _keeping(board: Board, n_runs: int, out: Path) -> AbstractContextManager[None]:
    """Tell in an error of the disk which runs are safe, and how to go on."""
    return keeping(
        lambda: f"{board.n_done} of {n_runs} runs are finished and kept in {out}.",
        "Make room, then go on with resume=True (the same command with --resume).",
    )


def _add_command(path: Path) -> None:
    before = read_json(path) if path.is_file() else []
    write_json(path, [*before, sys.argv])


def _has_begun(out: Path) -> bool:
    """Whether a folder holds runs that have learnt something, and not only the errors of some that were refused."""
    return any(next((out / "runs").glob(f"*/{name}"), None) is not None for name in (OUTCOME, "checkpoint.pt"))


def _forget(out: Path) -> None:
    """Remove what a comparison left that was refused before it had begun: its errors, and what it knew of the data."""
    if (out / PLAN).exists():
        for path in (*out.glob("runs/*/error.txt"), *out.glob("splits/*/about.json"), out / COMMANDS):
            path.unlink(missing_ok=True)


def _is_finished(out: Path, spec: RunSpec) -> bool:
    return (out / "runs" / spec.id / OUTCOME).is_file()


class _ToDo:
    """The runs of a plan that are still to be done, as those before them settle them."""

    def __init__(self, plan: Plan, splits: list[str], out: Path) -> None:
        self._plan, self._splits, self._out = plan, splits, out
        self._taken: set[str] = set()

    def settled(self) -> list[RunSpec]:
        """All runs that are settled by now, finished ones included."""
        return runs_to_do(self._plan, self._splits, self._valid)

    def take(self) -> list[RunSpec]:
        """Those that are neither finished nor taken before; to be called when all that were taken have ended."""
        runs = [spec for spec in self.settled() if spec.id not in self._taken and not _is_finished(self._out, spec)]
        self._taken |= {spec.id for spec in runs}
        return runs

    def _valid(self, spec: RunSpec) -> float | None:
        if not _is_finished(self._out, spec):
            return math.nan if spec.id in self._taken else None  # taken, ended, not finished: it failed
        value: float | None = read_json(self._out / "runs" / spec.id / OUTCOME)["valid"]
        return math.nan if value is None else value


def _jobs(asked: int | None, threads: int) -> int:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    most = max(1, cores // threads)
    if asked is not None and asked < 1:
        raise ConfigError(f"jobs: expected at least 1; got {asked}. Leave it out for as many as the cores allow.")
    return most if asked is None else min(asked, most)
