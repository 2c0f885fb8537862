"""Blocks of neighbouring queries, and the pools of an epoch that they are shuffled into."""

import warnings

import numpy as np
import pytest

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataWarning
from rankkit.tasks.ranking import blocks as block_module
from rankkit.tasks.ranking.batches import ListBatches
from rankkit.tasks.ranking.blocks import POOL_BLOCKS, Blocks, chosen_block_docs

BATCHES = ListBatches(16, 10**6, 4)


@pytest.fixture
def offsets():
    sizes = np.random.default_rng(5).integers(0, 40, size=3000)
    return np.concatenate([[0], np.cumsum(sizes)])


def pools(offsets, epoch, block_docs=100):
    return Blocks(offsets, block_docs).pools(BATCHES, np.random.default_rng([0, epoch]))


def test_blocks_hold_whole_queries_and_no_more_documents_than_asked(offsets):
    blocks = Blocks(offsets, 100)
    n_docs = np.diff(offsets[blocks.bounds])
    assert blocks.bounds[0] == 0
    assert blocks.bounds[-1] == 3000
    assert n_docs.max() <= 100
    assert n_docs[:-1].min() > 60  # the next query had up to 39
    np.testing.assert_array_equal(blocks.of(np.arange(3000)), np.repeat(np.arange(len(blocks)), np.diff(blocks.bounds)))


def test_a_query_larger_than_a_block_stands_alone():
    assert Blocks(np.array([0, 3, 500, 503, 506]), 10).bounds.tolist() == [0, 1, 2, 4]


def test_each_query_comes_once_an_epoch_in_batches_of_one_pool(offsets):
    found = pools(offsets, 1)
    blocks = Blocks(offsets, 100)
    drawn = np.concatenate([np.concatenate(pool.batches) for pool in found])
    assert sorted(drawn.tolist()) == list(range(3000))
    assert len(found) == -(-len(blocks) // POOL_BLOCKS)
    for pool in found:
        assert len(pool.blocks) <= POOL_BLOCKS
        assert (np.diff(pool.blocks) > 0).all()  # read in the order of the file
        held = set(blocks.queries(pool.blocks).tolist())
        assert all(set(batch.tolist()) <= held for batch in pool.batches)
        assert {query for batch in pool.batches for query in batch.tolist()} == held


def test_an_epoch_follows_from_the_seed_and_differs_from_the_next(offsets):
    one, again, other = (pools(offsets, epoch) for epoch in (1, 1, 2))
    for pool, same in zip(one, again, strict=True):
        np.testing.assert_array_equal(pool.blocks, same.blocks)
        for batch, alike in zip(pool.batches, same.batches, strict=True):
            np.testing.assert_array_equal(batch, alike)
    assert any(not np.array_equal(pool.blocks, later.blocks) for pool, later in zip(one, other, strict=True))


def test_lists_of_a_batch_are_of_like_length_and_of_many_blocks(offsets):
    sizes, blocks = np.diff(offsets), Blocks(offsets, 100)
    full = [batch for pool in pools(offsets, 1) for batch in pool.batches if len(batch) == 16]
    assert np.mean([sizes[batch].std() for batch in full]) < 0.5 * sizes.std()
    assert np.mean([len(set(blocks.of(batch).tolist())) for batch in full]) > 10


def test_blocks_are_chosen_for_mapped_features_beyond_half_of_the_memory(tmp_path, monkeypatch):
    np.save(tmp_path / "features.npy", np.zeros((1000, 8), np.float32))
    labels, offsets, qids = np.zeros(1000, np.float32), np.array([0, 1000]), np.array([1])
    mapped = RankingDataset(np.load(tmp_path / "features.npy", mmap_mode="r").view(np.ndarray), labels, offsets, qids)
    held = RankingDataset(np.array(mapped.features), labels, offsets, qids)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        monkeypatch.setattr(block_module, "memory_size", lambda: 64_000)  # twice the features
        assert chosen_block_docs("fit", mapped) is None
        monkeypatch.setattr(block_module, "memory_size", lambda: 63_999)
        assert chosen_block_docs("fit", held) is None
    with pytest.warns(DataWarning, match=r"fit: train has 0.0 GB of features in a cache.*block_docs=65536"):
        assert chosen_block_docs("fit", mapped) == 65536
