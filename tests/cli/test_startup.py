"""What needs no network loads none: help, what is looked up, and paths that lead nowhere."""

import json
import os
import subprocess
import sys

import pytest

from rankkit import __main__ as program

COMMANDS = [
    ("--help",),
    ("train", "--help"),
    ("objectives",),
    ("objectives", "lambdarank"),
    ("objectives", "triplet"),
    ("objectives", "lambdrank"),
    ("options",),
    ("options", "data"),
    ("options", "encoder-train"),
    ("options", "scorer"),
    ("options", "objective"),
    ("precompile", "lambdrank"),
    ("train", "--train", "absent.txt", "--out", "run"),
    ("train", "--train", "there.txt", "--valid", "absent.txt", "--out", "run"),
    ("evaluate", "absent", "there.txt"),
    ("score", "absent", "there.txt", "--out", "s.csv"),
    ("score", "there", "absent.txt", "--out", "s.csv"),
    ("explain", "absent", "there.txt"),
    ("export", "absent", "--to", "onnx", "--out", "a.onnx"),
    ("serve", "one=absent"),
    ("embed", "absent", "there.txt", "--out", "a.npz"),
    ("neighbours", "absent", "there.txt"),
    ("recommend", "absent", "--out", "a.csv"),
    ("inspect", "absent.txt"),
    ("convert", "absent.txt", "a.csv"),
    ("split", "absent.txt", "--out", "parts"),
    ("qrels", "absent.txt", "--out", "a.qrels"),
]
PROGRAM = """
import contextlib, io, json, sys
from rankkit.__main__ import main
for words in json.loads(sys.argv[1]):
    sys.argv[1:] = words
    said = io.StringIO()
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
            main()
    except SystemExit as end:
        code = end.code or 0
    heavy = [name for name in ("torch", "numba", "pandas") if name in sys.modules]
    print(json.dumps([words, code, heavy, said.getvalue()]))
"""


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """In a process of its own: this one has imported all."""
    folder = tmp_path_factory.mktemp("startup")
    (folder / "there.txt").write_text("1 qid:1 1:1\n")
    (folder / "there").mkdir()
    words = [sys.executable, "-c", PROGRAM, json.dumps(COMMANDS)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("place", range(len(COMMANDS)), ids=map(" ".join, COMMANDS))
def test_torch_is_not_loaded(answers, place):
    words, code, heavy, said = answers[place]
    assert words == list(COMMANDS[place])
    assert heavy == []
    if any("absent" in word for word in words):
        assert code == 2
        assert said.startswith("rankkit: absent")
        assert said.endswith("Check the path.\n")
    else:
        assert code == (2 if "lambdrank" in words else 0)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, program.SHORT_WAIT),
        ({"OMP_NUM_THREADS": "2"}, {"OMP_NUM_THREADS": "2", **program.SHORT_WAIT}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE"}),
        ({"GOMP_SPINCOUNT": "infinity"}, {"GOMP_SPINCOUNT": "infinity"}),
        ({"KMP_BLOCKTIME": "200"}, {"KMP_BLOCKTIME": "200"}),
    ],
)
def test_threads_that_wait_soon_sleep_unless_it_is_said_how_they_wait(monkeypatch, given, expected):
    environment, found = dict(given), []
    monkeypatch.setattr(program.os, "environ", environment)
    monkeypatch.setattr(program, "_run", lambda: found.append(dict(environment)))
    program.main()
    assert found == [expected]
