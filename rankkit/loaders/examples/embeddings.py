"""Writing embeddings with the classes and names of their examples."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError, ShapeError
from rankkit.files.atomic import replacing
from rankkit.files.places import check_place


def write_embeddings(embeddings: NDArray[np.float32], examples: LabelledExamples, path: Path | str) -> None:
    """Write one embedding an example, in the order of the examples, the format by extension.

    ``.npz`` has the arrays embeddings ``[n, n_dims]``, labels, class_names and, where known, ids; ``.parquet`` the
    columns id (where known), label (the class name) and embedding (a list), which ``rankkit.read_labelled`` reads;
    ``.npy`` the embeddings alone.

    Args:
        embeddings: float32 ``[n, n_dims]``, what :func:`rankkit.models.encoders.embed` returned.
        examples: What was embedded.
        path: Where to write; an existing file is replaced as a whole.

    Raises:
        ConfigError: If the extension names no format.
        ShapeError: If there is not one embedding an example.
    """
    path = Path(path)
    check_embeddings_target(path)
    if embeddings.ndim != 2 or len(embeddings) != examples.n_examples:
        raise ShapeError(
            f"write_embeddings: expected {examples.n_examples} embeddings [n, n_dims], one an example; got shape "
            f"{embeddings.shape}. Pass what rankkit.models.encoders.embed returned for these examples."
        )
    with replacing(path) as temporary:
        _WRITERS[path.suffix](embeddings, examples, temporary)


def check_embeddings_target(path: Path) -> None:
    """Refuse what :func:`write_embeddings` cannot write to, before any work is done.

    Raises:
        ConfigError: If the name ends in neither .npz, .parquet nor .npy.
        DiskError: If nothing can be written there.
    """
    if path.suffix not in _WRITERS:
        raise ConfigError(
            f"{path}: expected a name that ends in {', '.join(_WRITERS)}; got {path.suffix!r}. Rename it."
        )
    check_place(path)


def _npz(embeddings: NDArray[np.float32], examples: LabelledExamples, path: Path) -> None:
    arrays: dict[str, Any] = {"embeddings": embeddings, "labels": examples.labels}
    arrays["class_names"] = np.array(examples.class_names, dtype=np.str_)
    if examples.ids is not None:
        arrays["ids"] = examples.ids
    with path.open("wb") as file:
        np.savez(file, **arrays)


def _parquet(embeddings: NDArray[np.float32], examples: LabelledExamples, path: Path) -> None:
    import pyarrow.parquet as pq

    columns = {} if examples.ids is None else {"id": pa.array(examples.ids.tolist(), pa.string())}
    columns["label"] = pa.array([examples.class_names[place] for place in examples.labels], pa.string())
    flat = pa.array(np.ascontiguousarray(embeddings, np.float32).reshape(-1))
    columns["embedding"] = pa.FixedSizeListArray.from_arrays(flat, embeddings.shape[1])
    pq.write_table(pa.table(columns), path, compression="zstd")


def _npy(embeddings: NDArray[np.float32], examples: LabelledExamples, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, embeddings)


_WRITERS: dict[str, Callable[[NDArray[np.float32], LabelledExamples, Path], None]] = {
    ".npz": _npz,
    ".parquet": _parquet,
    ".npy": _npy,
}
