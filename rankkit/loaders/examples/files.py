"""Reading and writing labelled examples by what a path names: class folders, archives, .npz, Parquet, idx, names."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rankkit.data.labelled_examples import LabelledExamples
from rankkit.errors import ConfigError, DataError, check_given, did_you_mean
from rankkit.files.plain_files import check_name
from rankkit.loaders.examples.archives import ARCHIVES
from rankkit.loaders.examples.arrays import read_npz, write_npz
from rankkit.loaders.examples.class_folders import read_class_folders
from rankkit.loaders.examples.digits import digits
from rankkit.loaders.examples.glyphs import glyphs
from rankkit.loaders.examples.idx_files import is_idx, read_idx
from rankkit.loaders.examples.images import ImageForm, Ink
from rankkit.loaders.examples.tables import read_labelled_parquet, write_labelled_parquet

_PARQUET = (".parquet", ".pq")
NAMED: dict[str, Callable[[], LabelledExamples]] = {"digits": digits, "glyphs": glyphs}


def read_labelled(
    path: str | os.PathLike[str],
    *,
    size: int | tuple[int, int] | None = 28,
    colour: bool = False,
    ink: Ink = "light",
    label: str = "label",
    features: Sequence[str] | str | None = None,
    id_column: str | None = "id",
) -> LabelledExamples:
    """Read examples with one class each.

    =====================================  =============================================================================
    ``path``                               What it holds
    =====================================  =============================================================================
    a folder, .zip, .tar, .tar.gz, ...     images in class folders, ``cat/1.png`` or ``Greek/character01/0394_01.png``:
                                           the class is the folder, below the leading folders that all images share
    .npz                                   arrays ``inputs [n, ...]`` and ``labels [n]``, as numpy.savez writes;
                                           uint8 images become numbers in [0, 1]
    .parquet, .pq                          a label column, and columns of numbers, of lists or of encoded images
    ``...images-idx3-ubyte``, also .gz     MNIST and its kin; the labels file is found beside it
    ``"digits"``                           scikit-learn's digits, 8 x 8 (:func:`rankkit.loaders.examples.digits.digits`)
    ``"glyphs"``                           characters in 12 fonts (:func:`rankkit.loaders.examples.glyphs.glyphs`)
    =====================================  =============================================================================

    Images are turned as their EXIF orientation says. Archives are read as they are, nothing is unpacked to disk. A
    folder of the name "digits" is ``"./digits"``.

    Args:
        path: A file, a folder or one of the two names.
        size: Images are brought to so many pixels, (height, width) or one number for a square, without regard to their
            shape; None: all must have one size. Arrays, numbers and the two names are taken as they are.
        colour: True for three channels, False for one grey channel; images only.
        ink: "dark" turns brightness round, so that dark strokes on white paper are 1 on 0; images only.
        label: The column of classes of a Parquet file.
        features: The input columns of a Parquet file, or its one column of lists or images; None finds them.
        id_column: The column of a Parquet file that names the examples, where it is there; None for no names.

    Raises:
        ConfigError: If the name says no format, or an option does not go with it.
        DataError: If the content is not as expected; the message names the file or the member of the archive.

    Example:
        >>> read_labelled("digits")
        LabelledExamples(1,797 examples, 10 classes, inputs [1 x 8 x 8], 174 to 183 a class)
    """
    form = ImageForm(size, colour, ink)
    check_form([path], colour=colour, ink=ink)
    if str(path) in NAMED:
        return NAMED[str(path)]()
    path = Path(path)
    check_name(path)
    if not path.exists():
        action = did_you_mean(str(path), NAMED)
        near = action if action.startswith("Did you mean") and not path.suffix else "Check the path."
        raise DataError(f"{path}: expected a file, a folder, 'digits' or 'glyphs'; got no such file. {near}")
    try:
        return _read(path, form, label, features, id_column)
    except OSError as error:
        raise DataError(
            f"{path}: expected a file that can be read; got {error}. Check the permissions and the disk."
        ) from error


def _read(
    path: Path, form: ImageForm, label: str, features: Sequence[str] | str | None, id_column: str | None
) -> LabelledExamples:
    name = path.name.lower()
    if path.is_dir() or name.endswith(ARCHIVES):
        return read_class_folders(path, form)
    if name.endswith(_PARQUET):
        return read_labelled_parquet(path, form, label=label, features=features, id_column=id_column)
    if name.endswith(".npz"):
        return read_npz(path)
    if is_idx(path):
        return read_idx(path, form)
    raise _unknown(path, (*ARCHIVES, ".npz", *_PARQUET, "idx3-ubyte"))


def takes_form(path: str | os.PathLike[str]) -> bool:
    """Whether size, colour and ink mean anything for a path: not for arrays and the two names."""
    return str(path) not in NAMED and not str(path).lower().endswith(".npz")


def check_form(paths: Sequence[str | os.PathLike[str]], *, colour: bool, ink: Ink) -> None:
    """Refuse a colour or an ink that has no say, since none of the paths that are read together takes it.

    Raises:
        ConfigError: If one is asked for.
    """
    if (colour or ink != "light") and not any(map(takes_form, paths)):
        listed = ", ".join(map(str, dict.fromkeys(paths)))
        raise ConfigError(
            f"{listed}: expected colour and ink for image files only; got colour={colour}, ink={ink!r}. Leave them out."
        )


def read_in_form(path: str | os.PathLike[str], **options: Any) -> LabelledExamples:
    """One of several paths that are read together: :func:`read_labelled`, with a form only where it means anything.

    :func:`check_form` says beforehand whether it does for any of them.
    """
    if not takes_form(path):
        options = {name: value for name, value in options.items() if name not in ("size", "colour", "ink")}
    return read_labelled(path, **options)


def write_labelled(examples: LabelledExamples, path: str | os.PathLike[str]) -> None:
    """Write examples as .npz or Parquet; :func:`read_labelled` reads them back bit for bit.

    Raises:
        ConfigError: If the name ends in neither.
    """
    check_given("write_labelled", "examples", examples, LabelledExamples)
    path = Path(path)
    if path.suffix.lower() == ".npz":
        write_npz(examples, path)
    elif path.suffix.lower() in _PARQUET:
        write_labelled_parquet(examples, path)
    else:
        raise _unknown(path, (".npz", *_PARQUET))


def _unknown(path: Path, known: tuple[str, ...]) -> ConfigError:
    return ConfigError(
        f"{path}: expected a folder, or a name that ends in {', '.join(known)}; got {path.name!r}. Rename it."
    )
