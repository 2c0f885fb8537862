"""Experiments on similarity run from a bare clone: their quick mode, and what its tables hold."""

import re
import runpy
import sys
from pathlib import Path

import pytest
import torch

EXPERIMENTS = Path(__file__).parent.parent / "experiments"


@pytest.fixture
def quick_run(monkeypatch, capsys):
    """Run the script of an experiment as a user would, in this process: what it prints."""
    n_threads = torch.get_num_threads()

    def run(experiment, *options):
        script = EXPERIMENTS / experiment / "run.py"
        monkeypatch.syspath_prepend(str(script.parent))
        monkeypatch.setattr(sys, "argv", [str(script), "--quick", *options])
        runpy.run_path(str(script), run_name="__main__")
        return capsys.readouterr().out

    yield run
    torch.set_num_threads(n_threads)
    for name, module in list(sys.modules.items()):  # another experiment may have a module of the same name
        if str(getattr(module, "__file__", None) or "").startswith(str(EXPERIMENTS)):
            del sys.modules[name]


def rows_of(text, title):
    """The first table after a line: a dict of cells by the names of the columns, for each name of a line."""
    lines = text.split(f"\n{title}\n\n")[1].splitlines()
    names, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    rows = {}
    for cells in body:
        if cells[0] in rows or cells == names:
            break
        rows[cells[0]] = dict(zip(names[1:], cells[1:], strict=True))
    return rows


def mean(cell):
    return float(re.match(r"[-+.\de]+", cell).group())


def test_lossless_triplet(quick_run, tmp_path):
    text = quick_run("lossless-triplet", "--pictures", str(tmp_path))
    three, seven = rows_of(text, "3 classes"), rows_of(text, "7 classes")
    names = ["triplet", "triplet, sigmoid", "lossless", "linear form", "hadsell", "supcon", "raw inputs"]
    assert list(three) == list(seven) == names
    # Two epochs are enough for the linear form to lay two classes on each other and for the triplets to be done with.
    assert mean(three["linear form"]["collisions"]) == 1
    assert mean(three["linear form"]["nearest centres"]) < 0.05
    assert mean(three["triplet"]["zero loss"]) > 90
    assert mean(three["lossless"]["zero loss"]) == 0
    for system in ("triplet", "hadsell", "supcon"):
        assert mean(seven[system]["MAP@R"]) > mean(seven["lossless"]["MAP@R"])
    assert mean(seven["raw inputs"]["kNN, unseen"]) > 0.9
    assert {path.suffix for path in tmp_path.iterdir()} == {".gif", ".png"}
