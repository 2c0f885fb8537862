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
# Two loops of rankkit, which compile in a moment.
TWO = """
    import numpy as np
    from rankkit.loaders.letor.kernels import count_lines, gather
    text, out = np.frombuffer(b"a\\nbc\\n", np.uint8), np.zeros(3, np.uint8)
    assert count_lines(text) == 2
    gather(text, np.array([[0, 1], [2, 4]]), np.array([0, 1, 3]), out)
    assert out.tobytes() == b"abc"
"""
# One loop of the copy, which compiles in a moment.
SMALL = """
    from rankkit.calling_kernels import twice
    assert twice(1) == 5
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
    """What compiles and what that imports in a folder of their own, and a loop that calls one of a file far away."""
    package = tmp_path / "rankkit"
    package.mkdir()
    for name in ("__init__.py", "__init__.pyi", "compilation.py", "errors.py"):
        shutil.copy(PACKAGE / name, package)
    for name, loop in (
        ("called", "STEP = 2\n@kernel()\ndef step(x):\n    return x + STEP\n"),
        ("between", "from rankkit.called_kernels import step\n"),
        ("calling", "from rankkit.between_kernels import step\n@kernel()\ndef twice(x):\n    return step(step(x))\n"),
    ):
        (package / f"{name}_kernels.py").write_text(f"from rankkit.compilation import kernel\n{loop}")
    return tmp_path


@pytest.mark.skipif(shutil.which("setpriv") is None or os.name != "posix" or os.geteuid() != 0, reason="needs root")
@pytest.mark.parametrize("home", [{"HOME": "/nonexistent"}, {}])
def test_another_user_without_a_place_to_write_gets_numbers_and_one_line(home):
    before = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    ran = python(TWO, before=before, PYTHONPATH=str(PACKAGE.parent), **home)
    assert ran.returncode == 0, ran.stderr
    assert ran.stderr.count("CompilationWarning") == 1
    assert "NUMBA_CACHE_DIR" in ran.stderr


def test_a_folder_for_the_cache_ends_the_line(copy, tmp_path):
    for _ in range(2):
        ran = python(SMALL, PYTHONPATH=str(copy), NUMBA_CACHE_DIR=str(tmp_path / "cache"), HOME="/nonexistent")
        assert (ran.returncode, ran.stderr) == (0, "")
    assert list((tmp_path / "cache").rglob("*.nbi"))


def test_machine_code_goes_with_the_text_of_what_it_calls(copy):
    kept = {"PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(copy / "cache")}
    called = copy / "rankkit" / "called_kernels.py"

    def run():
        ran = python("from rankkit.calling_kernels import twice; print(twice(1), twice.stats.cache_hits)", **kept)
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    assert run() == "5 Counter()\n"
    assert run().startswith("5 Counter({(int64,): 1")
    called.write_text(called.read_text().replace("STEP = 2", "STEP = 3"))
    assert run() == "7 Counter()\n"


def test_a_damaged_cache_costs_time_and_no_result(copy):
    kept = {"PYTHONPATH": str(copy), "NUMBA_CACHE_DIR": str(copy / "cache")}
    assert python(SMALL, **kept).returncode == 0
    for file in (copy / "cache").rglob("*.nb[ic]"):
        file.write_bytes(b"damage")
    ran = python(SMALL, **kept)
    assert ran.returncode == 0, ran.stderr
    assert "cannot be read" in ran.stderr


def test_numbers_are_those_of_the_process_that_compiled(tmp_path):
    code = """
        import torch
        from rankkit.objectives import ranknet_loss
        scores = torch.randn(5, 30, generator=torch.Generator().manual_seed(0)).requires_grad_()
        ranknet_loss(scores, torch.arange(30.0).remainder(3).expand(5, -1)).backward()
        print(scores.grad.numpy().tobytes().hex())
    """
    kept = {"PYTHONPATH": str(PACKAGE.parent), "NUMBA_CACHE_DIR": str(tmp_path)}
    compiled, loaded = (python(code, **kept) for _ in range(2))
    assert (compiled.returncode, compiled.stdout) == (0, loaded.stdout), compiled.stderr


def test_a_part_is_called_by_kernels_alone(copy):
    parts = copy / "rankkit" / "parts_kernels.py"
    parts.write_text(
        "import numba.extending\nfrom rankkit.compilation import PART, kernel, part\n"
        "def sign(x): pass\n"
        "@numba.extending.overload(sign, jit_options=PART)\ndef _compile_sign(x):\n    return lambda x: -1\n"
        "@part()\ndef inner(x):\n    if x == 9:\n        raise ValueError('nine')\n    return sign(x) * x\n"
        "@part(forceinline=True)\ndef outer(x):\n    return inner(x) + inner(x + 1)\n"
        "@kernel()\ndef both(x):\n    return outer(x)\n@kernel()\ndef one(x):\n    return inner(x)\n"
    )
    code = """
        from rankkit.parts_kernels import both, inner, one, outer
        assert (both(2), one(2), one(2.5)) == (-5, -2, -2.5)
        for called in (lambda: both(8), lambda: inner(2), lambda: outer(2)):
            try:
                print(called())
            except (TypeError, ValueError) as error:
                print(error)
    """
    for _ in range(2):
        ran = python(code, PYTHONPATH=str(copy), NUMBA_CACHE_DIR=str(copy / "cache"))
        refused = "{0}: expected a call from a kernel; got one from Python. Call a kernel, or make it one.\n"
        assert ran.stdout == f"nine\n{refused.format('inner')}{refused.format('outer')}", ran.stderr


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
