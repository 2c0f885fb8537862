"""What a recommender has learnt as arrays by name, checked before compiled loops trust them."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids, TextIds
from rankkit.errors import DataError

State = Mapping[str, NDArray[Any]]
"""Arrays by name."""
Sparse = tuple[NDArray[Any], NDArray[Any], NDArray[np.float32]]
"""A sparse matrix by rows: starts, columns, values."""


def ids_out(name: str, ids: Ids) -> dict[str, NDArray[Any]]:
    """Ids as arrays: numbers as they are, text as its UTF-8 bytes with offsets."""
    if not isinstance(ids, TextIds):
        return {f"{name}.ids": ids}
    offsets, characters = ids.buffers()
    return {f"{name}.id_offsets": offsets, f"{name}.id_characters": characters}


def ids_in(where: str, name: str, state: State) -> Ids:
    """What :func:`ids_out` was given.

    Raises:
        DataError: If the bytes are none of texts.
    """
    if f"{name}.ids" in state:
        return np.asarray(state[f"{name}.ids"])
    offsets, characters = (np.asarray(state[f"{name}.{part}"]) for part in ("id_offsets", "id_characters"))
    are_offsets = offsets.dtype == np.int64 and offsets.ndim == 1 and len(offsets) > 0 and offsets[0] == 0
    if (
        not are_offsets
        or characters.dtype != np.uint8
        or (np.diff(offsets) < 0).any()
        or offsets[-1] != len(characters)
    ):
        raise _refused(where, f"{name}.id_offsets", "offsets that rise from 0 to the number of bytes")
    ids = TextIds.from_buffers(offsets, characters)
    try:
        ids.to_arrow().validate(full=True)
    except ValueError as error:
        raise _refused(where, f"{name}.id_characters", "text in UTF-8") from error
    return ids


def array_in(where: str, state: State, name: str, shape: tuple[int, ...], kind: Any = np.float32) -> NDArray[Any]:
    """An array of a known shape.

    Raises:
        DataError: If it has another.
    """
    found = np.asarray(state[name])
    if found.shape != shape or found.dtype != np.dtype(kind):
        raise _refused(where, name, f"{np.dtype(kind).name} {list(shape)}, not {found.dtype} {list(found.shape)}")
    return found


def sparse_out(matrix: Sparse) -> dict[str, NDArray[Any]]:
    """A sparse matrix as arrays."""
    return dict(zip(("starts", "columns", "values"), matrix, strict=True))


def sparse_in(where: str, state: State, n_rows: int, n_columns: int) -> Sparse:
    """What :func:`sparse_out` was given.

    Raises:
        DataError: If an index leads out of the matrix.
    """
    starts, columns, values = (np.asarray(state[name]) for name in ("starts", "columns", "values"))
    whole = starts.dtype.kind == "i" and columns.dtype.kind == "i" and starts.shape == (n_rows + 1,)
    if not whole or starts[0] != 0 or (np.diff(starts) < 0).any() or starts[-1] != len(columns):
        raise _refused(where, "starts", f"{n_rows + 1} starts that rise from 0 to the number of values")
    if columns.shape != values.shape or (len(columns) and not 0 <= columns.min() <= columns.max() < n_columns):
        raise _refused(where, "columns", f"positions below {n_columns}, one a value")
    return starts, columns, values.astype(np.float32, copy=False)


def _refused(where: str, name: str, expected: str) -> DataError:
    return DataError(
        f"{where}: expected in {name!r} {expected}; got another array. Pass the state of a recommender with these "
        "options."
    )
