"""A new model under load: no request is dropped, and no score is of neither model."""

import http.client
import json
import os
import re
import signal
import subprocess
import threading
import time

import numpy as np
import pytest

from rankkit import bundle
from rankkit.models.scorers import LinearScorer
from tests import forked
from tests.serving.live import Live

BODY = json.dumps({"documents": [{"id": "a", "features": [1, 2, 3]}]}).encode()


def save(folder, seed):
    """A bundle, and its score of the body."""
    from rankkit.serving.scoring.ranker import ServedRanker

    bundle.save(LinearScorer(3, transform="none", seed=seed).eval(), folder)
    ranker = ServedRanker.load(folder)
    return float(ranker.scores(np.array([[1, 2, 3]], np.float32), np.array([0, 1]))[0])


def ask(port, path="/rank", body=BODY, method="POST"):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


class Asking(threading.Thread):
    """Asks on one connection until told to stop; notes every score, and whatever else comes."""

    def __init__(self, port):
        super().__init__()
        self.port, self.stop, self.scores, self.wrong = port, threading.Event(), [], []

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        while not self.stop.is_set():
            try:
                connection.request("POST", "/rank", BODY)
                answer = connection.getresponse()
                content = answer.read()
                if answer.status == 200:
                    self.scores.append(json.loads(content)["documents"][0]["score"])
                else:
                    self.wrong.append(content)
            except Exception as error:
                self.wrong.append(error)
        connection.close()


@pytest.fixture
def served(tmp_path):
    """An app over a folder, on a real port."""
    from rankkit.serving import Settings
    from rankkit.serving.app import create_app
    from rankkit.serving.scoring.ranker import ServedRanker

    first = save(tmp_path / "run", 0)
    settings = Settings(port=0, engine="torch")
    with Live(create_app({"run": ServedRanker.load(tmp_path / "run")}, settings), settings) as live:
        live.first, live.folder = first, tmp_path / "run"
        yield live


def test_models_change_under_load_without_a_dropped_request_or_a_wrong_score(served):
    clients = [Asking(served.port) for _ in range(3)]
    for client in clients:
        client.start()
    right = {round(served.first, 6)}
    for seed in range(1, 6):
        right.add(round(save(served.folder, seed), 6))
        served.server.reload_soon()
        before = [len(client.scores) for client in clients]
        end = time.monotonic() + 30
        while min(len(client.scores) - n for client, n in zip(clients, before, strict=True)) < 5:
            assert time.monotonic() < end
            time.sleep(0.01)
    for client in clients:
        client.stop.set()
        client.join()
    assert [client.wrong for client in clients] == [[], [], []]
    assert {round(score, 6) for client in clients for score in client.scores} <= right
    assert len({round(score, 6) for client in clients for score in client.scores}) > 1


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="a signal of Unix")
def test_sighup_and_the_port_of_administration_load_anew(tmp_path):
    save(tmp_path / "a", 0)
    second = save(tmp_path / "b", 1)
    words = [
        forked.executable(), "-m", "rankkit", "serve", f"one={tmp_path / 'a'}", f"two={tmp_path / 'b'}", "--port", "0",
        "--admin-port", "0",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            lines = [process.stdout.readline() for _ in range(2)]
            assert f"serving one ({tmp_path / 'a'}), two ({tmp_path / 'b'}) on http" in lines[0]
            port, admin = (int(re.search(r"127\.0\.0\.1:(\d+)", line)[1]) for line in lines)
            assert ask(port, "/rank?model=two")[1]["documents"][0]["score"] == pytest.approx(second)
            assert ask(port, "/rank?model=three")[0] == 404
            assert ask(port, "/admin/reload")[0] == 404
            assert ask(admin, "/rank")[0] == 404

            third = save(tmp_path / "a", 2)
            process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 60
            while ask(port)[1]["documents"][0]["score"] != pytest.approx(third):
                assert time.monotonic() < end
                time.sleep(0.05)

            (tmp_path / "b" / "model.json").write_text("{")
            status, content = ask(admin, "/admin/reload")
            assert status == 409
            assert [content["models"][name]["outcome"] for name in ("one", "two")] == ["unchanged", "kept"]
            assert ask(port, "/rank?model=two")[0] == 200
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    assert "two: the model that is served stays" in log
    assert "Traceback" not in log
