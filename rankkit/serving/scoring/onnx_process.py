"""OnnxWriter: a scorer as an ONNX file, written by a process beside the service.

Tracing takes seconds in which Python's lock is held, and hundreds of megabytes: neither is for a process that serves.
"""

import multiprocessing
import os
import pickle
import signal
import threading
from contextlib import suppress
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rankkit.errors import ExportError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

_SECONDS = 300.0  # at the lowest priority, on a machine that is busy
_SIGNALS = frozenset(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class StoppedError(Exception):
    """The service ends before the file is written."""


class OnnxWriter:
    """Writes scorers as ONNX, one at a time, until it is stopped."""

    def __init__(self) -> None:
        self._process: SpawnProcess | None = None
        self._is_stopped = False
        self._changing = threading.Lock()

    def write(self, scorer: Any, path: Path) -> None:
        """Write an ONNX file.

        Raises:
            ExportError: If the scorer has no such form, or the process that writes it ends.
            StoppedError: If :meth:`stop` was called, before or meanwhile.
        """
        process, line = self._start(pickle.dumps(scorer), path)
        try:
            if not line.poll(_SECONDS):
                raise ExportError(f"onnx: expected a file within {_SECONDS:g} seconds; got none. Use another engine.")
            trouble = line.recv()
        except (EOFError, OSError):
            if self._is_stopped:
                raise StoppedError from None
            process.join()
            raise ExportError(
                f"onnx: expected a process that writes the file; it ended with code {process.exitcode}. "
                "Use another engine."
            ) from None
        finally:
            line.close()
            self._end()
        if trouble is not None:
            raise ExportError(trouble)

    def stop(self) -> None:
        """End the process, if there is one; no other one is started."""
        self._is_stopped = True
        with self._changing:
            if self._process is not None:
                self._process.kill()  # whoever waits for it sees that

    def _start(self, scorer: bytes, path: Path) -> "tuple[SpawnProcess, Connection]":
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe(duplex=False)
        process = context.Process(target=write_and_tell, args=(scorer, path, there), name="rankkit-onnx", daemon=True)
        with self._changing:
            if self._is_stopped:
                raise StoppedError
            has_masks = hasattr(signal, "pthread_sigmask")
            if has_masks:
                resource_tracker.ensure_running()  # its start, within that of the process, would unblock them
            # Inherited for good: Ctrl-C, which reaches both, is for the service alone.
            before = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS) if has_masks else None
            try:
                process.start()
            finally:
                if before is not None:
                    signal.pthread_sigmask(signal.SIG_SETMASK, before)
            self._process = process
        there.close()  # so that this side sees when the other one is gone
        return process, here

    def _end(self) -> None:
        with self._changing:
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.join()


def write_and_tell(scorer: bytes, path: Path, line: "Connection") -> None:
    """The whole life of the process; sends None, or what went wrong."""
    if hasattr(os, "nice"):
        os.nice(10)  # requests go first, already before what is imported here
    if "fork" in multiprocessing.get_all_start_methods():
        # So that locks of the libraries have no name, which would be left behind when this process is killed.
        multiprocessing.set_start_method("fork", force=True)
    import torch

    from rankkit.errors import RankkitError
    from rankkit.export.runtimes.onnx_file import write_onnx

    torch.set_num_threads(1)
    trouble = None
    try:
        write_onnx(pickle.loads(scorer), path)  # what the service itself has written
    except (RankkitError, OSError) as error:
        trouble = str(error)
    except Exception as error:  # torch's exporters fail in ways of their own
        reason = next(iter(str(error).strip().splitlines()), "")[:200]
        trouble = (
            f"onnx: expected a scorer that torch can trace; got {type(error).__name__}: {reason}. Use another engine."
        )
    with suppress(BrokenPipeError):  # the service was killed meanwhile: nobody waits
        line.send(trouble)
