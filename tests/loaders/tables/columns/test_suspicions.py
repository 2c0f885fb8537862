"""Features that should perhaps be none: what is told of them, at which door, and what is not."""

import warnings

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankkit.errors import DataWarning
from rankkit.loaders.files import read
from rankkit.loaders.tables.columns.suspicions import _SHOWN_AT, merges
from rankkit.loaders.tables.given_arrays import from_arrays
from rankkit.loaders.tables.tabular import from_arrow, from_pandas, read_csv

QID = np.repeat(np.arange(5, 11), 4)
LABEL = np.tile([0, 2, 1, 0], 6)
NOISE = np.random.default_rng(0).normal(size=24)
SECONDS = 1_700_000_000 + np.arange(24) * 7
CASES = {
    "one": (np.ones(24), "one value everywhere"),
    "void": (np.full(24, np.nan), "no value"),
    "grade": (LABEL, "a copy of the label"),
    "query": (QID, "a copy of the qid"),
    "index": (np.arange(24), "counts the rows"),
    "number": (np.arange(1, 25), "counts the rows"),
    "position": (np.tile(np.arange(4), 6), "the place where it was shown, unknown when it is ranked?"),
    "clicked_at": (SECONDS, "float32 gives different values as one: subtract an origin"),
}


def frame(**columns):
    return pd.DataFrame({"qid": QID, "label": LABEL, "noise": NOISE, **columns})


def told(read_it):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        data = read_it()
    return data, [str(found.message) for found in caught if found.category is DataWarning]


def through_csv(table, tmp_path):
    table.to_csv(tmp_path / "d.csv", index=False)
    return read_csv(tmp_path / "d.csv")


def through_a_cache(table, tmp_path):
    table.to_parquet(tmp_path / "d.parquet", index=False)
    return read(tmp_path / "d.parquet", cache=True)


DOORS = [
    lambda table, _: from_pandas(table),
    lambda table, _: from_arrow(pa.Table.from_pandas(table)),
    through_csv,
    through_a_cache,
]


@pytest.mark.parametrize("door", DOORS, ids=["pandas", "arrow", "csv", "cache"])
@pytest.mark.parametrize("name", CASES)
def test_a_suspicious_column_of_a_table_is_named_with_the_reason(name, door, tmp_path):
    values, reason = CASES[name]
    data, messages = told(lambda: door(frame(**{name: values}), tmp_path))
    assert data.remarks == (f"suspicious: {name} ({reason})",)
    assert data.feature_names == ("noise", name)
    (message,) = messages
    assert message.endswith(f"suspicious: {name} ({reason}). Choose with features=[...], or drop with drop=[...].")


@pytest.mark.parametrize("door", DOORS, ids=["pandas", "arrow", "csv", "cache"])
def test_all_of_a_table_are_named_in_one_line_and_sound_columns_never(door, tmp_path):
    data, messages = told(lambda: door(frame(**{name: values for name, (values, _) in CASES.items()}), tmp_path))
    assert len(messages) == len(data.remarks) == 1
    assert all(f"{name} ({reason})" in messages[0] for name, (_, reason) in CASES.items())
    assert "noise" not in messages[0]
    assert told(lambda: door(frame(other=NOISE**2, seconds_ago=SECONDS - SECONDS[0]), tmp_path))[1] == []


def test_a_column_is_what_all_parts_of_a_stream_say():
    table = pa.Table.from_pandas(frame(one=np.ones(24), grade=LABEL))
    late = pa.Table.from_pandas(frame(one=np.arange(24) == 23, grade=np.where(np.arange(24) == 23, 5, LABEL)))
    assert from_arrow(late).remarks == ()
    with pytest.warns(DataWarning, match=r"one \(one value everywhere\), grade \(a copy of the label\)"):
        from_arrow(table.to_reader(max_chunksize=5))


def test_of_arrays_only_what_is_never_meant_is_told():
    features = np.stack([NOISE, np.ones(24), LABEL, QID, SECONDS], axis=1)
    data, messages = told(lambda: from_arrays(features, LABEL, QID))
    assert len(messages) == 1
    assert data.remarks == (
        "suspicious: 3 (a copy of the label), 4 (a copy of the qid), "
        "5 (float32 gives different values as one: subtract an origin)",
    )


def test_rows_are_counted_in_the_order_in_which_they_came():
    shuffled = frame().iloc[np.random.default_rng(1).permutation(24)]
    with pytest.warns(DataWarning, match=r"suspicious: index \(counts the rows\)"):
        from_pandas(shuffled.assign(index=np.arange(24)))
    assert from_pandas(shuffled.assign(index=np.random.default_rng(2).permutation(24))).remarks == ()


def test_few_rows_and_single_queries_say_nothing():
    small = frame(one=np.ones(24), grade=LABEL)
    assert from_pandas(small[:8]).remarks == ()
    assert from_pandas(small.assign(qid=1)).remarks == ()


@pytest.mark.parametrize("name", ["position", "Rank", "display_pos", "shownPosition", "rank_in_list", "serp_rank"])
def test_names_of_places_are_known(name):
    assert _SHOWN_AT.fullmatch(name)


@pytest.mark.parametrize("name", ["pagerank", "page_rank", "bm25_rank", "positions", "composition", "rank_score"])
def test_names_of_features_are_none_of_places(name):
    assert not _SHOWN_AT.fullmatch(name)


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=10, max_size=50))
def test_what_float32_holds_is_never_merged(values):
    assert not merges(np.array(values, np.float64))


@given(st.integers(2**40, 2**50), st.integers(20, 60))
def test_neighbouring_large_integers_are_merged(origin, n):
    assert merges(origin + np.arange(n))
    assert not merges(np.arange(n))


def test_numbers_that_float32_gives_as_one_are_not_called_constant():
    seconds = 1_700_000_000 + np.arange(24)
    data, (message,) = told(lambda: from_pandas(frame(at=seconds)))
    assert len(np.unique(data.features[:, 1])) == 1
    assert "at (float32 gives different values as one" in message


@pytest.mark.parametrize("n_rows", [1, 4, 24])
def test_float32_is_asked_of_all_batches(n_rows, tmp_path):
    table = pa.Table.from_pandas(frame(clicked_at=SECONDS), preserve_index=False)
    pieces = pa.Table.from_batches(table.to_batches(max_chunksize=n_rows))
    pq.write_table(pieces, tmp_path / "d.parquet", row_group_size=n_rows)
    for read_it in (lambda: from_arrow(pieces), lambda: read(tmp_path / "d.parquet", cache=True)):
        data, _ = told(read_it)
        assert any("clicked_at (float32 gives different values as one" in remark for remark in data.remarks)
