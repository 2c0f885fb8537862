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

from rankkit.data.batch import Per
from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset, Roles
from rankkit.data.text_ids import Ids, TextIds
from rankkit.errors import DataError
from rankkit.files.atomic import beside, put_folder
from rankkit.files.disk import writing
from rankkit.files.places import check_place
from rankkit.loaders.cache.check import (
    ABOUT,
    BESIDE,
    BITS,
    BLOCK_NUMBERS,
    CHARACTERS,
    OFFSETS,
    NoCacheError,
    check_features,
    fault_in_values,
    ids_of,
    is_finite,
    map_array,
    map_arrays,
    mark_of,
    marks_of,
    read_about,
)

VERSION = 2
"""Of the format in which caches are written."""

_READABLE = (1, VERSION)  # version 1 has ids as one array of fixed-width text, and does not say whose its weights are

_TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.EACCES)  # what rename says of a folder that is there; Windows: the last


@dataclass(frozen=True)
class Remarks:
    """What a cache holds beside arrays.

    Args:
        feature_names: One a feature, or None.
        warnings: What to warn of whenever the cache is opened, as reading the file would.
        roles: Of the data set.
        remarks: Of the data set.
        weights_per: Of the data set.
        features_schema: The schema of the data set, as a dict.
    """

    feature_names: tuple[str, ...] | None = None
    warnings: tuple[str, ...] = ()
    roles: Roles | None = None
    remarks: tuple[str, ...] = ()
    weights_per: Per | None = None
    features_schema: Mapping[str, Any] | None = None


Build = Callable[[Path], Remarks]
"""Fills a new folder with the arrays of a data set: :func:`write_arrays`, or block by block with :class:`RowFile`."""


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


class IdFile:
    """Text ids in two .npy files, the characters and where each id begins among them, written some at a time.

    Args:
        folder: Of the cache.
        name: "qids" or "doc_ids".
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        self._offsets = RowFile(folder / f"{name}{OFFSETS}.npy", np.int64)
        self._characters = RowFile(folder / f"{name}{CHARACTERS}.npy", np.uint8)
        self._offsets.append(np.zeros(1, np.int64))

    def append(self, ids: TextIds) -> None:
        """Write some ids behind the others."""
        offsets, characters = ids.buffers()
        self._offsets.append(offsets[1:] + self._characters.n_rows)
        self._characters.append(characters)

    def remove(self) -> None:
        """Leave no files, once they are closed."""
        for part in (OFFSETS, CHARACTERS):
            (self._folder / f"{self._name}{part}.npy").unlink()

    def rename(self, name: str) -> None:
        """Take the place of other ids, once the files are closed."""
        for part in (OFFSETS, CHARACTERS):
            (self._folder / f"{self._name}{part}.npy").replace(self._folder / f"{name}{part}.npy")

    def __enter__(self) -> "IdFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, *rest: object) -> Literal[False]:
        try:
            return self._offsets.__exit__(kind, *rest)
        finally:
            self._characters.__exit__(kind, *rest)


def write_ids(folder: Path, name: str, ids: Ids) -> None:
    """Write query ids or document ids as a whole."""
    if not isinstance(ids, TextIds):
        write_array(folder / f"{name}.npy", ids)
        return
    with IdFile(folder, name) as file:
        file.append(ids)


def map_ids(folder: Path, name: str) -> TextIds:
    """Text ids in the memory of their files."""
    return ids_of(*(map_array(folder / f"{name}{part}.npy") for part in (OFFSETS, CHARACTERS)))


def write_arrays(data: RankingDataset, folder: Path) -> Remarks:
    """Fill a new cache with a data set that is in memory."""
    fault = fault_in_values(data.qids, data.labels, data.weights, data.rows)
    if fault is None and not is_finite(data.features):
        fault = "features that are infinite"
    if fault is not None:
        raise DataError(f"write_cache: expected values that every reader takes; got {fault}. Mend the data set.")
    n_rows = max(1, BLOCK_NUMBERS // max(1, data.n_features))
    with RowFile(folder / "features.npy", np.float32, (data.n_features,)) as file:
        for start in range(0, data.n_docs, n_rows):
            file.append(data.features[start : start + n_rows])
    for name in ("labels", "offsets", "weights", "rows"):
        values = getattr(data, name)
        if values is not None:
            kind = np.int64 if name in ("offsets", "rows") else np.float32
            write_array(folder / f"{name}.npy", np.asarray(values, kind))
    write_ids(folder, "qids", data.qids)
    if data.doc_ids is not None:
        write_ids(folder, "doc_ids", data.doc_ids)
    write_beside(folder, data.beside)
    return Remarks(
        data.feature_names,
        roles=data.roles,
        remarks=data.remarks,
        weights_per=data.weights_per,
        features_schema=None if data.schema is None else data.schema.to_dict(),
    )


def write_beside(folder: Path, beside: Mapping[str, NDArray[Any] | TextIds]) -> None:
    """Write what is known of documents beside their features."""
    for role, values in beside.items():
        if isinstance(values, TextIds):
            write_ids(folder, f"{BESIDE}{role}", values)
        elif values.dtype == np.float64:
            write_array(folder / f"{BESIDE}{role}{BITS}.npy", np.ascontiguousarray(values).view(np.int64))
        else:
            write_array(folder / f"{BESIDE}{role}.npy", np.asarray(values))


def write_array(path: Path, values: NDArray[Any]) -> None:
    """Write a .npy file as a whole."""
    with RowFile(path, values.dtype, values.shape[1:]) as file:
        file.append(values)


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


def is_cache(path: Path) -> bool:
    """Whether a folder is a cache, of any version."""
    return (path / ABOUT).is_file()


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
    try:
        data, remarks = _data_of(folder, about)
        fault = fault_in_values(data.qids, data.labels, data.weights, data.rows)
        if fault is not None:
            raise NoCacheError(fault)
        check_features(folder, about, data.features)
        if about.get("fingerprint") is not None and about.get("fingerprint_of") == marks_of(folder, about):
            vars(data)["fingerprint"] = about["fingerprint"]  # where the property keeps it, once all is read for it
    except (OSError, ValueError, EOFError, KeyError, TypeError) as error:
        raise NoCacheError(f"damaged arrays ({error})") from error
    if _read_about(folder)["id"] != about["id"]:
        raise NoCacheError("one that was replaced while it was opened")
    return data, remarks


def _data_of(folder: Path, about: Mapping[str, Any]) -> tuple[RankingDataset, Remarks]:
    """The data set in the memory of the files of a cache, unchecked."""
    arrays: dict[str, Any] = {"labels": None, **map_arrays(folder, about)}
    for name in [name.removesuffix(OFFSETS) for name in arrays if name.endswith(OFFSETS)]:
        arrays[name] = ids_of(arrays.pop(f"{name}{OFFSETS}"), arrays.pop(f"{name}{CHARACTERS}"))
    beside = {name.removeprefix(BESIDE): arrays.pop(name) for name in list(arrays) if name.startswith(BESIDE)}
    for role in [role for role in beside if role.endswith(BITS)]:
        beside[role.removesuffix(BITS)] = beside.pop(role).view(np.float64)
    remarks = _remarks_of(about)
    data = RankingDataset(
        **arrays,
        feature_names=remarks.feature_names,
        roles=remarks.roles,
        remarks=(*remarks.warnings, *remarks.remarks),
        weights_per=remarks.weights_per,
        schema=None if remarks.features_schema is None else Schema.from_dict(remarks.features_schema),
        beside=beside,
    )
    return data, remarks


def _remarks_of(about: Mapping[str, Any]) -> Remarks:
    names, roles = about["feature_names"], about.get("roles")
    return Remarks(
        None if names is None else tuple(names),
        tuple(about["warnings"]),
        None if roles is None else Roles(**roles),
        tuple(about.get("remarks", ())),
        about.get("weights_per"),
        about.get("features_schema"),
    )


def _read_about(folder: Path) -> dict[str, Any]:
    about = read_about(folder)
    if about["version"] not in _READABLE:
        raise NoCacheError(
            f"version {about['version']} of the format, and this rankkit reads version {_READABLE[-1]} and older"
        )
    return about


def install(folder: Path, build: Build, about: Mapping[str, Any], *, replace: bool = False) -> None:
    """Build a cache and put it into its place as a whole.

    Args:
        folder: Where it will stand. A cache there that is not as ``about`` says is replaced; processes that have it
            open keep what they opened.
        build: Fills the folder.
        about: Entries of cache.json that say what the data was made of.
        replace: Replace a cache there in any case.

    Raises:
        DataError: If the place is taken by something else.
        DiskError: If it cannot be written.
    """
    check_place(folder, "folder")
    if folder.exists() and not is_cache(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise DataError(f"{folder}: expected a cache or nothing; got something else. Choose another name.")
    with writing(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
    with beside(folder) as new, writing(folder, at=new):
        new.mkdir()
        _write_about(new, build(new), about)
        _put(new, folder, None if replace else about)


def _write_about(folder: Path, remarks: Remarks, about: Mapping[str, Any]) -> None:
    arrays = {}
    for path in sorted(folder.glob("*.npy")):
        array = map_array(path)
        arrays[path.stem] = [array.dtype.str, list(array.shape)]
    entries = {
        "format": "rankkit cache",
        "version": VERSION,
        "id": uuid.uuid4().hex,
        **about,
        "arrays": arrays,
        "checked": mark_of(folder / "features.npy"),
        **asdict(remarks),
    }
    data, _ = _data_of(folder, json.loads(json.dumps(entries)))
    entries |= {"fingerprint": data.fingerprint, "fingerprint_of": marks_of(folder, entries)}
    with (folder / ABOUT).open("wb") as file:
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
        with contextlib.suppress(FileNotFoundError):  # another process moved it away before
            put_folder(new, folder)
            return
