"""What documents have beside features, labels, ids and weights: position, propensity, time, session, split."""

import numpy as np
import pandas as pd
import pytest

from rankkit.clicks import propensity_weighted, shown_lists
from rankkit.data.merging import merge
from rankkit.errors import ConfigError, DataError, DataWarning
from rankkit.loaders.files import read, write
from rankkit.loaders.letor.reading import read_letor
from rankkit.loaders.tables.tabular import from_pandas

ROLES = {"position": "pos", "propensity": "p", "time": "day", "session": "visit", "split": "part"}


def log(**changes):
    """Two lists whose rows stand in no order."""
    columns = {
        "qid": [7, 8, 7, 8, 7],
        "label": [0, 1, 1, 0, 0],
        "x": [1.0, 2.0, 3.0, 4.0, 5.0],
        "pos": [3, 1, 1, 2, 2],
        "p": [0.25, 1.0, 1.0, 0.5, 0.5],
        "day": pd.to_datetime(["2026-01-02", "2026-01-01", "2026-01-02", "2026-01-01", "2026-01-02"]),
        "visit": ["a", "b", "a", "b", "a"],
        "part": ["train", "test", "train", "test", "train"],
    }
    return pd.DataFrame({**columns, **changes})


def test_rows_come_into_shown_order_and_roles_are_no_features():
    data = from_pandas(log(), **ROLES)
    assert data.feature_names == ("x",)
    assert data.features.ravel().tolist() == [3, 5, 1, 2, 4]
    assert data.labels.tolist() == [1, 0, 0, 1, 0]
    assert data.rows.tolist() == [2, 4, 0, 1, 3]
    assert data.in_row_order(data.features.ravel()).tolist() == [1, 2, 3, 4, 5]
    assert data.beside["position"].tolist() == [1, 2, 3, 1, 2]
    assert data.beside["session"].tolist() == list("aaabb")
    assert (data.roles.position, data.roles.time) == ("pos", "day")
    assert data[1].beside["split"].tolist() == ["test", "test"]
    assert data.select([1, 0]).beside["position"].tolist() == [1, 2, 1, 2, 3]


def test_a_role_is_a_feature_too_where_it_is_named_as_one():
    data = from_pandas(log(), **ROLES, columns={"day": "time", "visit": "category"})
    assert data.feature_names == ("x", "day[days]", "day[weekday]", "day[hour]", "visit")


@pytest.mark.parametrize("ending", ["parquet", "arrow", "rkcache", "csv"])
@pytest.mark.parametrize("day", [log()["day"], [2.5, 1.5, 2.5, 1.5, 2.5]], ids=["dates", "numbers"])
def test_every_format_keeps_them(tmp_path, ending, day):
    data = from_pandas(log(day=day), **ROLES)
    write(data, tmp_path / f"a.{ending}")
    again = read(tmp_path / f"a.{ending}", **(ROLES if ending == "csv" else {}))
    assert again.fingerprint == data.fingerprint
    assert again.roles == data.roles
    for role, values in data.beside.items():
        assert again.beside[role].dtype == values.dtype
        assert again.beside[role].tolist() == values.tolist(), role


def test_a_cache_of_a_log_stands_in_shown_order(tmp_path):
    log().to_parquet(tmp_path / "log.parquet")
    data, cached = from_pandas(log(), **ROLES), read(tmp_path / "log.parquet", **ROLES, cache=True)
    assert cached.fingerprint == data.fingerprint
    assert {role: values.tolist() for role, values in cached.beside.items()} == {
        role: values.tolist() for role, values in data.beside.items()
    }
    assert cached.rows.tolist() == data.rows.tolist()


def test_merged_logs_keep_them():
    data = from_pandas(log(), **ROLES)
    joined = merge([data, from_pandas(log(qid=[1, 2, 1, 2, 1]), **ROLES)])
    assert joined.beside["position"].tolist() == [1, 2, 3, 1, 2] * 2
    assert joined.beside["session"].tolist() == list("aaabb") * 2
    with pytest.raises(DataError, match="expected a position of all data sets or none"):
        merge([data, from_pandas(log(qid=[1, 2, 1, 2, 1])[["qid", "label", "x"]])])


def test_propensities_of_a_column_weigh_clicks():
    data = propensity_weighted(from_pandas(log(label=[1, 1, 0, 1, 0]), **ROLES))
    assert data.weights.tolist() == [1, 1, 4, 1, 2]
    assert propensity_weighted(from_pandas(log(label=[1] * 5), **ROLES), max_weight=3).weights.max() == 3
    with pytest.raises(ConfigError, match="expected propensities, one a position, or a log that has them"):
        propensity_weighted(from_pandas(log()[["qid", "label", "x"]]))


def test_where_a_document_stood_says_nothing_of_another_list():
    data = from_pandas(log(), **ROLES)
    shown = shown_lists(data, np.arange(5.0))
    assert set(shown.beside) == {"time", "split"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pos": [3, 1, 1, 2, 1]}, r"expected each position once in a list; got 1 twice for qid 7"),
        ({"pos": [3, 1, 1.5, 2, 1]}, r"row 2 .*expected a position, a whole number from 0 or 1; got 1.5"),
        ({"pos": [3, 1, None, 2, 1]}, r"row 2 .*expected a position, a finite number; got nan"),
        ({"p": [1, 1, 0, 1, 1]}, r"row 2 .*expected a propensity above 0; got 0"),
        ({"day": pd.to_datetime(["2026-01-02", None] + ["2026-01-02"] * 3)}, r"row 1 .*expected a time; got none"),
        ({"visit": ["a", None, "b", "c", "d"]}, r"row 1 .*expected an id; got none"),
    ],
)
def test_values_that_cannot_serve(change, message):
    with pytest.raises(DataError, match=message):
        from_pandas(log(**change), **ROLES)


def test_a_role_that_is_not_there():
    with pytest.raises(DataError, match="expected a column 'shown_at'"):
        from_pandas(log(), position="shown_at")


def test_gaps_are_said():
    with pytest.warns(DataWarning, match="positions of 1 of 2 lists have gaps or begin late"):
        from_pandas(log(pos=[9, 1, 1, 2, 2])[["qid", "label", "x", "pos"]], position="pos")


def test_letor_text_has_no_place_for_them(tmp_path):
    data = from_pandas(log(), **ROLES)
    with pytest.raises(DataError, match="expected documents with nothing beside features"):
        write(data, tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text("1 qid:1 1:2\n")
    assert read_letor(tmp_path / "b.txt").schema is None
    with pytest.raises(ConfigError, match="Leave position='pos' out"):
        read(tmp_path / "b.txt", position="pos")
