"""Threads over the lists of a batch, for compiled passes that hold no lock of the interpreter."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

# Below this many pairs a second thread costs more than it saves.
_THREAD_PAIRS = 2_000_000


def walk_lists(walk: Callable[[int, int], None], n_pairs: NDArray[np.int64]) -> None:
    """Call ``walk(first, last)`` for runs of lists that make up the batch, in as many threads as torch has.

    One thread walks a list from end to end, so what it sums does not depend on how many there are. ``n_pairs`` is how
    much work each list is.
    """
    parts = _share(n_pairs, torch.get_num_threads())
    if len(parts) == 1:
        walk(*parts[0])
        return
    # A pool a call survives a fork, where a lasting one hangs.
    with ThreadPoolExecutor(len(parts)) as pool:
        for done in [pool.submit(walk, *part) for part in parts]:
            done.result()


def _share(n_pairs: NDArray[np.int64], n_threads: int) -> list[tuple[int, int]]:
    """Cut the lists into runs of about equal work, at most one a thread."""
    ends = n_pairs.cumsum()
    n_parts = max(1, min(n_threads, int(n_pairs.sum()) // _THREAD_PAIRS))
    cuts = np.searchsorted(ends, ends[-1] * np.arange(1, n_parts) / n_parts) + 1 if n_parts > 1 else []
    bounds = sorted({0, *(int(cut) for cut in cuts), len(n_pairs)})
    return list(pairwise(bounds)) or [(0, 0)]
