"""The cache of a data set: a folder of row-major .npy arrays that opens in an instant, memory-mapped.

::

    train.txt.rkcache/
        features.npy labels.npy offsets.npy qids.npy   and, where the data has them, doc_ids, weights, rows
        cache.json                                     what the arrays are, and what they were made of

A cache is built in a folder beside the place where it will stand, and renamed into that place when it is whole: other
processes see all of it or nothing. Of two that build the same cache, the later one finds the place taken and throws
its own away. A cache is replaced by renaming alone, so that whoever has it open keeps what was opened. Other programs
must not write to its files, nor cut them off, while they are open: their pages are the memory of this process, and the
system ends a process (SIGBUS) that reads one that is gone. What is cut off before is refused when it is opened.
"""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError
from rankkit.loaders.cache.check import NoCacheError
from rankkit.loaders.cache.folder import Build, Remarks, install, open_folder, write_arrays
from rankkit.remarks import say, say_of_columns

SUFFIX = ".rkcache"

_EDGE = 65_536  # bytes at the beginning and at the end of a source that are hashed
_ATTEMPTS = 3  # to open a cache, which other processes may be replacing at the same time


@dataclass(frozen=True)
class SourceFile:
    """What tells one state of a file from another, without reading all of it.

    Args:
        name: Without its folder.
        size: In bytes.
        mtime_ns: When it was last changed.
        edges: BLAKE2b digest of its first and its last 64 KiB.
    """

    name: str
    size: int
    mtime_ns: int
    edges: str


def describe_source(path: Path) -> list[SourceFile]:
    """The state of a file, or of all files of a folder.

    Raises:
        DataError: If one cannot be read.
    """
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    return [_describe_file(file) for file in files]


def _describe_file(path: Path) -> SourceFile:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            digest = hashlib.blake2b(file.read(_EDGE), digest_size=16)
            file.seek(max(status.st_size - _EDGE, 0))
            digest.update(file.read(_EDGE))
    except OSError as error:
        raise DataError(f"{path}: expected a readable file; got {error.strerror}. Check the path.") from error
    return SourceFile(path.name, status.st_size, status.st_mtime_ns, digest.hexdigest())


def cached(
    path: Path,
    options: Mapping[str, Any],
    build: Build,
    place: bool | str | os.PathLike[str] = True,
    *,
    also: Sequence[Path] = (),
) -> RankingDataset:
    """The data of a file from its cache, which is built first if there is none or the file has changed since.

    A cache made with options has a digest of them in its name.

    Args:
        path: The file or folder that was asked for.
        options: How it is read, as far as not by default: values that JSON holds.
        build: Writes the arrays of a new cache.
        place: True: beside the file, as ``train.txt.rkcache``; or the folder in which caches stand; or one with a name
            that ends in .rkcache, for this cache.
        also: Other files of which the data is made.

    Raises:
        DataError: If the file cannot be read, or the cache cannot be written.
    """
    options = json.loads(json.dumps(dict(options)))
    folder = _place_of(path, options, place)
    for _ in range(_ATTEMPTS):
        expected = _describe((path, *also), options)
        with contextlib.suppress(NoCacheError):
            data, remarks = open_folder(folder, expected)
            _warn(path, remarks)
            return data
        install(folder, build, expected)
    raise DataError(f"{path}: expected a file that stays as it is while it is read; it keeps changing. Read it later.")


def _place_of(path: Path, options: Mapping[str, Any], place: bool | str | os.PathLike[str]) -> Path:
    key, folder = json.dumps(options, sort_keys=True) if options else "", path.parent
    if not isinstance(place, bool):
        folder = Path(place)
        if folder.suffix.lower() == SUFFIX:
            return folder
        key += str(path.resolve())  # files of the same name from several folders meet here
    digest = "." + hashlib.blake2b(key.encode(), digest_size=4).hexdigest() if key else ""
    return folder / f"{path.name}{digest}{SUFFIX}"


def _describe(paths: Sequence[Path], options: Mapping[str, Any]) -> dict[str, Any]:
    states = [asdict(state) for path in paths for state in describe_source(path)]
    return {"sources": states, "options": dict(options)}


def _warn(path: Path, remarks: Remarks) -> None:
    for message in remarks.warnings:
        say(f"{path}: {message}")
    say_of_columns(str(path), remarks.remarks)


def read_cache(path: str | os.PathLike[str]) -> RankingDataset:
    """Open a cache by its own name: it is not compared with what it was made of, which need not be there any more.

    The arrays stay on disk until they are used, and cannot be written to.

    Raises:
        DataError: If there is none, or it is damaged or of another version.
    """
    path = Path(path)
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            data, remarks = open_folder(path, {})
        except NoCacheError as error:  # perhaps since another process was just replacing it
            if attempt == _ATTEMPTS:
                raise DataError(f"{path}: expected a rankkit cache; got {error}. Convert the data again.") from None
        else:
            break
    _warn(path, remarks)
    return data


def write_cache(data: RankingDataset, path: str | os.PathLike[str]) -> None:
    """Write a data set as a cache, which :func:`read_cache` opens; nothing of the data is lost.

    Args:
        data: Any data set.
        path: The folder; a cache that is there is replaced as a whole.

    Raises:
        DataError: If something else is there, or the place cannot be written.
    """
    install(Path(path), lambda folder: write_arrays(data, folder), _describe((), {}), replace=True)
