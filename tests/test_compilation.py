"""How loops are compiled and kept: without a folder to write, after an edit elsewhere, from a damaged cache."""

import os
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from numba.core import caching
from numba.core.dispatcher import Dispatcher

import rankkit
from rankkit import compilation
from rankkit.compilation import source_digest
from rankkit.metrics.kernels import longest_of

PACKAGE = Path(rankkit.__file__).parent
NDCG = """
    import torch, rankkit as rk
    value = rk.ndcg(torch.tensor([[3., 2., 1.]]), torch.tensor([[0., 2., 1.]]))
    assert abs(value.item() - (3 / 1.5849625 + 1 / 2) / (3 + 1 / 1.5849625)) < 1e-6
"""
PAIRS = """
    import torch, rankkit as rk
    print(rk.ranknet_loss(torch.tensor([[3., 2., 1.]]), torch.tensor([[0., 2., 1.]])).item())
"""


def python(code, *, before=(), **environment):
    """Run a program in a process of its own, with nothing in its environment but what is given."""
    return subprocess.run(
        [*before, sys.executable, "-c", textwrap.dedent(code)],
        env={"PATH": os.environ["PATH"], "OMP_NUM_THREADS": "1", **environment},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path):
    """The package in a folder of its own, without what was compiled before."""
    shutil.copytree(PACKAGE, tmp_path / "rankkit", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.skipif(shutil.which("setpriv") is None or os.name != "posix" or os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("home", [{"HOME": "/nonexistent"}, {}])
def test_another_user_without_a_place_to_write_gets_numbers_and_one_line(home):
    before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    ran = python(NDCG, before=before, PYTHONPATH=str(PACKAGE.parent), **home)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("CompilationWarning") == 1
    assert "NUMBA_CACHE_DIR" in ran.stderr


def test_a_folder_for_the_cache_ends_the_line(copy, tmp_path):
    for _ in range(2):
        ran = python(NDCG, PYTHONPATH=str(copy), NUMBA_CACHE_DIR=str(tmp_path / "cache"), HOME="/nonexistent")
        assert (ran.returncode, ran.stderr) == (0, "")
    assert list((tmp_path / "cache").rglob("*.nbi"))


def test_machine_code_goes_with_the_text_of_what_it_calls(copy):
    kept = {"PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(copy / "cache")}
    first, again = (python(PAIRS, **kept) for _ in range(2))
    assert first.returncode == 0, first.stderr
    assert float(first.stdout) == float(again.stdout) == pytest.approx(1.25115, abs=1e-5)
    called = copy / "rankkit" / "objectives" / "elementary_kernels.py"
    text = called.read_text()
    assert "_L0, _L1, _L2 = np.float32(2)," in text
    called.write_text(text.replace("_L0, _L1, _L2 = np.float32(2),", "_L0, _L1, _L2 = np.float32(3),"))
    changed = python(PAIRS, **kept)
    assert changed.returncode == 0, changed.stderr
    assert float(changed.stdout) > float(first.stdout) + 0.1


def test_a_damaged_cache_costs_time_and_no_result(copy):
    kept = {"PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(copy / "cache")}
    assert python(NDCG, **kept).returncode == 0
    for file in (copy / "cache").rglob("*.nb[ic]"):
        file.write_bytes(b"damage")
    ran = python(NDCG, **kept)
    assert ran.returncode == 0, ran.stderr
    assert "cannot be read" in ran.stderr


@pytest.mark.parametrize("gone", ["_source_stamp", "_cache"])
def test_a_numba_that_keeps_functions_in_another_way_is_told_of_at_once(monkeypatch, gone):
    if gone == "_source_stamp":
        monkeypatch.setattr(caching, "IndexDataCacheFile", lambda **given: object())
    else:
        monkeypatch.setattr(Dispatcher, "stats", property(lambda function: None))
    monkeypatch.setattr(compilation, "_said", set())
    with pytest.warns(rankkit.CompilationWarning, match=r"numba \d.*in another way"):
        compiled = compilation.kernel()(longest_of.py_func)
    assert not compilation.is_kept(compiled)
    assert compiled(np.array([0, 2, 5]), 0, 2) == 3


def test_the_digest_is_of_a_module_and_all_that_it_imports():
    assert source_digest("rankkit.metrics.kernels") != source_digest("rankkit.metrics.at_r_kernels")
    assert len(source_digest("rankkit.objectives.pairs.kernels")) == 64
