"""Comparisons that are killed, interrupted and resumed."""

import os
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from rankkit.cli.kinds.commands import load_comparison
from rankkit.comparison import compare
from rankkit.errors import ConfigError
from tests.comparison.conftest import start

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="finds processes in /proc")


def results_of(folder):
    """The bytes of every file of the results that is a function of plan, data and seeds."""
    files = (path for path in (folder / "results").iterdir() if not path.name.startswith("cost."))
    return {path.name: path.read_bytes() for path in files}


def outcomes(out):
    return {path: path.stat().st_mtime_ns for path in out.glob("runs/*/outcome.json")}


def wait_for(condition, process, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.02)


def children(process):
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return [int(child) for child in listed]


def is_alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_a_comparison_killed_and_resumed_gives_the_same_bytes(experiment, finished, tmp_path):
    """A worker is killed, then the whole comparison, and what it had finished is not run again."""
    out = tmp_path / "run"
    process = start(experiment, "--out", out, python=sys.executable)
    wait_for(lambda: len(outcomes(out)) >= 4, process)
    os.kill(children(process)[0], signal.SIGKILL)
    wait_for(lambda: len(outcomes(out)) >= 12, process)
    workers = children(process)
    process.kill()
    process.communicate()
    end = time.monotonic() + 20
    while any(is_alive(pid) for pid in workers):
        assert time.monotonic() < end, "workers outlive the comparison"
        time.sleep(0.05)
    before = outcomes(out)
    assert len(before) < 36
    assert not (out / "results").exists()

    refused = start(experiment, "--out", out)
    assert "expected a folder without a comparison; it holds one" in refused.communicate()[1]
    assert refused.returncode == 2

    resumed = start("--out", out, "--resume")
    stdout, stderr = resumed.communicate()
    assert resumed.returncode == 0, stderr
    after = outcomes(out)
    assert len(after) == 36
    assert {path: after[path] for path in before} == before
    assert results_of(out) == results_of(finished.folder)
    expected = (finished.folder / "stdout.txt").read_text()
    assert stdout.replace(str(out), "") == expected.replace(str(finished.folder), "")
    assert f"[{len(before) + 1}/36]" in stderr


@pytest.fixture
def _ctrl_c_counts():
    """Where the tests run in the background, Ctrl-C is ignored, and so it would be in every process that they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("_ctrl_c_counts")
def test_ctrl_c_stops_and_says_how_to_go_on(experiment, finished, tmp_path):
    out = tmp_path / "run"
    # All but the random ones are to be done again: enough that it is not finished before it is stopped.
    shutil.copytree(finished.folder, out, ignore=shutil.ignore_patterns("results", "linear-*", "lightgbm-*", "best-*"))
    plan = load_comparison(experiment).plan()
    process = start(experiment, "--out", out, "--resume", "--jobs", "1", python=sys.executable)
    wait_for(lambda: children(process), process)
    worker = children(process)[0]
    with pytest.raises(ConfigError, match="expected no other process at work in it; there is one"):
        compare(plan, out, resume=True)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate()
    assert process.returncode == 130
    assert "of 36 runs finished; they are kept" in stderr
    assert "--resume" in stderr
    # A worker ends itself when its input does, which may be a moment after the end of the process that started it.
    end = time.monotonic() + 60
    while is_alive(worker):
        assert time.monotonic() < end
        time.sleep(0.02)
