import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rankkit.tasks.ranking.batches import plan_epoch

lists = st.lists(st.integers(0, 30), min_size=1, max_size=60).map(lambda sizes: np.array(sizes, dtype=np.int64))


@given(lists, st.integers(1, 8), st.integers(1, 60), st.integers(1, 4), st.integers(0, 5))
def test_each_query_is_in_exactly_one_batch_and_budgets_hold(sizes, batch_queries, batch_docs, window, seed):
    plan = plan_epoch(
        sizes,
        np.random.default_rng(seed),
        batch_queries=batch_queries,
        batch_docs=batch_docs,
        length_window=window,
    )
    assert sorted(np.concatenate(plan).tolist()) == list(range(len(sizes)))
    for batch in plan:
        assert 1 <= len(batch) <= batch_queries
        assert sizes[batch].sum() <= batch_docs or len(batch) == 1


def test_same_seed_same_plan_and_another_epoch_another_plan():
    sizes = np.random.default_rng(0).integers(5, 200, size=500)
    options = {"batch_queries": 32, "batch_docs": 4096, "length_window": 8}
    plans = [plan_epoch(sizes, np.random.default_rng([7, epoch]), **options) for epoch in (1, 1, 2)]
    assert all((a == b).all() for a, b in zip(plans[0], plans[1], strict=True))
    first, second = ({frozenset(batch.tolist()) for batch in plan} for plan in (plans[0], plans[2]))
    assert not first & second


def test_lists_of_a_batch_are_of_like_length():
    sizes = np.random.default_rng(0).integers(5, 200, size=2048)

    def padding(window):
        plan = plan_epoch(sizes, np.random.default_rng(1), batch_queries=64, batch_docs=10**6, length_window=window)
        return sum(len(batch) * sizes[batch].max() for batch in plan) / sizes.sum()

    assert padding(16) < 1.3 < 1.8 < padding(1)


def test_batches_do_not_come_in_order_of_length():
    sizes = np.arange(1, 129)
    plan = plan_epoch(sizes, np.random.default_rng(0), batch_queries=4, batch_docs=10**6, length_window=32)
    means = np.array([sizes[batch].mean() for batch in plan])
    assert abs(np.corrcoef(means, np.arange(len(means)))[0, 1]) < 0.5
