"""Whether something can be written to a place, known before any data is read or anything is computed."""

import errno
import os
import re
import stat
from pathlib import Path
from typing import Literal

from rankkit.errors import DiskError
from rankkit.files.disk import disk_error

STDOUT = Path("-")
_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/(?:dev|proc/(?:self|thread-self|\d+))/fd/(\d+)")
_SAMPLE = 4096  # bytes that have to be free
_BELOW = 256  # bytes that a temporary name, or what a folder will hold, adds to a path
_UNKNOWN = (errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL, errno.ENOENT)  # of systems without nameless files


def check_place(path: str | os.PathLike[str], kind: Literal["file", "folder", "either"] = "file") -> None:
    """Refuse a place where nothing can be written: called first by whatever writes.

    Looked at are the name, what is there, and whether the nearest folder that is there takes a file; nothing is left.
    What comes later, such as a disk that fills up, is told as the same error then.

    Args:
        path: Where to write. Standard output, a pipe and a device are taken.
        kind: What will be there. ``"either"``: it depends.

    Raises:
        DiskError: If that cannot be.
    """
    place = Path(path)
    if is_special(place):
        return
    try:
        nearest = _nearest(place, kind)
        _check_names(place, nearest)
        _try(nearest)
    except DiskError:
        raise
    except UnicodeEncodeError:
        raise disk_error(repr(str(path)), errno.EILSEQ) from None
    except ValueError:  # NUL in a name
        raise disk_error(repr(str(path)), errno.EILSEQ) from None
    except OSError as error:
        raise disk_error(path, error.errno or errno.EIO) from error


def is_special(path: Path) -> bool:
    """Whether a name stands for standard output, an open file, a pipe or a device: bytes go there as they come."""
    if path == STDOUT or descriptor_of(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def descriptor_of(path: Path) -> int | None:
    """The number of the open file that a name stands for: opening it anew would begin at its first byte."""
    name = path.as_posix()
    found = _DESCRIPTOR.fullmatch(name)
    return int(found[1]) if found else _STREAMS.get(name)


def _nearest(place: Path, kind: str) -> Path:
    """The nearest folder around a place that is there already, in which something will be made."""
    try:
        mode = place.stat().st_mode
    except FileNotFoundError:
        pass
    else:
        if stat.S_ISDIR(mode) and kind == "file":
            raise disk_error(place, errno.EISDIR)
        if not stat.S_ISDIR(mode) and kind == "folder":
            raise disk_error(place, errno.ENOTDIR)
        if stat.S_ISDIR(mode) and kind == "folder":
            return place
    if place.is_symlink():  # what it leads to will be written
        place = place.resolve()
    for around in place.absolute().parents:
        if around.is_dir():
            return around
        if os.path.lexists(around):
            raise disk_error(place, errno.ENOTDIR if around.exists() else errno.ENOENT)
    raise disk_error(place, errno.ENOENT)


def _check_names(place: Path, nearest: Path) -> None:
    """Raise OSError if a name that is to be made is too long."""
    if not hasattr(os, "pathconf"):  # Windows
        return
    longest, whole = os.pathconf(nearest, "PC_NAME_MAX"), os.pathconf(nearest, "PC_PATH_MAX")
    if len(os.fsencode(place)) + _BELOW > whole or any(len(os.fsencode(name)) > longest for name in place.parts):
        raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))


def _try(folder: Path) -> None:
    """Raise OSError if a folder takes no file: one without a name is made, where the system has such, and is gone."""
    nameless = getattr(os, "O_TMPFILE", None)
    if nameless is not None:
        try:
            descriptor = os.open(folder, nameless | os.O_WRONLY, 0o600)
        except OSError as error:
            if error.errno not in _UNKNOWN:
                raise
        else:
            try:
                os.write(descriptor, bytes(_SAMPLE))
            finally:
                os.close(descriptor)
            return
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
