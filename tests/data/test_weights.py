"""Weights of queries and of documents, and how they are told apart."""

from dataclasses import replace

import numpy as np
import pytest

import rankkit as rk
from rankkit.errors import ConfigError, DataError

# As many queries as documents, one of the queries without any.
EMPTY_AND_TWO = np.array([0, 0, 2], np.int64)


def two_and_none(**changes):
    values = {
        "features": np.arange(2, dtype=np.float32)[:, None],
        "labels": np.array([0, 1], np.float32),
        "offsets": EMPTY_AND_TWO,
        "qids": np.array([7, 8]),
    }
    return rk.RankingDataset(**{**values, **changes})


def test_weights_say_which_they_are():
    for per, expected in (("query", [0.5]), ("doc", [2.0, 0.5])):
        data = two_and_none(weights=rk.Weights([2, 0.5], per=per))
        assert (data.weights_per, data.weights.dtype) == (per, np.float32)
        for part in (data[1:], data.select([1]), data.select([-1]), data[-1]):
            assert (part.weights_per, part.weights.tolist()) == (per, expected)
        batch = data.batch([-1])
        assert (batch.weights_per, batch.weights.tolist()) == (per, expected)
        assert batch.to("cpu").weights_per == per


def test_an_array_that_could_be_both_is_refused_and_says_what_to_pass():
    with pytest.raises(
        DataError, match=r"RankingDataset: expected weights that say whose.*Weights\(values, per='query"
    ):
        two_and_none(weights=np.ones(2, np.float32))


def test_an_array_is_taken_where_its_length_means_one_thing():
    three = rk.from_arrays(np.zeros((3, 1)), [0, 1, 0], [1, 1, 2], weights=[1, 2, 3])
    assert three.weights_per == "doc"
    assert rk.from_arrays(np.zeros((3, 1)), [0, 1, 0], [1, 1, 2], weights=[1, 2]).weights_per == "query"
    with pytest.raises(DataError, match=r"expected weights for 2 queries or 3 documents; got shape \(4,\)"):
        rk.from_arrays(np.zeros((3, 1)), [0, 1, 0], [1, 1, 2], weights=[1, 2, 3, 4])
    # One document a query: both mean the same.
    assert rk.from_arrays(np.zeros((2, 1)), [0, 1], [1, 2], weights=[1, 2]).doc_weights.tolist() == [1, 2]


def test_weights_of_documents_follow_their_rows():
    given = rk.Weights([1, 2, 3], per="doc")
    data = rk.from_arrays(np.zeros((3, 1)), [0, 1, 0], [1, 2, 1], weights=given)
    assert data.weights.tolist() == [1, 3, 2]
    with pytest.raises(DataError, match=r"from_arrays: expected 2 weights, one a query; .*per='doc'"):
        rk.from_arrays(np.zeros((3, 1)), [0, 1, 0], [1, 2, 1], weights=rk.Weights([1, 2, 3], per="query"))


def test_replaced_weights_say_which_they_are():
    data = two_and_none(weights=rk.Weights([2, 0.5], per="query"))
    other = replace(data, weights=rk.Weights([1, 3], per="doc"))
    assert (other.weights_per, other.doc_weights.tolist()) == ("doc", [1, 3])
    assert replace(data, weights=None).weights_per is None
    assert data.doc_weights.tolist() == [0.5, 0.5]
    assert data.fingerprint != replace(data, weights=rk.Weights([2, 0.5], per="doc")).fingerprint


def test_weights_go_through_files(tmp_path):
    data = rk.from_arrays(np.ones((3, 1)), [0, 1, 0], [1, 1, 2], weights=rk.Weights([2, 3], per="query"))
    for name in ("d.parquet", "d.csv", "d.arrow", "d.rkcache"):
        rk.write(data, tmp_path / name)
        back = rk.read(tmp_path / name)
        assert (back.weights_per, back.weights.tolist()) == ("query", [2, 3])
    ambiguous = two_and_none(weights=rk.Weights([2, 0.5], per="doc"))
    rk.write(ambiguous, tmp_path / "e.rkcache")
    assert rk.read(tmp_path / "e.rkcache").weights_per == "doc"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1, -1], "got -1 at 1"),
        ([np.nan], "got nan at 0"),
        ([[1]], r"got shape \(1, 1\)"),
        (["a"], "expected numbers"),
        ([1e39], "finite"),
    ],
)
def test_what_cannot_be_weights(values, message):
    with pytest.raises(DataError, match=message):
        rk.Weights(values, per="doc")


def test_weights_are_of_queries_or_of_documents():
    with pytest.raises(ConfigError, match="per='query' or per='doc'; got 'documents'"):
        rk.Weights([1], per="documents")
    assert repr(rk.Weights([1, 2], per="query")) == "Weights(2 values, per='query')"
