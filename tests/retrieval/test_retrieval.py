"""Top k and ranks against sorting, whatever the ties and masks; blocks of any size."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rankkit.errors import ConfigError, DataError
from rankkit.retrieval import TopK, exact_ranks, row_blocks, top_k

SCORES = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 2.0])
BLOCKS = st.tuples(st.integers(1, 4), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.float32, shape, elements=SCORES)
)


@settings(max_examples=100, deadline=None)
@given(BLOCKS, st.integers(1, 15))
def test_top_k_is_the_start_of_the_sorted_row(block, k):
    items, scores = top_k(block, k)
    for row, held, found in zip(block, items, scores, strict=True):
        order = [item for item in np.argsort(-row, kind="stable") if row[item] > -np.inf][:k]
        assert held.tolist() == order + [-1] * (k - len(order))
        assert found[: len(order)].tolist() == row[order].tolist()
        assert (found[len(order) :] == -np.inf).all()


@settings(max_examples=100, deadline=None)
@given(BLOCKS, st.data())
def test_ranks_are_counts_over_the_other_candidates(block, draw):
    n_users, n_items = block.shape
    wanted = [draw.draw(st.lists(st.integers(0, n_items - 1), unique=True, max_size=n_items)) for _ in range(n_users)]
    offsets = np.cumsum([0, *map(len, wanted)])
    found = exact_ranks(block, offsets, np.array([item for items in wanted for item in items], np.int32))
    for user, items in enumerate(wanted):
        others = [item for item in range(n_items) if item not in items]
        for place, item in enumerate(items, start=offsets[user]):
            score = block[user, item]
            assert found.greater[place] == sum(block[user, other] > score for other in others)
            if score > -np.inf:
                assert found.equal[place] == sum(block[user, other] == score for other in others)
                before = sum(block[user, other] == score for other in others if other < item)
                assert found.equal_before[place] == before
    assert found.n_candidates.tolist() == (block > -np.inf).sum(1).tolist()


def test_blocks_cover_all_rows_and_stay_within_memory():
    blocks = list(row_blocks(100_000, 12_000))
    assert [block.start for block in blocks[1:]] == [block.stop for block in blocks[:-1]]
    assert (blocks[0].start, blocks[-1].stop) == (0, 100_000)
    assert max(block.stop - block.start for block in blocks) * 12_000 * 4 <= 256 * 2**20
    assert list(row_blocks(0, 5)) == []
    with pytest.raises(ConfigError, match="block_rows"):
        list(row_blocks(3, 5, 0))


@pytest.mark.parametrize("function", [lambda block: top_k(block, 1), lambda block: exact_ranks(block, [0, 1], [0])])
def test_nan_has_no_rank(function):
    with pytest.raises(DataError, match="got NaN for row 0, item 1"):
        function(np.array([[1, np.nan]], np.float32))


@pytest.mark.parametrize("item", [0, 63, 64, 150, 199])
def test_nan_is_found_wherever_it_stands(item):
    block = np.tile(
        np.arange(200, 0, -1, dtype=np.float32), (3, 1)
    )  # the best come first: later stretches hold nothing
    block[2, item] = np.nan
    for function in (
        lambda block: top_k(block, 2),
        lambda block: exact_ranks(block, np.array([0, 1, 2, 3]), [0, 5, 7]),
    ):
        with pytest.raises(DataError, match=f"got NaN for row 2, item {item}"):
            function(block)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 20), st.integers(0, 10_000))
def test_long_rows_are_read_in_stretches(n_items, k, seed):
    block = np.random.default_rng(seed).integers(0, 40, (3, n_items)).astype(np.float32)
    items, _ = top_k(block, k)
    for row, held in zip(block, items, strict=True):
        order = np.argsort(-row, kind="stable")[:k].tolist()
        assert held.tolist() == order + [-1] * (k - len(order))


@pytest.mark.parametrize("k", [0, True, 1.5])
def test_k_is_a_whole_number_from_1(k):
    with pytest.raises(ConfigError, match="expected k"):
        top_k(np.zeros((1, 2), np.float32), k)


def test_lists_are_tables():
    lists = TopK(
        np.array([7, 8]),
        np.array([[1, 0], [1, -1]], np.int32),
        np.array([[2, 1], [3, -np.inf]], np.float32),
        np.array([10, 11]),
    )
    table = lists.to_pandas()
    assert table.to_dict("list") == {
        "user": [7, 7, 8],
        "item": [11, 10, 11],
        "score": [2.0, 1.0, 3.0],
        "rank": [1, 2, 1],
    }
    assert lists.to_arrow().to_pydict() == table.to_dict("list")
    assert (len(lists), lists.k, lists.items_of(1)) == (2, 2, [11])
    assert repr(lists) == "TopK(2 users, 2 items each at most)"
    assert str(lists) == "7: 11, 10\n8: 11"
