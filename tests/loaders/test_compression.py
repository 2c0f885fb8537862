"""Compressed text: what is read, what is written, and what is said of damage."""

import bz2
import gzip
import lzma

import numpy as np
import pyarrow as pa
import pytest

from rankkit.data.synthetic import make_ranking
from rankkit.errors import DataError
from rankkit.loaders.files import read, write
from rankkit.loaders.letor import reader as letor_reader
from rankkit.loaders.letor.reading import read_letor

LINES = b"".join(b"%d qid:%d 1:0.5 2:%d\n" % (row % 3, row // 7, row) for row in range(2000))
SUFFIXES = [".gz", ".bz2", ".xz", ".zst"]


def zstd(data):
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


PACK = {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress, ".zst": zstd}
NAMES = {".gz": "gzip", ".bz2": "bzip2", ".xz": "xz", ".zst": "zstd"}


@pytest.mark.parametrize("block_size", [1000, 2**22])
@pytest.mark.parametrize("suffix", SUFFIXES)
def test_packed_text_is_the_text(tmp_path, monkeypatch, suffix, block_size):
    monkeypatch.setattr(letor_reader, "BLOCK_SIZE", block_size)
    (tmp_path / "plain.txt").write_bytes(LINES)
    (tmp_path / f"packed.txt{suffix}").write_bytes(PACK[suffix](LINES))
    (tmp_path / "unnamed.txt").write_bytes(PACK[suffix](LINES))
    expected = read_letor(tmp_path / "plain.txt").fingerprint
    assert read(tmp_path / f"packed.txt{suffix}").fingerprint == expected
    assert read(tmp_path / "unnamed.txt").fingerprint == expected


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_files_packed_one_behind_the_other_are_one_text(tmp_path, suffix):
    half = LINES.index(b"\n", len(LINES) // 2) + 1
    (tmp_path / f"x.txt{suffix}").write_bytes(PACK[suffix](LINES[:half]) + PACK[suffix](LINES[half:]))
    assert read(tmp_path / f"x.txt{suffix}").n_docs == 2000


def cut(data):
    return data[:-12]


def overwritten(data):
    return data[:20] + b"\xff" * 200 + data[220:]


@pytest.mark.parametrize("damage", [cut, overwritten])
@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", [".txt", ".csv"])
def test_damage_names_the_file(tmp_path, suffix, damage, kind):
    text = LINES if kind == ".txt" else b"qid,x\n" + b"".join(b"%d,%d\n" % (row, row * row) for row in range(2000))
    path = tmp_path / f"x{kind}{suffix}"
    path.write_bytes(damage(PACK[suffix](text)))
    with pytest.raises(
        DataError, match=rf"x{kind}{suffix}: expected a whole {NAMES[suffix]} file; got damaged data \("
    ):
        read(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_name_that_promises_what_the_file_is_not(tmp_path, suffix):
    path = tmp_path / f"x.txt{suffix}"
    path.write_bytes(LINES)
    with pytest.raises(DataError, match=rf"expected {NAMES[suffix]} data, as the name says; got b'0 qid:0 '"):
        read(path)
    path.write_bytes(PACK[".bz2" if suffix == ".gz" else ".gz"](LINES))
    with pytest.raises(DataError, match=f"expected {NAMES[suffix]} data"):
        read(path)


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("kind", [".txt", ".csv", ".tsv"])
def test_what_is_written_packed_comes_back_and_is_the_same_twice(tmp_path, suffix, kind):
    data = make_ranking(20, n_features=4)
    for name in ("a", "b"):
        write(data, tmp_path / f"{name}{kind}{suffix}")
    packed = (tmp_path / f"a{kind}{suffix}").read_bytes()
    assert packed == (tmp_path / f"b{kind}{suffix}").read_bytes()
    write(data, tmp_path / f"plain{kind}")
    assert len(packed) < (tmp_path / f"plain{kind}").stat().st_size
    back = read(tmp_path / f"a{kind}{suffix}")
    np.testing.assert_array_equal(back.features, data.features)
    np.testing.assert_array_equal(back.qids, data.qids)
