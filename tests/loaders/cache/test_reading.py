"""The cache: what it holds, when it is built anew, and what becomes of it when building goes wrong."""

import contextlib
import dataclasses
import json
import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import rankkit as rk
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, DataError, DiskError, RankkitError
from rankkit.loaders.cache import check as cache_check
from rankkit.loaders.cache import folder as cache_folder
from rankkit.loaders.cache import rows as cache_rows
from rankkit.loaders.cache.reading import read_cache, write_cache
from rankkit.loaders.files import convert, read, write
from rankkit.loaders.letor import cache as letor_cache
from rankkit.loaders.letor.reading import read_letor
from rankkit.loaders.tables.given_arrays import from_arrays
from tests import forked
from tests.file_limits import small_files

BUILDERS = Path(__file__).with_name("cache_builders.py")
TEXT = b"2 qid:1 1:0.5 2:3 # a\n0 qid:1 1:-1.25 2:7e-1\n1 qid:7 1:4 2:0 #docid = c\n"


def assert_same(data, expected):
    for name in ("features", "labels", "offsets", "qids", "weights", "doc_ids", "rows"):
        value, other = getattr(data, name), getattr(expected, name)
        assert (value is None) == (other is None), name
        if value is not None:
            assert value.dtype == other.dtype or value.dtype.kind == other.dtype.kind == "U"
            np.testing.assert_array_equal(value, other)
    assert data.feature_names == expected.feature_names


@contextlib.contextmanager
def started(*words, python=sys.executable):
    """A process of cache_builders.py, which ends with the block at the latest."""
    command = [python, str(BUILDERS), *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "train.txt"
    path.write_bytes(TEXT)
    return path


@pytest.fixture
def builds(monkeypatch):
    """How often a cache was built."""
    counted = []
    build = cache_folder._write_about
    monkeypatch.setattr(cache_folder, "_write_about", lambda *args: (counted.append(1), build(*args)))
    return counted


def test_the_cache_is_the_data_memory_mapped_and_read_only(text, builds):
    expected = read_letor(text)
    for _ in range(3):
        data = read(text, cache=True)
        assert_same(data, expected)
    assert len(builds) == 1
    assert type(data.features) is np.ndarray
    assert data.features.flags.c_contiguous
    with pytest.raises(ValueError, match="read-only"):
        data.features[0, 0] = 1
    assert sorted(path.name for path in text.parent.iterdir()) == ["train.txt", "train.txt.rkcache"]


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_every_data_set_comes_back(tmp_path_factory, data):
    n_docs, n_features = data.draw(st.integers(0, 6)), data.draw(st.integers(1, 3))
    drawn = from_arrays(
        np.arange(n_docs * n_features, dtype=np.float32).reshape(n_docs, n_features),
        data.draw(st.none() | st.just(np.arange(n_docs))),
        data.draw(
            st.lists(st.sampled_from(["a", "b", "ü"]) | st.integers(0, 3).map(str), min_size=n_docs, max_size=n_docs)
        ),
        weights=data.draw(st.none() | st.just(np.ones(n_docs))),
        doc_ids=data.draw(st.none() | st.lists(st.text("äbc\n ", max_size=4), min_size=n_docs, max_size=n_docs)),
        feature_names=data.draw(st.none() | st.just([f"f ü{place}" for place in range(n_features)])),
    )
    path = tmp_path_factory.mktemp("cache") / "d.rkcache"
    write_cache(drawn, path)
    assert_same(read_cache(path), drawn)
    assert read(path).fingerprint == drawn.fingerprint


@pytest.mark.parametrize("name", [None, "features", "labels", "offsets", "qids"])
def test_the_fingerprint_is_kept_with_a_cache_and_taken_anew_once_a_file_of_it_is_another(tmp_path, name, monkeypatch):
    data, path = make_ranking(20, seed=1), tmp_path / "d.rkcache"
    write_cache(data, path)
    hashed = []
    taken = RankingDataset.fingerprint.func
    monkeypatch.setattr(RankingDataset.fingerprint, "func", lambda found: (hashed.append(1), taken(found))[1])
    if name is not None:  # as a copy of the cache has it
        (path / "new.npy").write_bytes((path / f"{name}.npy").read_bytes())
        (path / "new.npy").replace(path / f"{name}.npy")
    opened = read(path)
    assert opened.fingerprint == taken(data)
    assert len(hashed) == (name is not None)
    changed = dataclasses.replace(opened, labels=opened.labels + 1)
    assert changed.fingerprint != opened.fingerprint


def test_training_and_scoring_from_a_cache_equal_those_from_memory(tmp_path):
    for name, seed in (("train", 1), ("valid", 2)):
        write(make_ranking(30, seed=seed), tmp_path / f"{name}.txt")
    reports = []
    for cache in (False, True):
        train, valid = (read(tmp_path / f"{name}.txt", cache=cache) for name in ("train", "valid"))
        scorer = rk.MLPScorer(train.n_features, hidden=(8,), seed=0)
        rk.fit(scorer, rk.ranknet_loss, train, valid, epochs=2, progress=False)
        report = rk.evaluate(scorer, valid, ["ndcg@10", "err@10"])
        batch = train.batch(np.array([3, 1]))
        reports.append((rk.predict(scorer, valid).tolist(), report.means, batch.features.tolist(), train.fingerprint))
    assert reports[0] == reports[1]
    np.testing.assert_array_equal(train[2:5].features, train.select(np.arange(2, 5)).features)


# Text goes into a cache block by block.


@pytest.fixture(params=[60, 2**22])
def block_size(request, monkeypatch):
    monkeypatch.setattr(letor_cache, "BLOCK_SIZE", request.param)
    monkeypatch.setattr(cache_rows, "_GATHERED_NUMBERS", request.param)
    monkeypatch.setattr(cache_rows, "_GATHERED_IDS", request.param)


@pytest.mark.usefixtures("block_size")
@pytest.mark.parametrize(
    "lines",
    [
        TEXT,
        b"# comment\n\n" + TEXT.replace(b"\n", b"\n\n") + b"   \n",
        b"".join(b"%d qid:q%d %d:1 # doc %d\n" % (row % 3, row // 5, 1 + row % 9, row) for row in range(300)),
        b"".join(b"1 qid:%d 1:%d\n" % (row, row) for row in range(200)) + b"0 qid:x 9:1\n",
        b"".join(b"0 qid:%d 1:%d%s\n" % (row // 9, row, b" # \xc3\xbc" if row > 150 else b"") for row in range(200)),
    ],
)
def test_streamed_text_is_what_reading_gives(tmp_path, lines):
    path = tmp_path / "x.txt"
    path.write_bytes(lines)
    assert_same(read(path, cache=True), read(path))


@pytest.mark.usefixtures("block_size")
def test_streamed_rows_are_regrouped(tmp_path):
    path = tmp_path / "x.txt"
    path.write_bytes(b"".join(b"%d qid:%d 1:%d # %d\n" % (row % 3, row * 7 % 11, row, row) for row in range(100)))
    assert_same(read(path, regroup=True, cache=True), read(path, regroup=True))
    with pytest.raises(DataError, match=r"x\.txt:12: expected the rows of a qid to stand together"):
        read(path, cache=True)
    assert len(list(tmp_path.iterdir())) == 2


@pytest.mark.usefixtures("block_size")
def test_a_bad_line_is_named_and_nothing_is_left(text):
    text.write_bytes(TEXT + b"1 qid:7 1:x\n")
    with pytest.raises(DataError, match=r"train\.txt:4: expected a decimal number"):
        read(text, cache=True)
    assert [path.name for path in text.parent.iterdir()] == ["train.txt"]


def test_what_reading_warns_of_is_said_each_time_the_cache_is_opened(text):
    text.write_bytes(TEXT + b"1 qid:7 1:NULL\n")
    for _ in range(2):
        with pytest.warns(UserWarning, match=r"train\.txt: 1 values are NULL or nan \(first in line 4\)") as caught:
            read_letor(text, cache=True)
        assert len(caught) == 1
        assert caught[0].filename == __file__


def test_text_without_labels_has_none_in_the_cache(text):
    text.write_bytes(b"qid:1 1:0.5\nqid:1 1:2\n")
    assert read(text, cache=True).labels is None


# When it is built anew.


def test_a_changed_file_is_read_again(text, builds):
    read(text, cache=True)
    status = text.stat()
    text.write_bytes(TEXT.replace(b"0.5", b"0.6"))  # the same size
    os.utime(text, ns=(status.st_atime_ns, status.st_mtime_ns))  # and time
    assert read(text, cache=True).features[0, 0] == np.float32(0.6)
    os.utime(text, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    read(text, cache=True)
    assert len(builds) == 3
    text.write_bytes(TEXT * 1 + b"1 qid:8 1:1\n")
    assert read(text, cache=True).n_docs == 4


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "cache.json").unlink(),
        lambda folder: (folder / "cache.json").write_text('{"version": 1'),
        lambda folder: (folder / "labels.npy").unlink(),
        lambda folder: (folder / "features.npy").write_bytes((folder / "features.npy").read_bytes()[:-4]),
        lambda folder: (folder / "qids.npy").write_bytes(b""),
        lambda folder: np.save(folder / "features.npy", np.zeros((3, 2))),
        lambda folder: np.save(folder / "offsets.npy", np.array([0, 9, 3])),
    ],
)
def test_damage_is_noticed(text, builds, damage):
    read(text, cache=True)
    folder = text.with_name("train.txt.rkcache")
    damage(folder)
    with pytest.raises(
        DataError, match=r"train\.txt\.rkcache: expected a rankkit cache; got .*\. Convert the data again"
    ):
        read_cache(folder)
    if (folder / "cache.json").exists():
        assert_same(read(text, cache=True), read(text))
        assert len(builds) == 2
    else:
        with pytest.raises(DataError, match="expected a cache or nothing; got something else"):
            read(text, cache=True)


def test_another_version_of_the_format(text, monkeypatch):
    read(text, cache=True)
    monkeypatch.setattr(cache_folder, "VERSION", 3)
    monkeypatch.setattr(cache_folder, "_READABLE", (3,))
    with pytest.raises(DataError, match="got version 2 of the format, and this rankkit reads version 3"):
        read_cache(text.with_name("train.txt.rkcache"))
    assert read(text, cache=True).n_docs == 3


def test_options_have_caches_of_their_own(text, builds):
    read(text, cache=True)
    assert read(text, n_features=5, cache=True).n_features == 5
    assert read(text, n_features=5, cache=True).n_features == 5
    assert read(text, cache=True).n_features == 2
    assert len(builds) == 2


def test_a_folder_for_caches_keeps_files_of_one_name_apart(tmp_path, builds):
    for number in (1, 2):
        write(make_ranking(5, seed=number), tmp_path / f"Fold{number}" / "train.txt")
    for _ in range(2):
        for number in (1, 2):
            data = read(tmp_path / f"Fold{number}" / "train.txt", cache=tmp_path / "caches")
            assert data.fingerprint == make_ranking(5, seed=number).fingerprint
    assert len(builds) == 2
    assert [path.name for path in (tmp_path / "Fold1").iterdir()] == ["train.txt"]


@pytest.mark.parametrize("name", ["d.csv", "d.parquet", "d.arrow", "d.txt.gz", "folder"])
def test_every_format_has_a_cache(tmp_path, builds, name):
    data = make_ranking(5)
    path = tmp_path / name
    write(data, path / "d.parquet" if name == "folder" else path)
    for _ in range(2):
        assert read(path, cache=True).fingerprint == data.fingerprint
    assert len(builds) == 1
    if name == "d.csv":
        assert read(path, features=["2", "1"], cache=True).features[:, 0].tolist() == data.features[:, 1].tolist()


def test_convert_makes_a_cache_and_reads_one(text, builds):
    expected = read_letor(text)
    assert_same(convert(text, text.with_name("fast.rkcache")), expected)
    convert(text.with_name("fast.rkcache"), text.with_name("back.txt"))
    assert read(text.with_name("back.txt")).fingerprint == expected.fingerprint
    write(expected[:1], text.with_name("fast.rkcache"))
    assert read(text.with_name("fast.rkcache")).n_docs == 2
    text.unlink()
    assert read(text.with_name("fast.rkcache"), n_features=2).n_docs == 2
    with pytest.raises(DataError, match=r"expected 3 features; got 2\. Convert the data again"):
        read(text.with_name("fast.rkcache"), n_features=3)
    assert len(builds) == 2


def test_a_cache_has_no_pickles_and_says_what_it_was_made_of(text):
    read(text, cache=True)
    about = json.loads((text.with_name("train.txt.rkcache") / "cache.json").read_text())
    assert about["arrays"]["features"] == ["<f4", [3, 2]]
    assert [source["name"] for source in about["sources"]] == ["train.txt"]
    assert about["sources"][0]["size"] == len(TEXT)
    for path in text.with_name("train.txt.rkcache").glob("*.npy"):
        np.load(path, allow_pickle=False)


def test_a_cache_that_another_process_replaces_while_it_is_opened(text, monkeypatch):
    folder = text.with_name("d.rkcache")
    old, new = make_ranking(3, seed=0), make_ranking(3, seed=0, noise=5.0)
    assert old.features.shape == new.features.shape
    load = cache_check.map_array

    def replace_then_load(path):
        monkeypatch.setattr(cache_check, "map_array", load)
        write_cache(new, folder)
        return load(path)

    write_cache(old, folder)
    monkeypatch.setattr(cache_check, "map_array", replace_then_load)
    with pytest.raises(cache_folder.NoCacheError, match="replaced while it was opened"):
        cache_folder.open_folder(folder, {})
    write_cache(old, folder)
    monkeypatch.setattr(cache_check, "map_array", replace_then_load)
    assert read_cache(folder).fingerprint == new.fingerprint


# When building goes wrong.


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("somewhere.rkcache", "expected a cache or nothing; got something else"),
        ("file.rkcache", "expected to write it; got a file where a folder has to be"),
    ],
)
def test_what_is_no_cache_is_not_replaced(tmp_path, name, message):
    (tmp_path / "somewhere.rkcache").mkdir()
    (tmp_path / "somewhere.rkcache" / "thesis.tex").write_text("kept")
    (tmp_path / "file.rkcache").write_text("kept")
    with pytest.raises(RankkitError, match=message):
        write(make_ranking(3), tmp_path / name)
    assert (tmp_path / "somewhere.rkcache" / "thesis.tex").read_text() == "kept"
    assert (tmp_path / "file.rkcache").read_text() == "kept"


@pytest.mark.parametrize("n_files", [0, 1, 2, 3])
def test_a_full_disk_leaves_nothing(text, monkeypatch, n_files):
    flush, flushed = cache_folder._flush, []

    def full_disk(file):
        flushed.append(file)
        if len(flushed) > n_files:
            raise OSError(28, "No space left on device")
        flush(file)

    monkeypatch.setattr(cache_folder, "_flush", full_disk)
    with pytest.raises(
        DiskError, match=r"rkcache: expected to write it; got a full disk, with .* free in .*\. Make room"
    ):
        read(text, cache=True)
    assert [path.name for path in text.parent.iterdir()] == ["train.txt"]


def test_a_write_that_the_system_refuses_leaves_the_old_cache(text):
    write(make_ranking(3), text.with_name("d.rkcache"))
    kept = read(text.with_name("d.rkcache")).fingerprint
    large = make_ranking(300)
    message = "expected to write it; got a limit on the size of files"
    with pytest.raises(DiskError, match=message), small_files(50_000):
        write(large, text.with_name("d.rkcache"))
    assert read(text.with_name("d.rkcache")).fingerprint == kept
    assert len(list(text.parent.iterdir())) == 2


def test_an_interruption_leaves_nothing(text, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(cache_folder, "_write_about", interrupt)
    with pytest.raises(KeyboardInterrupt):
        read(text, cache=True)
    assert [path.name for path in text.parent.iterdir()] == ["train.txt"]


def test_a_killed_process_leaves_no_cache_and_the_next_clears_up(text):
    expected = read(text).fingerprint
    with started("hang", text) as process:
        assert process.stdout.readline() == "writing\n"
        assert read(text, cache=True).fingerprint == expected
        names = {path.name for path in text.parent.iterdir()}
        assert len(names) == 3, "the workplace of a process that lives is left alone"
    os.utime(text)
    assert read(text, cache=True).fingerprint == expected
    assert {path.name for path in text.parent.iterdir()} == {"train.txt", "train.txt.rkcache"}


def test_processes_that_build_the_same_cache_at_once(tmp_path):
    path = tmp_path / "train.txt"
    data = make_ranking(400, n_features=20)
    write(data, path)
    forks = {"python": forked.executable()}
    with (
        started("build", path, **forks) as one,
        started("build", path, **forks) as two,
        started("build", path, **forks) as three,
    ):
        time.sleep(1)
        (tmp_path / "go").touch()
        for process in (one, two, three):
            out, err = process.communicate(timeout=300)
            assert out.strip() == data.fingerprint, err
    assert {entry.name for entry in tmp_path.iterdir()} == {"train.txt", "train.txt.rkcache", "go"}


def squeezed(path, target, room):
    with started("squeeze", path, target, room) as process:
        out, err = process.communicate(timeout=600)
    assert not err
    return out.split()


def write_wide_text(path, n_bytes):
    features = " ".join(f"{index}:{index / 7:.6f}" for index in range(1, 137))
    block = "".join(f"{row % 5} qid:%d {features}\n" for row in range(100))
    n_rows = 0
    with path.open("w") as file:
        while file.tell() < n_bytes:
            file.write(block % ((n_rows // 100,) * 100))
            n_rows += 100
    return n_rows


@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_file_of_four_times_the_memory_that_is_left_converts(tmp_path):
    room = 48 * 2**20
    n_rows = write_wide_text(tmp_path / "large.txt", 4 * room)
    said = squeezed(tmp_path / "large.txt", tmp_path / "large.rkcache", f"+{room}")
    assert said == ["does", "not", "fit", str(n_rows)]
    data = read(tmp_path / "large.rkcache")
    assert (data.n_docs, data.n_features, data.n_queries) == (n_rows, 136, n_rows // 100)
    assert data.features[-1, -1] == np.float32("19.428571")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits memory as Linux does")
def test_a_file_of_four_times_the_memory_of_the_whole_process_converts(tmp_path):
    limit = 400 * 2**20
    n_rows = write_wide_text(tmp_path / "large.txt", 4 * limit)
    said = squeezed(tmp_path / "large.txt", tmp_path / "large.rkcache", limit)
    assert said == ["does", "not", "fit", str(n_rows)]


def test_a_bad_place_is_refused(text):
    with pytest.raises(DiskError, match="got a file where a folder has to be"):
        read(text, cache=text / "below")
    with pytest.raises(ConfigError, match=r"got one of LETOR text\. Leave group_file="):
        read(text.with_name("x.csv").touch() or text.with_name("x.csv"), group_file=text)


def test_reading_a_cache_needs_no_compiler(text):
    read(text, cache=True)
    code = (
        "import sys, warnings; from rankkit.loaders.files import read; "
        f"data = read({str(text)!r}, cache=True); sys.exit('numba' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_warning_of_read_only_memory(text):
    data = read(text, cache=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data.batch(np.arange(2))
    assert isinstance(data, RankingDataset)


def test_a_cache_of_the_first_version_opens(tmp_path):
    data = from_arrays([[1], [2], [3]], [0, 1, 2], ["b", "b", "a"], weights=[1, 2], doc_ids=["x", "yy", ""])
    folder = tmp_path / "d.rkcache"
    write_cache(data, folder)
    about = json.loads((folder / "cache.json").read_text())
    for name, ids in (("qids", data.qids), ("doc_ids", data.doc_ids)):
        for part in ("offsets", "characters"):
            (folder / f"{name}.{part}.npy").unlink()
            del about["arrays"][f"{name}.{part}"]
        fixed = np.asarray(ids).astype(str)
        np.save(folder / f"{name}.npy", fixed)
        about["arrays"][name] = [fixed.dtype.str, list(fixed.shape)]
    for name in ("roles", "remarks", "weights_per"):
        del about[name]
    (folder / "cache.json").write_text(json.dumps({**about, "version": 1}))
    opened = read_cache(folder)
    assert opened.fingerprint == data.fingerprint
    assert (opened.doc_ids.tolist(), opened.weights_per) == (["x", "yy", ""], "query")
