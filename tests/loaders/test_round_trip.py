"""What is written comes back bit for bit, through every format."""

import gzip

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import ConfigError, DataError
from rankkit.loaders.files import read, write
from rankkit.loaders.letor.reading import read_letor
from rankkit.loaders.tables.given_arrays import from_arrays
from rankkit.loaders.tables.writers import write_letor

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*(missing|NULL|NaN|nan).*:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*suspicious:rankkit.errors.DataWarning"),
]

VALUES = st.floats(width=32, allow_nan=True, allow_infinity=False)
WORDS = st.text(st.characters(exclude_categories=("C", "Z"), exclude_characters="#"), min_size=1, max_size=6)
IDS = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)
NAMES = st.text(st.characters(exclude_categories=("C",)), min_size=1, max_size=6).map(lambda text: f"f{text}")


@st.composite
def datasets(draw, *, letor_only=False):
    n_docs = draw(st.integers(1, 12))
    n_features = draw(st.integers(1, 5))
    integers = st.integers(-(10**17), 10**17)
    qids = draw(st.lists(st.one_of(st.integers(0, 3), integers) if draw(st.booleans()) else WORDS, min_size=n_docs,
                         max_size=n_docs))  # fmt: skip
    features = draw(hnp.arrays(np.float32, (n_docs, n_features), elements=VALUES))
    labels = draw(hnp.arrays(np.float32, n_docs, elements=st.floats(0, 10, width=32)))
    names = draw(st.none() | st.lists(NAMES, min_size=n_features, max_size=n_features, unique=True))
    doc_ids = draw(st.none() | st.lists(IDS, min_size=n_docs, max_size=n_docs))
    weights = draw(st.none() | hnp.arrays(np.float32, n_docs, elements=st.floats(0, 3, width=32)))
    without = draw(st.booleans())
    return from_arrays(
        features,
        None if without and not letor_only else np.abs(labels),
        qids,
        doc_ids=doc_ids,
        weights=None if letor_only else weights,
        feature_names=None if letor_only else names,
    )


def bits(features) -> bytes:
    """The bits of every value, with one kind of NaN."""
    return np.where(np.isnan(features), np.float32(np.nan), features).tobytes()


def assert_same(got: RankingDataset, expected: RankingDataset) -> None:
    assert got.features.shape == expected.features.shape
    assert bits(got.features) == bits(expected.features)
    np.testing.assert_array_equal(got.offsets, expected.offsets)
    assert got.qids.dtype.kind == expected.qids.dtype.kind
    for name in ("labels", "qids", "doc_ids", "weights", "rows"):
        ours, theirs = getattr(got, name), getattr(expected, name)
        assert (ours is None) == (theirs is None), name
        if theirs is not None:
            assert ours.tolist() == theirs.tolist(), name
    assert got.feature_names == expected.feature_names


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("round_trip")


@pytest.mark.parametrize("name", ["d.parquet", "d.csv", "d.tsv", "d.csv.gz", "d.arrow", "d.rkcache"])
@settings(max_examples=30, deadline=None)
@given(data=datasets())
def test_tables_give_back_every_part(folder, name, data):
    write(data, folder / name)
    assert_same(read(folder / name), data)


@settings(max_examples=30, deadline=None)
@given(data=datasets(letor_only=True))
def test_letor_to_parquet_to_csv_to_letor_keeps_values_qids_doc_ids_and_row_order(folder, data):
    write(data, folder / "a.txt")
    first = read(folder / "a.txt", regroup=True)
    assert_same(first, data)
    write(first, folder / "b.parquet")
    write(read(folder / "b.parquet"), folder / "c.csv")
    write(read(folder / "c.csv"), folder / "d.txt")
    assert (folder / "d.txt").read_bytes() == (folder / "a.txt").read_bytes()


@pytest.mark.parametrize(
    "name", ["d.txt", "d.txt.gz", "d.letor", "d.csv", "d.tsv", "d.parquet", "d.arrow", "d.rkcache"]
)
def test_every_label_that_is_written_is_read_back_by_default(tmp_path, name):
    labels = [0.5, 1e-7, 5000.0, 1 / 3, 0.0, 3.4e38]
    data = from_arrays(np.arange(6)[:, None], labels, [1, 1, 2, 2, 3, 3])
    write(data, tmp_path / name)
    assert read(tmp_path / name).labels.tolist() == data.labels.tolist()


def test_rows_are_written_in_the_order_in_which_they_came(tmp_path):
    data = from_arrays([[1], [2], [3]], [0, 1, 2], ["b", "a", "b"], doc_ids=["x", "y", "z"])
    write(data, tmp_path / "d.txt")
    assert (tmp_path / "d.txt").read_text() == (
        "0 qid:b 1:1 #docid = x\n1 qid:a 1:2 #docid = y\n2 qid:b 1:3 #docid = z\n"
    )
    write(data[0], tmp_path / "part.csv")
    assert (tmp_path / "part.csv").read_text() == '"label","qid","doc_id","1"\n0,"b","x",1\n2,"b","z",3\n'


def test_letor_text_has_nan_zeros_and_the_fewest_digits(tmp_path):
    data = from_arrays([[0.1, 0, np.nan, -0.0, 1e-7]], [0.5], [7])
    write_letor(data, tmp_path / "d.txt")
    assert (tmp_path / "d.txt").read_text() == "0.5 qid:7 1:0.1 2:0 3:nan 4:-0 5:1e-7\n"


def test_letor_keeps_doc_ids_with_white_space_and_rows_without_id(tmp_path):
    data = from_arrays([[1], [2]], [0, 1], [1, 1], doc_ids=["two words", ""])
    write_letor(data, tmp_path / "d.txt")
    assert read_letor(tmp_path / "d.txt").doc_ids.tolist() == ["two words", ""]


def test_gzip_text_is_the_same_twice(tmp_path):
    data = from_arrays([[1], [2]], [0, 1], [1, 1])
    write(data, tmp_path / "a.txt.gz")
    write(data, tmp_path / "b.txt.gz")
    assert (tmp_path / "a.txt.gz").read_bytes() == (tmp_path / "b.txt.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.txt.gz").read_bytes()) == b"0 qid:1 1:1\n1 qid:1 1:2\n"


def test_more_rows_than_a_block(tmp_path, monkeypatch):
    monkeypatch.setattr("rankkit.loaders.tables.writers._BLOCK_NUMBERS", 10)
    monkeypatch.setattr("rankkit.loaders.tables.arrow_files._BATCH_ROWS", 7)
    rng = np.random.default_rng(0)
    data = from_arrays(rng.normal(size=(50, 3)), rng.integers(0, 5, 50), rng.integers(0, 9, 50))
    for name in ("d.txt", "d.parquet", "d.csv"):
        write(data, tmp_path / name)
        assert_same(read(tmp_path / name, regroup=True), data)
    assert pq.ParquetFile(tmp_path / "d.parquet").num_row_groups > 1


def test_query_weights_stay_weights_of_queries(tmp_path):
    data = from_arrays([[1], [2], [3]], [0, 1, 2], [5, 6, 5], weights=[0.5, 2.0])
    for name in ("d.parquet", "d.csv", "d.arrow", "d.rkcache"):
        write(data, tmp_path / name)
        assert read(tmp_path / name).weights.tolist() == [0.5, 2.0]


@pytest.mark.parametrize("name", ["d.parquet", "d.csv", "d.arrow", "d.rkcache"])
def test_data_without_rows(tmp_path, name):
    data = from_arrays(np.zeros((0, 2)), [], np.zeros(0, np.int64))
    write(data, tmp_path / name)
    assert (read(tmp_path / name).n_docs, read(tmp_path / name).n_features) == (0, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"labels": None}, "expected labels, which LETOR text needs"),
        ({"weights": [1.0, 1.0]}, "expected data without weights"),
        ({"qids": ["a b", "a b"]}, r"expected query ids without white space and '#', .* got 'a b'"),
        ({"doc_ids": ["x", "y\nz"]}, r"expected document ids of one line .* got 'y\\nz'"),
        ({"doc_ids": ["x", " y"]}, "got ' y'"),
    ],
)
def test_what_letor_text_cannot_hold_is_an_error_and_leaves_the_file(tmp_path, change, message):
    path = tmp_path / "d.txt"
    path.write_text("kept")
    arguments = {"features": [[1], [2]], "labels": [0, 1], "qids": [1, 1]} | change
    with pytest.raises(DataError, match=message):
        write(from_arrays(**arguments), path)
    assert [file.name for file in tmp_path.iterdir()] == ["d.txt"]
    assert path.read_text() == "kept"


@pytest.mark.parametrize("names", [("label", "x"), ("x", "x")])
def test_a_feature_name_that_a_table_cannot_hold(tmp_path, names):
    with pytest.raises(DataError, match="names that differ"):
        write(from_arrays([[1, 2]], [0], [1], feature_names=names), tmp_path / "d.csv")


def test_unknown_extension_names_the_known_ones(tmp_path):
    for name in ("d.json", "d.parquet.gz"):
        (tmp_path / name).write_text("{}")
    with pytest.raises(ConfigError, match=r"expected a name that ends in .*\.parquet.*; got '\.json'"):
        read(tmp_path / "d.json")
    with pytest.raises(ConfigError, match=r"before \.gz; got '\.parquet'"):
        read(tmp_path / "d.parquet.gz")


def test_number_of_features_is_checked_for_tables(tmp_path):
    write(from_arrays([[1, 2]], [0], [1]), tmp_path / "d.csv")
    assert read(tmp_path / "d.csv", n_features=2).n_features == 2
    with pytest.raises(DataError, match=r"d\.csv: expected 3 features; got 2"):
        read(tmp_path / "d.csv", n_features=3)
