"""What the folder of a cache may hold: it may come from anywhere, so all of it is checked before it is used.

``cache.json`` is checked against a schema with limits; a .npy file has to be a plain file of the type and the size that
its header and ``cache.json`` say; labels, weights, query ids and rows are read and checked. Features are many: they are
read for a check only where they are not the very file that was checked when it was written.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError

from rankkit.data.batch import Per
from rankkit.data.text_ids import Ids, TextIds, first_places
from rankkit.files.plain_files import open_plain, read_plain
from rankkit.schemas import MOST_FEATURES, Entry, Name, Text, explain

ABOUT = "cache.json"
OFFSETS, CHARACTERS = ".offsets", ".characters"  # what is added to the name of ids that are text
BLOCK_NUMBERS = 4_000_000
"""Features that are looked at or copied at a time."""

_LARGEST_ABOUT = 16 * 2**20
_MAGIC = b"\x93NUMPY\x01\x00"
_HEADER = re.compile(
    rb"\{'descr': '(<f4|<i8|\|u1|<U\d{1,9})', 'fortran_order': False, 'shape': \((\d+),(?: (\d+))?\), \} *\n"
)
_FLOATS, _WHOLE, _BYTES, _TEXT = "<f4", "<i8", "|u1", "<U"
BESIDE = "beside."
"""What the arrays of what is known beside the features are called, before their role."""
BITS = ".bits"
"""Behind the role of one of float64 numbers, whose bits are written as whole numbers."""
_FORMS: Mapping[str, tuple[tuple[str, ...], int]] = {  # types and axes of each array
    "features": ((_FLOATS,), 2),
    "labels": ((_FLOATS,), 1),
    "weights": ((_FLOATS,), 1),
    "offsets": ((_WHOLE,), 1),
    "rows": ((_WHOLE,), 1),
    "qids": ((_WHOLE, _TEXT), 1),
    "doc_ids": ((_TEXT,), 1),
    f"{BESIDE}position": ((_WHOLE,), 1),
    f"{BESIDE}propensity": ((_FLOATS,), 1),
    f"{BESIDE}time": ((_WHOLE,), 1),
    f"{BESIDE}time{BITS}": ((_WHOLE,), 1),
    f"{BESIDE}session": ((_WHOLE,), 1),
    f"{BESIDE}split": ((_WHOLE,), 1),
    **{
        f"{name}{part}": ((kind,), 1)
        for name in ("qids", "doc_ids", f"{BESIDE}session", f"{BESIDE}split")
        for part, kind in ((OFFSETS, _WHOLE), (CHARACTERS, _BYTES))
    },
}


_IN_FINGERPRINT = ("features", "labels", "weights", "offsets", "qids")

_Role = Literal[
    "label",
    "qid",
    "doc_id",
    "weight",
    "query_weight",
    "vector",
    "position",
    "propensity",
    "time",
    "session",
    "split",
]


class NoCacheError(Exception):
    """There is no cache at a place, or none that can be used."""


class _About(Entry):
    """``cache.json`` as a whole."""

    version: int
    id: Name
    sources: list[dict[Name, Any]] = Field(default_factory=list)
    options: dict[Name, Any] = Field(default_factory=dict)
    arrays: dict[Name, Annotated[list[Name | list[int]], Field(min_length=2, max_length=2)]]
    feature_names: list[Text] | None
    warnings: list[Text]
    roles: dict[_Role, Text | None] | None = None
    remarks: list[Text] = Field(default_factory=list)
    weights_per: Per | None = None
    checked: list[int] | None = None
    fingerprint: Name | None = None
    fingerprint_of: dict[Name, list[int]] | None = None
    features_schema: dict[Name, Any] | None = None


def read_about(folder: Path) -> dict[str, Any]:
    """What ``cache.json`` says.

    Raises:
        NoCacheError: If there is none, or it is not as it should be.
    """
    try:
        about = json.loads(read_plain(folder / ABOUT, _LARGEST_ABOUT))
        _About.model_validate(about)
    except ValidationError as error:
        raise NoCacheError(explain(error, ABOUT, _About).removesuffix(".")) from error
    except (OSError, ValueError, RecursionError) as error:
        raise NoCacheError(f"no readable {ABOUT} ({getattr(error, 'strerror', None) or error})") from error
    return about  # type: ignore[no-any-return]


def map_arrays(folder: Path, about: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """The arrays that ``cache.json`` names, in the memory of their files.

    Raises:
        NoCacheError: If there is another array, or one of another type or size.
    """
    arrays = {}
    for name, (dtype, shape) in about["arrays"].items():
        if name not in _FORMS:
            raise NoCacheError(f"an array {name[:60]!r} in {ABOUT}")
        arrays[name] = map_array(folder / f"{name}.npy")
        if [arrays[name].dtype.str, list(arrays[name].shape)] != [dtype, shape]:
            raise NoCacheError(f"{name} of another shape than {ABOUT} says")
        types, n_axes = _FORMS[name]
        if not arrays[name].dtype.str.startswith(types) or arrays[name].ndim != n_axes:
            raise NoCacheError(f"{name} as {arrays[name].dtype} of {arrays[name].ndim} axes")
    return arrays


def map_array(path: Path) -> NDArray[Any]:
    """A plain array, whose slices are plain too, in the memory of its file unless it has no elements to map.

    Nothing is unpickled, and no archive opened, whatever the file says that it is.

    Raises:
        NoCacheError: If the file is no plain .npy file, or is longer or shorter than it says.
    """
    try:
        with open_plain(path) as file:
            dtype, shape = _header(file)
            size, expected = os.fstat(file.fileno()).st_size, file.tell() + math.prod(shape) * dtype.itemsize
            if size != expected:
                raise ValueError(f"{size:,} bytes where its header promises {expected:,}")
            if expected == file.tell():
                return np.empty(shape, dtype)
            return np.memmap(file, dtype, "r", file.tell(), shape).view(np.ndarray)
    except OSError as error:
        raise NoCacheError(f"{path.name}: {error.strerror or error}") from error
    except (ValueError, OverflowError) as error:
        raise NoCacheError(f"a damaged {path.name} ({str(error)[:200]})") from error


def _header(file: BinaryIO) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type and shape of a .npy file, as rankkit writes them; numpy would evaluate what a stranger wrote.

    Raises:
        ValueError: If there is another header.
    """
    if file.read(len(_MAGIC)) != _MAGIC:
        raise ValueError("not a .npy file of version 1.0")
    found = _HEADER.fullmatch(file.read(int.from_bytes(file.read(2), "little")))
    if found is None:
        raise ValueError("a header for something else than rows of numbers or text")
    shape = tuple(int(size) for size in found.groups()[1:] if size is not None)
    if math.prod(shape[1:]) > MOST_FEATURES:
        raise ValueError(f"{shape[1]:,} features")
    return np.dtype(found[1].decode()), shape


def ids_of(offsets: NDArray[Any], characters: NDArray[Any]) -> TextIds:
    """The ids of two arrays that may be damaged: what is no place among the characters must not be looked up there.

    Raises:
        NoCacheError: If a place is none, or characters are not UTF-8.
    """
    good = offsets.dtype == np.int64 and characters.dtype == np.uint8 and offsets.ndim == characters.ndim == 1
    good = good and len(offsets) > 0 and offsets[0] == 0 and offsets[-1] == len(characters)
    if not good or any((np.diff(offsets[at : at + BLOCK_NUMBERS]) < 0).any() for at in _block_starts(len(offsets))):
        raise NoCacheError("ids whose places do not fit their characters")
    ids = TextIds.from_buffers(offsets, characters)
    try:
        ids.to_arrow().validate(full=True)
    except ValueError as error:  # of Arrow
        raise NoCacheError("ids that are not UTF-8") from error
    return ids


def _block_starts(n: int) -> range:
    return range(0, n, BLOCK_NUMBERS - 1)  # the last of a block is the first of the next


def fault_in_values(
    qids: Ids | None = None,
    labels: NDArray[np.float32] | None = None,
    weights: NDArray[np.float32] | None = None,
    rows: NDArray[np.int64] | None = None,
) -> str | None:
    """What is wrong with the values of a data set, as far as readers refuse it; None where nothing is."""
    for name, values in (("labels", labels), ("weights", weights)):
        if values is not None and not bool(np.all((values >= 0) & (values < np.inf))):
            return f"{name} that are negative, infinite or missing"
    if qids is not None and len(qids):
        places = first_places(qids)
        twice = places != np.arange(len(qids))
        if twice.any():
            return f"the qid {str(qids[int(twice.argmax())])[:60]!r} twice"
    if rows is not None and len(rows):
        ascending = np.sort(rows)
        if ascending[0] < 0 or bool((ascending[1:] == ascending[:-1]).any()):
            return "rows that are negative or not all different"
    return None


def is_finite(features: NDArray[np.float32]) -> bool:
    """Whether no feature is infinite; missing ones, NaN, may be."""
    n_rows = max(1, BLOCK_NUMBERS // max(1, features.shape[1]))
    return not any(np.isinf(features[start : start + n_rows]).any() for start in range(0, len(features), n_rows))


def mark_of(path: Path) -> list[int]:
    """What no other file has, nor this one after a change: the system alone sets when its content was last changed."""
    found = path.stat()
    return [found.st_ino, found.st_ctime_ns, found.st_size]


def marks_of(folder: Path, about: Mapping[str, Any]) -> dict[str, list[int]]:
    """:func:`mark_of` of each array of a cache that a fingerprint is made of."""
    names = [name for name in about["arrays"] if name.partition(".")[0] in _IN_FINGERPRINT]
    return {name: mark_of(folder / f"{name}.npy") for name in names}


def check_features(folder: Path, about: Mapping[str, Any], features: NDArray[np.float32]) -> None:
    """Check features that came from elsewhere, or have been changed since they were written here.

    Raises:
        NoCacheError: If one is infinite.
    """
    if about.get("checked") != mark_of(folder / "features.npy") and not is_finite(features):
        raise NoCacheError("features that are infinite")
