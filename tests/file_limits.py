"""A limit on the size of files, as the system sets one, and what of files lies in memory."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def limit_files(n_bytes: int) -> None:
    """Let no file of this process grow beyond some bytes from now on."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))


@contextmanager
def files_as_before() -> Iterator[None]:
    """Take back what the body limits.

    Never a fixture: the limit holds for what pytest prints too, which may go to a file.
    """
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def small_files(n_bytes: int) -> Iterator[None]:
    """Let no file grow beyond some bytes inside the body."""
    with files_as_before():
        limit_files(n_bytes)
        yield


def mapped_bytes() -> int:
    """Bytes of memory of this process that lie in files (Linux)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssFile"))
