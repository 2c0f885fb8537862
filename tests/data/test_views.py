"""Parts of a data set, against values by hand and against plain loops."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.synthetic import make_ranking
from rankkit.data.views import drop_features, filter_queries, rolling_windows, select_features, split, subsample
from rankkit.data.weights import Weights
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation import predict
from rankkit.loaders.tables.given_arrays import from_arrays
from rankkit.loaders.tables.tabular import from_arrow, from_pandas
from rankkit.models.scorers import LinearScorer
from rankkit.training import fit

NAMES = ("bm25_title", "clicks[7d]", "bm25_body", "BM25", "age")


def five(**changes):
    return from_arrays([[1, 2, 3, 4, 5], [6, 7, 8, 9, 10]], [0, 1], [7, 7], **{"feature_names": NAMES, **changes})


def sized(list_sizes, labels=None, **changes):
    """Queries of the given sizes whose one feature is the number of the document."""
    offsets = np.cumsum([0, *list_sizes]).astype(np.int64)
    n_docs = int(offsets[-1])
    values = {
        "features": np.arange(n_docs, dtype=np.float32)[:, None],
        "labels": np.zeros(n_docs, np.float32) if labels is None else np.asarray(labels, np.float32),
        "offsets": offsets,
        "qids": np.arange(100, 100 + len(list_sizes)),
        "doc_ids": np.array([f"d{doc}" for doc in range(n_docs)], dtype=np.str_),
        "weights": Weights(np.linspace(1, 2, len(list_sizes)), per="query"),
    }
    return RankingDataset(**{**values, **changes})


@pytest.mark.parametrize(
    ("features", "places"),
    [
        ("age", [4]),
        ("bm25*", [0, 2]),
        (["age", "bm25*"], [4, 0, 2]),
        (["*_body", "bm25*"], [2, 0]),  # once, where it was asked for first
        ("clicks[7d]", [1]),  # a name that is there is no pattern
        ("BM??", [3]),
        ("[Ba]*", [3, 4]),
        (3, [3]),
        ([-1, 0], [4, 0]),
        (range(1, 4), [1, 2, 3]),
        (np.array([4, 2]), [4, 2]),
        (np.array([True, False, False, True, False]), [0, 3]),
    ],
)
def test_features_by_name_pattern_position_and_mask(features, places):
    data = five()
    part = select_features(data, features)
    assert part.features.tolist() == data.features[:, places].tolist()
    assert part.feature_names == tuple(NAMES[place] for place in places)
    assert part.labels is data.labels
    assert part.qids is data.qids
    rest = [place for place in range(5) if place not in places]
    assert drop_features(data, features).features.tolist() == data.features[:, rest].tolist()


def test_evenly_spaced_features_are_not_copied_and_others_are_row_major():
    data = five()
    for features in (range(1, 4), [0, 2, 4], "age"):
        assert np.shares_memory(select_features(data, features).features, data.features)
    copied = select_features(data, [3, 0]).features
    assert copied.flags.c_contiguous


def test_a_view_of_features_can_be_batched_and_fingerprinted():
    data = five()
    part = select_features(data, [0, 2])
    assert part.batch(np.array([0])).features.tolist() == [[1, 3], [6, 8]]
    assert part.fingerprint == from_arrays([[1, 3], [6, 8]], [0, 1], [7, 7]).fingerprint


def test_features_without_names_keep_their_letor_numbers():
    data = five(feature_names=None)
    assert select_features(data, "2").features.tolist() == [[2], [7]]
    assert select_features(data, ["4", "2"]).feature_names == ("4", "2")
    assert select_features(data, range(3)).feature_names is None
    assert drop_features(data, "1").feature_names == ("2", "3", "4", "5")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("bm25_titel", r"got 'bm25_titel'\. Did you mean 'bm25_title'\?"),
        ("AGE", r"Did you mean 'age'\?"),
        ("zzz*", r"Known: bm25_title, clicks\[7d\], bm25_body, BM25, age\."),
        (5, r"expected a position from -5 to 4; got 5"),
        ([True, False], r"got True\. Pass names, ints, or a boolean numpy array"),
        ([1.5], r"expected features as names, patterns or positions; got 1\.5"),
        (np.array([True, False]), r"expected a boolean array \[5\], one a feature; got \[2\]"),
        ([], "expected at least one feature; got none"),
    ],
)
def test_features_that_are_not_there(features, message):
    with pytest.raises(ConfigError, match=message):
        select_features(five(), features)


def test_long_lists_of_features_are_cut_short_in_messages():
    data = from_arrays(np.zeros((1, 30)), [0], [1])
    with pytest.raises(ConfigError, match=r"Known: 1, 2, .*, 12, \.\.\. \(30 features\)\."):
        select_features(data, "zzz")


def test_a_feature_has_to_be_left():
    with pytest.raises(ConfigError, match="expected to keep a feature; got all 5 to drop"):
        drop_features(five(), "*")


@settings(deadline=None)
@given(st.lists(st.integers(0, 3), max_size=30), st.integers(0, 5), st.data())
def test_subsample_draws_whole_queries_in_order(list_sizes, seed, draw):
    data = sized(list_sizes)
    n_queries = draw.draw(st.integers(0, len(list_sizes)))
    part = subsample(data, n_queries=n_queries, seed=seed)
    assert part.n_queries == n_queries
    positions = part.qids - 100
    assert (np.diff(positions) > 0).all()
    docs = [doc for query in positions for doc in range(data.offsets[query], data.offsets[query + 1])]
    assert part.features[:, 0].tolist() == docs
    assert part.doc_ids.tolist() == [f"d{doc}" for doc in docs]
    assert part.weights.tolist() == data.weights[positions].tolist()
    assert part.fingerprint == subsample(data, n_queries=n_queries, seed=seed).fingerprint


def test_subsample_by_fraction():
    data = make_ranking(10, list_size=(1, 3))
    sizes = [subsample(data, fraction=share).n_queries for share in (0.01, 0.25, 0.5, 1.0)]
    assert sizes == [1, 2, 5, 10]
    assert subsample(data, fraction=1.0).fingerprint == data.fingerprint
    draws = {tuple(subsample(data, n_queries=4, seed=seed).qids) for seed in range(20)}
    assert len(draws) > 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "expected either n_queries or fraction"),
        ({"n_queries": 2, "fraction": 0.5}, "expected either n_queries or fraction"),
        ({"fraction": 0}, r"expected fraction above 0 up to 1; got 0\."),
        ({"fraction": 1.5}, "got 1.5"),
        ({"n_queries": 6}, "expected n_queries from 0 to 5"),
        ({"n_queries": -1}, "got -1"),
    ],
)
def test_subsample_refuses(options, message):
    with pytest.raises(ConfigError, match=message):
        subsample(sized([1] * 5), **options)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 3), min_size=12, max_size=40),
    st.lists(st.integers(1, 5), min_size=1, max_size=4),
    st.integers(0, 3),
    st.booleans(),
)
def test_split_gives_every_query_to_one_part(list_sizes, shares, seed, regrouped):
    n_docs = sum(list_sizes)
    rows = np.random.default_rng(seed).permutation(n_docs).astype(np.int64) if regrouped else None
    data = sized(list_sizes, rows=rows)
    fractions = [share / sum(shares) for share in shares]
    try:
        parts = split(data, fractions, seed=seed)
    except DataError:
        assert min(fractions) * len(list_sizes) < 1
        return
    assert len(parts) == len(fractions)
    assert sorted(np.concatenate([part.qids for part in parts])) == data.qids.tolist()
    assert sorted(np.concatenate([part.features[:, 0] for part in parts])) == list(range(n_docs))
    for part, fraction in zip(parts, fractions, strict=True):
        assert part.n_queries > 0
        assert abs(part.n_queries - fraction * len(list_sizes)) < 1
        assert (np.diff(part.qids) > 0).all()
        assert part.weights.tolist() == data.weights[part.qids - 100].tolist()
        if regrouped:
            assert part.rows.tolist() == rows[part.features[:, 0].astype(int)].tolist()
        in_input_order = part.in_row_order(part.features[:, 0])
        key = np.arange(n_docs) if rows is None else rows
        assert (np.diff(key[in_input_order.astype(int)]) > 0).all()
    again = split(data, fractions, seed=seed)
    assert [part.fingerprint for part in parts] == [part.fingerprint for part in again]


def test_split_depends_on_the_seed_and_defaults_to_80_10_10():
    data = make_ranking(20, list_size=(1, 2))
    assert [part.n_queries for part in split(data)] == [16, 2, 2]
    assert len({tuple(split(data, seed=seed)[2].qids) for seed in range(10)}) > 5
    assert split(data, [1.0])[0].fingerprint == data.fingerprint


@pytest.mark.parametrize(
    ("fractions", "message"),
    [
        ((0.8, 0.1), r"got 0\.8, 0\.1 \(sum 0\.9\)"),
        ((1.0, 0.0), "expected fractions above 0"),
        ((1.2, -0.2), "expected fractions above 0"),
        ((float("nan"), 0.5), "expected fractions above 0"),
        ((), "expected fractions above 0"),
    ],
)
def test_split_refuses_fractions_that_are_no_shares(fractions, message):
    with pytest.raises(ConfigError, match=message):
        split(sized([1] * 10), fractions)


def test_split_refuses_to_leave_a_part_empty():
    with pytest.raises(DataError, match=r"expected queries for 3 parts; got 3, which would leave parts of 3, 0, 0\."):
        split(sized([1] * 3), (0.8, 0.1, 0.1))


@pytest.mark.parametrize(
    ("n_queries", "fractions", "sizes"),
    [
        (12, (0.125, 0.25, 0.125, 0.5), [2, 3, 1, 6]),  # whole shares stay, the others are rounded
        (100, (0.29, 0.57, 0.14), [29, 57, 14]),  # 0.29 * 100 is below 29 in floating point
        (10, (1 / 3, 1 / 3, 1 / 3), [4, 3, 3]),
        (7, (0.8, 0.1, 0.1), [5, 1, 1]),
    ],
)
def test_sizes_of_parts(n_queries, fractions, sizes):
    assert [part.n_queries for part in split(sized([1] * n_queries), fractions)] == sizes


def test_filter_by_hand():
    # Sizes 1, 2, 3, 0, 2; labels: 1 | 0 0 | 0 2 2 | - | 3 3
    data = sized([1, 2, 3, 0, 2], [1, 0, 0, 0, 2, 2, 3, 3])

    def kept(**options):
        return filter_queries(data, **options).qids.tolist()

    assert kept() == [100, 101, 102, 103, 104]
    assert kept(min_docs=2) == [101, 102, 104]
    assert kept(max_docs=1) == [100, 103]
    assert kept(min_docs=2, max_docs=2) == [101, 104]
    assert kept(with_relevant=True) == [100, 102, 104]
    assert kept(with_two_grades=True) == [102]
    assert kept(with_two_grades=True, max_docs=2) == []
    assert filter_queries(data, min_docs=3).doc_ids.tolist() == ["d3", "d4", "d5"]
    assert np.shares_memory(filter_queries(data, min_docs=3).features, data.features)
    assert filter_queries(data, min_docs=9).n_docs == 0


@given(
    st.lists(st.lists(st.integers(0, 2), max_size=4), max_size=8),
    st.none() | st.integers(0, 5),
    st.none() | st.integers(0, 5),
    st.booleans(),
    st.booleans(),
)
def test_filter_keeps_what_a_loop_would(lists, min_docs, max_docs, with_relevant, with_two_grades):
    data = sized([len(labels) for labels in lists], [label for labels in lists for label in labels])
    part = filter_queries(
        data, min_docs=min_docs, max_docs=max_docs, with_relevant=with_relevant, with_two_grades=with_two_grades
    )
    expected = [
        100 + place
        for place, labels in enumerate(lists)
        if (min_docs is None or len(labels) >= min_docs)
        and (max_docs is None or len(labels) <= max_docs)
        and (not with_relevant or any(label > 0 for label in labels))
        and (not with_two_grades or len(set(labels)) > 1)
    ]
    assert part.qids.tolist() == expected
    assert part.labels.tolist() == [label for qid in expected for label in lists[qid - 100]]


def test_filter_needs_labels_only_where_it_looks_at_them():
    data = from_arrays([[1], [2]], None, [1, 2])
    assert filter_queries(data, min_docs=1).n_queries == 2
    with pytest.raises(DataError, match="expected labels for with_relevant"):
        filter_queries(data, with_relevant=True)


def test_features_that_are_gone_are_no_longer_those_of_the_column_of_lists():
    table = pa.table(
        {"qid": [1, 1, 2, 2], "label": [0, 1, 1, 0], "vec": [[1.0, 2.0], [2.0, 5.0], [3.0, 1.0], [0.0, 9.0]]}
    )
    data = from_arrow(table, features="vec")
    assert data.roles.vector == "vec"
    assert select_features(data, [0, 1]).roles.vector == "vec"
    kept = drop_features(data, [0])
    assert (kept.roles.vector, kept.roles.label) == (None, "label")
    scorer = LinearScorer(1, seed=0)
    fit(scorer, "ranknet", kept, epochs=1, progress=False)
    with pytest.raises(DataError, match="none named '2' among"):
        predict(scorer, table)


def log_of_days(days, **more):
    frame = pd.DataFrame({"qid": np.arange(len(days)), "x": np.arange(len(days)) % 2, "day": days, **more})
    return from_pandas(frame.loc[frame.index.repeat(2)], time="day")


@given(days=st.lists(st.integers(0, 30), min_size=3, max_size=40).filter(lambda days: len(set(days)) > 2))
def test_no_query_of_a_part_is_later_than_one_of_the_next(days):
    data = log_of_days(days)
    parts = split(data, (0.6, 0.2, 0.2), by="day")
    assert sorted(qid for part in parts for qid in part.qids.tolist()) == list(range(len(days)))
    for before, after in pairwise(parts):
        assert before.beside["time"].max() < after.beside["time"].min()


def test_parts_by_time_are_near_their_shares_and_keep_the_order_of_queries():
    days = pd.Timestamp("2026-01-01") + pd.to_timedelta(np.random.default_rng(0).permutation(100), unit="D")
    parts = split(log_of_days(days), by="day")
    assert [part.n_queries for part in parts] == [80, 10, 10]
    assert all((np.diff(part.qids) > 0).all() for part in parts)
    assert parts[0].beside["time"].dtype == np.int64


def test_a_query_stands_at_the_time_of_its_last_document():
    frame = pd.DataFrame({"qid": [1, 1, 2, 2], "x": [0, 1, 2, 3], "at": [1.0, 9.0, 2.0, 3.0]})
    first, second = split(from_pandas(frame, time="at"), (0.5, 0.5), by="at")
    assert (first.qids.tolist(), second.qids.tolist()) == ([2], [1])


def test_time_from_a_feature_and_what_is_no_time():
    data = from_arrays([[3], [1], [2]], [0, 1, 2], [7, 8, 9], feature_names=["age"])
    assert [part.qids.tolist() for part in split(data, (0.4, 0.6), by="age")] == [[8], [7, 9]]
    with pytest.raises(ConfigError, match="expected the column of times; got by='day'"):
        split(data, (0.5, 0.5), by="day")
    with pytest.raises(DataError, match="expected 3 different times in 'day' or more, for as many parts; got 2"):
        split(log_of_days([1, 1, 2, 2, 2]), by="day")


@given(
    days=st.lists(st.integers(0, 30), min_size=8, max_size=40).filter(lambda days: len(set(days)) > 5),
    n_windows=st.integers(1, 4),
)
def test_windows_move_forward_in_time(days, n_windows):
    windows = rolling_windows(log_of_days(days), "day", n_windows, share=0.15)
    assert len(windows) == n_windows
    for train, valid, test in windows:
        for before, after in ((train, valid), (valid, test)):
            assert before.beside["time"].max() < after.beside["time"].min()
    for (_, _, test), (train, valid, _) in pairwise(windows):
        assert valid.qids.tolist() == test.qids.tolist()  # what was tested is chosen on next, then learnt from
        assert not set(train.qids.tolist()) & set(test.qids.tolist())
    train, valid, test = windows[-1]
    assert sorted(q for part in (train, valid, test) for q in part.qids.tolist()) == list(range(len(days)))


def test_windows_that_cannot_be():
    data = log_of_days(list(range(20)))
    with pytest.raises(ConfigError, match=r"less than all queries; got 9 of 0\.1"):
        rolling_windows(data, "day", 9)
    with pytest.raises(ConfigError, match="expected a number of windows from 1; got 0"):
        rolling_windows(data, "day", 0)
    with pytest.raises(DataError, match="expected 5 different times in 'day' or more, for as many parts; got 2"):
        rolling_windows(log_of_days([1, 2] * 5), "day", 3)
