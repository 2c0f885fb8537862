"""Labelled examples in .npz files: the arrays inputs, labels and, where known, class_names and ids."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples, assemble_examples
from rankkit.errors import DataError
from rankkit.files.atomic import replacing

_NEEDED = ("inputs", "labels")
_OPTIONAL = ("class_names", "ids")


def read_npz(path: Path) -> LabelledExamples:
    """Read a .npz file. Arrays of Python objects, which are pickles, are refused.

    Inputs of uint8 with three axes or four are images ``[n, height, width]`` or ``[n, channels, height, width]`` and
    become numbers in [0, 1]; all others are taken as they are. Images without an axis of channels get one.

    Raises:
        DataError: If the file is damaged, an array is missing or holds objects, or the arrays do not fit together.
    """
    arrays = _read_arrays(path)
    for name in _NEEDED:
        if name not in arrays:
            raise DataError(
                f"{path}: expected the arrays inputs and labels; got {', '.join(sorted(arrays)) or 'no array'}. "
                "Save them with numpy.savez(path, inputs=..., labels=...)."
            )
    return assemble_examples(
        _as_images(arrays["inputs"], path),
        arrays["labels"],
        class_names=_texts(arrays.get("class_names"), path),
        ids=arrays.get("ids"),
        where=str(path),
    )


def write_npz(examples: LabelledExamples, path: Path) -> None:
    """Write a .npz file that :func:`read_npz` reads back bit for bit; an existing file is replaced as a whole."""
    arrays: dict[str, Any] = {"inputs": examples.inputs, "labels": examples.labels}
    arrays["class_names"] = np.array(examples.class_names, dtype=np.str_)
    if examples.ids is not None:
        arrays["ids"] = examples.ids
    with replacing(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    try:
        with path.open("rb") as file, contextlib.ExitStack() as opened:
            loaded = np.load(file, allow_pickle=False)
            if not isinstance(loaded, np.lib.npyio.NpzFile):
                raise ValueError("one array, as numpy.save writes")
            opened.enter_context(loaded)
            names = [name for name in (*_NEEDED, *_OPTIONAL) if name in loaded.files]
            others = {name: np.empty(0) for name in loaded.files}
            return others | {name: loaded[name] for name in names}
    except Exception as error:  # on damaged files numpy raises nearly anything, from BadZipFile to MemoryError
        raise DataError(
            f"{path}: expected a whole .npz file of plain arrays; got {str(error) or type(error).__name__}. "
            "Write it again with numpy.savez."
        ) from error


def _as_images(inputs: NDArray[Any], path: Path) -> NDArray[Any]:
    if inputs.ndim == 4 and inputs.shape[-1] in (1, 3, 4) and inputs.shape[1] not in (1, 3, 4):
        raise DataError(
            f"{path}: expected images with the channels first, [n, channels, height, width]; got {inputs.shape}. "
            "Write inputs.transpose(0, 3, 1, 2)."
        )
    if inputs.dtype == np.uint8 and inputs.ndim in (3, 4):
        inputs = inputs.astype(np.float32) / np.float32(255)
    return inputs[:, None] if inputs.ndim == 3 else inputs


def _texts(names: NDArray[Any] | None, path: Path) -> list[str] | None:
    if names is None:
        return None
    if names.ndim != 1 or names.dtype.kind != "U":
        raise DataError(
            f"{path}: expected class_names as text, one a class; got {names.dtype} of shape {names.shape}. "
            "Save them as numpy.array([...]) of strings."
        )
    return [str(name) for name in names]
