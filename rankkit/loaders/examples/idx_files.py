"""idx files, the form of MNIST and its kin: one file of images, one of labels beside it, plain or compressed."""

import math
import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples, assemble_examples
from rankkit.errors import DataError
from rankkit.loaders.compression import compression_of, damage_named, unpacking
from rankkit.loaders.examples.images import ImageForm, bring_to_form, stack_images

_CHUNK = 2**24
_UBYTE = 8  # the type byte of unsigned bytes
# Each pair is what the names of an images file and of its labels file have.
_NAMES = (("images-idx3", "labels-idx1"), ("images.idx3", "labels.idx1"))


def is_idx(path: Path) -> bool:
    """True for names of idx files: ``t10k-images-idx3-ubyte.gz``, ``train-labels.idx1-ubyte``."""
    return any(part in path.name for names in _NAMES for part in names)


def read_idx(path: Path, form: ImageForm) -> LabelledExamples:
    """Read the images of an idx file and the labels of the file beside it; class names are the labels' digits.

    Raises:
        DataError: If the name has no "images-idx3", no labels file lies beside it, or one of the two is damaged.
    """
    labels_path = _labels_beside(path)
    images, labels = _read_ubytes(path, n_axes=3), _read_ubytes(labels_path, n_axes=1)
    if len(images) != len(labels):
        raise DataError(
            f"{labels_path}: expected {len(images)} labels, as {path.name} has images; got {len(labels)}. "
            "Take both files from one data set."
        )
    inputs = stack_images([bring_to_form(image, form) for image in images], [str(path)] * len(images), form)
    return assemble_examples(inputs, labels, class_names=None, ids=None, where=str(labels_path))


def _labels_beside(path: Path) -> Path:
    for images_part, labels_part in _NAMES:
        if images_part in path.name:
            name = path.name.replace(images_part, labels_part)
            stem = name.removesuffix(".gz")
            found = next((path.with_name(other) for other in (name, stem, f"{stem}.gz") if _is_file(path, other)), None)
            if found is None:
                raise DataError(f"{path}: expected its labels in {name!r} beside it; got no such file. Put it there.")
            return found
    raise DataError(
        f"{path}: expected the images file, with 'images-idx3' in its name; got the labels file. Pass the images file."
    )


def _is_file(path: Path, name: str) -> bool:
    return path.with_name(name).is_file()


def _read_ubytes(path: Path, *, n_axes: int) -> NDArray[np.uint8]:
    with path.open("rb") as file:
        head = file.read(8)
        file.seek(0)
        compression = compression_of(path, head)
        if compression is None:
            return _parse(path, file, n_axes)
        with damage_named(path, compression):
            return _parse(path, unpacking(file, compression), n_axes)


def _parse(path: Path, file: BinaryIO, n_axes: int) -> NDArray[np.uint8]:
    expected = bytes((0, 0, _UBYTE, n_axes))
    head = file.read(4 + 4 * n_axes)
    if len(head) < 4 + 4 * n_axes or head[:4] != expected:
        raise DataError(
            f"{path}: expected an idx file of unsigned bytes with {n_axes} axes, {expected!r} at its start; got "
            f"{head[:4]!r}. Fetch it again."
        )
    shape = struct.unpack(f">{n_axes}I", head[4:])
    n_bytes = math.prod(shape)
    content = bytearray()  # grows with what is there, whatever the header claims
    while len(content) <= n_bytes and (piece := file.read(min(_CHUNK, n_bytes + 1 - len(content)))):
        content += piece
    if len(content) != n_bytes or n_bytes == 0:
        got = "more" if len(content) > n_bytes else f"{len(content):,}"
        raise DataError(
            f"{path}: expected {n_bytes:,} bytes for {' x '.join(map(str, shape))}, at least one; got {got}. "
            "Fetch it again."
        )
    return np.frombuffer(content, np.uint8).reshape(shape)
