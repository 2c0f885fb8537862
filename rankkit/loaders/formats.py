"""Which format of ranking data a file is, by its name, or a folder, by what it holds."""

from pathlib import Path
from typing import Literal

from rankkit.errors import ConfigError, DataError
from rankkit.files.presence import check_data_is_there
from rankkit.loaders.cache.folder import is_cache
from rankkit.loaders.cache.reading import SUFFIX
from rankkit.loaders.compression import SUFFIXES
from rankkit.loaders.sources import is_hidden, is_stream

Kind = Literal["letor", "csv", "parquet", "arrow", "cache"]

_LETOR = (".txt", ".letor", ".svm", ".svmlight", ".libsvm", ".dat", ".train", ".vali", ".valid", ".test")
_CSV = (".csv", ".tsv")
_PARQUET = (".parquet", ".pq")
_ARROW = (".arrow", ".feather", ".ipc", ".arrows")
QRELS = (".qrels", ".qrel")
_EXTENSIONS: tuple[tuple[Kind, tuple[str, ...]], ...] = (
    ("letor", _LETOR),
    ("csv", _CSV),
    ("parquet", _PARQUET),
    ("arrow", _ARROW),
    ("cache", (SUFFIX,)),
)
KIND_NAMES: dict[Kind, str] = {
    "letor": "LETOR text",
    "csv": "a CSV file",
    "parquet": "Parquet",
    "arrow": "Arrow",
    "cache": "a cache",
}
_KINDS = {extension: kind for kind, extensions in _EXTENSIONS for extension in extensions}


def is_data(path: Path) -> bool:
    """Whether :func:`read` knows a file by its extension, or a folder by its content."""
    try:
        kind_of(path)
    except (ConfigError, DataError):
        return False
    return True


def kind_of(path: Path) -> Kind:
    """The format of a file by its name, of a folder by its content.

    Raises:
        ConfigError: If the name says no format.
        DataError: If there is no such file, or the folder holds none.
    """
    check_is_there(path)
    if not path.is_dir():
        return kind_by_name(path)
    if is_cache(path) or path.suffix.lower() == SUFFIX:
        return "cache"
    if (path / "log.json").is_file() or (path / "split.json").is_file():
        raise DataError(
            f"{path}: expected rows of queries; got a log of users and items, or a split of one. Read it with "
            "rankkit.read_interactions(path)."
        )
    if (path / "dataset_dict.json").is_file() or (path / "state.json").is_file():
        return "arrow"
    found = {_KINDS.get(file.suffix.lower()) for file in path.rglob("*") if not is_hidden(file.relative_to(path))}
    kinds: list[Kind] = [kind for kind in ("parquet", "arrow") if kind in found]
    if len(kinds) != 1:
        raise DataError(
            f"{path}: expected a folder of Parquet files, of Arrow files, or a cache; got "
            f"{'both kinds of files' if kinds else 'none of these'}. Name a file, or rankkit.read_folds() for folds."
        )
    return kinds[0]


def check_is_there(path: Path) -> None:
    """Raise DataError if there is no file or folder of a name: whatever the name, this comes before its format."""
    if not is_stream(path):
        check_data_is_there(path)


def kind_by_name(path: Path) -> Kind:
    """The format that the name of a file says.

    Raises:
        ConfigError: If it says none.
    """
    extension = extension_of(path)
    is_packed = path.suffix.lower() in SUFFIXES
    if extension not in (_LETOR + _CSV if is_packed else _KINDS):
        known = ", ".join(_LETOR + _CSV if is_packed else _KINDS)
        raise ConfigError(
            f"{path}: expected a name that ends in {known}{f' before {path.suffix}' if is_packed else ''}; got "
            f"{extension!r}. Rename the file."
        )
    return _KINDS[extension]


def extension_of(path: Path) -> str:
    """The extension, or the one before that of a compression: ".txt" of train.txt.gz."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
