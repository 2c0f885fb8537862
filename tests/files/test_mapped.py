"""Arrays in mapped files: told apart from others, copied row by row, and never losing what no file holds."""

import hashlib
import sys

import numpy as np
import pytest

from rankkit.files import mapped
from rankkit.files.mapped import MappedRows, digest_array, is_mapped, memory_size
from tests.file_limits import mapped_bytes


@pytest.fixture
def numbers(tmp_path):
    values = np.arange(5000 * 7, dtype=np.float32).reshape(5000, 7)
    np.save(tmp_path / "numbers.npy", values)
    return tmp_path / "numbers.npy", values


def test_a_mapped_array_is_known_through_slices_and_views(numbers):
    path, values = numbers
    found = np.load(path, mmap_mode="r")
    assert is_mapped(found)
    assert is_mapped(found.view(np.ndarray)[10:20])
    assert not is_mapped(values[10:20])
    assert not is_mapped(np.array(found))


@pytest.mark.parametrize("mode", ["r", "r+", "c", None])
def test_rows_are_copied_wherever_they_begin(numbers, mode):
    path, values = numbers
    array = values if mode is None else np.load(path, mmap_mode=mode).view(np.ndarray)[3:]
    rows, into = MappedRows(array), np.zeros((900, 7), np.float32)
    for start in (0, 1, 1234, len(array) - 900):
        rows.announce(start, start + 900)
        for _ in range(2):  # again, once its pages were let go
            rows.copy(start, start + 900, into)
            np.testing.assert_array_equal(into, array[start : start + 900])
    rows.copy(7, 7, into[:0])


@pytest.mark.parametrize("mode", ["r+", "c"])
def test_what_was_written_to_a_mapped_array_stays(numbers, mode):
    path, _ = numbers
    array = np.load(path, mmap_mode=mode)
    array[:2000] = -1
    into = np.zeros((2000, 7), np.float32)
    for _ in range(2):
        MappedRows(array).copy(0, 2000, into)
        assert (into == -1).all()
    assert (array[:2000] == -1).all()


def test_columns_of_a_mapped_array_are_copied_too(numbers):
    path, values = numbers
    into = np.zeros((100, 3), np.float32)
    MappedRows(np.load(path, mmap_mode="r")[:, ::3]).copy(50, 150, into)
    np.testing.assert_array_equal(into, values[50:150, ::3])


def test_a_container_has_the_memory_that_it_may_use(tmp_path, monkeypatch):
    here = memory_size()
    assert here > 0
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "limit").write_text("123456789\n")
    monkeypatch.setattr(mapped, "_LIMITS", (str(tmp_path / "memory.max"), str(tmp_path / "none")))
    assert memory_size() >= here
    monkeypatch.setattr(mapped, "_LIMITS", (str(tmp_path / "limit"),))
    assert memory_size() == 123456789


@pytest.mark.parametrize("piece", [1, 100, 2**24])
def test_a_digest_is_that_of_all_bytes_in_order(numbers, monkeypatch, piece):
    path, values = numbers
    monkeypatch.setattr(mapped, "_PIECE", piece)
    ids = np.array(["a", "bcd"])
    for array in (np.load(path, mmap_mode="r"), values, values[::3, ::-2], values[:, :0], values[0], values[:0], ids):
        found = hashlib.blake2b()
        digest_array(found, array)
        assert found.digest() == hashlib.blake2b(array.tobytes()).digest()
    found = hashlib.blake2b()
    digest_array(found, None)
    assert found.digest() == hashlib.blake2b().digest()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_digest_keeps_no_file_in_memory(tmp_path):
    n_bytes = 2**26
    np.save(tmp_path / "large.npy", np.zeros((n_bytes // 2**10, 2**8), np.float32))
    array, before = np.load(tmp_path / "large.npy", mmap_mode="r"), mapped_bytes()
    digest_array(hashlib.blake2b(), array)
    assert mapped_bytes() - before < n_bytes / 2
    assert not array.any()
    assert mapped_bytes() - before > n_bytes / 2  # so that it would have been seen
