"""What is found out about a LETOR file before it is read: how many features it has.

Imports numba: it is imported where a file is read.
"""

import re
from contextlib import closing
from pathlib import Path

from rankkit.errors import DataError
from rankkit.loaders.letor import kernels
from rankkit.loaders.letor.beside import FIRST_LOOK
from rankkit.loaders.letor.text_blocks import BLOCK_SIZE, text_blocks

MOST_FEATURES = 100_000
"""A larger feature index than this is taken for a slip, unless n_features declares it."""


_NO_COLUMN = 10**9
"""From this index on nobody means a column."""


def guess_width(path: Path, base: int) -> int:
    """How many features the file has, from its first lines where they are dense, else from all lines."""
    with closing(text_blocks(path, FIRST_LOOK)) as blocks:
        first = next(blocks, None)
    if first is not None:
        index, line, is_dense = kernels.survey_block(first.data, len(first.data))
        if is_dense or first.progress == 1.0:
            return _checked_width(path, base, index, line + 1)
    return exact_width(path, base)


def exact_width(path: Path, base: int) -> int:
    """How many features the file has, from all lines."""
    largest, line = largest_index(path)
    return _checked_width(path, base, largest, line)


def largest_index(path: Path) -> tuple[int, int]:
    """The largest feature index of the file and its line, counted from 1; 0 where there is none."""
    largest, at_line, n_lines = 0, 0, 0
    for block in text_blocks(path, BLOCK_SIZE):
        index, line, _ = kernels.survey_block(block.data, len(block.data))
        if index > largest:
            largest, at_line = int(index), n_lines + line + 1
        n_lines += kernels.count_lines(block.data)
    return largest, at_line


def _largest_written(path: Path, line: int) -> str:
    """The digits of the largest feature index in a line, counted from 1."""
    n_lines = 0
    with closing(text_blocks(path, BLOCK_SIZE)) as blocks:
        for block in blocks:
            n_block = kernels.count_lines(block.data)
            if line <= n_lines + n_block:
                row = block.data.tobytes().split(b"\n")[line - n_lines - 1].split(b"#")[0]
                written: list[bytes] = re.findall(rb"(?<=\s)\d+(?=:)", row)
                return max(written, key=int).decode()
            n_lines += n_block
    raise DataError(f"{path}: expected a file that stays as it is; got fewer than {line:,} lines. Read it again.")


def _checked_width(path: Path, base: int, largest: int, line: int) -> int:
    width = largest + 1 - base
    if largest >= _NO_COLUMN:
        raise DataError(
            f"{path}:{line}: expected feature indices below {_NO_COLUMN:,}; got {_largest_written(path, line)}. "
            "Correct the index, or pass features=[...] to read some of them."
        )
    if width > MOST_FEATURES:
        raise DataError(
            f"{path}:{line}: expected feature indices up to {MOST_FEATURES:,}; got {largest:,}. "
            f"Pass n_features={width} if the data has so many columns, or features=[...] to read some of them."
        )
    return max(width, 1)  # without any feature the rows are still read, for the errors that they may hold
