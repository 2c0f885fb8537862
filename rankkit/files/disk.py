"""One error for all that cannot be written: what, why, how much room there is, what is safe, how to go on.

Whatever writes does so in a block of :func:`writing`, which those of :mod:`rankkit.files.atomic` are. Whoever knows
what is safe besides, such as the last checkpoint, says so in a block of :func:`keeping`.
"""

import errno
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rankkit.errors import DiskError, RankkitError

OUTPUT = "standard output"
_ELSEWHERE = "Name another place."
_ROOM = "Make room, or name another place."
_NAME = "Choose a shorter one."
# What the system says, what that is called in a message, and what to do.
_REASONS: dict[int, tuple[str, str]] = {
    errno.ENOSPC: ("a full disk", _ROOM),
    errno.EDQUOT: ("a quota that is used up", _ROOM),
    errno.EFBIG: ("a limit on the size of files", "Raise it (ulimit -f), or name another place."),
    errno.EIO: ("an error of the device", "Check the disk, or name another place."),
    errno.EROFS: ("a disk that can only be read", _ELSEWHERE),
    errno.EACCES: ("no permission to write there", _ELSEWHERE),
    errno.EPERM: ("no permission to write there", _ELSEWHERE),
    errno.ENAMETOOLONG: ("a name that is too long", _NAME),
    errno.EILSEQ: ("a name that the system cannot hold", "Choose another."),
    errno.ENOTDIR: ("a file where a folder has to be", _ELSEWHERE),
    errno.EISDIR: ("a folder in its place", "Choose another name."),
    errno.EEXIST: ("something else in its place", "Choose another name."),
    errno.ENOTEMPTY: ("something else in its place", "Choose another name."),
    errno.ENOENT: ("a folder that is not there, or a link that leads nowhere", _ELSEWHERE),
    errno.EPIPE: ("a reader that is gone", "Keep it open."),
    errno.EBADF: ("a stream that is closed", "Open it, or name a file."),
}
_OF_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
# Libraries hide these behind errors of their own.
_HIDDEN = (*_OF_ROOM, errno.EROFS, errno.EPIPE)
_SAMPLE = 2**16  # bytes that a file has to take for its disk not to be full


def disk_error(path: str | os.PathLike[str], code: int, kept: str = "") -> DiskError:
    """The error for what cannot be written.

    Args:
        path: What.
        code: Of the system, such as ``errno.ENOSPC``.
        kept: What is safe, as a sentence.

    >>> print(disk_error("runs/a", errno.ENOTDIR))
    runs/a: expected to write it; got a file where a folder has to be. Name another place.
    """
    reason, action = _REASONS.get(code, (os.strerror(code), _ELSEWHERE))
    if code in _OF_ROOM and path != OUTPUT:
        reason += _room_at(Path(path))
    return DiskError(f"{path}: expected to write it; got {reason}.", kept=kept, action=action, errno=code)


@contextmanager
def writing(path: str | os.PathLike[str], kept: str = "", *, at: Path | None = None) -> Iterator[None]:
    """Turn what goes wrong with the disk in the block into a :class:`rankkit.errors.DiskError`; let all else pass.

    Args:
        path: What is written, as the user named it.
        kept: What is safe if that fails, as a sentence.
        at: The file, or the folder of files, to which the bytes go. Where a library does not say what failed, it is
            asked whether it takes any more.

    Raises:
        DiskError: If something cannot be written.
    """
    try:
        yield
    except (RankkitError, BlockingIOError):  # the latter is of a lock
        raise
    except Exception as error:
        code = _code_of(error, at)
        if code is None:
            raise
        raise disk_error(path, code, kept) from error


@contextmanager
def keeping(kept: str | Callable[[], str], action: str) -> Iterator[None]:
    """Tell in an error of the disk what is safe, and how to go on; the innermost block that knows has the word.

    Args:
        kept: What is safe, as a sentence.
        action: What to do, as a sentence.
    """
    try:
        yield
    except DiskError as error:
        error.tell(kept if isinstance(kept, str) else kept(), action)
        raise


def _code_of(error: BaseException, at: Path | None) -> int | None:
    """The code of the system behind an error; None where it is not of the disk."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _HIDDEN:
            return seen.errno
        seen = seen.__cause__ or seen.__context__
    return None if at is None else _refuses_more(at)


def _refuses_more(at: Path) -> int | None:
    """Why a file that is thrown away anyhow, or one of a folder, takes no more bytes; None where it does."""
    try:
        files = [path for path in at.rglob("*") if path.is_file()] if at.is_dir() else [at]
        for path in files or [at / "sample"]:
            with path.open("ab", buffering=0) as file:
                if file.write(bytes(_SAMPLE)) < _SAMPLE:
                    file.write(bytes(_SAMPLE))  # says why
                os.fsync(file.fileno())
    except OSError as error:
        return error.errno
    return None


def _room_at(path: Path) -> str:
    """How much is free where something is to go."""
    for folder in (path, *path.absolute().parents):
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            continue
        return f", with {_size(free)} free in {folder}"
    return ""


def _size(n_bytes: int) -> str:
    """In the unit that suits it.

    >>> _size(999), _size(20_300), _size(7_200_000_000)
    ('999 bytes', '20.3 kB', '7.2 GB')
    """
    if n_bytes < 1000:
        return f"{n_bytes} bytes"
    value, units = n_bytes / 1000, ["kB", "MB", "GB", "TB"]
    while value >= 1000 and len(units) > 1:
        value, units = value / 1000, units[1:]
    return f"{value:.1f} {units[0]}"
