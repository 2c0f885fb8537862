"""Images in class folders, on disk or in an archive: ``class/image.png`` or ``group/class/image.png``."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import DataError
from rankkit.loaders.examples.archives import read_entries
from rankkit.loaders.examples.images import ImageForm, decode_image, stack_images

_Parts = tuple[str, ...]


def read_class_folders(path: Path, form: ImageForm) -> LabelledExamples:
    """Read the images of a folder of class folders, or of a zip or tar archive of such.

    The class of an image is the path of its folder, without the leading folders that all images share; classes are in
    the order of their names, images in the order of theirs. Files that are no images by their extension are left out,
    hidden ones too.

    Raises:
        DataError: If an image lies outside of class folders, a class folder is empty, or a file is damaged.
    """
    images: dict[_Parts, NDArray[np.uint8]] = {}
    folders: set[_Parts] = set()
    for entry in read_entries(path):
        if entry.content is None:
            folders.add(entry.parts)
            continue
        name = "/".join(entry.parts)
        if len(entry.parts) == 1:
            raise DataError(
                f"{path}: expected images in class folders, as cat/1.png; got {name!r} at the top level. "
                "Move it into a folder with the name of its class."
            )
        if entry.parts in images:
            raise DataError(f"{path}: expected every member once; got {name!r} twice. Pack the folder again.")
        images[entry.parts] = decode_image(entry.content, form, f"{path}/{name}")
    if not images:
        raise DataError(f"{path}: expected class folders with images, as cat/1.png; got no image. Check the path.")
    _refuse_empty(path, folders, set(images))
    n_shared = _count_shared(path, {parts[:-1] for parts in images})
    found = sorted(images)
    class_of_image = ["/".join(parts[n_shared:-1]) for parts in found]
    class_names, labels = np.unique(class_of_image, return_inverse=True)
    inputs = stack_images(
        [images.pop(parts) for parts in found], [f"{path}/{'/'.join(parts)}" for parts in found], form
    )
    return LabelledExamples(
        inputs=inputs,
        labels=labels.astype(np.int64),
        class_names=tuple(class_names.tolist()),
        ids=np.array(["/".join(parts[n_shared:]) for parts in found], dtype=np.str_),
    )


def _refuse_empty(path: Path, folders: set[_Parts], images: set[_Parts]) -> None:
    filled = {parts[:level] for parts in images for level in range(len(parts))}
    empty = sorted(folders - filled)
    if empty:
        raise DataError(
            f"{path}: expected images in every class folder; got none in {'/'.join(empty[0])!r}"
            f"{f' and {len(empty) - 1} more' if len(empty) > 1 else ''}. Remove the folder or add its images."
        )


def _count_shared(path: Path, classes: set[_Parts]) -> int:
    """How many leading folders all images share; a class keeps its last folder."""
    for parts in sorted(classes):
        above = next((parts[:level] for level in range(1, len(parts)) if parts[:level] in classes), None)
        if above is not None:
            raise DataError(
                f"{path}: expected folders with either images or folders; got both in {'/'.join(above)!r}. "
                "Move the images into a folder of their own."
            )
    first, last = min(classes), max(classes)
    shallowest = min(len(parts) for parts in classes)
    n_shared = 0
    while n_shared < shallowest - 1 and first[n_shared] == last[n_shared]:
        n_shared += 1
    return n_shared
