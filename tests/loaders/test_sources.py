"""What is no file by name: pipes, file objects and bytes; every door reads them as it reads the file."""

import gzip
import io
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import rankkit as rk
from rankkit.errors import ConfigError, DataError, DataWarning
from rankkit.loaders.files import column_names
from rankkit.loaders.sources import is_stream
from tests import forked

TEXT = b"2 qid:7 1:0.5 2:3 # a\n0 qid:7 2:1 # b\n1 qid:x 1:4 # c\n"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The same data in a file of each format."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "d.txt").write_bytes(TEXT)
    data = rk.read_letor(folder / "d.txt")
    for name in ("d.csv", "d.tsv", "d.parquet", "d.arrow", "d.txt.gz", "d.csv.zst"):
        rk.write(data, folder / name)
    return folder


NAMES = ("d.txt", "d.csv", "d.tsv", "d.parquet", "d.arrow", "d.txt.gz", "d.csv.zst")
DOORS = {
    "txt": rk.read_letor,
    "csv": rk.read_csv,
    "tsv": rk.read_csv,
    "parquet": rk.read_parquet,
    "arrow": rk.read_arrow,
}


def fed(path, content):
    """A FIFO into which the content is written while it is read."""
    os.mkfifo(path)

    def write():
        with path.open("wb") as pipe:
            pipe.write(content)

    thread = threading.Thread(target=write)
    thread.start()
    return thread


def check(found, files):
    expected = rk.read(files / "d.txt")
    assert found.fingerprint == expected.fingerprint
    assert found.doc_ids.tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("name", NAMES)
def test_bytes_and_open_files_are_read_by_content_and_it_is_said(files, name):
    content = (files / name).read_bytes()
    sources = [content, bytearray(content), memoryview(content), io.BytesIO(content)]
    for source in sources:
        with pytest.warns(DataWarning, match="read as .*, as its first bytes say"):
            found = rk.read(source)
        check(found, files)
        assert "as its first bytes say" in found.remarks[-1]
    with (files / name).open("rb") as file, pytest.warns(DataWarning):
        check(rk.read(file), files)


@pytest.mark.parametrize("name", NAMES)
def test_the_door_of_a_format_reads_them_without_a_word(files, name):
    content = (files / name).read_bytes()
    door = DOORS[name.split(".")[1]]
    check(door(io.BytesIO(content)), files)
    check(door(content), files)
    with (files / name).open("rb") as file:
        check(door(file), files)


class Named:
    def __init__(self, path):
        self._path = path

    def __fspath__(self):
        return str(self._path)


def test_packed_and_text_files_and_path_like_objects(files):
    with gzip.open(files / "d.txt.gz") as file:
        check(rk.read_letor(file), files)
    check(rk.read_letor(io.StringIO(TEXT.decode())), files)
    check(rk.read(Named(files / "d.csv")), files)
    file = io.BytesIO(b"a line to pass over\n" + TEXT)
    file.readline()
    check(rk.read_letor(file), files)  # from where it stands


@pytest.mark.parametrize("name", ["d.txt", "d.csv.zst", "d.parquet"])
def test_a_fifo_is_read_by_its_name(files, name, tmp_path):
    thread = fed(tmp_path / name, (files / name).read_bytes())
    check(rk.read(tmp_path / name), files)
    thread.join()


def test_qrels_from_memory():
    data = rk.read_qrels(io.BytesIO(b"q1 0 a 1\nq1 0 b 0\n"))
    assert (data.qids.tolist(), data.doc_ids.tolist(), data.labels.tolist()) == (["q1"], ["a", "b"], [1, 0])


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        (b"", DataError, "0 bytes: expected data; got none"),
        (io.BytesIO(), DataError, "BytesIO object: expected data; got none"),
        (b"hello\n", DataError, "6 bytes: expected Parquet, Arrow, CSV .* or LETOR text; got b'hello'"),
        (b"1 qid:1 1:1\n1 qid:1 1:z\n", DataError, "24 bytes:2: expected .*got '1:z'"),
        (b"label,qid,a\n1,1,x\n", DataError, "18 bytes: expected"),
        (3.5, ConfigError, "expected the name of a file, bytes or an open file; got float 3.5"),
        (None, ConfigError, "got NoneType None"),
    ],
)
def test_what_cannot_be_read(source, error, message):
    with pytest.raises(error, match=message):
        rk.read(source)


def test_a_closed_file_and_a_cache_of_what_has_no_name():
    closed = io.BytesIO(TEXT)
    closed.close()
    with pytest.raises(DataError, match=r"expected data that can be read; got .*closed"):
        rk.read_letor(closed)
    for door in (rk.read, rk.read_letor):
        for source in ("-", "/dev/stdin", io.BytesIO(TEXT)):
            with pytest.raises(ConfigError, match=r"expected a file, of which a cache can be kept; got a pipe"):
                door(source, cache=True)


def test_no_temporary_file_is_left(files, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    rk.read_letor(TEXT)
    with pytest.raises(DataError):
        rk.read_letor(b"x")
    assert list(tmp_path.iterdir()) == []


def run(*words, content, shell=False):
    installed = [str(Path(sys.executable).with_name("rankkit"))]
    command = [*(installed if shell else [forked.executable(), "-m", "rankkit"]), *map(str, words)]
    return subprocess.run(
        ["bash", "-c", " ".join(command)] if shell else command, input=content, capture_output=True, timeout=120
    )


def test_commands_read_standard_input_and_write_standard_output(files, tmp_path):
    for name in ("-", "/dev/stdin"):
        done = run("inspect", name, content=(files / "d.csv").read_bytes())
        assert done.returncode == 0, done.stderr
        assert b"read as CSV" in done.stdout
    done = run("convert", "-", "-", content=(files / "d.parquet").read_bytes())
    assert done.returncode == 0, done.stderr
    check(rk.read_letor(done.stdout), files)
    done = run("qrels", "-", "--out", "-", content=TEXT)
    assert done.stdout == b"7 0 a 2\n7 0 b 0\nx 0 c 1\n", done.stderr
    done = run("convert", f"<(cat {files / 'd.csv'})", tmp_path / "c.rkcache", content=b"", shell=True)
    assert done.returncode == 0, done.stderr
    check(rk.read(tmp_path / "c.rkcache"), files)
    done = run("inspect", "-", content=b"")
    assert done.returncode != 0
    assert b"standard input: expected data; got none" in done.stderr


@pytest.mark.parametrize("index", [2**31, 10**9, 2**63, 10**40])
def test_an_index_beyond_what_is_counted_is_shown_as_it_stands(index):
    with pytest.raises(DataError, match=rf":2: expected .*got {index:,}|:2: expected .*got {index}"):
        rk.read_letor(f"1 qid:1 1:1\n1 qid:1 2:1 {index}:1\n".encode())


def test_labels_come_back_from_every_format(tmp_path):
    data = rk.from_arrays(np.ones((3, 1)), [0.5, 40, 1e-3], [1, 1, 1])
    for name in ("l.txt", "l.csv", "l.parquet", "l.arrow", "l.rkcache"):
        rk.write(data, tmp_path / name)
        assert rk.read(tmp_path / name).labels.tolist() == data.labels.tolist()


@pytest.mark.parametrize("name", ["nosuch", "nosuch.xyz", "nosuch.txt", "nosuch.parquet", "nosuch.csv.gz", "nosuch/"])
def test_a_missing_file_is_missing_whatever_its_name(tmp_path, name):
    for read_it in (rk.read, column_names):
        with pytest.raises(DataError, match=r"nosuch\S*: expected a file or folder; got No such file or directory"):
            read_it(tmp_path / name)


@pytest.mark.parametrize(
    ("name", "streams"),
    [("-", True), ("/dev/stdin", True), ("/dev/fd/3", True), ("/dev/shm/data.parquet", False), ("/data/dev/x", False)],
)
def test_names_that_say_nothing_of_a_format(name, streams):
    assert is_stream(Path(name)) == streams
