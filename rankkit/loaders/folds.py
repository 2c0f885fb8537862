"""Folders of folds: MSLR-WEB10K and WEB30K, LETOR 3 and 4, Yahoo, Istella, and whatever is named like them."""

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, overload

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError
from rankkit.files.plain_files import check_name
from rankkit.loaders.cache.reading import SUFFIX
from rankkit.loaders.files import read
from rankkit.loaders.formats import is_data

Role = Literal["train", "valid", "test"]

# What the parts of a fold are called; the first word of each is MSLR's and LETOR 4's.
_WORDS: dict[Role, tuple[str, ...]] = {
    "train": ("train", "trainingset", "training"),
    "valid": ("vali", "valid", "validationset", "validation", "dev"),
    "test": ("test", "testset", "testing"),
}
_ROLE_OF = {word: role for role, words in _WORDS.items() for word in words}
_WORD = re.compile(rf"(?:(?P<prefix>.+)[._-])?(?P<word>{'|'.join(_ROLE_OF)})(?P<rest>(?:\.\w+)*)", re.IGNORECASE)
_FOLD = re.compile(r"(?:fold|split)[ _-]?\d+", re.IGNORECASE)
_DIGITS = re.compile(r"(\d+)")
_LOOKED_FOR = (
    "Fold1, Fold2, ... with train.txt, vali.txt and test.txt (MSLR, LETOR 4) or trainingset.txt, validationset.txt and "
    "testset.txt (LETOR 3); set1.train.txt, set1.valid.txt and set1.test.txt (Yahoo); train.txt, vali.txt and test.txt "
    "(Istella); each in any format that rankkit reads, validation and test data or not"
)


@dataclass(frozen=True)
class FoldFiles:
    """The files of one fold.

    Args:
        name: Of the fold: its folder, or what the names of its files have before "train".
        train: Training data.
        valid: Validation data, or None.
        test: Test data, or None.
    """

    name: str
    train: Path
    valid: Path | None = None
    test: Path | None = None


@dataclass(frozen=True)
class Fold:
    """One split of the data. Each part is read when it is first asked for, and goes when the fold goes.

    Args:
        files: Where the parts lie.
        options: Of :func:`rankkit.read`. Without ``n_features``, all parts get the number of the training data, which
            is then read first.
    """

    files: FoldFiles
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Of the fold."""
        return self.files.name

    @cached_property
    def train(self) -> RankingDataset:
        """The training data."""
        return read(self.files.train, **self.options)

    @cached_property
    def valid(self) -> RankingDataset | None:
        """The validation data, or None if there is none."""
        return self._read(self.files.valid)

    @cached_property
    def test(self) -> RankingDataset | None:
        """The test data, or None if there is none."""
        return self._read(self.files.test)

    def _read(self, path: Path | None) -> RankingDataset | None:
        if path is None:
            return None
        n_features = self.options.get("n_features") or self.train.n_features
        return read(path, **{**self.options, "n_features": n_features})

    def __repr__(self) -> str:
        parts = (f"{role}={path.name}" for role in _WORDS if (path := getattr(self.files, role)) is not None)
        return f"Fold({self.name}: {', '.join(parts)})"


class Folds(Sequence[Fold]):
    """The folds of a folder, in order; nothing is read before it is asked for."""

    def __init__(self, files: Sequence[FoldFiles], options: dict[str, Any]) -> None:
        self.files = tuple(files)
        self._options = options

    def __len__(self) -> int:
        return len(self.files)

    @overload
    def __getitem__(self, place: int) -> Fold: ...
    @overload
    def __getitem__(self, place: slice) -> "Folds": ...
    def __getitem__(self, place: int | slice) -> "Fold | Folds":
        if isinstance(place, slice):
            return Folds(self.files[place], self._options)
        return Fold(self.files[place], self._options)

    def __repr__(self) -> str:
        return f"Folds({', '.join(files.name for files in self.files)})"


def read_folds(
    folder: str | os.PathLike[str],
    *,
    n_features: int | None = None,
    regroup: bool = False,
    cache: bool | str | os.PathLike[str] = False,
) -> Folds:
    r"""The splits of a data set that comes in folds, under the file names of MSLR, LETOR 3 and 4, Yahoo and Istella.

    ``for fold in read_folds("MSLR-WEB10K"): fit(scorer, objective, fold.train, fold.valid)`` holds the data of one fold
    at a time, since a fold reads its parts when they are first asked for.

    Args:
        folder: Of the data set.
        n_features: How many features a document has; None: as many as the training data of the fold has.
        regroup: Bring rows of a query together that do not stand together in LETOR text.
        cache: True, or a folder: keep the arrays of each file beside it, or there. Worth it, as each MSLR query stands
            in the training data of three folds.

    Returns:
        The folds, a sequence.

    Raises:
        DataError: If the folder holds no folds; what was looked for is listed.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for fold in ("Fold1", "Fold2"):
        ...         Path(folder, fold).mkdir()
        ...         for part in ("train", "test"):
        ...             _ = Path(folder, fold, f"{part}.txt").write_text("1 qid:1 1:0.5\n")
        ...     folds = read_folds(folder)
        ...     print(folds, folds[1], folds[1].test.n_docs)
        Folds(Fold1, Fold2) Fold(Fold2: train=train.txt, test=test.txt) 1
    """
    return Folds(find_folds(Path(folder)), {"n_features": n_features, "regroup": regroup, "cache": cache})


def find_folds(folder: Path) -> list[FoldFiles]:
    """The folds of a folder, in order of their names, Fold2 before Fold10.

    A folder in which nothing but one other folder holds folds, as archives often unpack, stands for that one.

    Raises:
        DataError: If there are none, or a part is there twice.
    """
    check_name(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of folds; got {_what_is(folder)}. Check the path.")
    folds = _folds_in(folder)
    if folds:
        return folds
    inside = {path: _folds_in(path) for path in _folders(folder)}
    inside = {path: found for path, found in inside.items() if found}
    if len(inside) > 1:
        names = ", ".join(path.name for path in inside)
        raise DataError(f"{folder}: expected one set of folds; got {names}. Name one of these folders.")
    if not inside:
        held = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
        raise DataError(f"{folder}: expected {_LOOKED_FOR}; got {held}. Name the folder that holds the folds.")
    return next(iter(inside.values()))


def _what_is(path: Path) -> str:
    return "a file" if path.exists() else "No such file or directory"


def _folders(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.iterdir(), key=_natural) if path.is_dir() and not path.name.startswith("."))


def _folds_in(folder: Path) -> list[FoldFiles]:
    """Folds in folders of their own, or else told apart by the beginning of the file names."""
    folds = []
    for path in _folders(folder):
        if _FOLD.fullmatch(path.name):
            found = _files_in(path)
            names = [path.name] if len(found) == 1 else [f"{path.name}.{files.name}" for files in found]
            folds += [replace(files, name=name) for files, name in zip(found, names, strict=True)]
    return folds or _files_in(folder)


def _files_in(folder: Path) -> list[FoldFiles]:
    found: dict[str, dict[Role, Path]] = {}
    for path in sorted(folder.iterdir(), key=_natural):
        match = _WORD.fullmatch(path.name)
        if match is None or not _is_part(path, match["rest"].lower()):
            continue
        parts = found.setdefault(match["prefix"] or folder.name, {})
        role = _ROLE_OF[match["word"].lower()]
        if role in parts:
            raise DataError(
                f"{folder}: expected one file of {role} data; got {parts[role].name} and {path.name}. Move one away."
            )
        parts[role] = path
    return [FoldFiles(name, **parts) for name, parts in found.items() if "train" in parts]


def _is_part(path: Path, extensions: str) -> bool:
    # train.txt.rkcache is the cache of a part that is there too; train.rkcache is a part.
    return is_data(path) and not (extensions.endswith(SUFFIX) and extensions != SUFFIX)


def _natural(path: Path) -> list[tuple[int, str]]:
    """Orders names with the numbers in them as numbers."""
    pieces = _DIGITS.split(path.name.lower())
    return [(int(piece), "") if piece.isdigit() else (-1, piece) for piece in pieces]
