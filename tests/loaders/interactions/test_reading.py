"""read_interactions(): every form gives the same log; what was decided is said, what is wrong is refused by place."""

import gzip

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq
import pytest

from rankkit.errors import ConfigError, DataError, DataWarning
from rankkit.loaders.interactions.reading import read_interactions

USERS, ITEMS = [3, 1, 3, 2, 1], [10, 20, 30, 10, 10]
TIMES, VALUES = [50, 40, 30, 20, 10], [5, 4, 3, 2, 1]
ROWS = list(zip(USERS, ITEMS, VALUES, TIMES, strict=True))
TABLE = {"user": USERS, "item": ITEMS, "value": VALUES, "time": TIMES}
RECBOLE = "user_id:token\titem_id:token\trating:float\ttimestamp:float"


def lines(separator, header=None):
    rows = [separator.join(map(str, row)) for row in ROWS]
    return "\n".join([*([] if header is None else [header]), *rows, ""])


def written(folder, kind):
    """A file of a kind, and what has to be said to read it."""
    path = folder / f"log{kind}"
    if kind == ".parquet":
        pq.write_table(pa.table(TABLE), path)
    elif kind == ".feather":
        feather.write_feather(pa.table(TABLE), path)
    elif kind.endswith(".gz"):
        path.write_bytes(gzip.compress(written(folder, kind.removesuffix(".gz")).read_bytes()))
    else:
        text = {
            ".csv": lines(",", "user,item,value,time"),
            ".tsv": lines("\t", "user\titem\tvalue\ttime"),
            ".data": lines("\t"),
            ".dat": lines("::"),
            ".inter": lines("\t", RECBOLE),
        }
        path.write_text(text[kind])
    return path


KINDS = [".csv", ".tsv", ".data", ".dat", ".inter", ".parquet", ".feather", ".csv.gz", ".data.gz"]


def expected(log):
    assert log.user_ids.tolist() == [3, 1, 2]
    assert log.item_ids.tolist() == [10, 20, 30]
    assert log.offsets.tolist() == [0, 2, 4, 5]
    assert log.items.tolist() == [2, 0, 0, 1, 0]
    assert log.times.tolist() == [30, 50, 10, 40, 20]
    assert log.values.tolist() == [3, 5, 1, 4, 2]
    assert log.remarks == ()


@pytest.mark.parametrize("kind", KINDS)
def test_every_form_of_file_is_the_same_log(tmp_path, kind):
    expected(read_interactions(written(tmp_path, kind)))


@pytest.mark.parametrize("make", [pd.DataFrame, pl.DataFrame, pa.table])
def test_every_table_is_the_same_log(make):
    expected(read_interactions(make(TABLE)))


def test_columns_are_named_or_numbered(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("when,who,what,how\n" + "".join(f"{t},{u},{i},{v}\n" for u, i, v, t in ROWS))
    expected(read_interactions(path, user="who", item="what", time="when", value="how"))
    path.write_text("".join(f"{t},{u},{i},{v}\n" for u, i, v, t in ROWS))
    expected(read_interactions(path, user=1, item=2, time=0, value=3))
    expected(read_interactions(path.read_bytes(), user=1, item=2, time=0, value=3))


def test_index_levels_with_names_are_columns():
    expected(read_interactions(pd.DataFrame(TABLE).set_index(["user", "item"])))


def test_one_user_a_line_is_in_order():
    with pytest.warns(DataWarning, match="no times"):
        log = read_interactions(b"7 3 1 2\n9 1\n")
    assert (log.user_ids.tolist(), log.item_ids.tolist()) == ([7, 9], [3, 1, 2])
    assert (log.items.tolist(), log.sizes.tolist()) == ([0, 1, 2, 1], [3, 1])


def test_counted_lists_name_users_by_their_line():
    with pytest.warns(DataWarning, match="no times"):
        log = read_interactions(b"2 5 6\n1 5\n", form="counted_lists")
    assert (log.user_ids.tolist(), log.item_ids.tolist(), log.items.tolist()) == ([0, 1], [5, 6], [0, 1, 0])
    with pytest.raises(DataError, match=r":2: expected the number of items and then the items; got '3'"):
        read_interactions(b"2 5 6\n3 5\n", form="counted_lists")
    with pytest.raises(DataError, match="form='counted_lists'"):
        read_interactions(b"1 5\n1 6\n")


@pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
def test_ids_are_numbers_only_where_no_character_is_lost(tmp_path):
    assert read_interactions(b"u,i\n07,1\n7,1\n", user="u", item="i").user_ids.tolist() == ["07", "7"]
    assert read_interactions(b"u,i\n8,1\n7,x\n", user="u", item="i").user_ids.tolist() == [8, 7]
    assert read_interactions(b"1 07\n2 7\n").item_ids.tolist() == ["07", "7"]
    frame = pd.DataFrame({"user": [1.0, 2.0], "item": pd.Categorical(["b", "a"])})
    log = read_interactions(frame)
    assert (log.user_ids.tolist(), log.item_ids.tolist()) == ([1, 2], ["b", "a"])


def test_repeats_are_kept_and_said_unless_something_is_asked():
    table = pa.table({"user": [1, 1, 1], "item": ["a", "b", "a"], "time": [3, 2, 1], "value": [1.0, 2.0, 3.0]})
    with pytest.warns(DataWarning, match=r"1 of 3 events repeat an item of their user: all are kept") as told:
        log = read_interactions(table)
    assert log.n_events == 3
    assert told[0].filename == __file__
    assert read_interactions(table, duplicates="keep").n_events == 3
    for duplicates, values in (("last", [2, 1]), ("first", [3, 2])):
        log = read_interactions(table, duplicates=duplicates)
        assert log.values.tolist() == values
        assert log.remarks == (f"1 of 3 events repeat an item of their user: the {duplicates} of each is kept.",)
    with pytest.raises(DataError, match="another of user 1 with item a"):
        read_interactions(table, duplicates="error")


def test_equal_times_are_said_and_stand_in_order():
    with pytest.warns(DataWarning, match="2 of 3 events have the time of another event of their user"):
        log = read_interactions(pa.table({"user": [1, 1, 1], "item": [9, 1, 5], "time": [7, 7, 8]}))
    assert log.item_ids[log.items].tolist() == [9, 1, 5]


def test_low_values_are_left_out_and_counted():
    log = read_interactions(pa.table(TABLE), min_value=3)
    assert log.remarks == (
        "2 of 5 events have a value below 3: left out.",
        "1 of 3 users have no event left: they stay, without events.",
    )
    assert (log.n_events, log.n_users) == (3, 3)
    with pytest.raises(DataError, match="expected values, for min_value"):
        read_interactions(pa.table({"user": [1], "item": [1], "time": [1]}), min_value=3)


def test_a_core_is_taken_only_when_asked_for():
    log = read_interactions(pa.table({"user": [1, 1, 2, 2, 3], "item": list("abbaa"), "time": range(5)}), k_core=2)
    assert (log.user_ids.tolist(), log.item_ids.tolist(), log.n_events) == ([1, 2], ["a", "b"], 4)
    assert "users and items of fewer than 2 events" in log.remarks[0]


@pytest.mark.parametrize(
    ("values", "times"),
    [
        (pa.array([1.0, 2.0]), [1, 2]),
        (pa.array([1.5, 2.25]), [1_500_000, 2_250_000]),
        (pa.array([1, 2], pa.timestamp("s")), [1_000_000, 2_000_000]),
        (pa.array([1, 2], pa.date32()), [86_400_000_000, 172_800_000_000]),
    ],
)
@pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
def test_times_are_whole_numbers(values, times):
    assert read_interactions(pa.table({"user": [1, 1], "item": [1, 2], "time": values})).times.tolist() == times


@pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
def test_dates_in_text_are_times():
    log = read_interactions(b"user,item,time\n1,2,2024-01-02 00:00:00\n1,3,2024-01-01 00:00:00\n")
    assert log.item_ids[log.items].tolist() == [3, 2]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (
            {"user": [1, None], "item": [1, 2]},
            r"row 1 \(from 0\), column 'user': expected an id; got none \(1 row in all",
        ),
        ({"user": ["a", ""], "item": [1, 2]}, "got empty text"),
        ({"user": [1, 2], "item": [1.5, 2]}, "column 'item'"),
        ({"user": [1, 2], "item": [1, 2], "time": [1, None]}, "expected a time; got none"),
        ({"user": [1, 2], "item": [1, 2], "time": ["x", "y"]}, "expected times as whole numbers, seconds or dates"),
        ({"user": [1, 2], "item": [1, 2], "time": [1, np.inf]}, "a finite number; got inf"),
        ({"user": [1, 2], "item": [1, 2], "value": [1, np.nan]}, "expected a value; got none"),
        ({"user": [1, 2], "item": [1, 2], "value": ["x", "y"]}, "expected values as numbers"),
        (
            {"user": [1, 2], "thing": [1, 2]},
            "expected a column of item ids; got columns user, thing. Pass item=, or rename the column to item",
        ),
        ({"user": [], "item": []}, "expected events; got none"),
        (
            {"user": [1, 2], "item": [1, 2], "time": np.array([1, 2**63], np.uint64)},
            "row 1 .*expected a time below 2",
        ),
        ({"user": [2**70, 1], "item": [1, 2]}, "expected columns that Arrow can hold"),
    ],
)
@pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
def test_what_is_missing_is_refused_with_its_place(table, message):
    with pytest.raises(DataError, match=message):
        read_interactions(pd.DataFrame(table))


def test_rows_of_text_are_counted_below_the_header(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("user,item\n1,2\n,3\n")
    with pytest.raises(DataError, match=r"x\.csv: data row 2, column 'user': expected an id"):
        read_interactions(path)


@pytest.mark.parametrize(
    ("source", "options", "error", "message"),
    [
        (b"a,b\n", {"form": "json"}, ConfigError, "expected form to be one of"),
        (b"a,b\n", {"duplicates": "sum"}, ConfigError, "expected duplicates to be one of"),
        (b"a,b\n", {"k_core": 0}, ConfigError, "expected k_core"),
        (b"a,b\n", {"min_value": np.nan}, ConfigError, "expected min_value"),
        (b"u,i\n1,2\n", {"user": "uu", "item": "i"}, DataError, "expected a column 'uu'"),
        (b"1,2\n", {"user": 0, "item": 5}, DataError, "a position from 0 to 1; got 5"),
        (b"1 2 3\n", {"form": "sequences", "user": "u"}, ConfigError, "expected no names of columns"),
        (b"words without form\n", {}, DataError, "Say what it is with form="),
        (b"1,2\n1,2,3\n", {"user": 0, "item": 1}, DataError, "a table with 2 fields a row"),
        (b"a\tb\n", {"form": "recbole"}, DataError, "expected a header such as"),
        (
            b"u,i\n1,2\n",
            {"user": "u", "item": "u"},
            DataError,
            "users and items in two columns; got 'u' as both",
        ),
        (b"u,i\n1,2\n", {"min_value": "3"}, ConfigError, "expected min_value as a finite number; got '3'"),
        (
            {"user": [1]},
            {},
            ConfigError,
            "read_interactions: expected the name of a file, bytes, a data frame or",
        ),
        (None, {}, ConfigError, "read_interactions: expected .*; got NoneType None"),
        ("nowhere.csv", {}, DataError, "expected a file of interactions; got none there"),
    ],
)
def test_what_cannot_be_read_is_refused(source, options, error, message):
    with pytest.raises(error, match=message):
        read_interactions(source, **options)


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "x.csv.gz"
    path.write_bytes(gzip.compress(b"user,item\n1,2\n" * 1000)[:-20])
    with pytest.raises(DataError, match="whole gzip file"):
        read_interactions(path)
    bad = tmp_path / "x.parquet"
    bad.write_bytes(b"PAR1 and nothing")
    with pytest.raises(DataError, match="expected a file of Parquet"):
        read_interactions(bad)


@pytest.mark.realdata
@pytest.mark.parametrize(
    ("name", "options", "counts"),
    [
        ("ml-100k/u.data.gz", {}, (943, 1682, 100_000)),
        ("ml-1m/sequences.txt.gz", {}, (6040, 3416, 999_611)),
        ("ml-1m/ratings.tsv.gz", {"value": "rating"}, (6040, 3706, 1_000_209)),
        ("amazon_beauty_5core/Beauty.txt.gz", {}, (22_363, 12_101, 198_502)),
        ("citeulike-a/users.dat.gz", {"form": "counted_lists"}, (5551, 16_980, 204_986)),
        ("lastfm_lightgcn/data1.txt.gz", {"user": 0, "item": 1, "value": 2}, (1878, 4476, 42_135)),
    ],
)
@pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
def test_real_logs_have_their_known_sizes(real_data, name, options, counts):
    log = read_interactions(real_data / name, **options)
    assert (log.n_users, log.n_items, log.n_events) == counts
