"""Options of one kind of data that another kind does not have, and what a folder holds."""

import inspect

import pytest

import rankkit as rk
from rankkit.data.columns.kinds import Number
from rankkit.data.columns.schema import Schema
from rankkit.errors import ConfigError, DataWarning
from rankkit.loaders.formats import kind_of

# A value other than the default of every option that some kinds of data do not have.
GIVEN = {
    **dict.fromkeys(("label", "qid", "doc_id", "weight", "query_weight"), "foo"),
    **dict.fromkeys(("position", "propensity", "time", "session", "split"), "foo"),
    "group_file": "sizes",
    "zero_based": False,
    "labels": "grades",
    "on_bad_line": "skip",
}
TAKEN_BY_ALL = {"path", "n_features", "regroup", "features", "drop", "cache"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same data in each format."""
    folder = tmp_path_factory.mktemp("formats")
    for name in ("x.txt", "x.csv", "x.parquet", "x.arrow", "x.rkcache"):
        rk.write(rk.make_ranking(3, n_features=2, seed=0), folder / name)
    return folder


@pytest.mark.parametrize("option", GIVEN)
@pytest.mark.parametrize("name", ["x.txt", "x.csv", "x.parquet", "x.arrow", "x.rkcache"])
def test_an_option_of_another_kind_is_refused(files, name, option):
    is_of_tables = GIVEN[option] == "foo"
    takes = name == "x.txt" if not is_of_tables else name in ("x.csv", "x.parquet", "x.arrow")
    default = inspect.signature(rk.read).parameters[option].default
    assert rk.read(files / name, **{option: default}).n_queries == 3
    if not takes:
        with pytest.raises(ConfigError, match=f"got one of .*Leave {option}=.* out"):
            rk.read(files / name, **{option: GIVEN[option]})


def test_every_option_is_of_all_kinds_or_of_some():
    assert TAKEN_BY_ALL | set(GIVEN) | {"columns", "schema"} == set(inspect.signature(rk.read).parameters)


def test_kinds_of_columns_are_of_tables_and_a_schema_of_caches_too(files):
    schema = Schema((Number("1"),))
    with pytest.raises(ConfigError, match=r"Leave columns=.* out"):
        rk.read(files / "x.rkcache", columns={"1": "category"})
    with pytest.raises(ConfigError, match=r"Leave schema=.* out"):
        rk.read(files / "x.txt", schema=schema)
    for name in ("x.csv", "x.parquet", "x.arrow"):
        with pytest.warns(DataWarning, match=r"left out: 2 \(not in the schema\)"):
            assert rk.read(files / name, schema=schema).n_features == 1
    assert rk.read(files / "x.rkcache", schema=schema).n_features == 1


def test_hidden_files_say_nothing_of_a_folder(files, tmp_path):
    for name in ("data.parquet", ".checkpoint.arrow", "_temporary/part.arrow"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes((files / f"x{(tmp_path / name).suffix}").read_bytes())
    assert kind_of(tmp_path) == "parquet"
    assert rk.read(tmp_path).n_queries == 3
