"""What is known of a place before anything is written to it; refusals by every command are in tests/attacks."""

import errno
import os

import numpy as np
import pytest

import rankkit as rk
from rankkit.comparison.margins.sweep import sweep_margins
from rankkit.errors import DiskError
from rankkit.export import export
from rankkit.files import places
from rankkit.files.places import check_place
from rankkit.loaders.examples.embeddings import write_embeddings
from rankkit.loaders.examples.files import write_labelled
from rankkit.loaders.scores import write_scores


@pytest.mark.parametrize("name", ["-", "/dev/stdout", "/dev/null", "new", "new/and/below", "link"])
def test_places_that_can_be_written_are_left_as_they_are(tmp_path, monkeypatch, name):
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder" / "file")
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_mtime_ns
    check_place(name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder", "link"]
    assert tmp_path.stat().st_mtime_ns == before
    check_place("folder", "folder")
    check_place("folder", "either")


@pytest.mark.parametrize("name", ["a\0b", "\udfff", "n" * 300, "/".join(["n" * 100] * 50)])
def test_names_that_cannot_be(tmp_path, name):
    with pytest.raises(DiskError, match="got a name that"):
        check_place(tmp_path / name)


def test_a_disk_that_can_only_be_read_or_is_full_is_known_at_once(tmp_path, monkeypatch):
    for code, reason in ((errno.EROFS, "can only be read"), (errno.ENOSPC, "a full disk, with")):

        def refuse(*args, code=code):
            raise OSError(code, os.strerror(code))

        monkeypatch.setattr(places.os, "open", refuse)
        with pytest.raises(DiskError, match=reason):
            check_place(tmp_path / "a")


def test_systems_without_nameless_files_are_asked_for_the_right_to_write(tmp_path, monkeypatch):
    monkeypatch.delattr(os, "O_TMPFILE", raising=False)
    check_place(tmp_path / "a")
    monkeypatch.setattr(os, "access", lambda *args: False)
    with pytest.raises(DiskError, match="no permission"):
        check_place(tmp_path / "a")


DATA = rk.make_ranking(4, n_features=3, seed=0)
EXAMPLES = rk.read_labelled("digits").take(range(20))
# What writes, called as a user does in Python.
WRITERS = {
    "write": lambda path: rk.write(DATA, path / "a.csv"),
    "write a cache": lambda path: rk.write(DATA, path / "a.rkcache"),
    "write_qrels": lambda path: rk.write_qrels(DATA, path / "a.qrels"),
    "write_scores": lambda path: write_scores(DATA, np.zeros(DATA.n_docs, np.float32), path / "a.csv"),
    "write_labelled": lambda path: write_labelled(EXAMPLES, path / "a.npz"),
    "write_embeddings": lambda path: write_embeddings(np.zeros((20, 2), np.float32), EXAMPLES, path / "a.npy"),
    "to_parquet": lambda path: rk.evaluate(rk.LinearScorer(3, transform="none"), DATA).to_parquet(path / "a.parquet"),
    "save": lambda path: rk.save(rk.LinearScorer(3), path / "a"),
    "export": lambda path: export(rk.LinearScorer(3), "numpy", path / "a"),
    "fit": lambda path: rk.fit(rk.LinearScorer(3), "ranknet", DATA, out=path / "a"),
    "fit_encoder": lambda path: rk.fit_encoder(None, "supcon", EXAMPLES, out=path / "a"),
    "sweep_margins": lambda path: sweep_margins(None, None, EXAMPLES, EXAMPLES, EXAMPLES, out=path / "a"),
    "compare": lambda path: rk.compare(None, path / "a"),
    "read with a cache": lambda path: rk.read(path.parent / "train.txt", cache=path / "caches"),
}


@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_refuses_a_place_below_a_file(name, tmp_path):
    rk.write(DATA, tmp_path / "train.txt")
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=r"file/.*: expected to write it; got a file where a folder has to be\."):
        WRITERS[name](tmp_path / "file")
