"""Data sets put together, by hand and undone again."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.data.merging import merge
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.synthetic import make_ranking
from rankkit.data.views import split
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.tables.given_arrays import from_arrays


def first():
    """Rows came as y, x, y."""
    return from_arrays(
        [[1], [2], [3]], [0, 1, 2], ["y", "x", "y"], doc_ids=["a", "b", "c"], weights=[0.5, 2], feature_names=["f"]
    )


def second():
    return from_arrays([[4], [5]], [3, 4], ["z", "z"], doc_ids=["d", "e"], weights=[1.5], feature_names=["f"])


def test_one_behind_the_other():
    merged = merge([first(), second()])
    assert merged.features[:, 0].tolist() == [1, 3, 2, 4, 5]
    assert merged.labels.tolist() == [0, 2, 1, 3, 4]
    assert merged.offsets.tolist() == [0, 2, 3, 5]
    assert merged.qids.tolist() == ["y", "x", "z"]
    assert merged.weights.tolist() == [0.5, 2, 1.5]
    assert merged.doc_ids.tolist() == ["a", "c", "b", "d", "e"]
    assert merged.feature_names == ("f",)
    assert merged.rows.tolist() == [0, 2, 1, 3, 4]
    assert merged.in_row_order(merged.doc_ids).tolist() == ["a", "b", "c", "d", "e"]


def test_queries_of_the_same_id_are_joined_where_they_stand_first():
    other = replace(second(), qids=np.array(["y"]), weights=np.array([0.5], np.float32))
    with pytest.raises(DataError, match=r"got qid y again \(1 such in all\)\. Pass same_qid='join'"):
        merge([first(), other])
    merged = merge([first(), other], same_qid="join")
    assert merged.qids.tolist() == ["y", "x"]
    assert merged.offsets.tolist() == [0, 4, 5]
    assert merged.doc_ids.tolist() == ["a", "c", "d", "e", "b"]
    assert merged.labels.tolist() == [0, 2, 3, 4, 1]
    assert merged.features[:, 0].tolist() == [1, 3, 4, 5, 2]
    assert merged.weights.tolist() == [0.5, 2]
    assert merged.in_row_order(merged.doc_ids).tolist() == ["a", "b", "c", "d", "e"]


def test_weights_of_a_joined_query_have_to_be_equal():
    other = replace(second(), qids=np.array(["y"]))
    with pytest.raises(DataError, match=r"expected one weight a query; got 0\.5 and 1\.5 for qid y"):
        merge([first(), other], same_qid="join")


def test_weights_of_documents_are_joined_as_their_documents():
    a = from_arrays([[1], [2], [3]], [0, 1, 2], [5, 6, 6], weights=[0.1, 0.2, 0.3])
    b = from_arrays([[4], [5]], [0, 1], [5, 5], weights=[0.4, 0.5])
    merged = merge([a, b], same_qid="join")
    np.testing.assert_array_equal(merged.weights, np.float32([0.1, 0.4, 0.5, 0.2, 0.3]))


def test_ids_become_text_where_one_data_set_has_text():
    numbers = from_arrays([[1], [2]], [0, 1], [7, 8])
    assert merge([numbers, from_arrays([[3]], [0], ["a"])]).qids.tolist() == ["7", "8", "a"]
    assert merge([numbers, from_arrays([[3]], [0], [9])]).qids.dtype == np.int64


def test_one_data_set_is_itself():
    data = first()
    assert merge([data]) is data


def test_datasets_without_documents():
    empty = first()[:0]
    assert merge([empty, second()]).doc_ids.tolist() == ["d", "e"]
    assert merge([empty, empty]).n_docs == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": np.zeros((2, 2), np.float32), "feature_names": ("f", "g")}, "expected 1 features, .* got 2 in"),
        ({"feature_names": None}, "expected feature names in all .* got them in number 1, not in number 2"),
        ({"feature_names": ("g",)}, r"expected the feature 'f' at position 0, .* got 'g' in number 2\. Rename"),
        ({"labels": None}, "expected labels in all data sets or none; got none in number 2"),
        ({"weights": None}, "expected weights in all data sets or none"),
        ({"doc_ids": None}, "expected doc_ids in all data sets or none"),
        (
            {"weights": np.ones(2, np.float32), "weights_per": "doc"},
            "expected weights of queries in all data sets, or of documents in all",
        ),
    ],
)
def test_what_does_not_go_together(change, message):
    with pytest.raises(DataError, match=message):
        merge([first(), replace(second(), **change)])


def test_features_in_another_order():
    a = from_arrays([[1, 2]], [0], [1], feature_names=["f", "g"])
    b = from_arrays([[1, 2]], [0], [2], feature_names=["g", "f"])
    with pytest.raises(DataError, match="Bring them into one order with select_features"):
        merge([a, b])


def test_options():
    with pytest.raises(ConfigError, match="expected one data set or more; got none"):
        merge([])
    with pytest.raises(ConfigError, match="expected same_qid='error' or 'join'; got 'rename'"):
        merge([first()], same_qid="rename")


def pieces(data: RankingDataset) -> dict:
    """Documents of each query as they stand."""
    return {
        qid: data[query].features.tolist() + data[query].labels.tolist() for query, qid in enumerate(data.qids.tolist())
    }


@settings(deadline=None, max_examples=50)
@given(st.integers(5, 20), st.integers(0, 3), st.lists(st.integers(1, 3), min_size=1, max_size=3))
def test_merging_the_parts_of_a_split_gives_all_queries_back(n_queries, seed, shares):
    data = make_ranking(n_queries, n_features=2, seed=seed, list_size=(1, 4))
    fractions = [share / sum(shares) for share in shares]
    try:
        parts = split(data, fractions, seed=seed)
    except DataError:
        return
    merged = merge(parts)
    assert pieces(merged) == pieces(data)
    in_order = [part.in_row_order(part.features) for part in parts]
    assert merged.in_row_order(merged.features).tolist() == np.concatenate(in_order).tolist()


@settings(deadline=None)
@pytest.mark.filterwarnings("ignore:.*suspicious:rankkit.errors.DataWarning")
@given(st.lists(st.lists(st.integers(0, 4), max_size=8), min_size=1, max_size=4))
def test_joining_is_grouping_all_rows_again(qids):
    """As if one table had all the rows."""
    numbers = np.arange(sum(map(len, qids)), dtype=np.float32)
    ends = np.cumsum([len(part) for part in qids])[:-1]
    datasets = [
        from_arrays(rows[:, None], rows, np.array(part, np.int64))
        for part, rows in zip(qids, np.split(numbers, ends), strict=True)
    ]
    expected = from_arrays(numbers[:, None], numbers, np.array([qid for part in qids for qid in part], np.int64))
    merged = merge(datasets, same_qid="join")
    assert sorted(merged.qids) == sorted(expected.qids)
    for query, qid in enumerate(merged.qids):
        place = int(np.flatnonzero(expected.qids == qid)[0])
        assert sorted(merged[query].labels) == sorted(expected[place].labels)
    assert merged.in_row_order(merged.labels).tolist() == numbers.tolist()


def test_what_was_said_of_each_is_said_of_all():
    one, other = (
        replace(made, remarks=remarks)
        for made, remarks in zip((first(), second()), (("a", "b"), ("b", "c")), strict=True)
    )
    assert merge([one, other], same_qid="join").remarks == ("a", "b", "c")
