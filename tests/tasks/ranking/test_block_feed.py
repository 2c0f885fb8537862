"""The feed of blocks gives the batches that data in memory would give, in any order in which they are asked for."""

import gc
import threading
import tracemalloc

import numpy as np
import pytest
import torch

from rankkit.data.synthetic import make_ranking
from rankkit.data.weights import Weights
from rankkit.loaders.cache.reading import read_cache, write_cache
from rankkit.loaders.tables.given_arrays import from_arrays
from rankkit.tasks.ranking.batches import ListBatches
from rankkit.tasks.ranking.block_feed import BlockFeed
from rankkit.tasks.ranking.blocks import Blocks

CPU = torch.device("cpu")


def weighted(data, per):
    if per is None:
        return data
    n = data.n_queries if per == "query" else data.n_docs
    weights = Weights(np.random.default_rng(0).uniform(1, 2, n).astype(np.float32), per)
    return from_arrays(data.features, data.labels, np.repeat(data.qids, data.list_sizes), weights=weights)


@pytest.fixture(params=[None, "query", "doc"])
def data(request, tmp_path):
    write_cache(weighted(make_ranking(900, seed=3), request.param), tmp_path / "d.rkcache")
    return read_cache(tmp_path / "d.rkcache")


def feed_of(data, n_epochs=2):
    blocks, batches = Blocks(data.offsets, 60), ListBatches(16, 10**6, 4)
    return BlockFeed(data, CPU, blocks, lambda epoch: blocks.pools(batches, np.random.default_rng(epoch)), n_epochs)


def assert_equal(batch, data, queries):
    expected = data.batch(queries)
    for name, value in vars(expected).items():
        found = getattr(batch, name)
        assert torch.equal(found, value) if isinstance(value, torch.Tensor) else found == value, name


def test_every_batch_is_that_of_the_data(data):
    feed = feed_of(data)
    for epoch in (1, 2):
        plan = feed.plan(epoch)
        assert len(feed._pools_in(epoch)) > 2
        for queries in plan:
            assert_equal(feed.take(queries), data, queries)


def test_a_run_that_goes_on_and_one_that_looks_back_get_their_batches(data):
    feed = feed_of(data)
    plan = feed.plan(2)
    for place in (len(plan) // 2, len(plan) // 2 + 1, 0, len(plan) - 1, 1):
        assert_equal(feed.take(plan[place]), data, plan[place])
    plan = feed.plan(1)
    assert_equal(feed.take(plan[-1]), data, plan[-1])


def test_the_next_pool_is_on_its_way_and_no_third_is_held(data):
    feed = feed_of(data)
    plan = feed.plan(1)
    buffers = set()
    for queries in plan:
        feed.take(queries)
        buffers.add(feed._held.arrays["features"].ctypes.data)
        coming = feed._coming.result()
        assert coming.key == feed._after(feed._held.key)
        buffers.add(coming.arrays["features"].ctypes.data)
    assert feed._coming.result().key == (2, 0)
    assert len(buffers) <= 3  # two, and one more where a pool did not fit into the memory of another
    feed.take(feed.plan(2)[-1])
    assert feed._coming is None


def test_an_epoch_takes_the_memory_of_two_pools(tmp_path):
    n_queries, width = 400, 500
    features, offsets = np.ones((n_queries * 10, width), np.float32), np.arange(n_queries + 1) * 10
    data = from_arrays(features, np.zeros(n_queries * 10), np.repeat(np.arange(n_queries), 10))
    write_cache(data, tmp_path / "wide.rkcache")
    data = read_cache(tmp_path / "wide.rkcache")
    blocks, batches = Blocks(offsets, 10), ListBatches(4, 10**6, 1)
    feed = BlockFeed(data, CPU, blocks, lambda epoch: blocks.pools(batches, np.random.default_rng(epoch)), 2)
    plan = feed.plan(1)
    n_pools = len(feed._pools_in(1))
    assert n_pools == 7
    tracemalloc.start()
    try:
        for queries in plan:
            feed.take(queries)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * features.nbytes / n_pools


def test_what_goes_wrong_in_the_thread_is_raised_where_batches_are_taken(data, monkeypatch):
    feed = feed_of(data)
    plan = feed.plan(1)
    feed.take(plan[0])
    feed._coming.result()
    monkeypatch.setattr(feed, "_read", lambda *asked: (_ for _ in ()).throw(MemoryError("no room")))
    third = feed._pools_in(1)[2].batches[0]
    feed.take(feed._pools_in(1)[1].batches[0])
    with pytest.raises(MemoryError, match="no room"):
        feed.take(third)


def test_its_thread_ends_with_it(data):
    feed = feed_of(data)
    feed.take(feed.plan(1)[0])
    threads = [thread for thread in threading.enumerate() if thread.name.startswith("rankkit-blocks")]
    assert threads
    del feed
    gc.collect()
    for thread in threads:
        thread.join(timeout=10)
        assert not thread.is_alive()
