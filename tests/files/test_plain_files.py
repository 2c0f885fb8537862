"""Names that no file can have, and files that are none."""

import os

import pytest

import rankkit as rk
from rankkit.errors import RankkitError
from rankkit.files.plain_files import open_plain, read_plain
from rankkit.loaders.cache.reading import read_cache
from rankkit.loaders.trec import read_qrels

NAMES = ["x" * 300, "x" * 300 + "/a.txt", "a\0b", "\ud800", "a/" * 3000 + "b"]
DOORS = {
    **{
        f"read{suffix}": (lambda name, suffix=suffix: rk.read(name + suffix)) for suffix in (".txt", ".csv", ".parquet")
    },
    **{f"read{suffix}": (lambda name, suffix=suffix: rk.read(name + suffix)) for suffix in (".arrow", ".rkcache")},
    "cached": lambda name: rk.read(name, cache=True),
    "read_cache": read_cache,
    "read_qrels": read_qrels,
    "read_folds": rk.read_folds,
    "evaluate_run": lambda name: rk.evaluate_run(name, name),
    "load": rk.load,
    "feature names": lambda name: rk.with_feature_names(rk.from_arrays([[1.0]], [0], [1]), name),
    "results": rk.read_results,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("name", NAMES, ids=["300", "folder of 300", "null", "surrogate", "6000"])
def test_names_that_no_file_can_have(name, door):
    with pytest.raises(RankkitError, match="expected"):
        DOORS[door](name)


def test_only_plain_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "zero").symlink_to("/dev/zero")
    (tmp_path / "plain").write_bytes(b"abc")
    for name, found in (("fifo", "a pipe, a device"), ("zero", "a pipe, a device"), (".", "a folder")):
        with pytest.raises(OSError, match=found):
            open_plain(tmp_path / name)
    assert read_plain(tmp_path / "plain", 3) == b"abc"
    with pytest.raises(OSError, match="3 bytes where at most 2 fit"):
        read_plain(tmp_path / "plain", 2)


@pytest.mark.parametrize("label", [2**24 + 1, 2**31, -(2**31) - 1, 10**20, 1e20])
def test_grades_that_trec_eval_would_take_memory_for(label, tmp_path):
    (tmp_path / "a.qrels").write_text(f"q1 0 a {label}\n")
    (tmp_path / "a.run").write_text("q1 Q0 a 1 1.0 t\n")
    for qrels in (tmp_path / "a.qrels", {"q1": {"a": label}}):
        with pytest.raises(RankkitError, match=r"whole number|at most 16,777,216"):
            rk.evaluate_run(qrels, tmp_path / "a.run")


def test_a_name_of_a_feature_that_no_file_can_hold():
    with pytest.raises(
        RankkitError, match=r"(feature names in Unicode|column names that have a UTF-8 form); got '.ud800'"
    ):
        rk.from_arrays([[1.0]], [0], [1], feature_names=["\ud800"])
