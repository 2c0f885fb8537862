"""Readers: bodies are read beside the event loop, large ones in processes of their own."""

import asyncio
import multiprocessing
import pickle
import queue
import signal
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, cast

from rankkit.serving.bodies.asked import Asked
from rankkit.serving.bodies.reader_process import read_bodies
from rankkit.serving.bodies.reading import How, begins_with_numbers, read, read_each_kind_once
from rankkit.serving.refusal import RefusedError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from multiprocessing.context import SpawnProcess

SMALL = 2**15  # bytes that are read in less time than it takes to send them to a process
SMALL_NUMBERS = 2**18  # the same of arrays of numbers, which take about a millisecond
_SECONDS = 30.0
_SIGNALS = frozenset(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Readers:
    """Reads bodies so that the event loop stays free.

    A parser holds Python's lock for as long as it works, a tenth of a second for 8 MiB. So large bodies are read in
    processes, which are started when the first one comes, and again when one of them has ended.

    Args:
        n_processes: How many.
        memory_bytes: That a large body may take while it is read.
    """

    def __init__(self, n_processes: int, *, memory_bytes: int = 2**30) -> None:
        read_each_kind_once()
        self._threads = ThreadPoolExecutor(n_processes, "rankkit-reader", _leave_signals_to_the_main_thread)
        self._free: queue.SimpleQueue[_Reader] = queue.SimpleQueue()
        self._all = [_Reader(memory_bytes) for _ in range(n_processes)]
        for reader in self._all:
            self._free.put(reader)

    async def read(self, body: bytes | bytearray, how: How) -> Asked:
        """What a body asks.

        Raises:
            RefusedError: With 422 and the first thing that is wrong; with 503 if the process that read it has ended.
        """
        if how.is_plain and len(body) <= (SMALL_NUMBERS if begins_with_numbers(body) else SMALL):
            return read(body, how)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._read, body, how)

    def stop(self) -> None:
        """End the processes; nothing is to be read any more."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        for reader in self._all:
            reader.stop()

    def _read(self, body: bytes | bytearray, how: How) -> Asked:
        reader = self._free.get()  # there are as many as threads
        try:
            return reader.read(body, how)
        finally:
            self._free.put(reader)


class _Reader:
    """One process, used by one thread at a time."""

    def __init__(self, memory_bytes: int) -> None:
        self._memory_bytes = memory_bytes
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None

    def read(self, body: bytes | bytearray, how: How) -> Asked:
        connection = self._connection or self._start()
        try:
            connection.send_bytes(pickle.dumps(how))
            connection.send_bytes(body)
            if not connection.poll(_SECONDS):
                raise TimeoutError
            was_read, result = connection.recv()
        except (EOFError, OSError):
            self.stop()
            text = "body: the process that read it has ended. Send the request again, or fewer documents at once."
            raise RefusedError(503, text, retry_after=1) from None
        if not was_read:
            raise RefusedError(*result)
        return cast(Asked, result)

    def stop(self) -> None:
        if self._process is not None and self._connection is not None:
            self._connection.close()
            self._process.kill()  # it keeps nothing, and may be what does not end
            self._process.join()
        self._process = self._connection = None

    def _start(self) -> "Connection":
        context = multiprocessing.get_context("spawn")  # forked, it would have the memory and the files of the service
        self._connection, there = context.Pipe()
        self._process = context.Process(
            target=read_bodies, args=(there, self._memory_bytes), name="rankkit-reader", daemon=True
        )
        self._process.start()
        there.close()  # so that either side sees when the other one is gone
        return self._connection


def _leave_signals_to_the_main_thread() -> None:
    """A process that is started from here inherits it: Ctrl-C, which reaches both, is for the service alone."""
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
