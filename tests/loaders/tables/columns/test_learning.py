"""Kinds and vocabularies that are learnt of a table."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rankkit.data.columns.kinds import bag, category, number, text, time, vector
from rankkit.data.merging import merge
from rankkit.data.views import drop_features, select_features, split
from rankkit.errors import ConfigError, DataError, DataWarning
from rankkit.loaders.files import read, write
from rankkit.loaders.tables.tabular import from_arrow, from_pandas, read_csv, read_parquet

quiet = pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
KINDS = {"item": category(n_buckets=50), "title": text(4, against="query")}


def shop(n_queries=20, seed=0, brands=("oak", "elm", "ash", None)):
    """Rows with a column of every kind."""
    rng = np.random.default_rng(seed)
    n = 10 * n_queries
    return pd.DataFrame(
        {
            "qid": np.repeat(np.arange(n_queries), 10),
            "label": rng.integers(0, 3, n),
            "price": rng.random(n).round(2),
            "brand": rng.choice(np.array(brands, object), n),
            "size": pd.Categorical(rng.choice(["s", "m", "l"], n), ["s", "m", "l"], ordered=True),
            "day": pd.Timestamp("2026-01-01 06:00") + pd.to_timedelta(rng.integers(0, 10**6, n), unit="s"),
            "query": np.repeat([f"red shoe {number}" for number in range(n_queries)], 10),
            "title": [f"shoe number {number}" for number in range(n)],
            "image": list(rng.random((n, 3)).round(2)),
            "genres": [list(rng.choice(["a", "b", "c"], 1 + number % 3, replace=False)) for number in range(n)],
            "item": rng.integers(0, 90, n),
        }
    )


@quiet
def test_kinds_follow_from_types():
    schema = from_pandas(shop()).schema
    kinds = {column.name: column.kind for column in schema.columns}
    assert kinds == {
        "price": "number",
        "brand": "category",
        "size": "category",
        "day": "time",
        "image": "vector",
        "genres": "bag",
        "item": "number",
    }
    size = next(column for column in schema.columns if column.name == "size")
    assert (size.ordered, size.vocabulary) == (True, ("s", "m", "l"))


def test_what_is_taken_unasked_and_what_is_left_out_is_said():
    with pytest.warns(DataWarning) as told:
        data = from_pandas(shop()[["qid", "label", "price", "brand", "query", "title"]])
    assert [str(one.message) for one in told] == [
        "from_pandas: left out: query (text), title (text). Choose with features=[...], or drop with drop=[...].",
        "from_pandas: text taken as categories: brand (3 values). Name other kinds with columns=, or drop=[...].",
    ]
    assert data.feature_names == ("price", "brand")


def test_a_frame_of_types_that_say_it_says_nothing():
    frame = shop()[["qid", "label", "price", "size", "day", "image"]]
    assert from_pandas(frame).schema is not None  # a warning would be an error


@quiet
def test_every_door_gives_the_same(tmp_path):
    frame = shop()
    frame.to_parquet(tmp_path / "shop.parquet", index=False)
    wanted = from_pandas(frame, columns=KINDS)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    found = {
        "parquet": read_parquet(tmp_path / "shop.parquet", columns=KINDS),
        "arrow": from_arrow(table, columns=KINDS),
        "stream": from_arrow(table.to_reader(max_chunksize=7), columns=KINDS),
        "cache": read(tmp_path / "shop.parquet", columns=KINDS, cache=True),
        "cache again": read(tmp_path / "shop.parquet", columns=KINDS, cache=True),
    }
    for door, data in found.items():
        assert data.schema == wanted.schema, door
        np.testing.assert_array_equal(data.features, wanted.features, err_msg=door)
    flat = frame.drop(columns=["image", "genres"])
    flat.to_csv(tmp_path / "shop.csv", index=False)
    unordered = {**KINDS, "size": "category"}
    data, wanted = read_csv(tmp_path / "shop.csv", columns=unordered), from_pandas(flat, columns=unordered)
    assert data.schema == wanted.schema
    np.testing.assert_array_equal(data.features, wanted.features)


@quiet
def test_polars_reads_alike():
    frame = pl.DataFrame({"qid": [1] * 6, "brand": ["a", "b", "c"] * 2, "tags": [["x"], ["y"], []] * 2})
    schema = from_arrow(frame.with_columns(pl.col("brand").cast(pl.Categorical))).schema
    assert repr(schema) == "Schema(brand: category of 3, tags: bag of 2, up to 1 at a time)"


@quiet
@pytest.mark.parametrize("ending", ["parquet", "arrow", "rkcache"])
def test_a_written_file_is_read_back_whole(tmp_path, ending):
    frame = shop().sample(frac=1, random_state=0)
    data = from_pandas(frame, columns=KINDS)
    write(data, tmp_path / f"a.{ending}")
    again = read(tmp_path / f"a.{ending}")
    assert again.schema == data.schema
    assert again.fingerprint == data.fingerprint
    if ending == "parquet":
        columns = pd.read_parquet(tmp_path / "a.parquet")
        assert columns["brand"].where(columns["brand"].notna(), None).tolist() == frame["brand"].tolist()
        assert [list(tags) for tags in columns["genres"]] == frame["genres"].tolist()


@quiet
def test_csv_is_read_back_by_the_schema(tmp_path):
    data = from_pandas(shop(), columns=KINDS, drop=["genres"])
    write(data, tmp_path / "a.csv")
    again = read_csv(tmp_path / "a.csv", schema=data.schema)
    assert again.fingerprint == data.fingerprint
    with pytest.raises(DataError, match="expected columns without lists, for CSV; got 'genres'"):
        write(from_pandas(shop()), tmp_path / "b.csv")
    with pytest.raises(DataError, match="expected features that are numbers, for LETOR text; got 'brand', a category"):
        write(data, tmp_path / "a.txt")


@quiet
def test_a_file_that_another_tool_changed_is_learnt_anew(tmp_path):
    data = from_pandas(shop(), columns=KINDS)
    write(data, tmp_path / "a.parquet")
    table = pa.parquet.read_table(tmp_path / "a.parquet")
    pa.parquet.write_table(table.append_column("more", pa.array(range(len(table)))), tmp_path / "b.parquet")
    assert any("its columns are other than rankkit wrote" in line for line in read(tmp_path / "b.parquet").remarks)
    damaged = table.replace_schema_metadata(
        {b"rankkit": b'{"schema": {"version": 9, "columns": []}, "features": [], "beside": {}}'}
    )
    pa.parquet.write_table(damaged, tmp_path / "c.parquet")
    with pytest.raises(DataError, match=r"expected what Schema\.to_dict gives"):
        read(tmp_path / "c.parquet")


@quiet
def test_a_schema_reads_other_rows_alike():
    train = from_pandas(shop(), columns=KINDS)
    new = shop(3, seed=1, brands=("oak", "new", None))
    new["more"] = 1.0
    shuffled = new[sorted(new.columns, reverse=True)].drop(columns="label")
    data = from_pandas(shuffled, schema=train.schema)
    assert data.schema == train.schema
    brand = data.features[:, train.schema.spans["brand"]].ravel()
    wanted = new["brand"].map({"ash": 0, "elm": 1, "oak": 2, "new": 3}).to_numpy()
    np.testing.assert_array_equal(brand, wanted.astype(np.float32))
    with pytest.raises(DataError, match="expected the columns of the schema; got none named 'brand', 'day' among"):
        from_pandas(new.drop(columns=["brand", "day"]), schema=train.schema)
    with pytest.raises(ConfigError, match="expected a schema without features and columns"):
        from_pandas(new, schema=train.schema, columns=KINDS)


@quiet
def test_one_row_is_read_by_a_schema_whatever_its_values():
    train = from_pandas(shop(), columns=KINDS)
    row = shop(1).head(1).astype(object)
    row[["price", "brand", "size", "day", "title", "image", "genres", "item"]] = None
    data = from_pandas(row, schema=train.schema)
    assert np.isnan(data.features).all()


def test_rare_values_are_cut_and_that_is_said():
    frame = pd.DataFrame({"qid": [1] * 6, "brand": list("aaabbc")})
    with pytest.warns(DataWarning, match=r"brand: 1 of 3 values are not in the vocabulary \(min_count=2.*1 of 6 times"):
        data = from_pandas(frame, columns={"brand": category(min_count=2)})
    assert data.features.ravel().tolist() == [0, 0, 0, 1, 1, 2]
    with pytest.warns(DataWarning, match="2 of 3 values are not in the vocabulary"):
        assert from_pandas(frame, columns={"brand": category(max_size=1)}).schema.columns[0].vocabulary == ("a",)


def test_a_number_as_a_category_and_a_category_of_numbers():
    frame = pd.DataFrame({"qid": [1] * 4, "year": [1999, 2001, 1999, 2003], "kind": pd.Categorical([5, 6, 5, 6])})
    data = from_pandas(frame, columns={"year": "category"})
    assert data.schema.columns[0].vocabulary == ("1999", "2001", "2003")
    assert data.features[:, 1].tolist() == [5, 6, 5, 6]


@quiet
def test_columns_alone_are_enough_where_nothing_is_a_number():
    frame = pd.DataFrame({"qid": [1, 1], "title": ["a b", "c d"]})
    with pytest.raises(DataError, match="expected columns of numbers beside"):
        from_pandas(frame)
    assert from_pandas(frame, columns={"title": text(3)}).n_features == 3
    with pytest.raises(DataError, match="expected numbers in column 'title'"):
        from_pandas(frame, features=["title"])
    with pytest.raises(DataError, match="expected features without the label; got 'label' as both"):
        from_pandas(frame.assign(label=1), columns={"label": "category"})
    with pytest.raises(DataError, match="expected a column 'brand'"):
        from_pandas(frame, columns={"brand": "category"})


@quiet
def test_views_keep_the_schema():
    data = from_pandas(shop(), columns=KINDS)
    assert data[:3].schema == data.select([4, 2]).schema == data.schema
    chosen = select_features(data, ["genres", "brand", "title[1]"])
    assert repr(chosen.schema) == "Schema(genres: bag of 3, up to 3 at a time, brand: category of 3, title[1]: number)"
    assert drop_features(data, ["genres", "image"]).schema == data.schema.without(["genres", "image"])
    assert select_features(data, ["price"]).schema is None
    parts = split(data, (0.5, 0.5))
    assert merge(parts).schema == data.schema
    other = from_pandas(shop(3, brands=("new",)).assign(qid=lambda rows: rows["qid"] + 99), columns=KINDS)
    with pytest.raises(DataError, match="expected the vocabularies of the first data set"):
        merge([data, other])


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(
            st.one_of(st.none(), st.text(max_size=3)),
            st.lists(st.one_of(st.none(), st.text(max_size=2)), max_size=3),
            st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)),
        ),
        min_size=1,
        max_size=12,
    ),
    ending=st.sampled_from(["parquet", "arrow", "rkcache"]),
)
@quiet
def test_any_values_survive_any_format(tmp_path, rows, ending):
    table = pa.table(
        {
            "qid": pa.array([1] * len(rows)),
            "word": pa.array([row[0] for row in rows], pa.string()),
            "bag": pa.array([row[1] for row in rows], pa.list_(pa.string())),
            "x": pa.array([row[2] for row in rows], pa.float32()),
        }
    )
    data = from_arrow(table, columns={"word": "category", "bag": "bag"})
    write(data, tmp_path / f"a.{ending}")
    again = read(tmp_path / f"a.{ending}")
    assert again.schema == data.schema
    np.testing.assert_array_equal(again.features, data.features)


SIDE = st.sampled_from(["document", "query"])
ANY_KIND = {
    "word": st.one_of(
        st.builds(category, min_count=st.integers(1, 3), max_size=st.integers(1, 4), side=SIDE),
        st.builds(category, n_buckets=st.integers(1, 50), side=SIDE),
        st.builds(text, size=st.integers(1, 5), analyzer=st.sampled_from(["characters", "words"]), side=SIDE),
    ),
    "words": st.builds(bag, places=st.integers(1, 3), side=SIDE),
    "at": st.permutations(["seconds", "days", "weekday", "hour", "yearday"]).flatmap(
        lambda parts: st.integers(1, 5).map(lambda n: time(*parts[:n]))
    ),
    "list": st.builds(vector, side=SIDE),
    "x": st.builds(number, side=SIDE),
}


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.fixed_dictionaries({}, optional=ANY_KIND), ending=st.sampled_from(["parquet", "arrow", "rkcache"]))
@quiet
def test_a_schema_of_any_kinds_survives_any_format(tmp_path, kinds, ending):
    n = 6
    every = {
        "word": pa.array(["a b", "c", None, "a b", "d", "c"]),
        "words": pa.array([["p", "q"], [], None, ["q"], ["r", "p"], ["p"]]),
        "at": pa.array([0, 86_399, None, 10**9, 5, 7], pa.timestamp("s")),
        "list": pa.array([[1.0, 2.0]] * n, pa.list_(pa.float32())),
        "x": pa.array([1.5, None, 2.5, 3.5, 0.0, -1.0], pa.float32()),
    }
    # One document a query, so that each column may be of the query.
    table = pa.table({"qid": pa.array(range(n)), "y": pa.array([float(place % 4) for place in range(n)])})
    for name in kinds:
        table = table.append_column(name, every[name])
    data = from_arrow(table, columns=kinds, label=None)
    write(data, tmp_path / f"a.{ending}")
    again = read(tmp_path / f"a.{ending}", **({} if ending == "rkcache" else {"label": None}))
    assert again.schema == data.schema
    np.testing.assert_array_equal(again.features, data.features)
