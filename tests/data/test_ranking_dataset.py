import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.weights import Weights
from rankkit.errors import DataError


def dataset(list_sizes=(2, 0, 3), **changes):
    offsets = np.cumsum([0, *list_sizes]).astype(np.int64)
    n_docs = int(offsets[-1])
    values = {
        "features": np.arange(2 * n_docs, dtype=np.float32).reshape(n_docs, 2),
        "labels": np.arange(n_docs, dtype=np.float32),
        "offsets": offsets,
        "qids": np.arange(10, 10 + len(list_sizes)),
        "weights": Weights(np.linspace(1, 2, len(list_sizes)), per="query"),
        "doc_ids": np.array([f"d{i}" for i in range(n_docs)]),
        "feature_names": ("a", "b"),
        "rows": np.arange(n_docs)[::-1].astype(np.int64),
    }
    return RankingDataset(**{**values, **changes})


def test_what_it_says_of_itself():
    data = dataset()
    assert (data.n_queries, data.n_docs, data.n_features, len(data)) == (3, 5, 2, 3)
    assert data.list_sizes.tolist() == [2, 0, 3]
    assert repr(data) == "RankingDataset(3 queries, 5 docs, 2 features, labels 0..4)"
    assert "no labels" in repr(dataset(labels=None))


def test_a_slice_shares_memory_and_keeps_everything_together():
    data = dataset()
    part = data[2:]
    assert np.shares_memory(part.features, data.features)
    assert part.features.tolist() == data.features[2:].tolist()
    assert part.offsets.tolist() == [0, 3]
    assert part.qids.tolist() == [12]
    assert part.weights.tolist() == [2.0]
    assert part.doc_ids.tolist() == ["d2", "d3", "d4"]
    assert data[-1].qids.tolist() == [12]
    assert data[2:1].n_queries == 0
    with pytest.raises(IndexError):
        data[3]


@given(st.lists(st.integers(0, 4), min_size=1, max_size=6), st.data())
def test_select_gathers_what_a_loop_would(list_sizes, data):
    whole = dataset(list_sizes)
    queries = data.draw(st.lists(st.integers(0, len(list_sizes) - 1), max_size=6))
    part = whole.select(np.array(queries, dtype=np.int64))
    docs = [doc for query in queries for doc in range(whole.offsets[query], whole.offsets[query + 1])]
    assert part.features.tolist() == whole.features[docs].tolist()
    assert part.labels.tolist() == whole.labels[docs].tolist()
    assert part.rows.tolist() == whole.rows[docs].tolist()
    assert part.qids.tolist() == whole.qids[queries].tolist()
    batch = whole.batch(np.array(queries, dtype=np.int64))
    assert batch.features.tolist() == part.features.tolist()
    assert batch.offsets.tolist() == part.offsets.tolist()


def test_a_stepped_slice_selects():
    assert dataset()[::2].qids.tolist() == [10, 12]


def test_values_come_back_in_the_order_of_the_rows():
    data = dataset(rows=np.array([3, 0, 4, 1, 2]))
    assert data.in_row_order(np.array([30, 0, 40, 10, 20])).tolist() == [0, 10, 20, 30, 40]
    assert data[2:].in_row_order(np.array([40, 10, 20])).tolist() == [10, 20, 40]
    plain = dataset(rows=None)
    assert plain.in_row_order(plain.labels) is plain.labels


def test_equal_data_has_equal_fingerprints():
    assert dataset().fingerprint == dataset().fingerprint
    other = dataset().features.copy()
    other[0, 0] += 1
    assert dataset(features=other).fingerprint != dataset().fingerprint
    assert dataset(labels=None).fingerprint != dataset().fingerprint


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": np.zeros((5, 2))}, "expected float32 features"),
        ({"labels": np.zeros(4, np.float32)}, r"expected labels of shape \(5,\)"),
        ({"offsets": np.array([0, 3, 2, 5])}, "offsets that rise from 0 to 5"),
        ({"offsets": np.array([0, 2, 2, 4])}, "offsets that rise from 0 to 5"),
        ({"qids": np.arange(5)}, "expected 3 qids, one a query"),
        ({"weights": np.zeros(4, np.float32)}, "weights for 3 queries or 5 documents"),
        ({"feature_names": ("a",)}, "expected 2 feature names; got 1"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(DataError, match=message):
        dataset(**changes)


def test_select_takes_a_mask_of_queries():
    assert dataset().select(np.array([False, True, True])).qids.tolist() == [11, 12]
    with pytest.raises(DataError, match="expected positions of queries, or a mask of 3"):
        dataset().select(np.array([False, True]))
    with pytest.raises(DataError, match="expected positions of queries"):
        dataset().select(np.array([0.0]))


def test_a_selection_comes_in_its_own_order():
    part = dataset(rows=None).select(np.array([2, 0]))
    assert part.in_row_order(part.labels).tolist() == part.labels.tolist() == [2, 3, 4, 0, 1]


def test_data_sets_are_compared_by_identity():
    data = dataset()
    assert data == data
    assert data != dataset()
    assert len({data, dataset()}) == 2
