"""The folder of a cache may come from anywhere: what it holds is checked, whatever it says of itself."""

import io
import json
import os
import pickle
import shutil
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.errors import DataError
from rankkit.loaders.cache import check as cache_check
from rankkit.loaders.cache.reading import read_cache, write_cache
from rankkit.loaders.tables.given_arrays import from_arrays


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cache") / "d.rkcache"
    data = from_arrays(
        np.arange(12).reshape(6, 2),
        [0, 1, 2, 0, 1, 2],
        ["a", "b", "a", "b", "c", "c"],
        weights=[1, 2, 3, 4, 5, 6],
        doc_ids=list("uvwxyz"),
        feature_names=["f", "g"],
    )
    write_cache(data, folder)
    return folder


@pytest.fixture
def cache(whole, tmp_path):
    return shutil.copytree(whole, tmp_path / "d.rkcache")


def put(folder, name, array):
    """Another array, which cache.json describes as it is."""
    np.save(folder / f"{name}.npy", array)
    edit(folder, lambda about: about["arrays"].update({name: [array.dtype.str, list(array.shape)]}))


def edit(folder, change):
    path = folder / "cache.json"
    about = json.loads(path.read_text())
    change(about)
    path.write_text(json.dumps(about))


def refused(folder, match):
    with pytest.raises(DataError, match=match) as error:
        read_cache(folder)
    assert str(folder) in str(error.value)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("offsets", np.array([0, 4, 2, 6]), "offsets"),
        ("offsets", np.array([0, -2, 4, 6]), "offsets"),
        ("offsets", np.array([0, 2, 4, 7]), "offsets"),
        ("offsets", np.array([0.0, 2, 4, 6]), "damaged offsets.npy"),
        ("features", np.full((6, 2), np.inf, np.float32), "features that are infinite"),
        ("features", np.zeros((6, 2)), "damaged features.npy"),
        ("features", np.zeros(12, np.float32), "features as float32 of 1 axes"),
        ("features", np.zeros((0, 10**12), np.float32), "features"),
        ("labels", np.full(6, -1, np.float32), "labels that are negative"),
        ("labels", np.full(6, np.nan, np.float32), "labels that are negative, infinite or missing"),
        ("labels", np.zeros(5, np.float32), "labels of shape"),
        ("weights", np.full(6, -1, np.float32), "weights that are negative"),
        ("weights", np.array(list("abcdef")), "weights as <U1"),
        ("weights", np.zeros(4, np.float32), "weights"),
        ("rows", np.array([0, 1, 2, 3, 4, -1]), "rows that are negative or not all different"),
        ("rows", np.array([0, 1, 2, 3, 4, 4]), "rows that are negative or not all different"),
        ("rows", np.zeros(6, np.uint8), "rows as uint8"),
        ("qids.offsets", np.array([0, 1, 2, 9]), "ids whose places do not fit"),
        ("qids.offsets", np.array([0, 2, 1, 3]), "ids whose places do not fit"),
        ("qids.characters", np.frombuffer(b"aab", np.uint8), "the qid 'a' twice"),
        ("qids.characters", np.frombuffer(b"a\xffb", np.uint8), "ids that are not UTF-8"),
        ("../d", np.zeros(3, np.float32), "an array '../d'"),
    ],
)
def test_arrays_that_no_reader_would_have_made(name, array, message, cache):
    put(cache, name, array)
    refused(cache, message)


def zipped() -> bytes:
    file = io.BytesIO()
    np.savez(file, a=np.zeros(3))
    return file.getvalue()


def bomb() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("arr.npy", bytes(10_000_000))
    return file.getvalue()


def with_header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text.encode()


TOLD = Path(tempfile.gettempdir(), f"rankkit-was-told-{os.getpid()}")  # made if a file is unpickled


class Told:
    def __reduce__(self):
        return Path.touch, (TOLD,)


def objects() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([Told()], object), allow_pickle=True)
    return file.getvalue()


CONTENTS = [
    b"",
    b"\x93NUMPY",
    b"\x93NUMPY\x09\x09",
    zipped(),
    bomb(),
    pickle.dumps(Told()),
    objects(),
    with_header("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }"),
    with_header("{'descr': '<f4', 'fortran_order': True, 'shape': (6, 2), }") + bytes(48),
    with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (6000000000, 2), }\n") + bytes(48),
    with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (-6, -2), }") + bytes(48),
    with_header("{'descr': [('a', '<f4'), ('b', '<f4')], 'fortran_order': False, 'shape': (6,), }") + bytes(48),
    with_header("[" * 3000),
    with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (" + "9" * 5000 + ",), }\n"),
    with_header("__import__('os').abort()"),
    with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (6, 2), }\n") + bytes(47),
    with_header("{'descr': '<f4', 'fortran_order': False, 'shape': (6, 2), }\n") + bytes(49),
]


# Numbered: an archive has the time in its bytes, and parallel tests must have the same names.
@pytest.mark.parametrize("content", CONTENTS, ids=map(str, range(len(CONTENTS))))
def test_files_that_are_no_plain_arrays(content, cache):
    (cache / "features.npy").write_bytes(content)
    refused(cache, "features.npy")
    assert not TOLD.exists()


@pytest.mark.parametrize("name", ["cache.json", "features.npy"])
@pytest.mark.parametrize("made", [lambda path: path.symlink_to("/dev/zero"), os.mkfifo, Path.mkdir])
def test_what_is_no_plain_file_is_not_opened(made, name, cache):
    """A FIFO would wait for a writer, and /dev/zero never ends."""
    (cache / name).unlink()
    made(cache / name)
    refused(cache, "got (a rankkit cache|.*(a pipe, a device|a folder))")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda about: about.update(arrays=[1]), "arrays: expected a table"),
        (lambda about: about["arrays"].pop("features"), "features"),
        (lambda about: about["arrays"].update(features="x"), "expected a list"),
        (lambda about: about.update(feature_names=["a", "\ud800"]), "no Unicode"),
        (lambda about: about.update(feature_names="ab"), "feature_names: expected a list"),
        (lambda about: about.update(feature_names=["a"]), "2 feature names; got 1"),
        (lambda about: about.update(version=3), "version 3"),
        (lambda about: about.update(version="2"), "version: expected a whole number"),
        (lambda about: about.pop("id"), "'id'"),
        (lambda about: about.update(warnings=[[]]), "warnings"),
        (lambda about: about.update(roles={"label": 3}), "roles"),
        (lambda about: about.update(roles={"hat": "x"}), "roles"),
        (lambda about: about.update(weights_per="row"), "weights_per"),
        (lambda about: about.update(checked="yes"), "checked"),
    ],
)
def test_entries_of_another_kind(change, message, cache):
    edit(cache, change)
    refused(cache, message)


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b" " * 17_000_000], ids=len
)
def test_json_that_is_none(content, cache):
    (cache / "cache.json").write_bytes(content)
    refused(cache, "cache.json")


@pytest.mark.parametrize(
    "name", ["features", "labels", "offsets", "weights", "rows", "qids.offsets", "doc_ids.characters"]
)
def test_a_file_that_was_cut_off_is_not_mapped(name, cache):
    """Reading the memory of one would end the process."""
    path = cache / f"{name}.npy"
    os.truncate(path, path.stat().st_size - 1)
    refused(cache, "bytes where its header promises")


def test_features_are_read_only_where_they_may_be_others(whole, tmp_path, monkeypatch):
    looked = []
    is_finite = cache_check.is_finite
    monkeypatch.setattr(cache_check, "is_finite", lambda features: looked.append(1) or is_finite(features))
    read_cache(whole)
    assert not looked
    read_cache(shutil.copytree(whole, tmp_path / "d.rkcache"))
    assert len(looked) == 1


def test_features_that_are_changed_in_place_are_looked_at(cache):
    write_cache(read_cache(cache), cache)
    path = cache / "features.npy"
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(-4, os.SEEK_END)
        file.write(np.float32(-np.inf).tobytes())
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    refused(cache, "infinite")


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"features": np.full((2, 1), np.inf, np.float32)}, "features that are infinite"),
        ({"labels": np.array([-1, 0], np.float32)}, "labels that are negative"),
        ({"qids": np.array([7, 7])}, "the qid '7' twice"),
        ({"rows": np.array([-1, 0])}, "rows that are negative"),
    ],
)
def test_what_could_not_be_read_is_not_written(changed, message, tmp_path):
    good = {"features": np.zeros((2, 1), np.float32), "labels": np.zeros(2, np.float32), "qids": np.array([1, 2])}
    data = RankingDataset(**{**good, "offsets": np.array([0, 1, 2]), **changed})
    with pytest.raises(DataError, match=message):
        write_cache(data, tmp_path / "d.rkcache")
    assert not (tmp_path / "d.rkcache").exists()
