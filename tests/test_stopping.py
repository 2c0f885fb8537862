"""Commands that are stopped by signals: the exit codes that are documented, a message, no traceback."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rankkit import LinearScorer, bundle
from rankkit.data.synthetic import make_ranking
from rankkit.loaders.files import write
from tests import forked

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends signals")


@pytest.fixture(autouse=True)
def _ctrl_c_counts():
    """Where the tests run in the background, Ctrl-C is ignored, and so it would be in every process that they start."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def start(tmp_path):
    """Starts a command that is killed at the end, should it still be there."""
    started = []

    def begin(*words, python=sys.executable, **options):
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        words = [python, "-m", "rankkit", *map(str, words)]
        started.append(subprocess.Popen(words, env=environment, **pipes, **options))
        return started[-1]

    yield begin
    for process in started:
        process.kill()
        process.communicate()


@pytest.fixture
def training(start, tmp_path):
    """A training that goes on for hours, some steps in; forked unless it is said which Python."""
    write(make_ranking(400, n_features=4, seed=0), tmp_path / "train.txt")
    words = ["train", "--train", tmp_path / "train.txt", "--out", tmp_path / "run", "--set", "training.epochs=100000"]

    def begin(python=None, **options):
        python = python or forked.executable()
        process = start(*words, "--set", "training.batch_queries=8", python=python, **options)
        while not (tmp_path / "run" / "metrics.jsonl").exists() or not (tmp_path / "run" / "metrics.jsonl").read_text():
            assert process.poll() is None, process.communicate()
            time.sleep(0.02)
        return process

    return begin


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_training_saves_and_says_how_to_go_on(training, tmp_path, name, code):
    process = training()
    process.send_signal(getattr(signal, name))
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    *_, last = err.splitlines()  # before it may stand that loops are compiled, and that there is no validation data
    assert re.fullmatch(r"rankkit: fit: interrupted in epoch \d+ after \d+ steps; saved in .+", last)
    assert "Traceback" not in err
    assert (tmp_path / "run" / "checkpoint.pt").exists()


@pytest.mark.parametrize(("second", "pause"), [("SIGINT", 0.1), ("SIGTERM", 0.1), ("SIGTERM", 0.0)])
def test_a_second_signal_ends_training_at_once(training, second, pause):
    process = training()
    process.send_signal(signal.SIGINT)
    time.sleep(pause)
    process.send_signal(getattr(signal, second))
    _, err = process.communicate(timeout=60)
    # Which of two signals that wait at once comes first is up to the system.
    assert process.returncode in ([130] if pause else [130, 128 + getattr(signal, second)])
    assert "Traceback" not in err
    assert "Exception ignored" not in err


def test_under_nohup_training_goes_on(training):
    process = training(sys.executable, preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN))
    process.send_signal(signal.SIGHUP)
    time.sleep(0.3)
    assert process.poll() is None


def takes(process, number):
    """Whether the process has a handler for a signal."""
    about = Path(f"/proc/{process.pid}/status").read_text()
    return bool(int(re.search(r"SigCgt:\s+([0-9a-f]+)", about)[1], 16) >> (number - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("name", "after"), [("SIGINT", 0.0), ("SIGTERM", 0.4), ("SIGHUP", 0.8)])
def test_a_command_that_only_begins_ends_without_a_traceback(start, tmp_path, name, after):
    write(make_ranking(2000, n_features=8, seed=0), tmp_path / "train.txt")
    process = start("convert", tmp_path / "train.txt", tmp_path / "train.parquet")
    while not takes(process, signal.SIGHUP):  # the last that it asks for; Python itself takes SIGINT
        assert process.poll() is None, process.communicate()
        time.sleep(0.01)
    time.sleep(after)
    for _ in range(2):
        process.send_signal(getattr(signal, name))  # the second ends it at once
        time.sleep(0.1)
    _, err = process.communicate(timeout=60)
    assert process.returncode in (0, 128 + getattr(signal, name)), err
    assert "Traceback" not in err


@pytest.mark.parametrize(("first", "pause"), [("SIGINT", 0.1), ("SIGTERM", 0.0)])
def test_the_service_ends_with_code_0_whatever_comes_after_the_first_signal(start, tmp_path, first, pause):
    bundle.save(LinearScorer(3, transform="none", seed=0), tmp_path / "run")
    process = start("serve", tmp_path / "run", "--port", "0")
    port = int(re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())[1])
    with socket.create_connection(("127.0.0.1", port), timeout=30) as slow:
        slow.sendall(b"POST /rank HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        time.sleep(0.2)
        process.send_signal(getattr(signal, first))
        time.sleep(pause)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "Traceback" not in err
