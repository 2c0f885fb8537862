"""Damaged files of every kind: what they hold, or an error of rankkit; the experiment makes them."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "experiments" / "reliability" / "hostile_files.py"


@pytest.fixture(scope="module")
def hostile():
    spec = importlib.util.spec_from_file_location("hostile_files", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["hostile_files"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["hostile_files"]


@pytest.mark.parametrize("n", [8])
def test_a_few_of_each_kind(n, hostile, tmp_path):
    pytest.importorskip("lightgbm", reason="needs the extra [trees]")
    for name in hostile.KINDS:
        assert hostile.faults(name, n, 7, tmp_path) == []


@pytest.mark.slow
def test_five_hundred_of_them(hostile):
    assert hostile.attack(500, seed=1) == (500, 500)
