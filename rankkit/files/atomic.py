"""Files and folders that are there whole or not at all, whenever the process ends and whoever else writes.

What is written goes beside its place under the name ``.NAME.PID-XXXX.partial``, other for each process, thread and
writer, is flushed to the disk and then renamed. A killed process leaves it behind; the next writer in the same folder
on the same machine removes it. XXXX says on which machine, in which container and when the process began: what is of
another machine, or of a process that still runs, is left alone, and a process that merely has the number of the dead
one is told from it.
"""

import contextlib
import ctypes
import errno
import functools
import hashlib
import os
import re
import shutil
import socket
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from rankkit.files.disk import OUTPUT, disk_error, writing
from rankkit.files.places import STDOUT, check_place, descriptor_of, is_special

# Of a process: its number, eight digits for the machine, eight for its start, eight of its own for each writer.
_PARTIAL = re.compile(
    r"\.(?P<name>.+)\.(?P<pid>\d+)-(?P<machine>[0-9a-f]{8})(?P<start>[0-9a-f]{8})[0-9a-f]{8}\.(?P<kind>partial|replaced)"
)
_LONGEST_NAME = 200  # bytes of a name that a temporary one takes over: file systems allow 255 in all
_EXCHANGE = 2  # RENAME_EXCHANGE of Linux
_NO_START = "0" * 8  # where the system does not tell when a process began
_ours: set[str] = set()  # temporary names that this process is writing: its number may be that of one that was killed


@contextlib.contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """A temporary file name, whose file takes the place of ``path`` once the block has ended without an error.

    A link stays, and the file that it leads to is replaced. What is no plain file (``-`` and ``/dev/stdout``, a FIFO, a
    device) gets the bytes and is never renamed over.

    Args:
        path: Where to write. Its folder is made if it is missing.

    Raises:
        DiskError: If the file cannot be written; what was there before is there still.
    """
    place = Path(path)
    if is_special(place):
        with temporary_folder() as folder:
            temporary = folder / "written"
            with writing(temporary, at=temporary):
                yield temporary
            _pour(temporary, place)
        return
    check_place(place)
    place = place.resolve() if place.is_symlink() else place
    kept = "The file that was there is unchanged." if place.exists() else ""
    with writing(path, kept):
        place.parent.mkdir(parents=True, exist_ok=True)
    with beside(place) as temporary, writing(path, kept, at=temporary):
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(place, temporary)
        temporary.replace(place)
        flush_folder(place.parent)


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """A folder among the temporary files of the system, for a while.

    Raises:
        DiskError: If there is no room for one.
    """
    with writing("the temporary folder (TMPDIR)"):
        around = Path(tempfile.gettempdir())
    with beside(around / "rankkit") as folder:
        with writing(folder):
            folder.mkdir(mode=0o700)
        yield folder


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

    What killed processes left in the same folder is removed first.

    Args:
        path: In a folder that is there.
    """
    name = os.fsencode(path.name)[:_LONGEST_NAME].decode(errors="ignore")
    sweep(path.parent)
    us = f"{os.getpid()}-{_machine()}{_start_of(os.getpid()) or _NO_START}"
    temporary = path.with_name(f".{name}.{us}{uuid.uuid4().hex[:8]}.partial")
    _ours.add(temporary.name)
    try:
        yield temporary
    finally:
        _remove(temporary)
        _ours.discard(temporary.name)


def put_folder(written: Path, place: Path) -> None:
    """Rename a folder into its place, in exchange for one that is there: ``written`` then names that one.

    Where the system cannot exchange two names, the one that is there is moved aside first, to a name ending in
    ``.replaced``, and removed last; a process that is killed in between leaves it to :func:`sweep` to bring it back.

    Raises:
        OSError: If it cannot be moved; what was there before is there again.
    """
    if not place.exists():
        written.rename(place)
        return
    if _exchanged(written, place):
        return
    old = written.with_suffix(".replaced")
    _ours.add(old.name)
    try:
        place.rename(old)
        try:
            written.rename(place)
        except BaseException:
            old.rename(place)
            raise
        _remove(old)
    finally:
        _ours.discard(old.name)


def sweep(folder: Path) -> None:
    """Remove what processes that are gone left behind; they are known by their number and their start, here alone.

    A folder that was moved aside for another that never came is moved back.

    Args:
        folder: Where to look.
    """
    if os.name != "posix":  # elsewhere asking for a process can end it
        return
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            found = _PARTIAL.fullmatch(entry.name)
            if found is None or found["machine"] != _machine() or _is_writing(entry.name, found):
                continue
            place = Path(entry.path).with_name(found["name"])
            if found["kind"] == "replaced" and not place.exists():
                with contextlib.suppress(OSError):
                    Path(entry.path).rename(place)
            else:
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


@functools.cache
def _boot() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text()
    return ""


def _start_of(pid: int) -> str | None:
    """Eight digits for when a process began, none for one that has ended; None where it cannot be looked at."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        if fields[0] in (b"Z", b"X"):  # killed, and its parent has not asked yet
            return ""
        began = _boot() + fields[19].decode()
    except (OSError, IndexError):
        return None if Path("/proc/self/stat").exists() else _NO_START
    return hashlib.sha256(began.encode()).hexdigest()[:8]


def _is_writing(name: str, found: re.Match[str]) -> bool:
    """Whether the process that made a temporary name still runs, or may do so."""
    pid = int(found["pid"])
    if pid == os.getpid():
        return name in _ours
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:  # it is another user's
        pass
    return _start_of(pid) in (found["start"], None) or found["start"] == _NO_START


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with contextlib.suppress(OSError):
        path.unlink()


def _pour(source: Path, place: Path) -> None:
    """Copy the bytes of a file into one that cannot be replaced, behind what was printed before."""
    descriptor = descriptor_of(place)
    with contextlib.ExitStack() as opened:
        file = opened.enter_context(source.open("rb"))
        opened.enter_context(writing(OUTPUT if place == STDOUT else place))
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        target: BinaryIO
        if place == STDOUT:
            if sys.__stdout__ is None:  # it was closed before the process began
                raise disk_error(OUTPUT, errno.EBADF)
            target = sys.stdout.buffer
        elif descriptor is not None:
            target = opened.enter_context(os.fdopen(os.dup(descriptor), "wb"))
        else:
            target = opened.enter_context(place.open("wb"))
        shutil.copyfileobj(file, target)
        target.flush()
