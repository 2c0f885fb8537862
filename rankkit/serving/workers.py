"""serve_with_workers(): several processes answer on one port; one that ends is replaced."""

import logging
import multiprocessing
import os
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from types import FrameType

from rankkit.errors import ConfigError, RankkitError
from rankkit.registry import load_plugin, loaded_plugins
from rankkit.serving.http.logs import on_stderr
from rankkit.serving.settings import Settings

log = logging.getLogger("rankkit.serving")
_COUNTS = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client adds up what several processes count
_PAUSE = 1.0  # seconds before one is replaced: what ends it at once would do so again at once
_PASSED_ON = frozenset(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


def serve_with_workers(
    serve_here: Callable[..., None],
    paths: Mapping[str, Path],
    settings: Settings,
    listening: socket.socket,
    ready: Callable[[], None],
) -> None:
    """Serve in ``settings.n_workers`` processes until SIGINT or SIGTERM; SIGHUP is passed on to each.

    Args:
        serve_here: What each process does: :func:`rankkit.serving.server.serve_here`.
        paths: The rankers, as :func:`rankkit.serving.server.serve` takes them.
        settings: Of each process.
        listening: Where all of them listen; closed when they have ended.
        ready: Called when all of them answer.

    Raises:
        ConfigError: If one of them cannot begin; the message says why.
    """
    with tempfile.TemporaryDirectory(prefix="rankkit-serve-") as counts:
        os.environ[_COUNTS] = counts
        workers = _Workers(serve_here, paths, settings, listening)
        try:
            with workers.told_by_signals():
                workers.begin(settings.n_workers)
                ready()
                workers.watch()
        finally:
            workers.end()
            del os.environ[_COUNTS]


@dataclass(eq=False)
class _Worker:
    process: SpawnProcess
    line: Connection  # brings None once it answers, or why it cannot; when this side closes, it ends


@dataclass(eq=False)
class _Workers:
    serve_here: Callable[..., None]
    paths: Mapping[str, Path]
    settings: Settings
    listening: socket.socket
    running: list[_Worker] = field(default_factory=list)
    is_stopping: bool = False

    def begin(self, number: int) -> None:
        self.running = [self._start() for _ in range(number)]
        for worker in self.running:
            try:
                why = worker.line.recv()
            except EOFError:
                why = "serve: expected a process that answers; it ended. See what it wrote above."
            if why is not None and not self.is_stopping:
                raise ConfigError(why)

    def watch(self) -> None:
        """Replace those that end, until all are to end and have."""
        while self.running:
            wait([worker.process.sentinel for worker in self.running], timeout=1.0)
            for worker in [worker for worker in self.running if not worker.process.is_alive()]:
                self.running.remove(worker)
                self._forget(worker)
                if not self.is_stopping:
                    log.warning(
                        "worker %s ended with code %s; another one is started",
                        worker.process.pid,
                        worker.process.exitcode,
                    )
                    time.sleep(_PAUSE)
                    if not self.is_stopping:
                        self.running.append(self._start())

    def end(self) -> None:
        for worker in self.running:
            worker.process.kill()
            worker.process.join()
            self._forget(worker)
        self.running = []

    @contextmanager
    def told_by_signals(self) -> Iterator[None]:
        """Pass signals on; those that come after the end find nothing left to stop."""
        before = {number: signal.signal(number, self._pass_on) for number in _PASSED_ON}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, signal.SIG_IGN if self.is_stopping else handler)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        if number != getattr(signal, "SIGHUP", None):
            self.is_stopping = True
        for worker in self.running:
            if worker.process.is_alive() and worker.process.pid is not None:
                os.kill(worker.process.pid, number)

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(
            target=_work, args=(self.serve_here, self.paths, self.settings, self.listening, there, loaded_plugins())
        )
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)  # inherited, until it can take them
        try:
            process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        there.close()
        return _Worker(process, here)

    def _forget(self, worker: _Worker) -> None:
        from prometheus_client.multiprocess import mark_process_dead

        worker.line.close()
        mark_process_dead(worker.process.pid)


def _work(
    serve_here: Callable[..., None],
    paths: Mapping[str, Path],
    settings: Settings,
    listening: socket.socket,
    line: Connection,
    plugins: list[str],
) -> None:
    """The whole life of a worker, with the plugins of the first process."""
    os.setpgrp()  # Ctrl-C of the terminal is for the first process, which passes it on

    def answers() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
        line.send(None)
        threading.Thread(target=_end_with, args=(line,), daemon=True).start()

    try:
        for package in plugins:
            load_plugin(package)
        with on_stderr():
            serve_here(paths, settings, listening, None, answers)
    except RankkitError as error:
        line.send(str(error))
        sys.exit(2)


def _end_with(line: Connection) -> None:
    """End in good order when the first process is gone, however it went."""
    try:
        line.recv()
    except (EOFError, OSError):
        os.kill(os.getpid(), signal.SIGTERM)
