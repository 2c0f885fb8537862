"""Blocks of users whose scores of a whole catalogue are in memory at the same time."""

from collections.abc import Iterator

import numpy as np

from rankkit.errors import ConfigError

MEMORY = 256 * 2**20
"""Bytes that scores of one block, and what is computed beside them, may take."""

_BYTES = 12  # of one score: a float32, and as much again twice for what is computed beside it


def row_blocks(n_rows: int, n_items: int, block_rows: int | None = None) -> Iterator[slice]:
    """Rows first to last of each block, so that about 256 MB hold their scores.

    Args:
        n_rows: How many users.
        n_items: How many items each has a score of.
        block_rows: Users in a block; None: as many as fit.

    Raises:
        ConfigError: If ``block_rows`` is below 1.

    Example:
        >>> list(row_blocks(5, 100, block_rows=2))
        [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    if block_rows is not None and (not isinstance(block_rows, int | np.integer) or block_rows < 1):
        raise ConfigError(f"block_rows: expected a whole number from 1; got {block_rows!r}. Leave it out.")
    size = int(block_rows) if block_rows is not None else max(1, MEMORY // (_BYTES * max(n_items, 1)))
    for first in range(0, n_rows, size):
        yield slice(first, min(first + size, n_rows))
