"""BlockFeed: batches of data that is larger than memory, of which a thread reads what comes next."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from rankkit.data.batch import QueryBatch, take_queries
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.files.mapped import MappedRows
from rankkit.tasks.ranking.blocks import Blocks, Pool
from rankkit.tasks.ranking.device_batches import pinned

_Key = tuple[int, int]  # an epoch, and a pool of it
_Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class _Held:
    """A pool in memory.

    Args:
        key: Which it is.
        queries: int64 ``[query]``, the positions in the data of its queries, rising.
        offsets: int64 ``[query + 1]``, of its documents.
        arrays: Features, labels and weights of these.
        buffers: The memory that they lie in.
    """

    key: _Key
    queries: NDArray[np.int64]
    offsets: NDArray[np.int64]
    arrays: _Arrays
    buffers: _Arrays


class BlockFeed:
    """Gives batches of the pool that is in memory; the next one is read meanwhile. It holds two pools, no more.

    Args:
        data: Training data, memory-mapped.
        device: That trains.
        blocks: Of the data.
        pools_of: The pools of an epoch, counted from 1.
        n_epochs: Of the run, at most: what comes after is not read.
    """

    def __init__(
        self,
        data: RankingDataset,
        device: torch.device,
        blocks: Blocks,
        pools_of: Callable[[int], list[Pool]],
        n_epochs: int,
    ) -> None:
        self.data, self.device = data, device
        self._blocks, self._pools_of, self._n_epochs = blocks, pools_of, n_epochs
        self._rows = {
            name: MappedRows(array)
            for name, array in (("features", data.features), ("labels", data.labels), ("weights", data.weights))
            if array is not None
        }
        self._per_query = {"weights"} if data.weights_per == "query" else set()
        self._epoch = 0
        self._pools: dict[int, list[Pool]] = {}
        self._pool_of_block = np.zeros(len(blocks), np.int64)
        self._held: _Held | None = None
        self._coming: Future[_Held] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="rankkit-blocks")

    def plan(self, epoch: int) -> list[NDArray[np.int64]]:
        """The batches of an epoch, whose queries :meth:`take` is asked for next."""
        self._pools = {number: pools for number, pools in self._pools.items() if number >= epoch}
        self._epoch, pools = epoch, self._pools_in(epoch)
        for place, pool in enumerate(pools):
            self._pool_of_block[pool.blocks] = place
        return [batch for pool in pools for batch in pool.batches]

    def take(self, queries: NDArray[np.int64]) -> QueryBatch:
        """The queries of one batch of the plan, by position, on the training device."""
        place = int(self._pool_of_block[self._blocks.of(queries[:1])[0]])
        held = self._hold((self._epoch, place))
        tensors = {name: torch.from_numpy(array) for name, array in held.arrays.items()}
        batch = take_queries(
            tensors["features"],
            torch.from_numpy(held.offsets),
            torch.from_numpy(np.searchsorted(held.queries, queries)),
            labels=tensors.get("labels"),
            weights=tensors.get("weights"),
            weights_per=self.data.weights_per,
        )
        batch = replace(batch, queries=torch.from_numpy(queries))
        return batch if self.device.type == "cpu" else pinned(batch).to(self.device)

    def _pools_in(self, epoch: int) -> list[Pool]:
        if epoch not in self._pools:
            self._pools[epoch] = self._pools_of(epoch)
        return self._pools[epoch]

    def _hold(self, key: _Key) -> _Held:
        """The pool in memory, which this brings there; the one after it is on its way then."""
        if self._held is not None and self._held.key == key:
            return self._held
        coming, self._coming = self._coming, None
        arrived = None if coming is None else coming.result()
        before, self._held = self._held, None
        if arrived is None or arrived.key != key:  # the first, or one that is looked at again: nobody expected it
            arrived, before = self._read(key, self._pool(key), before), arrived
        self._held = arrived
        following = self._after(key)
        if following is not None:
            self._coming = self._reader.submit(self._read, following, self._pool(following), before)
        return arrived

    def _after(self, key: _Key) -> _Key | None:
        epoch, place = key
        if place + 1 < len(self._pools_in(epoch)):
            return epoch, place + 1
        return None if epoch == self._n_epochs else (epoch + 1, 0)

    def _pool(self, key: _Key) -> Pool:
        return self._pools_in(key[0])[key[1]]

    def _read(self, key: _Key, pool: Pool, before: _Held | None) -> _Held:
        """A pool, block by block in the order of the data, into the memory of one that is done with, if it suffices."""
        buffers = {} if before is None else before.buffers
        blocks, queries = pool.blocks, self._blocks.queries(pool.blocks)
        offsets = np.concatenate([np.zeros(1, np.int64), np.cumsum(self._blocks.sizes[queries])])
        bounds = np.stack([self._blocks.bounds[blocks], self._blocks.bounds[blocks + 1]], axis=1)
        docs = self._blocks.offsets[bounds]
        arrays = {}
        for name, rows in self._rows.items():
            ranges = bounds if name in self._per_query else docs
            n_rows = int((ranges[:, 1] - ranges[:, 0]).sum())
            source = getattr(self.data, name)
            if name not in buffers or len(buffers[name]) < n_rows:
                buffers.pop(name, None)
                buffers[name] = np.empty((n_rows + n_rows // 8, *source.shape[1:]), source.dtype)
            arrays[name] = buffers[name][:n_rows]
            at = 0
            for place, (start, stop) in enumerate(ranges.tolist()):
                if place + 1 < len(ranges):
                    rows.announce(*ranges[place + 1].tolist())
                rows.copy(start, stop, arrays[name][at : at + stop - start])
                at += stop - start
        return _Held(key, queries, offsets, arrays, buffers)
