"""The image files of a folder, a zip or a tar archive, one at a time in memory: nothing is unpacked to disk."""

import contextlib
import os
import re
import stat
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from rankkit.data.labels import check_texts
from rankkit.errors import DataError
from rankkit.loaders.compression import compression_of, unpacking
from rankkit.loaders.examples.images import EXTENSIONS, LARGEST_FILE, too_large

ARCHIVES = (".zip", ".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.zst")
# What a Mac adds to archives. Hidden files and folders begin with a dot.
_MAC = "__MACOSX"
_BLOCK = 512  # of a tar archive


@dataclass(frozen=True)
class Entry:
    """An image file, or a folder that is there whether it holds images or not.

    Args:
        parts: The path below the folder or inside the archive, one name a level.
        content: The bytes of an image file; None for a folder.
    """

    parts: tuple[str, ...]
    content: bytes | None


def read_entries(path: Path) -> Iterator[Entry]:
    """The image files and the folders of a folder or archive; other files and hidden ones are left out.

    Raises:
        DataError: If the archive is damaged, or a member is no plain file, lies outside, or is far too large.
    """
    if path.is_dir():
        return _folder_entries(path)
    return _zip_entries(path) if path.suffix.lower() == ".zip" else _tar_entries(path)


def _folder_entries(root: Path) -> Iterator[Entry]:
    return _walk(root, (), frozenset())


def _walk(folder: Path, parts: tuple[str, ...], above: frozenset[tuple[int, int]]) -> Iterator[Entry]:
    status = folder.stat()
    place = (status.st_dev, status.st_ino)
    if place in above:
        raise DataError(f"{folder}: expected folders that end; got a link to a folder above. Remove the link.")
    for item in sorted(folder.iterdir()):
        if _is_hidden(item.name):
            continue
        below = (*parts, item.name)
        check_texts([item.name], str(folder), "names of files")
        if item.is_dir():
            yield Entry(below, None)
            yield from _walk(item, below, above | {place})
        elif _is_image(item.name):
            yield Entry(below, _read_file(item))


def _read_file(path: Path) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise _not_plain(str(path))
        if status.st_size > LARGEST_FILE:
            raise too_large(str(path), status.st_size)
        return path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: expected a file that can be read; got {error.strerror}. Check the link or the permissions."
        ) from error


def _zip_entries(path: Path) -> Iterator[Entry]:
    with contextlib.ExitStack() as opened:
        with _damage_named(path, "zip"):
            archive = opened.enter_context(zipfile.ZipFile(path))
        for member in archive.infolist():
            parts = _member_parts(path, member.filename)
            where = f"{path}/{member.filename}"
            if not parts or any(map(_is_hidden, parts)):
                continue
            if member.is_dir() or not _is_image(parts[-1]):
                yield Entry(parts if member.is_dir() else parts[:-1], None)
                continue
            if stat.S_ISLNK(member.external_attr >> 16):
                raise _not_plain(where)
            if member.file_size > LARGEST_FILE:
                raise too_large(where, member.file_size)
            with _damage_named(Path(where), "zip"):
                content = archive.read(member)
            yield Entry(parts, content)


def _tar_entries(path: Path) -> Iterator[Entry]:
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(0)
        compression = compression_of(path, head)
        stream = _OneWay(file if compression is None else unpacking(file, compression))
        with _damage_named(path, "tar"):
            archive = tarfile.open(fileobj=cast(BinaryIO, stream), mode="r:")  # noqa: SIM115 - it holds nothing open
        while True:
            with _damage_named(path, "tar"):
                member = archive.next()
            if member is None:
                break
            yield from _tar_entry(path, archive, member)
        with _damage_named(path, "tar"):
            stream.check_end()


def _tar_entry(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Iterator[Entry]:
    parts = _member_parts(path, member.name)
    where = f"{path}/{member.name}"
    if not parts or any(map(_is_hidden, parts)):
        return
    if not (member.isreg() or member.isdir()):
        raise _not_plain(where)
    if member.isdir() or not _is_image(parts[-1]):
        yield Entry(parts if member.isdir() else parts[:-1], None)
        return
    if not 0 <= member.size <= LARGEST_FILE:
        raise too_large(where, member.size)
    with _damage_named(Path(where), "tar"):
        file = archive.extractfile(member)
        content = b"" if file is None else file.read()
    yield Entry(parts, content)


class _OneWay:
    """A stream that tarfile may read and skip forward in, never back: compressed data is decoded once.

    Args:
        file: The bytes of the archive, decoded.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._position = 0
        self._last = b""

    def read(self, size: int) -> bytes:
        """The next bytes, fewer at the end."""
        if not 0 <= size <= LARGEST_FILE + _BLOCK:
            raise OSError(f"a header of {size:,} bytes")
        pieces, missing = [], size
        while missing and (piece := self._file.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
        self._last = b"".join(pieces)
        self._position += len(self._last)
        return self._last

    def tell(self) -> int:
        """How many bytes have been read or skipped."""
        return self._position

    def seek(self, position: int) -> None:
        """Skip forward to a position, or to the end where that comes first."""
        if position < self._position:
            raise OSError("members that overlap")
        while self._position < position and self.read(min(1024**2, position - self._position)):
            pass

    def check_end(self) -> None:
        """Refuse an archive without its end mark, a block of zeros, which tarfile takes for complete.

        Reading on to the last byte checks the sum of compressed data.
        """
        if self._last != bytes(_BLOCK):
            raise OSError("no end mark, or a damaged header")
        while self.read(1024**2):
            pass


@contextlib.contextmanager
def _damage_named(where: Path, kind: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # on damaged archives the readers raise nearly anything, from OSError to struct.error
        raise DataError(
            f"{where}: expected a whole {kind} archive; got damaged data ({str(error) or type(error).__name__}). "
            "Fetch or pack it again."
        ) from error


def _member_parts(path: Path, name: str) -> tuple[str, ...]:
    """The levels of a member's path; refuses one that would lie outside of the folder it is unpacked to."""
    check_texts([name], str(path), "names of members")
    parts = tuple(part for part in name.split("/") if part not in ("", "."))
    if name.startswith("/") or ".." in parts or "\\" in name or re.match(r"[A-Za-z]:", name):
        raise DataError(
            f"{path}: expected members inside the archive, as class/image.png; got {name!r}. Pack the folder again."
        )
    return parts


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == _MAC


def _is_image(name: str) -> bool:
    return os.path.splitext(name)[1].lower() in EXTENSIONS  # noqa: PTH122 - names inside archives are no paths


def _not_plain(where: str) -> DataError:
    return DataError(f"{where}: expected a plain file; got a link or a device. Replace it by the image itself.")
