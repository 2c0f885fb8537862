"""Rows that become the arrays of a new cache, some at a time: memory for those rows and nothing else."""

import contextlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids, TextIds, no_ids
from rankkit.loaders.cache.folder import IdFile, RowFile, map_ids, write_array, write_ids

_GATHERED_NUMBERS = 4_000_000  # features that are brought into another order at a time
_GATHERED_IDS = 1_000_000


class CacheRows:
    """The arrays of a cache with one row a document, written in the order of the input; a context.

    Args:
        folder: Of the new cache.
        width: How many features a row has.
    """

    def __init__(self, folder: Path, width: int) -> None:
        self.n_rows, self.width = 0, width
        self._folder, self._has_ids = folder, False
        self._files = contextlib.ExitStack()
        self._features = self._files.enter_context(RowFile(folder / "features.npy", np.float32, (width,)))
        self._columns: dict[str, RowFile] = {}
        self._doc_ids = self._files.enter_context(IdFile(folder, "doc_ids"))

    def append(
        self, features: NDArray[np.float32], doc_ids: TextIds | None = None, **columns: NDArray[np.float32] | None
    ) -> None:
        """Write some rows behind the others.

        Args:
            features: float32 ``[row, feature]``.
            doc_ids: ``[row]``; None where none of these rows has one.
            **columns: float32 ``[row]`` by the name of the array, as ``labels``; None for what the data does not have.
        """
        self._features.append(features)
        for name, values in columns.items():
            if values is not None:
                if name not in self._columns:
                    path = self._folder / f"{name}.npy"
                    self._columns[name] = self._files.enter_context(RowFile(path, np.float32))
                self._columns[name].append(values)
        self._has_ids |= doc_ids is not None
        self._doc_ids.append(no_ids(len(features)) if doc_ids is None else doc_ids)
        self.n_rows += len(features)

    def __enter__(self) -> "CacheRows":
        return self

    def __exit__(self, *error: Any) -> Literal[False]:
        self._files.__exit__(*error)
        if not self._has_ids:
            self._doc_ids.remove()
        return False

    def finish(self, offsets: NDArray[np.int64], qids: Ids, rows: NDArray[np.int64] | None) -> None:
        """Write the queries, and bring the documents into the order of ``rows`` unless that is None."""
        write_array(self._folder / "offsets.npy", offsets)
        write_ids(self._folder, "qids", qids)
        if rows is not None:
            write_array(self._folder / "rows.npy", rows)
            for name in ("features", *self._columns):
                _reorder(self._folder / f"{name}.npy", rows)
            if self._has_ids:
                _reorder_ids(self._folder, rows)


def _reorder(path: Path, rows: NDArray[np.int64]) -> None:
    """Write the rows of a .npy file anew in another order."""
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    temporary = path.with_suffix(".ordered")
    n_rows = max(1, _GATHERED_NUMBERS // max(1, values[:1].size))
    with RowFile(temporary, values.dtype, values.shape[1:]) as file:
        for start in range(0, len(rows), n_rows):
            file.append(values[rows[start : start + n_rows]])
    temporary.replace(path)


def _reorder_ids(folder: Path, rows: NDArray[np.int64]) -> None:
    """Write the document ids anew in another order."""
    ids = map_ids(folder, "doc_ids")
    with IdFile(folder, "ordered") as file:
        for start in range(0, len(rows), _GATHERED_IDS):
            file.append(ids[rows[start : start + _GATHERED_IDS]])
    file.rename("doc_ids")
