"""Processes that the tests of the cache start: to build at the same time, in little memory, or until they are killed.

Run as ``python cache_builders.py COMMAND PATH [TARGET]``.
"""

import os
import resource
import sys
import time
from pathlib import Path

from rankkit.loaders.cache import folder as cache_folder
from rankkit.loaders.files import convert, read
from rankkit.loaders.letor.reading import read_letor

MEGABYTE = 2**20


def say(what: object) -> None:
    """To the test."""
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def build(path: Path) -> None:
    """Wait for the file "go", so that several processes begin together, then read with a cache."""
    while not path.with_name("go").exists():
        time.sleep(0.001)
    say(read(path, cache=True).fingerprint)


def hang(path: Path) -> None:
    """Stop in the middle of the features, say so, and wait to be killed."""
    append = cache_folder.RowFile.append

    def append_and_wait(self, rows):
        append(self, rows[: len(rows) // 2])
        say("writing")
        time.sleep(600)

    cache_folder.RowFile.append = append_and_wait
    read(path, cache=True)


def data_size() -> int:
    """Bytes of memory that are this process's own."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))


def squeeze(path: Path, target: Path, room: str) -> None:
    """Convert with so many bytes more than the process has taken for itself, or with so many in all."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    small = path.with_name("small.txt")
    small.write_text("1 qid:1 1:0.5 2:1\n")
    convert(small, small.with_name("small.rkcache"))
    limit = data_size() + int(room[1:]) if room.startswith("+") else int(room)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    try:
        read_letor(path)
    except MemoryError:
        say("does not fit")
    say(convert(path, target).n_docs)


if __name__ == "__main__":
    {"build": build, "hang": hang, "squeeze": squeeze}[sys.argv[1]](
        *map(Path, sys.argv[2:4]),
        *sys.argv[4:],  # type: ignore[arg-type]
    )
