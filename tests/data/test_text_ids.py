"""Text ids, against numpy arrays of Python strings."""

import pickle

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.data.text_ids import TextIds, as_ids, first_places, id_texts, join_ids, no_ids, sorted_places

words = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
ids = st.lists(words, max_size=12)


def objects(texts):
    array = np.empty(len(texts), object)
    array[:] = texts
    return array


@settings(deadline=None)  # the first call of numpy and Arrow imports what they need
@given(ids, st.slices(12))
def test_a_slice_is_that_of_the_array(texts, chosen):
    assert TextIds(texts)[chosen].tolist() == objects(texts)[chosen].tolist()


@given(ids, st.data())
def test_positions_and_masks_gather_as_of_an_array(texts, data):
    held, expected = TextIds(texts), objects(texts)
    if texts:
        at = data.draw(st.integers(-len(texts), len(texts) - 1))
        assert held[at] == expected[at]
        assert held[np.int64(at)] == expected[at]
        places = data.draw(st.lists(st.integers(-len(texts), len(texts) - 1), max_size=8))
        assert held[places].tolist() == expected[np.array(places, np.int64)].tolist()
        assert held[np.array(places, np.int32)].tolist() == expected[np.array(places, np.int64)].tolist()
    mask = np.array(data.draw(st.lists(st.booleans(), min_size=len(texts), max_size=len(texts))), np.bool_)
    assert held[mask].tolist() == expected[mask].tolist()


@given(ids)
def test_numpy_sees_an_array_of_strings(texts):
    held, expected = TextIds(texts), objects(texts)
    assert np.asarray(held).tolist() == texts
    assert list(held) == texts
    assert np.unique(held).tolist() == np.unique(expected).tolist()
    assert np.isin(held, texts[:2]).tolist() == np.isin(expected, texts[:2]).tolist()
    assert np.repeat(held, 2).tolist() == np.repeat(expected, 2).tolist()
    assert (held.shape, held.ndim, held.size, held.dtype) == (expected.shape, 1, len(texts), np.dtype(object))
    assert held.astype(str).tolist() == expected.astype(str).tolist()


@given(ids, ids)
def test_comparing_is_elementwise(texts, others):
    held = TextIds(texts)
    assert (held == "a").tolist() == [text == "a" for text in texts]
    same = TextIds((others + texts)[: len(texts)])
    expected = [one == other for one, other in zip(texts, same, strict=True)]
    for other in (same, np.asarray(same), same.tolist()):
        assert (held == other).tolist() == expected
        assert (held != other).tolist() == [not equal for equal in expected]


@given(ids, st.slices(12))
def test_ids_come_back_from_pickles_and_from_their_buffers(texts, chosen):
    part = TextIds(texts)[chosen]
    assert pickle.loads(pickle.dumps(part)).tolist() == part.tolist()
    offsets, characters = part.buffers()
    assert TextIds.from_buffers(offsets, characters).tolist() == part.tolist()
    assert part.nbytes == 8 * (len(part) + 1) + sum(len(text.encode()) for text in part)


@given(ids)
def test_places_are_those_of_unique(texts):
    expected = objects(texts)
    _, first, of_id = np.unique(expected, return_index=True, return_inverse=True)
    assert first_places(TextIds(texts)).tolist() == first[of_id].tolist()
    assert sorted_places(TextIds(texts)).tolist() == of_id.tolist()


@given(st.lists(st.integers(-3, 3), max_size=8))
def test_places_of_whole_numbers_are_those_of_their_text(numbers):
    array = np.array(numbers, np.int64)
    assert first_places(array).tolist() == first_places(id_texts(array)).tolist()


def test_a_slice_shares_the_memory_of_the_whole():
    whole = TextIds(["a" * 1000] * 1000)
    before = pa.total_allocated_bytes()
    parts = [whole[start:] for start in range(1000)]
    assert pa.total_allocated_bytes() - before < 1000
    assert len(pickle.dumps(parts[999])) < 2000


def test_one_long_id_costs_its_own_length_alone():
    held = TextIds(["x" * 4000, *map(str, range(100_000))])
    assert held.nbytes == 8 * 100_002 + 4000 + sum(len(str(number)) for number in range(100_000))


def test_what_is_no_text_is_refused():
    for wrong, error in ((["a", 3], TypeError), (["a", None], ValueError), (np.arange(3.0), TypeError)):
        with pytest.raises(error):
            TextIds(wrong)
    for place in (3, -4, [0, 3], [-4]):
        with pytest.raises(IndexError):
            TextIds(["a", "b", "c"])[place]
    with pytest.raises(IndexError, match="mask of 2 does not fit 3 ids"):
        TextIds(["a", "b", "c"])[np.array([True, False])]
    with pytest.raises(TypeError):
        hash(TextIds(["a"]))


def test_ids_of_any_kind_become_whole_numbers_or_text():
    for whole in ([3, 4], np.array([3, 4], np.uint8), np.array([3, 4], ">i8"), range(3, 5)):
        found = as_ids(whole)
        assert (found.dtype, found.tolist()) == (np.int64, [3, 4])
    beyond = as_ids(np.array([2**64 - 1], np.uint64))
    assert beyond.tolist() == ["18446744073709551615"]
    for texts in (["a", "b"], np.array(["a", "b"]), objects(["a", "b"]), pa.chunked_array([["a"], ["b"]])):
        assert (as_ids(texts) if not isinstance(texts, pa.ChunkedArray) else TextIds(texts)).tolist() == ["a", "b"]
    assert as_ids([]).dtype == np.int64


def test_ids_behind_each_other():
    assert join_ids([np.array([1]), np.array([2])]).tolist() == [1, 2]
    assert join_ids([np.array([1]), TextIds(["b"]), no_ids(2)]).tolist() == ["1", "b", "", ""]


def test_the_repr_shows_the_ends():
    assert repr(TextIds(["b", "a"])) == "TextIds(['b', 'a'])"
    assert repr(TextIds("abcdefgh")) == "TextIds(['a', 'b', 'c', ..., 'f', 'g', 'h'], 8 ids)"
