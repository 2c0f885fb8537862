"""What says how a LETOR file is meant besides its rows: the comment above them, and the files that lie beside it.

LightGBM and XGBoost keep the number of rows of each query and the weights of rows in files of their own.
"""

import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rankkit.errors import DataError
from rankkit.loaders.letor.text_blocks import text_blocks

FIRST_LOOK = 2**18
"""Bytes that tell how a file begins."""

_BASES = re.compile(rb"indices are (zero|one)-based", re.IGNORECASE)  # as scikit-learn's dump_svmlight_file writes it
_PACKED = (".gz", ".bz2", ".xz", ".zst")


@dataclass(frozen=True)
class Beginning:
    """What the first lines of a file show.

    Args:
        has_labels: Whether the first row begins with a label, and not with ``qid:``.
        has_qids: Whether the first row has a ``qid:``.
        is_zero_based: Whether the comment above the rows says that the first feature has index 0.
    """

    has_labels: bool = True
    has_qids: bool = True
    is_zero_based: bool = False


def beginning_of(path: Path) -> Beginning:
    """Read the comment above the rows, and the first row.

    Raises:
        DataError: If the file cannot be read.
    """
    is_zero_based = False
    with closing(text_blocks(path, FIRST_LOOK)) as blocks:
        for block in blocks:
            for line in block.data.tobytes().split(b"\n"):
                line = line.strip()
                if line.startswith(b"#"):
                    found = _BASES.search(line)
                    is_zero_based = is_zero_based if found is None else found[1].lower() == b"zero"
                elif line:
                    words = line.split(b"#")[0].split(None, 2)
                    has_qids = any(word.startswith(b"qid:") for word in words[:2])
                    return Beginning(not line.startswith(b"qid:"), has_qids, is_zero_based)
    return Beginning(is_zero_based=is_zero_based)


@dataclass(frozen=True)
class SideFiles:
    """The files to read beside a file of rows.

    Args:
        group_file: With the number of rows of each query.
        weight_file: With the weight of each row.
        notes: Which of them are taken without being asked for, a line each.
    """

    group_file: Path | None = None
    weight_file: Path | None = None
    notes: tuple[str, ...] = ()


def side_files(path: Path, group_file: Path | None, has_qids: bool, *, with_weights: bool = True) -> SideFiles:
    """The files beside LETOR text that are read with it.

    Args:
        path: The file.
        group_file: What was asked for.
        has_qids: Rows that name their query need no other file.
        with_weights: Whether weights are of use.
    """
    notes = []
    if group_file is None:
        found = _beside(path, (".query", ".group"), also_of_stem=True)
        if found is not None and has_qids:
            notes.append(f"{found.name} beside it is left out, since the rows have qids.")
        elif found is not None:
            group_file = found
            notes.append(f"the rows of each query are counted by {found.name} beside it.")
    weights = _beside(path, (".weight",), also_of_stem=False) if with_weights else None
    if weights is not None:
        notes.append(f"the rows are weighted by {weights.name} beside it.")
    return SideFiles(group_file, weights, tuple(notes))


def _beside(path: Path, endings: tuple[str, ...], *, also_of_stem: bool) -> Path | None:
    """A file whose name says that it belongs to this one, if there is one."""
    plain = path.with_suffix("") if path.suffix in _PACKED else path
    stems = (plain.name, plain.stem) if also_of_stem else (plain.name,)
    names = [stem + end for stem in stems for end in endings]
    return next((path.with_name(name) for name in names if path.with_name(name).is_file()), None)


def read_group_sizes(path: Path) -> NDArray[np.int64]:
    """The numbers of rows of a ``.query`` or ``.group`` file: one a line, 1 or more; blank lines are skipped.

    Raises:
        DataError: If the file cannot be read, or a line holds anything else.
    """

    def is_size(text: bytes) -> bool:
        return text.isdigit() and 0 < int(text[:20]) < 2**40

    lines = _lines(path, is_size, "the number of rows of a query, 1 or more")
    return np.array([int(text) for text in lines], np.int64)


def read_row_weights(path: Path, n_rows: int, rows_of: Path) -> NDArray[np.float32]:
    """The weights of a ``.weight`` file: one a line, as many as rows; blank lines are skipped.

    Args:
        path: The file.
        n_rows: How many there must be.
        rows_of: Whose rows they weight, for the message.

    Raises:
        DataError: If the file cannot be read, a line holds no number from 0 on, or there are more or fewer.
    """

    def is_weight(text: bytes) -> bool:
        try:
            return 0 <= float(text) <= float(np.finfo(np.float32).max)
        except ValueError:
            return False

    lines = _lines(path, is_weight, "the weight of a row, a finite number of 0 or more")
    if len(lines) != n_rows:
        raise DataError(
            f"{path}: expected {n_rows:,} weights, one for each row of {rows_of}; got {len(lines):,}. "
            "Correct it, or rename it so that it is not taken."
        )
    return np.array([float(text) for text in lines], np.float32)


def _lines(path: Path, good: Callable[[bytes], bool], expected: str) -> list[bytes]:
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise DataError(f"{path}: expected a readable file; got {error.strerror}. Check the path.") from error
    texts = []
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text:
            continue
        if not good(text):
            shown = text[:40].decode("latin-1")
            raise DataError(f"{path}:{number}: expected {expected}; got {shown!r}. Write one number a line.")
        texts.append(text)
    return texts
