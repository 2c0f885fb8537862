"""Several processes on one port: replaced when they end, told by signals, counted together."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rankkit.errors import ConfigError
from rankkit.serving import Settings
from rankkit.serving.server import serve
from tests.serving.test_metrics import read
from tests.serving.test_reload import ask, save

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


def text(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse().read().decode()
    connection.close()
    return answer


def workers_of(process):
    """Processes that it has started, and that answer."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    return {int(child) for child in children if is_worker(child)}


def is_worker(pid):
    try:
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False


@pytest.fixture
def process(tmp_path):
    save(tmp_path / "run", 0)
    words = [sys.executable, "-m", "rankkit", "serve", str(tmp_path / "run"), "--port", "0", "--workers", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as started:
        started.port = int(re.search(r"127\.0\.0\.1:(\d+)", started.stdout.readline())[1])
        started.folder = tmp_path / "run"
        yield started
        started.kill()


def until(condition):
    end = time.monotonic() + 90
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def test_workers_are_replaced_told_and_counted_together(process):
    port = process.port
    assert [ask(port)[0] for _ in range(10)] == [200] * 10
    answers = ("rankkit_requests_total", ("method", "POST"), ("path", "/rank"), ("status", "200"))
    until(lambda: read(text(port, "/metrics")).get(answers) == 10)  # an answer is counted once it is sent

    first = workers_of(process)
    assert len(first) == 2
    os.kill(min(first), signal.SIGKILL)
    until(lambda: len(workers_of(process)) == 2 and workers_of(process) != first)
    assert [ask(port)[0] for _ in range(5)] == [200] * 5

    score = save(process.folder, 5)
    process.send_signal(signal.SIGHUP)
    until(lambda: all(ask(port)[1]["documents"][0]["score"] == pytest.approx(score) for _ in range(10)))

    left = workers_of(process)
    process.send_signal(signal.SIGTERM)
    out, log = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, "")
    assert re.search(r"worker \d+ ended with code -9; another one is started", log)
    assert "Traceback" not in log
    assert not [pid for pid in left if is_worker(pid)]


@pytest.mark.slow
def test_workers_end_when_the_first_process_is_killed(process):
    left = workers_of(process)
    assert len(left) == 2
    process.kill()
    until(lambda: not [pid for pid in left if is_worker(pid)])


def test_a_port_of_administration_would_reach_one_worker_only(tmp_path):
    with pytest.raises(ConfigError, match="expected an admin port or several workers; got both"):
        serve({"run": tmp_path}, Settings(port=0, admin_port=0, n_workers=2))


def test_what_keeps_a_worker_from_beginning_is_told_once(tmp_path):
    with pytest.raises(ConfigError, match=r"model\.json: expected a file of a saved model"):
        serve({"run": tmp_path}, Settings(port=0, n_workers=2))
