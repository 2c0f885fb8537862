"""read_bodies(): the whole life of a process that reads bodies; imports no more than that takes."""

import os
import pickle
import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rankkit.serving.bodies.asked import Asked

_TOO_MUCH = "body: expected one that can be read in {} MiB; got one that takes more. Send fewer documents at once."


def read_bodies(connection: Connection, memory_bytes: int) -> None:
    """Read the bodies that come, one after another, until the service is gone.

    Args:
        connection: Brings what a body is to be read as, and the body; takes
            ``(True, Asked)`` or ``(False, (status, message))``.
        memory_bytes: That a body may take while it is read, beyond what the process has.
    """
    for number in (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", signal.SIGINT)):
        signal.signal(number, signal.SIG_IGN)  # the service says when to end
    if hasattr(os, "nice"):
        os.nice(10)  # where processors are few, the event loop goes first, already before what is imported here
    from rankkit.serving.bodies.reading import read
    from rankkit.serving.refusal import RefusedError

    _bound_memory(memory_bytes)
    while True:
        try:
            how = pickle.loads(connection.recv_bytes())  # what the service itself has written
            body = connection.recv_bytes()
        except (EOFError, OSError):
            return
        try:
            answer: tuple[bool, Asked | tuple[int, str]] = (True, read(body, how))
        except RefusedError as error:
            answer = (False, (error.status, error.message))
        except MemoryError:
            answer = (False, (422, _TOO_MUCH.format(memory_bytes // 2**20)))
        del body
        connection.send(answer)


def _bound_memory(n_bytes: int) -> None:
    """A body that takes too much ends in a MemoryError here, not in a machine that is out of memory."""
    try:
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except (ImportError, OSError):  # not Linux: the limits of documents and bytes are all there is
        return
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + n_bytes
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_AS, (limit, hard))
