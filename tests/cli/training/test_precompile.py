"""``rankkit precompile`` as a user types it; the module is rankkit.cli.training.precompile."""

import os
import subprocess
import sys

import pytest

from rankkit import compilation
from rankkit.metrics import kernels


def test_it_trains_by_each_objective_and_leaves_nothing(rankkit, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    answer = rankkit("precompile", "softmax", "bce", "softmax")
    assert (answer.code, answer.out) == (0, "softmax: compiled\nbce: compiled\n"), answer.err
    assert not [*tmp_path.glob("rankkit*")]


def test_other_names_are_refused_before_anything_is_trained(rankkit):
    answer = rankkit("precompile", "softmax", "lambdrank")
    assert (answer.code, answer.out) == (2, "")
    assert "got 'lambdrank'. Did you mean 'lambdarank'?" in answer.err


def test_where_nothing_can_be_kept_it_is_of_no_use(rankkit, monkeypatch):
    found = compilation.kept_in
    monkeypatch.setattr(compilation, "kept_in", lambda kernel: None if kernel is kernels.dcg_lists else found(kernel))
    answer = rankkit("precompile", "softmax")
    assert (answer.code, answer.out) == (2, "")
    assert "Set NUMBA_CACHE_DIR" in answer.err


def test_a_named_folder_that_cannot_be_written_is_refused(rankkit, monkeypatch):
    """numba would keep what is compiled beside the package, and an image be built without it."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", "/proc/none")
    answer = rankkit("precompile", "softmax")
    assert (answer.code, answer.out) == (2, "")
    assert "got '/proc/none'. Set another one." in answer.err


@pytest.mark.slow
@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_training_compiles_nothing_afterwards(rankkit, tmp_path, suffix):
    for part in ("train", "vali"):
        rankkit("convert", f"data/{part}.txt", tmp_path / f"{part}.txt{suffix}")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache"), "PYTHONPATH": os.pathsep.join(sys.path)}

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", "rankkit", *words], env=environment, capture_output=True, text=True, check=True
        )
        return done.stderr

    data = ("--train", tmp_path / f"train.txt{suffix}", "--valid", tmp_path / f"vali.txt{suffix}")
    assert "Compiling" in run("precompile", "lambdarank")
    more = ("--objective", "lambdarank", "--set", "training.epochs=1", "--out", tmp_path / "run")
    assert "Compiling" not in run("train", *data, *more)
