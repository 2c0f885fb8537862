"""Whether what a person named is there at all: asked before anything is loaded that takes time."""

from pathlib import Path

from rankkit.errors import BundleError, DataError
from rankkit.files.plain_files import check_name


def check_data_is_there(path: Path) -> None:
    """Raise DataError if there is no file or folder of a name."""
    check_name(path)
    if not path.exists():
        raise DataError(f"{path}: expected a file or folder; got No such file or directory. Check the path.")


def check_model_is_there(path: Path) -> None:
    """Raise BundleError if there is nothing of the name of a saved model."""
    check_name(path, BundleError)
    if not path.exists():
        raise BundleError(
            f"{path}: expected the folder of a saved model, or a file of trees; got nothing there. Check the path."
        )
