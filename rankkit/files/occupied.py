"""One run at a time in a folder: of two that would write into the same one, the second is refused at once."""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

from rankkit.errors import ConfigError, DiskError
from rankkit.files.atomic import sweep
from rankkit.files.disk import writing
from rankkit.files.places import check_place

_LOCK = ".lock"
_guard = threading.Lock()
_at_work: dict[Path, tuple[int, int]] = {}  # folder: process and thread


@contextlib.contextmanager
def alone_at_work_in(folder: Path, action: str) -> Iterator[None]:
    """Keep other processes and threads that enter this block with the same folder out of it.

    A thread may enter it again. The lock goes with the process, however that ends. Where the file system has no locks,
    only threads of this process are kept out. Folders that were not there before and are still empty in the end go.

    Args:
        folder: Made if it is missing.
        action: What to do where another is at work, for the message.

    Raises:
        ConfigError: If another is at work in the folder.
        DiskError: If it cannot be written to.
    """
    check_place(folder, "folder")
    busy = f"{folder}: expected no other process at work in it; there is one. {action}"
    place, worker = folder.resolve(), (os.getpid(), threading.get_ident())
    with _guard:
        found = _at_work.get(place)
        if found is not None and found != worker and found[0] == worker[0]:
            raise ConfigError(busy)
        _at_work[place] = worker
    if found == worker:
        yield
        return
    try:
        made = [around for around in (place, *place.parents) if not around.exists()]
        try:
            with writing(folder):
                place.mkdir(parents=True, exist_ok=True)
                lock = _lock(place / _LOCK)
        except BlockingIOError:
            raise ConfigError(busy) from None
        except DiskError:
            _remove_empty(made)
            raise
        try:
            sweep(place)
            yield
        finally:
            with contextlib.suppress(OSError):
                (place / _LOCK).unlink()  # while it is still locked, so that it is ours
            _remove_empty(made)
            os.close(lock)
    finally:
        _at_work.pop(place, None)


def _remove_empty(folders: list[Path]) -> None:
    """Remove folders from the innermost on, up to one that holds something."""
    with contextlib.suppress(OSError):
        for folder in folders:
            folder.rmdir()


def _lock(path: Path) -> int:
    """The descriptor of the locked file at this path.

    Raises:
        BlockingIOError: If it is locked.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if not _locked(descriptor) or _is_at(path, descriptor):
                return descriptor
        except BlockingIOError:
            os.close(descriptor)
            raise
        os.close(descriptor)  # whoever held it before has removed it since it was opened


def _locked(descriptor: int) -> bool:
    """Lock a file; False where that cannot be done at all."""
    try:
        import fcntl
    except ImportError:  # Windows
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False
    return True


def _is_at(path: Path, descriptor: int) -> bool:
    with contextlib.suppress(FileNotFoundError):
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    return False
