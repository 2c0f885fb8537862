"""Runs in worker processes: each a fresh interpreter with its own threads, so one that dies takes one run along."""

import json
import os
import queue
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Protocol, cast

from rankkit.comparison.plan import RunSpec
from rankkit.errors import DiskError, TrainingError
from rankkit.files.atomic import write_text
from rankkit.files.disk import writing
from rankkit.registry import loaded_plugins

COMMAND = (sys.executable, "-m", "rankkit.comparison.runs.worker")
ATTEMPTS = 2
"""How often a run is tried whose worker dies. A run that ends with an error of its own is not tried again."""

_TICK = 1.0
_GRACE = 5.0


class Watcher(Protocol):
    """Is told how the runs of a pool go."""

    def started(self, spec: RunSpec, attempt: int) -> None:
        """A worker takes a run."""

    def progressed(self, spec: RunSpec, progress: dict[str, Any]) -> None:
        """A run is that far."""

    def finished(self, spec: RunSpec) -> None:
        """A run has left its outcome."""

    def failed(self, spec: RunSpec, error: str) -> None:
        """A run will not be finished."""

    def tick(self) -> None:
        """About once a second, and after each of the others."""


class Watchers:
    """Several watchers as one.

    Args:
        *watchers: Told in this order.
    """

    def __init__(self, *watchers: Watcher) -> None:
        self._watchers = watchers

    def started(self, spec: RunSpec, attempt: int) -> None:
        """A worker takes a run."""
        for watcher in self._watchers:
            watcher.started(spec, attempt)

    def progressed(self, spec: RunSpec, progress: dict[str, Any]) -> None:
        """A run is that far."""
        for watcher in self._watchers:
            watcher.progressed(spec, progress)

    def finished(self, spec: RunSpec) -> None:
        """A run has left its outcome."""
        for watcher in self._watchers:
            watcher.finished(spec)

    def failed(self, spec: RunSpec, error: str) -> None:
        """A run will not be finished."""
        for watcher in self._watchers:
            watcher.failed(spec, error)

    def tick(self) -> None:
        """About once a second, and after each of the others."""
        for watcher in self._watchers:
            watcher.tick()


class Worker:
    """One process and what it is at.

    Args:
        number: Names its log.
        place: Among those that work at the same time, from 0, and how many these are.
        out: Folder of the comparison.
        threads: Of a run.
        events: Where its lines go, with itself; None at their end.
        command: What to start.
    """

    def __init__(
        self,
        number: int,
        place: tuple[int, int],
        out: Path,
        threads: int,
        events: "queue.SimpleQueue[tuple[Worker, str | None]]",
        command: Sequence[str],
    ) -> None:
        self.spec: RunSpec | None = None
        self.split: str | None = None
        self.is_ready = False
        self.log = out / "logs" / f"worker-{number}.log"
        self.place, self._out = place, out
        with writing(self.log):
            self.log.parent.mkdir(parents=True, exist_ok=True)
            log = self.log.open("wb")
        with log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=_environment(threads),
                start_new_session=True,  # Ctrl-C is for the parent alone, which then ends its workers
            )
        self._reader = threading.Thread(target=self._read, args=(events,), daemon=True)
        self._reader.start()

    def _read(self, events: "queue.SimpleQueue[tuple[Worker, str | None]]") -> None:
        with cast(IO[bytes], self.process.stdout) as lines:
            for line in lines:
                events.put((self, line.decode()))
        events.put((self, None))

    def take(self, spec: RunSpec) -> None:
        """Give it a run."""
        self.spec, self.split = spec, spec.split
        order = {"spec": spec.to_dict(), "id": spec.id, "out": str(self._out), "place": self.place}
        order["plugins"] = loaded_plugins()
        # If it has just died, the end of its lines will say so.
        with suppress(BrokenPipeError):
            pipe = cast(IO[bytes], self.process.stdin)
            pipe.write(f"{json.dumps(order)}\n".encode())
            pipe.flush()

    def death(self) -> str:
        """How it ended, with the end of its log."""
        code = self.process.wait()
        self._close()
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        tail = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
        return f"the worker process ended with {how}" + (f":\n{tail}" if tail else "")

    def end(self) -> None:
        """Stop it, whatever it is at."""
        self.process.terminate()
        try:
            self.process.wait(_GRACE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._close()

    def _close(self) -> None:
        self._reader.join()
        with suppress(BrokenPipeError):
            cast(IO[bytes], self.process.stdin).close()


def run_all(
    specs: Sequence[RunSpec],
    out: Path,
    *,
    jobs: int,
    threads: int,
    watcher: Watcher,
    then: Callable[[], Sequence[RunSpec]] = tuple,
    command: Sequence[str] = COMMAND,
) -> None:
    """Do runs, ``jobs`` at a time; returns when each is finished or has failed.

    Args:
        specs: The runs.
        out: Folder of the comparison.
        jobs: Worker processes, at most.
        threads: Of a run.
        watcher: Is told how they go.
        then: Gives the runs that depend on what is done, whenever that is all; none: nothing is left.
        command: Starts a worker.

    Raises:
        TrainingError: If a worker dies before it can take a run.
        DiskError: If a run cannot be written.
    """
    pool = _Pool(out, jobs, threads, watcher, command)
    try:
        pool.add(specs)
        pool.finish()
        while further := then():
            pool.add(further)
            pool.finish()
    finally:
        pool.end()


class _Pool:
    def __init__(self, out: Path, jobs: int, threads: int, watcher: Watcher, command: Sequence[str]) -> None:
        self._waiting: deque[RunSpec] = deque()
        self._jobs = jobs
        self._attempts: dict[str, int] = {}
        self._out, self._threads, self._watcher, self._command = out, threads, watcher, command
        self._events: queue.SimpleQueue[tuple[Worker, str | None]] = queue.SimpleQueue()
        self._workers: list[Worker] = []
        self._n_started = 0

    def add(self, specs: Sequence[RunSpec]) -> None:
        """Give runs to the workers that have none, and start others if more are needed."""
        self._waiting.extend(specs)
        for worker in self._workers:
            if worker.is_ready and worker.spec is None:
                self._give_next(worker)
        for _ in range(min(self._jobs - len(self._workers), len(self._waiting))):
            self._start_worker()

    def _start_worker(self) -> None:
        self._n_started += 1
        free = min(set(range(self._jobs)) - {worker.place[0] for worker in self._workers})
        place = (free, self._jobs)
        self._workers.append(Worker(self._n_started, place, self._out, self._threads, self._events, self._command))

    def finish(self) -> None:
        """Go on until there is nothing left to do."""
        while self._waiting or any(worker.spec for worker in self._workers):
            self._step()

    def _step(self) -> None:
        """Wait for one thing to happen, and deal with it."""
        try:
            worker, line = self._events.get(timeout=_TICK)
        except queue.Empty:
            self._watcher.tick()
            return
        if line is None:
            self._bury(worker)
        else:
            self._hear(worker, json.loads(line))
        self._watcher.tick()

    def _hear(self, worker: Worker, message: dict[str, Any]) -> None:
        event, spec = message.pop("event"), worker.spec
        if event == "ready":
            worker.is_ready = True
        elif spec is not None and event == "progress":
            self._watcher.progressed(spec, message)
        elif event == "disk":
            raise DiskError(message["error"])
        elif spec is not None:
            worker.spec = None
            if event == "finished":
                self._watcher.finished(spec)
            else:
                self._watcher.failed(spec, message["error"])
        if worker.spec is None:
            self._give_next(worker)

    def _give_next(self, worker: Worker) -> None:
        """The first run on the data that the worker holds, else the first of all."""
        if not self._waiting:
            return
        spec = next((spec for spec in self._waiting if spec.split == worker.split), self._waiting[0])
        self._waiting.remove(spec)
        self._attempts[spec.id] = self._attempts.get(spec.id, 0) + 1
        self._watcher.started(spec, self._attempts[spec.id])
        worker.take(spec)

    def _bury(self, worker: Worker) -> None:
        self._workers.remove(worker)
        how = worker.death()
        if not worker.is_ready:
            raise TrainingError(f"compare: expected a worker process to start; {how}. Mend what its log says.")
        spec = worker.spec
        if spec is not None and self._attempts[spec.id] < ATTEMPTS:
            self._waiting.appendleft(spec)
        elif spec is not None:
            error = f"{how}, {ATTEMPTS} times"
            folder = self._out / "runs" / spec.id
            write_text(folder / "error.txt", error + "\n")
            self._watcher.failed(spec, error)
        if self._waiting:
            self._start_worker()

    def end(self) -> None:
        for worker in self._workers:
            worker.end()


def _environment(threads: int) -> dict[str, str]:
    """That of this process, with the threads of every numerical library set before it is loaded."""
    names = (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "VECLIB_MAXIMUM_THREADS",
    )
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return {**os.environ, **dict.fromkeys(names, str(threads)), "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}
