"""Names of features from a file beside the data, which LETOR text has no place for."""

import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError, check_given
from rankkit.files.plain_files import check_name

_INDEXED_LINE = re.compile(r"(\d+)\s*[\s:=,]\s*(\S.*)")


def with_feature_names(
    data: RankingDataset,
    names: str | os.PathLike[str] | Sequence[str] | Mapping[str, int] | Mapping[int, str] | Mapping[str, str],
) -> RankingDataset:
    """Name the features, all of them; the arrays stay where they are.

    A file holds one name a line, or an index and a name a line (``1 bm25``, also with ``:``, ``=``, a comma or a tab
    between), as its first line has it; empty lines do not count. A file that ends in .json holds a list of names, or
    an object from index to name or from name to index. Indices count from 1 as in LETOR text, or from 0: which of the
    two is plain, since every feature has to be named.

    Args:
        data: Any data set; names that it has are replaced.
        names: A file; or one name a feature, in order; or index to name, or name to index.

    Raises:
        DataError: If a feature is left without a name, two have the same, or the file cannot be read.

    Example:
        >>> from rankkit.loaders.tables.given_arrays import from_arrays
        >>> data = from_arrays([[1, 2]], [0], [7])
        >>> with_feature_names(data, ["bm25", "pagerank"]).feature_names
        ('bm25', 'pagerank')
        >>> with_feature_names(data, {"pagerank": 2, "bm25": 1}).feature_names
        ('bm25', 'pagerank')
    """
    check_given("with_feature_names", "data", data, RankingDataset)
    if isinstance(names, str | os.PathLike):
        path = Path(names)
        where, found = str(path), _read(path)
    else:
        where, found = "with_feature_names", list(names.items()) if isinstance(names, Mapping) else list(names)
    texts = found
    if isinstance(names, Mapping) or any(isinstance(item, tuple) for item in found):
        texts = _in_order(found, data.n_features, where)
    return replace(data, feature_names=_checked(texts, data.n_features, where))


def _read(path: Path) -> list[Any]:
    """Names in order, or pairs of index and name in either order."""
    check_name(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: expected a file of feature names; got {error.strerror}. Check the path.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected feature names in UTF-8; got {error}. Convert the file.") from error
    return _from_json(text, path) if path.suffix.lower() == ".json" else _from_lines(text, path)


def _from_json(text: str, path: Path) -> list[Any]:
    try:
        # Pairs and not a dict, which would drop the first of two equal keys without a word.
        content = json.loads(text, object_pairs_hook=lambda pairs: pairs)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}:{error.lineno}: expected JSON; got {error.msg}. Mend that line.") from error
    if not isinstance(content, list):
        raise DataError(
            f"{path}: expected a list of names, or an object from index to name; got {type(content).__name__}. "
            'Write ["first name", ...] or {"1": "first name", ...}.'
        )
    return content


def _from_lines(text: str, path: Path) -> list[Any]:
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines or not _INDEXED_LINE.fullmatch(lines[0][1]):
        return [line for _, line in lines]
    pairs = []
    for number, line in lines:
        match = _INDEXED_LINE.fullmatch(line)
        if match is None:
            raise DataError(
                f"{path}:{number}: expected an index and a name, as the first line has them; got {line!r}. "
                "Number all lines or none."
            )
        pairs.append((int(match[1]), match[2]))
    return pairs


def _in_order(pairs: Iterable[Any], n_features: int, where: str) -> list[str]:
    """The names by rising index, counted from 0 or from 1."""
    name_of: dict[int, str] = {}
    for pair in pairs:
        index, name = _index_and_name(pair, where)
        if index in name_of:
            raise DataError(
                f"{where}: expected one name an index; got {name_of[index]!r} and {name!r} for {index}. "
                "Take one of them out."
            )
        name_of[index] = name
    first = 0 if 0 in name_of else 1
    wanted = range(first, first + n_features)
    missing = [index for index in wanted if index not in name_of]
    beyond = sorted(set(name_of) - set(wanted))
    if missing or beyond:
        wrong = f"none for {missing[0]}" if missing else f"{name_of[beyond[0]]!r} for {beyond[0]}"
        raise DataError(
            f"{where}: expected a name for each index from {wanted[0] if n_features else first} to "
            f"{first + n_features - 1}; got {wrong}. Name the {n_features} features that the data has, or read it "
            f"with n_features={max(name_of, default=0) + 1 - first}."
        )
    return [name_of[index] for index in wanted]


def _index_and_name(pair: Any, where: str) -> tuple[int, str]:
    if isinstance(pair, tuple) and len(pair) == 2:
        for index, name in (pair, pair[::-1]):
            is_index = isinstance(index, int) and not isinstance(index, bool)
            if isinstance(name, str) and (is_index or (isinstance(index, str) and index.isdecimal())):
                return int(index), name
    raise DataError(f"{where}: expected an index and a name; got {pair!r}. Write each as in {{'1': 'bm25'}}.")


def _checked(names: list[Any], n_features: int, where: str) -> tuple[str, ...]:
    if len(names) != n_features:
        raise DataError(
            f"{where}: expected {n_features} feature names; got {len(names)}. Name every feature of the data, or read "
            f"it with n_features={len(names)}."
        )
    seen: set[str] = set()
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"{where}: expected names of features; got {name!r}. Write a name there.")
        if name in seen:
            raise DataError(f"{where}: expected names that differ; got {name!r} twice. Rename one of the features.")
        seen.add(name)
    return tuple(names)
