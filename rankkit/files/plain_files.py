"""Files that strangers may have made: opened only where they are plain, and read only up to a size that they may have.

A name in a folder that came from elsewhere may lead to a FIFO, whose opening waits for ever, or to a device such as
/dev/zero, which has no end.
"""

import errno
import os
import stat
from pathlib import Path
from typing import BinaryIO

from rankkit.errors import DataError, RankkitError

_WITHOUT_WAITING = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def check_name(path: str | os.PathLike[str], error: type[RankkitError] = DataError) -> None:
    """Raise an error where no file can have a name, which the system says in several ways; one that is free is fine."""
    try:
        Path(path).stat()
    except ValueError as reason:  # a null byte, or half of a character
        fault = str(reason)
    except OSError as reason:
        if reason.errno not in (errno.ENAMETOOLONG, errno.ELOOP):
            return
        fault = str(reason.strerror)
    else:
        return
    name = os.fspath(path)
    shown = repr(name if len(name) <= 120 else f"{name[:120]}...")
    raise error(f"{shown}: expected a name that a file can have; got {fault}. Check the path.")


def open_plain(path: Path) -> BinaryIO:
    """Open a file to be read.

    Raises:
        OSError: If it is no plain file, or there is none; its ``strerror`` says what is there instead.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | _WITHOUT_WAITING)
    except ValueError as error:  # a name that no file can have
        raise OSError(errno.EINVAL, f"a name that no file can have ({error})", repr(path)) from error
    mode = os.fstat(descriptor).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(descriptor, "rb")
    os.close(descriptor)
    raise OSError(errno.EINVAL, "a folder" if stat.S_ISDIR(mode) else "a pipe, a device or a socket", str(path))


def read_plain(path: Path, largest: int) -> bytes:
    """The content of a file.

    Args:
        path: The file.
        largest: How many bytes it may have; of a larger one nothing is read.

    Raises:
        OSError: As :func:`open_plain`, or if it is larger.
    """
    with open_plain(path) as file:
        size = os.fstat(file.fileno()).st_size
        content = file.read(size + 1) if size <= largest else b""  # it may grow meanwhile
        if max(size, len(content)) > largest:
            raise OSError(errno.EFBIG, f"{max(size, len(content)):,} bytes where at most {largest:,} fit", str(path))
        return content
