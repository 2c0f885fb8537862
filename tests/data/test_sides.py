"""Columns of the query: checked where rows are read, kept out of comparisons within a query, told by the summary."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankkit.data.columns import kinds
from rankkit.data.columns.schema import Schema
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.recoding import recode
from rankkit.data.sides import columns_of_queries, differing_query
from rankkit.data.summary import summarize
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.files import convert, read
from rankkit.loaders.tables.tabular import from_pandas


def users(n_queries=12, n_docs=4):
    n = n_queries * n_docs
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "qid": np.repeat(np.arange(n_queries), n_docs),
            "label": rng.integers(0, 3, n),
            "price": rng.random(n),
            "age": np.repeat(rng.integers(18, 80, n_queries), n_docs).astype(float),
            "city": np.repeat(rng.choice(["Rome", "Oslo"], n_queries), n_docs),
        }
    )


SIDES = {"age": kinds.number(side="query"), "city": {"kind": "category", "side": "query"}}


def test_columns_of_the_query_stand_in_the_schema():
    data = from_pandas(users(), columns=SIDES)
    assert repr(data.schema) == "Schema(price: number, age: number of the query, city: category of 2 of the query)"
    assert [column.name for column in data.schema.on_side("query")] == ["age", "city"]
    assert [column.name for column in data.schema.on_side("document")] == ["price"]
    numbers = from_pandas(users().drop(columns="city"), columns={"age": SIDES["age"]})
    assert not numbers.schema.is_numbers


@pytest.mark.parametrize("suffix", ["parquet", "csv", "rkcache"])
def test_rows_that_contradict_are_refused_at_every_door(suffix, tmp_path):
    frame = users()
    frame.loc[9, "age"] += 1
    with pytest.raises(DataError, match="several values in query 2"):
        from_pandas(frame, columns=SIDES)
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match="'age', a column of the query"):
        convert(tmp_path / "a.parquet", tmp_path / f"b.{suffix}", columns=SIDES)
    assert not (tmp_path / f"b.{suffix}").exists()
    learnt = from_pandas(users(), columns=SIDES).schema
    with pytest.raises(DataError, match="'age', a column of the query"):
        read(tmp_path / "a.parquet", schema=learnt)


def test_a_missing_value_is_the_same_as_a_missing_one():
    frame = users()
    frame.loc[frame["qid"] == 3, ["age", "city"]] = None
    assert from_pandas(frame, columns=SIDES).n_docs == 48
    frame.loc[frame.index[frame["qid"] == 4][0], "age"] = None
    with pytest.raises(DataError, match="in query 4"):
        from_pandas(frame, columns=SIDES)


@given(st.lists(st.lists(st.sampled_from([0.0, 1.0, np.nan]), min_size=0, max_size=3), max_size=6))
def test_the_first_query_that_differs(values):
    features = np.array([[one] for query in values for one in query], np.float32).reshape(-1, 1)
    offsets = np.cumsum([0, *map(len, values)]).astype(np.int64)
    data = RankingDataset(features, None, offsets, np.arange(len(values)))
    slow = [i for i, query in enumerate(values) if len({str(one) for one in query}) > 1]
    assert differing_query(data, slice(0, 1)) == (slow[0] if slow else None)


def test_the_summary_tells_of_columns_that_are_the_same_within_every_query():
    data = from_pandas(users(), columns={"city": "category"})
    assert columns_of_queries(data) == ("age", "city")
    assert "the same for all documents of a query, 2: age (number), city" in " ".join(str(summarize(data)).split())
    assert summarize(from_pandas(users(), columns=SIDES)).of_queries == ()
    alone = from_pandas(users().iloc[::4], columns={"city": "category"})  # one document a query says nothing
    assert columns_of_queries(alone) == ()


def test_a_side_is_no_other_kind():
    data = from_pandas(users(), columns=SIDES)
    plain = from_pandas(users(), columns={"city": "category"})
    np.testing.assert_array_equal(recode(plain, data.schema).features, data.features)
    with pytest.raises(ConfigError, match="number: expected side='document' or 'query'; got 'user'"):
        kinds.number(side="user")
    assert Schema.from_dict(data.schema.to_dict()) == data.schema
