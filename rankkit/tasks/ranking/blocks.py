"""Batches of data that is larger than memory: blocks of neighbouring queries, shuffled, and queries shuffled in pools.

Queries drawn from all over a file cost a jump each. Here a block is what stands together in the file, about 2 MB of
it; an epoch takes the blocks in a new order, 64 at a time, and shuffles the queries of such a pool as
:func:`rankkit.tasks.ranking.batches.plan_epoch` does those of data in memory.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.files.mapped import is_mapped, memory_size
from rankkit.remarks import say
from rankkit.tasks.ranking.batches import ListBatches

BLOCK_BYTES = 2**21
"""Of features, in a block that nobody named a size for."""
POOL_BLOCKS = 64
MEMORY_SHARE = 0.5
"""Of the memory: mapped features beyond it are read in blocks."""


@dataclass(frozen=True)
class Pool:
    """What is in memory together.

    Args:
        blocks: Its blocks, in the order of the data.
        batches: The queries of each batch, by position in the data.
    """

    blocks: NDArray[np.int64]
    batches: list[NDArray[np.int64]]


def chosen_block_docs(where: str, data: RankingDataset) -> int | None:
    """How many documents a block has where nobody said; None where the data is in memory or has room there.

    What the machine has counts, not what is free just now: equal seeds are to give equal weights.
    """
    n_bytes, size = data.features.nbytes, memory_size()
    if not is_mapped(data.features) or n_bytes <= MEMORY_SHARE * size:
        return None
    block_docs = max(1, BLOCK_BYTES // (data.n_features * data.features.itemsize))
    say(
        f"{where}: train has {n_bytes / 1e9:,.1f} GB of features in a cache, more than half of the memory "
        f"({size / 1e9:,.1f} GB): it is read in blocks of {block_docs:,} documents, {POOL_BLOCKS} of them shuffled at "
        f"a time (block_docs={block_docs})."
    )
    return block_docs


class Blocks:
    """Data cut into blocks of whole neighbouring queries, each but the last as full as it gets.

    Args:
        offsets: int64 ``[query + 1]``.
        block_docs: Documents of a block, at most, unless one query alone has more.
    """

    def __init__(self, offsets: NDArray[np.int64], block_docs: int) -> None:
        self.offsets = offsets = np.array(offsets)  # of its own: the data's may lie in a file
        self.sizes = np.diff(offsets)
        bounds = [0]
        while bounds[-1] < len(offsets) - 1:
            fitting = int(np.searchsorted(offsets, offsets[bounds[-1]] + block_docs, side="right")) - 1
            bounds.append(max(bounds[-1] + 1, fitting))
        self.bounds = np.array(bounds, np.int64)
        """int64 ``[block + 1]``: the first query of each."""

    def __len__(self) -> int:
        return len(self.bounds) - 1

    def of(self, queries: NDArray[np.int64]) -> NDArray[np.int64]:
        """The block of each query."""
        return np.searchsorted(self.bounds, queries, side="right") - 1

    def queries(self, blocks: NDArray[np.int64]) -> NDArray[np.int64]:
        """The queries of some blocks, one block behind the other."""
        return np.concatenate([np.arange(self.bounds[block], self.bounds[block + 1]) for block in blocks])

    def pools(self, batches: ListBatches, rng: np.random.Generator) -> list[Pool]:
        """An epoch: each query once, in batches of queries of one pool.

        >>> blocks = Blocks(np.arange(0, 1001, 5), block_docs=10)
        >>> pools = blocks.pools(ListBatches(8, 1000, 1), np.random.default_rng(0))
        >>> [len(pool.blocks) for pool in pools], sum(len(batch) for pool in pools for batch in pool.batches)
        ([50, 50], 200)
        """
        pools = []
        n_pools = -(-len(self) // POOL_BLOCKS)
        for drawn in np.array_split(rng.permutation(len(self)), n_pools):
            chosen = np.sort(drawn)
            queries = self.queries(chosen)
            pools.append(Pool(chosen, [queries[batch] for batch in batches.plan(self.sizes[queries], rng)]))
        return pools
