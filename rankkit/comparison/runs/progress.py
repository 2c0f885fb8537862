"""How a comparison goes: a live table where a person watches, a line a run elsewhere."""

import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TextIO

from rankkit.comparison.plan import Plan, RunSpec
from rankkit.comparison.results.outcomes import OUTCOME
from rankkit.files.records import read_json

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table


class Board:
    """Watches a pool.

    Args:
        plan: The comparison.
        out: Its folder.
        n_runs: How many runs it has in all.
        jobs: How many go at a time.
        before: Ids of the runs that were finished before.
        shown: False to stay silent.
        stream: Where to show; stderr, so that the tables alone go to the standard output.
    """

    def __init__(
        self,
        plan: Plan,
        out: Path,
        n_runs: int,
        jobs: int,
        before: Mapping[str, RunSpec],
        *,
        shown: bool = True,
        stream: TextIO | None = None,
    ) -> None:
        self._plan, self._out, self._n_runs, self._jobs = plan, out, n_runs, jobs
        self._stream = stream or sys.stderr
        self._shown = shown
        self.n_done, self.n_failed = len(before), 0
        self._start, self._n_before = time.monotonic(), len(before)
        self._rows = {system.name: _Row() for system in plan.systems}
        self._started: dict[str, float] = {}
        for run, spec in before.items():
            self._rows[spec.system.name].finish(self._value(run))
        self._live = self._open() if shown and self._stream.isatty() else None

    def _open(self) -> "Live":
        from rich.console import Console
        from rich.live import Live

        return Live(self._table(), console=Console(file=self._stream), refresh_per_second=2, transient=True)

    def __enter__(self) -> "Board":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def started(self, spec: RunSpec, attempt: int) -> None:
        """A worker takes a run."""
        self._started[spec.id] = time.monotonic()
        self._rows[spec.system.name].running[spec.id] = "starting" if attempt == 1 else "starting again"
        if attempt > 1:
            self._say(f"{_describe(spec)}: its worker died, started again")

    def progressed(self, spec: RunSpec, progress: dict[str, Any]) -> None:
        """A run is that far."""
        row = self._rows[spec.system.name]
        of = f"/{progress['of']}" if progress.get("of") else ""
        row.running[spec.id] = f"step {progress['step']}{of}"
        row.latest = progress.get("valid") or row.latest

    def finished(self, spec: RunSpec) -> None:
        """A run has left its outcome."""
        value = self._value(spec.id)
        self._rows[spec.system.name].finish(value, spec.id)
        self.n_done += 1
        shown = "-" if value is None else f"{value:.4f}"
        seconds = time.monotonic() - self._started[spec.id]
        self._say(
            f"[{self.n_done + self.n_failed}/{self._n_runs}] {_describe(spec)}: valid {self._plan.metric} {shown}, "
            f"{seconds:.0f} s; {self._left()}"
        )

    def failed(self, spec: RunSpec, error: str) -> None:
        """A run will not be finished."""
        row = self._rows[spec.system.name]
        row.running.pop(spec.id, None)
        row.n_failed += 1
        self.n_failed += 1
        self._say(f"[{self.n_done + self.n_failed}/{self._n_runs}] {_describe(spec)}: failed: {error}")

    def tick(self) -> None:
        """Draw the table anew."""
        if self._live is not None:
            self._live.update(self._table())

    def _value(self, run: str) -> float | None:
        value: float | None = read_json(self._out / "runs" / run / OUTCOME)["valid"]
        return value

    def _say(self, line: str) -> None:
        if self._live is not None:
            if "failed" in line or "died" in line:
                self._live.console.print(line, markup=False, highlight=False)
        elif self._shown:
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def _left(self) -> str:
        """The time that the rest would take at the pace so far."""
        ran = self.n_done - self._n_before + self.n_failed
        left = self._n_runs - self.n_done - self.n_failed
        if not left:
            return "all done"
        if not ran:
            return f"{left} runs left"
        return f"{_duration((time.monotonic() - self._start) / ran * left)} left"

    def _table(self) -> "Table":
        from rich.table import Table

        done = f"{self.n_done} of {self._n_runs} runs" + (f", {self.n_failed} failed" if self.n_failed else "")
        table = Table(caption=f"{done}, {self._jobs} at a time; {self._left()}", caption_justify="left")
        for name in ("system", "runs", "state", f"valid {self._plan.metric}"):
            table.add_column(name, justify="left" if name in ("system", "state") else "right")
        for name, row in self._rows.items():
            table.add_row(name, str(row.n_done), row.state, row.metric)
        return table


class _Row:
    """One system on the board."""

    def __init__(self) -> None:
        self.n_done = self.n_failed = 0
        self.running: dict[str, str] = {}
        self.latest: float | None = None
        self._values: list[float] = []

    def finish(self, value: float | None, run: str | None = None) -> None:
        self.n_done += 1
        if run is not None:
            self.running.pop(run, None)
        if value is not None:
            self._values.append(value)

    @property
    def state(self) -> str:
        states: Sequence[str] = list(self.running.values())
        failed = f"{self.n_failed} failed" if self.n_failed else ""
        return ", ".join([*states, *([failed] if failed else [])]) or ("" if self.n_done else "waiting")

    @property
    def metric(self) -> str:
        """The mean of the finished runs, or where there is none the best value so far."""
        if self._values:
            return f"{sum(self._values) / len(self._values):.4f}"
        return "" if self.latest is None else f"({self.latest:.4f})"


def _describe(spec: RunSpec) -> str:
    trial = f", trial {spec.trial}" if spec.trial else ""
    return f"{spec.system.name}, {spec.split}, seed {spec.seed}{trial}"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
