"""The service at twice the rate it can serve, beside slow and broken clients, while its model changes.

    python experiments/reliability/service.py            10 minutes
    python experiments/reliability/service.py --quick    10 seconds

Ordinary clients send `POST /rank` at twice the rate that was measured without company; others send half a head, half a
body, no HTTP, bodies that are too long, 8 MB at once, or take no answers; every two seconds another model is saved to
the folder and SIGHUP sent. Held: each answer to an ordinary client is 200 with the scores of one of the two models, or
503; no connection of theirs is cut; /health answers; memory stays; a second after the load the service serves.
"""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import numpy as np

from rankkit import bundle
from rankkit.data.synthetic import make_ranking
from rankkit.models.scorers import MLPScorer
from rankkit.serving.scoring.ranker import ServedRanker

N_FEATURES, N_DOCS, N_BODIES, N_CLIENTS = 20, 50, 8, 32
HEAD = b"POST /rank HTTP/1.1\r\nHost: x\r\n"


def save(folder: Path, seed: int) -> ServedRanker:
    data = make_ranking(50, n_features=N_FEATURES, seed=0)
    scorer = MLPScorer(N_FEATURES, hidden=(256, 256), seed=seed)
    scorer.transform.fit(data.features, data.offsets)
    bundle.save(scorer.eval(), folder)
    return ServedRanker.load(folder)


def bodies_with_scores(rankers):
    """Bodies, each with its right scores by ranker and document."""
    rng = np.random.default_rng(0)
    for _ in range(N_BODIES):
        rows = rng.normal(size=(N_DOCS, N_FEATURES)).astype(np.float32)
        documents = [{"id": place, "features": [float(str(v)) for v in row]} for place, row in enumerate(rows)]
        scores = [ranker.scores(rows, np.array([0, N_DOCS])) for ranker in rankers]
        yield json.dumps({"documents": documents}).encode(), np.array(scores)


class Attack:
    """What all clients share.

    Args:
        port: Where the service listens.
        bodies: What ordinary clients send, with the right scores.
    """

    def __init__(self, port, bodies):
        self.port, self.bodies = port, bodies
        self.end = threading.Event()
        self.outcomes = Counter()
        self.health = []
        self._lock = threading.Lock()

    def count(self, outcome):
        """One more of it."""
        with self._lock:
            self.outcomes[outcome] += 1

    def ordinary(self, rate, seed):
        """One keep-alive connection, ``rate`` requests a second if they are answered as fast."""
        rng = np.random.default_rng(seed)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        due = time.monotonic() + rng.random() / rate
        while not self.end.wait(max(due - time.monotonic(), 0)):
            due = max(due + 1 / rate, time.monotonic() - 1)
            body, scores = self.bodies[rng.integers(N_BODIES)]
            try:
                connection.request("POST", "/rank", body)
                answer = connection.getresponse()
                content = answer.read()
            except OSError as error:
                self.count(f"cut: {error!r}"[:60])
                connection.close()
                continue
            self.count(self._judged(answer.status, content, scores))
        connection.close()

    def _judged(self, status, content, scores):
        if status != 200:
            return str(status)
        found = json.loads(content)["documents"]
        ids = [document["id"] for document in found]
        given = np.array([document["score"] for document in found])
        right = sorted(ids) == list(range(N_DOCS)) and any(
            np.allclose(given, of_one[ids], rtol=1e-4, atol=1e-4) for of_one in scores
        )
        return "200" if right else "wrong scores"

    def look(self):
        """A new connection every 50 ms, for /health."""
        while not self.end.wait(0.05):
            start = time.monotonic()
            try:
                connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
                connection.request("GET", "/health")
                status = connection.getresponse().status
                connection.close()
            except OSError as error:
                status = f"cut: {error!r}"[:60]
            self.health.append((status, time.monotonic() - start))

    def bad(self, send, pause):
        """A client that means harm, again and again."""
        while not self.end.wait(pause):
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=2) as connection:
                    send(self, connection)
            except OSError:
                pass  # what happens to it is its own affair

    def half_a_head(self, connection):
        """A head that comes byte by byte."""
        for byte in HEAD:
            connection.sendall(bytes([byte]))
            if self.end.wait(0.05):
                return

    def half_a_body(self, connection):
        """A body that does not go on."""
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        self.end.wait(3)

    def no_http(self, connection):
        """Bytes of any kind."""
        connection.sendall(os.urandom(300))
        connection.recv(1000)

    def too_long(self, connection):
        """A body declared far too long."""
        connection.sendall(HEAD + b"Content-Length: 99999999999\r\n\r\n" + b" " * 100_000)
        connection.recv(1000)

    def large(self, connection):
        """A body of 8 MB."""
        body = self.bodies[0][0].ljust(8 * 2**20 - 100)
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        connection.recv(1000)

    def takes_nothing(self, connection):
        """Many requests whose answers are not read."""
        body = self.bodies[0][0]
        for _ in range(50):
            connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body)

    def wrong_length(self, connection):
        """A length of half the body."""
        body = self.bodies[0][0]
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (len(body) // 2) + body)
        connection.recv(1000)


BAD = (
    *[(Attack.half_a_head, 0.01)] * 8,
    *[(Attack.half_a_body, 0.01)] * 4,
    (Attack.no_http, 0.05),
    (Attack.too_long, 0.1),
    (Attack.large, 1.0),
    (Attack.takes_nothing, 0.5),
    (Attack.wrong_length, 0.1),
)


def started(targets):
    threads = [threading.Thread(target=target, args=values) for target, *values in targets]
    for thread in threads:
        thread.start()
    return threads


def ordinary_alone(port, bodies, seconds):
    """Requests a second that the service answers to as many clients as later."""
    attack = Attack(port, bodies)
    threads = started((attack.ordinary, 1e6, seed) for seed in range(8))
    time.sleep(seconds)
    attack.end.set()
    for thread in threads:
        thread.join()
    return attack.outcomes["200"] / seconds


def memory(process):
    """MB of the service without the processes that read bodies."""
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def attack(seconds: float = 600.0) -> tuple[int, int]:
    """Trials, and how many of them held."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "run"
        rankers = [save(folder, seed) for seed in (0, 1)]
        words = [sys.executable, "-m", "rankkit", "serve", str(folder), "--port", "0", "--timeout", "2"]
        words += ["--max-requests", "24"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            try:
                port = int(re.search(r":(\d+),", process.stdout.readline())[1])
                return under_load(process, port, folder, list(bodies_with_scores(rankers)), seconds)
            finally:
                process.terminate()


def under_load(process, port, folder, bodies, seconds):
    rate = ordinary_alone(port, bodies, min(5.0, seconds / 3))
    made = Attack(port, bodies)
    threads = started(
        [
            *[(made.ordinary, 2 * rate / N_CLIENTS, seed) for seed in range(N_CLIENTS)],
            *[(made.bad, send, pause) for send, pause in BAD],
            (made.look,),
        ]
    )
    begin, megabytes, seed = time.monotonic(), [], 0
    while time.monotonic() - begin < seconds:
        time.sleep(min(2.0, seconds / 5))
        megabytes.append(memory(process))
        save(folder, seed := 1 - seed)
        process.send_signal(signal.SIGHUP)
    made.end.set()
    recovered = answers_within_a_second(port, bodies)
    for thread in threads:
        thread.join()
    # What the first passes allocate is used again by later ones.
    warm = megabytes[len(megabytes) // 3 :]
    checks = {
        f"memory stays: {warm[0]:.0f} MB, then {warm[-1]:.0f}": warm[-1] < 1.2 * warm[0] + 20,
        "serves within a second of the load": recovered,
        "the process lives": process.poll() is None,
    }
    return report(made, rate, checks)


def answers_within_a_second(port, bodies):
    end = time.monotonic() + 1
    while time.monotonic() < end:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=max(end - time.monotonic(), 0.01))
            connection.request("POST", "/rank", bodies[0][0])
            if connection.getresponse().status == 200:
                return True
        except OSError:
            continue
        finally:
            connection.close()
    return False


def report(made, rate, checks):
    """Say what did not hold, and count."""
    looks = Counter(str(status) for status, _ in made.health)
    slow = np.quantile([took for _, took in made.health], 0.99)
    print(f"{rate:.0f} requests a second alone; at twice that: {dict(made.outcomes)}", file=sys.stderr)
    print(f"/health: {dict(looks)}, p99 {1000 * slow:.0f} ms", file=sys.stderr)
    for check, held in checks.items():
        print(f"{'held' if held else 'FAILED'}: {check}", file=sys.stderr)
    right = made.outcomes["200"] + made.outcomes["503"]
    trials = sum(made.outcomes.values()) + len(made.health) + len(checks)
    return trials, right + looks["200"] + sum(checks.values())


if __name__ == "__main__":
    n_trials, n_held = attack(10.0 if "--quick" in sys.argv[1:] else 600.0)
    print(f"{n_held:,} of {n_trials:,} held")
    sys.exit(n_held != n_trials)
