"""Tables of users and items beside a log: every form, joined by id, what is missing said, what is wrong refused."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import rankkit as rk
from rankkit.errors import ConfigError, DataError, DataWarning
from rankkit.loaders.interactions.folders import read_split, write_split

pytestmark = pytest.mark.filterwarnings("ignore::rankkit.DataWarning")  # of kinds that few rows let one guess

EVENTS = b"ann,7,20\nbob,9,5\nann,9,10\nbob,8,6\n"  # users ann, bob; items 7, 9, 8


def read(**options):
    return rk.read_interactions(EVENTS, user=0, item=1, time=2, **options)


ITEMS = {"id": [8, 7, 9], "title": ["h", "s", "n"], "price": [1.5, None, 3.0], "kinds": [["a"], ["a", "b"], ["b"]]}


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_rows_stand_in_the_order_of_the_ids(make):
    known = read(items=make(ITEMS), columns={"kinds": "bag"}).item_columns
    assert known.table["title"].to_pylist() == ["s", "n", "h"]
    assert known.numbers("x", ["kinds"]).tolist() == [[1, 1], [0, 1], [1, 0]]
    assert known.numbers("x", ["price"]).tolist() == [[0], [3], [1.5]]
    np.testing.assert_array_equal(known.features[:, known.schema.spans["price"]][:, 0], np.float32([np.nan, 3, 1.5]))


FORMS = {
    "movies.csv": b'item_id,title,genres\n7,"Seven, or so",a|b\n8,Eight,a\n9,Nine,b\n',
    "movies.tsv": b"item\ttitle\tgenres\n7\tSeven, or so\ta|b\n8\tEight\ta\n9\tNine\tb\n",
    "movies.dat": b"7::Seven, or so::a|b\n8::Eight::a\n9::Nine::b\n",
    "m.item": b"item_id:token\ttitle:token\tgenres:token_seq\n7\tSeven, or so\ta b\n8\tEight\ta\n9\tNine\tb\n",
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_of_file_says_the_same(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FORMS[name])
    known = read(items=path).item_columns
    assert known.table["title"].to_pylist() == ["Seven, or so", "Nine", "Eight"]
    assert known.table["genres"].to_pylist() == [["a", "b"], ["b"], ["a"]]


def test_movielens_100k_has_marks_of_genres_and_days(tmp_path):
    marks = {7: "0|1|0", 8: "0|0|1", 9: "0|1|1"}
    lines = [f"{item}|T{item}|0{item}-Jan-1995||url|{mark}|{'|'.join('0' * 16)}" for item, mark in marks.items()]
    (tmp_path / "u.item").write_bytes("\n".join(lines).replace("T7", "Caf\xe9").encode("latin-1") + b"\n")
    known = read(items=tmp_path / "u.item").item_columns
    assert known.names == ("title", "released", "url", "genres")
    assert known.table["title"].to_pylist() == ["Caf\xe9", "T9", "T8"]
    assert known.table["genres"].to_pylist() == [["Action"], ["Action", "Adventure"], ["Adventure"]]
    assert [day.day for day in known.table["released"].to_pylist()] == [7, 9, 8]


def test_rows_that_are_missing_or_of_nobody_are_said():
    users = pd.DataFrame({"user": ["eve", "bob", "dan"], "age": [30, 40, 50]})
    with pytest.warns(DataWarning) as told:
        log = read(users=users)
    remarks = (
        "users: 1 of 2 users of the log have no row: their values are missing.",
        "users: 2 of 3 rows are of no user of the log: left out.",
    )
    assert log.remarks[-2:] == remarks
    assert [str(one.message) for one in told][-2:] == list(remarks)
    assert log.user_columns.table["age"].to_pylist() == [None, 40]


@pytest.mark.parametrize(
    ("items", "columns", "error", "message"),
    [
        (
            {"id": [7, 7], "x": [1, 2]},
            None,
            DataError,
            "row 1 \\(from 0\\), column 'id': expected one row an item; got 7",
        ),
        ({"name": [7], "x": [1]}, None, DataError, "expected a column of item ids, item or item_id or id; got name, x"),
        ({"id": [1], "x": [1]}, None, DataError, "expected rows of items of the log, such as 7; got none of them"),
        ({"id": [7, None], "x": [1, 2]}, None, DataError, "id"),
        ({"id": [7]}, None, DataError, "expected columns beside the ids; got none"),
        ({"id": [7], "x": [1]}, {"y": "number"}, ConfigError, "expected names of columns .* got 'y'"),
        ({"id": [7], "x": ["a"]}, {"x": "number"}, DataError, "'x'"),
        (None, {"x": "number"}, ConfigError, "expected names of columns .*; got 'x'"),
    ],
)
def test_what_cannot_be_joined_is_refused(items, columns, error, message):
    with pytest.raises(error, match=message):
        read(items=None if items is None else pa.table(items), columns=columns)


def test_a_table_that_is_not_there_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match=r"no\.csv: expected a table of items; got none there"):
        read(items=tmp_path / "no.csv")


def test_a_table_of_titles_alone_can_be_shown_and_not_measured():
    known = read(items=pa.table({"id": [7, 8, 9], "title": ["s", "h", "n"]})).item_columns
    assert repr(known) == "Attributes(3 rows; to be shown: title)"
    with pytest.raises(DataError, match="expected a column that became numbers, of which there is none; got 'title'"):
        known.numbers("x", ["title"])


def test_columns_survive_splits_folders_and_saving(tmp_path):
    log = read(items=pa.table(ITEMS), users=pa.table({"user": ["bob", "ann"], "age": [4, 5]}), columns={"kinds": "bag"})
    rk.write_log(log, tmp_path / "log")
    splits = rk.split_interactions(log, "leave_last", valid=0)
    write_split(splits, tmp_path / "split")
    popular = rk.Popularity().learn(splits.train)
    rk.save(popular, tmp_path / "run")
    kept = [
        rk.read_log(tmp_path / "log"),
        splits.train,
        splits.test.history,
        read_split(tmp_path / "split").test.history,
        rk.load(tmp_path / "run").log,
        pickled_again(log),
    ]
    for again in kept:
        for known, before in ((again.item_columns, log.item_columns), (again.user_columns, log.user_columns)):
            assert known.table.equals(before.table)
            assert known.schema == before.schema
            np.testing.assert_array_equal(known.features, before.features)


def pickled_again(log):
    """As it comes out of another process."""
    import pickle

    return pickle.loads(pickle.dumps(log))


def test_columns_follow_their_users_and_items():
    log = read(items=pa.table(ITEMS), users=pa.table({"user": ["bob", "ann"], "age": [4, 5]}))
    assert log[1:].user_columns.table["age"].to_pylist() == [4]
    assert log.select([1, 0]).user_columns.table["age"].to_pylist() == [4, 5]
    core = rk.read_interactions(b"ann,7\nbob,9\nann,9\n", user=0, item=1, items=pa.table(ITEMS), k_core=1)
    assert core.item_columns.table["title"].to_pylist() == ["s", "n"]


def test_columns_of_several_logs_are_joined_by_id():
    log = read(items=pa.table(ITEMS))
    later = rk.Interactions.from_events(["eve", "eve"], [5, 7], times=[30, 31])
    splits = rk.split_interactions(log, "given", test=later)
    assert splits.train.item_columns.table["title"].to_pylist() == ["s", "n", "h", None]
    ease = rk.EASE(l2=1.0).learn(log)
    ease.update(rk.Interactions.from_events(["eve"], [7], times=[30]))
    assert ease.log.item_columns.table["title"].to_pylist() == ["s", "n", "h"]


def test_lists_show_columns_of_their_items(tmp_path):
    log = read(items=pa.table(ITEMS))
    lists = rk.Popularity().learn(log).recommend(["ann"], 2)
    assert lists.to_pandas(["title"])["title"].tolist() == ["h"]
    assert lists.to_arrow(["kinds", "price"]).column_names == ["user", "item", "score", "rank", "kinds", "price"]
    with pytest.raises(DataError, match=r"got 'titel'\. Did you mean 'title'"):
        lists.to_arrow(["titel"])
    with pytest.raises(DataError, match="got a log without any"):
        rk.Popularity().learn(read()).recommend(["ann"], 2).to_arrow(["title"])


def test_a_damaged_file_of_columns_is_refused(tmp_path):
    log = read(items=pa.table(ITEMS))
    rk.write_log(log, tmp_path / "log")
    path = tmp_path / "log" / "item_columns.parquet"
    whole = pq.read_table(path)
    for broken in (whole.slice(0, 1), whole.replace_schema_metadata(None), whole.drop_columns(["rankkit.features"])):
        pq.write_table(broken, path)
        with pytest.raises(DataError, match=r"Write it again|Read the log anew|joins them by id"):
            rk.read_log(tmp_path / "log")
    with pytest.raises(DataError, match="expected columns as rankkit wrote them"):
        rk.Attributes.from_bytes(np.zeros(9, np.uint8))
