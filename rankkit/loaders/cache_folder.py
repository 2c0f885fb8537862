"""The folder of a cache: .npy files that are written block by block, put in place as a whole, opened memory-mapped."""

import contextlib
import errno
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.atomic import beside
from rankkit.errors import DataError
from rankkit.loaders.dataset import RankingDataset, Roles

VERSION = 1
"""Of the format; a cache of another one cannot be used."""

_ABOUT = "cache.json"
_BLOCK_NUMBERS = 4_000_000  # features that are copied at a time
_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES)  # what rename says of a folder that is there; Windows: the last


@dataclass(frozen=True)
class Remarks:
    """What a cache holds beside arrays.

    Args:
        feature_names: One a feature, or None.
        warnings: What to warn of whenever the cache is opened, as reading the file would.
        roles: The columns that were no features, or None.
    """

    feature_names: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    roles: Roles | None = None


Build = Callable[[Path], Remarks]
"""Fills a new folder with the arrays of a data set: :func:`write_arrays`, or block by block with :class:`RowFile`."""


class NoCacheError(Exception):
    """There is no cache at a place, or none that can be used."""


class RowFile:
    """A .npy file that is written some rows at a time; it is whole once the context ends without an error.

    Args:
        path: Where to write.
        dtype: Of the numbers.
        row_shape: Of one row.
    """

    def __init__(self, path: Path, dtype: Any, row_shape: tuple[int, ...] = ()) -> None:
        self.n_rows = 0
        self._dtype, self._row_shape = np.dtype(dtype), row_shape
        self._file = path.open("wb")
        self._write_header()

    def append(self, rows: NDArray[Any]) -> None:
        """Write some rows behind the others."""
        if rows.size:
            self._file.write(np.ascontiguousarray(rows, self._dtype).reshape(-1).view(np.uint8).data)
        self.n_rows += len(rows)

    def _write_header(self) -> None:
        # numpy leaves room in a header for the number of rows to grow: the length of the header stays the same.
        form = np.lib.format.dtype_to_descr(self._dtype)
        shape = (self.n_rows, *self._row_shape)
        np.lib.format.write_array_header_1_0(self._file, {"descr": form, "fortran_order": False, "shape": shape})

    def __enter__(self) -> "RowFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> Literal[False]:
        with self._file:
            if kind is None:
                self._file.seek(0)
                self._write_header()
                _flush(self._file)
        return False


def write_arrays(data: RankingDataset, folder: Path) -> Remarks:
    """Fill a new cache with a data set that is in memory."""
    n_rows = max(1, _BLOCK_NUMBERS // max(1, data.n_features))
    with RowFile(folder / "features.npy", np.float32, (data.n_features,)) as file:
        for start in range(0, data.n_docs, n_rows):
            file.append(data.features[start : start + n_rows])
    for name in ("labels", "offsets", "qids", "weights", "doc_ids", "rows"):
        values = getattr(data, name)
        if values is not None:
            write_array(folder / f"{name}.npy", values)
    return Remarks(data.feature_names, roles=data.roles)


def write_array(path: Path, values: NDArray[Any]) -> None:
    """Write a .npy file as a whole."""
    with RowFile(path, values.dtype, values.shape[1:]) as file:
        file.append(values)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def is_cache(path: Path) -> bool:
    """Whether a folder is a cache, of any version."""
    return (path / _ABOUT).is_file()


def open_folder(folder: Path, expected: Mapping[str, Any]) -> tuple[RankingDataset, Remarks]:
    """Map the arrays of a cache.

    Args:
        folder: Of the cache.
        expected: Entries that its cache.json must have.

    Raises:
        NoCacheError: If there is none, or another than expected, or a damaged one.
    """
    about = _read_about(folder)
    if any(about.get(name) != value for name, value in expected.items()):
        raise NoCacheError("one of another state of the file")
    arrays: dict[str, Any] = {"labels": None}
    try:
        for name, (dtype, shape) in about["arrays"].items():
            # Plain arrays, whose slices are plain too; an array without elements cannot be mapped.
            mode: Literal["r"] | None = "r" if all(shape) else None
            arrays[name] = np.load(folder / f"{name}.npy", mmap_mode=mode, allow_pickle=False).view(np.ndarray)
            if [arrays[name].dtype.str, list(arrays[name].shape)] != [dtype, shape]:
                raise NoCacheError(f"{name} of another shape than {_ABOUT} says")
        names = about["feature_names"]
        named_roles = about.get("roles")
        roles = None if named_roles is None else Roles(**named_roles)
        data = RankingDataset(**arrays, feature_names=None if names is None else tuple(names), roles=roles)
        remarks = Remarks(data.feature_names, tuple(about["warnings"]), roles)
    except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise NoCacheError(f"damaged arrays ({error})") from error
    if _read_about(folder)["id"] != about["id"]:
        raise NoCacheError("one that was replaced while it was opened")
    return data, remarks


def _read_about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / _ABOUT).read_bytes())
        version, _ = about["version"], about["id"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NoCacheError(f"no readable {_ABOUT} ({error})") from error
    if version != VERSION:
        raise NoCacheError(f"version {version} of the format, and this rankkit reads version {VERSION}")
    return about  # type: ignore[no-any-return]


def install(folder: Path, build: Build, about: Mapping[str, Any], *, replace: bool = False) -> None:
    """Build a cache and put it into its place as a whole.

    Args:
        folder: Where it will stand. A cache there that is not as ``about`` says is replaced; processes that have it
            open keep what they opened.
        build: Fills the folder.
        about: Entries of cache.json that say what the data was made of.
        replace: Replace a cache there in any case.

    Raises:
        DataError: If the place is taken by something else, or cannot be written.
    """
    if folder.exists() and not is_cache(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: expected a cache or nothing; got something else. Choose another name.")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with beside(folder) as new:
            new.mkdir()
            _write_about(new, build(new), about)
            _put(new, folder, None if replace else about)
    except OSError as error:
        raise DataError(
            f"{folder}: expected to write a cache there; got {error.strerror or error}. "
            "Make room, or name another folder for it."
        ) from error


def _write_about(folder: Path, remarks: Remarks, about: Mapping[str, Any]) -> None:
    arrays = {}
    for path in sorted(folder.glob("*.npy")):
        array = np.load(path, mmap_mode=None if path.stat().st_size < 4096 else "r", allow_pickle=False)
        arrays[path.stem] = [array.dtype.str, list(array.shape)]
    entries = {
        "format": "rankkit cache",
        "version": VERSION,
        "id": uuid.uuid4().hex,
        **about,
        "arrays": arrays,
        "feature_names": remarks.feature_names,
        "warnings": remarks.warnings,
        "roles": None if remarks.roles is None else asdict(remarks.roles),
    }
    with (folder / _ABOUT).open("wb") as file:
        file.write(json.dumps(entries, indent=1).encode())
        _flush(file)


def _put(new: Path, folder: Path, about: Mapping[str, Any] | None) -> None:
    """Rename a new cache into its place, unless one that is as ``about`` says came before."""
    while True:
        try:
            new.rename(folder)
            return
        except OSError as error:
            if error.errno not in _TAKEN or not is_cache(folder):
                raise
        if about is not None:
            with contextlib.suppress(NoCacheError):
                open_folder(folder, about)
                return
        with beside(folder) as old, contextlib.suppress(FileNotFoundError):  # another process moved it away before
            folder.rename(old)
