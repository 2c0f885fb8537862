"""Files and folders that are there whole or not at all, whenever the process ends and whoever else writes.

What is written goes beside its place under the name ``.NAME.PID-XXXX.partial``, other for each process, thread and
writer, is flushed to the disk and then renamed. A killed process leaves it behind; the next writer of the same name on
the same machine removes it.
"""

import contextlib
import ctypes
import functools
import hashlib
import os
import re
import shutil
import socket
import stat
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_PARTIAL = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)-(?P<machine>[0-9a-f]{8})[0-9a-f]{8}\.partial")
_LONGEST_NAME = 200  # bytes of a name that a temporary one takes over: file systems allow 255 in all
_STDOUT = Path("-")
_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|\d+))/fd/(\d+)")
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux
_ours: set[str] = set()  # temporary names that this process is writing: its number may be that of one that was killed


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file name, whose file takes the place of ``path`` once the block has ended without an error.

    A link stays, and the file that it leads to is replaced. What is no plain file (``-`` and ``/dev/stdout``, a FIFO, a
    device) gets the bytes and is never renamed over.

    Args:
        path: Where to write. Its folder is made if it is missing.

    Raises:
        OSError: If the file cannot be written; what was there before is there still.
    """
    place = Path(path)
    if _is_special(place):
        with tempfile.TemporaryDirectory() as folder:
            temporary = Path(folder) / "written"
            yield temporary
            _pour(temporary, place)
        return
    place = place.resolve() if place.is_symlink() else place
    place.parent.mkdir(parents=True, exist_ok=True)
    with beside(place) as temporary:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(place, temporary)
        temporary.replace(place)
        flush_folder(place.parent)


def write_bytes(path: str | os.PathLike[str], content: bytes) -> None:
    """Write a file as :func:`replacing` does."""
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write a file in UTF-8 as :func:`replacing` does; line ends stay as they are."""
    write_bytes(path, text.encode())


@contextlib.contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A free name beside ``path``, for a file or a folder that goes there; what bears it is removed in the end.

    What killed processes left for the same place is removed first.

    Args:
        path: In a folder that is there.
    """
    name = os.fsencode(path.name)[:_LONGEST_NAME].decode(errors="ignore")
    sweep(path.parent, re.compile(re.escape(name)))
    temporary = path.with_name(f".{name}.{os.getpid()}-{_machine()}{uuid.uuid4().hex[:8]}.partial")
    _ours.add(temporary.name)
    try:
        yield temporary
    finally:
        _remove(temporary)
        _ours.discard(temporary.name)


def put_folder(written: Path, place: Path) -> None:
    """Rename a folder into its place, in exchange for one that is there: ``written`` then names that one.

    Where the system cannot exchange two names, the one that is there is moved aside first, to a name ending in
    ``.replaced``, and removed last.

    Raises:
        OSError: If it cannot be moved; what was there before is there again.
    """
    if not place.exists():
        written.rename(place)
        return
    if _exchanged(written, place):
        return
    old = written.with_suffix(".replaced")
    place.rename(old)
    try:
        written.rename(place)
    except BaseException:
        old.rename(place)
        raise
    _remove(old)


def sweep(folder: Path, names: re.Pattern[str]) -> None:
    """Remove what processes that are gone left behind; they are known by their number, on this machine alone.

    Args:
        folder: Where to look.
        names: What the files and folders were to be called.
    """
    if os.name != "posix":  # elsewhere asking for a process can end it
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _PARTIAL.fullmatch(entry.name)
            if found is None or found["machine"] != _machine() or not names.fullmatch(found["name"]):
                continue
            if not _is_alive(entry.name, int(found["pid"])):
                _remove(Path(entry.path))


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Wait until no other process or thread is in this block with the same folder.

    The lock goes with the process, however that ends. Systems that cannot lock a folder do without.
    """
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # of file systems without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def flush_folder(folder: Path) -> None:
    """Make new names in a folder last through a power cut; systems that cannot open a folder do without."""
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _exchanged(one: Path, other: Path) -> bool:
    """Let two names change places in one step, if the system can: Linux does, on most file systems."""
    if sys.platform != "linux":
        return False
    renameat2 = getattr(ctypes.CDLL(None), "renameat2", None)
    if renameat2 is None:
        return False
    names = [os.fsencode(path.absolute()) for path in (one, other)]  # absolute, so that no folder need be named
    return bool(renameat2(-1, names[0], -1, names[1], _EXCHANGE) == 0)


@functools.cache
def _machine() -> str:
    """Eight digits for the machine and, in a container, the container: elsewhere a number is of another process."""
    about = socket.gethostname()
    with contextlib.suppress(OSError):
        about += str(Path("/proc/self/ns/pid").readlink())
    return hashlib.sha256(about.encode()).hexdigest()[:8]


def _is_alive(name: str, pid: int) -> bool:
    if pid == os.getpid():
        return name in _ours
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        return True
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        path.unlink()


def _descriptor(path: Path) -> int | None:
    """The number of the open file that a name stands for: opening it anew would begin at its first byte."""
    name = path.as_posix()
    found = _DESCRIPTOR.fullmatch(name)
    return int(found[1]) if found else _STREAMS.get(name)


def _is_special(path: Path) -> bool:
    if path == _STDOUT or _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def _pour(source: Path, place: Path) -> None:
    """Copy the bytes of a file into one that cannot be replaced, behind what was printed before."""
    descriptor = _descriptor(place)
    sys.stdout.flush()
    sys.stderr.flush()
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(source.open("rb"))
        target: BinaryIO
        if place == _STDOUT:
            target = sys.stdout.buffer
        elif descriptor is not None:
            target = opened.enter_context(os.fdopen(os.dup(descriptor), "wb"))
        else:
            target = opened.enter_context(place.open("wb"))
        shutil.copyfileobj(file, target)
        target.flush()
