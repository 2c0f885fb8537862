"""Load on `rankkit serve` from a second process: errors, wrong scores, latency, throughput, memory.

    python experiments/export/serve_load.py [RUN] [--seconds 30] [--clients 8] [--docs 100]

Starts the service on a free port with its defaults and sends `POST /rank` from `--clients` keep-alive connections, each
of which waits for an answer before it asks again. Without RUN the ranker is the default network over 136 features
(as many as MSLR has), its transform fitted on synthetic rows, its weights untrained: they cost the same time.
"""

import argparse
import http.client
import json
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import numpy as np

from rankkit import bundle
from rankkit.data.synthetic import make_ranking
from rankkit.evaluation import predict
from rankkit.models.scorers import MLPScorer

N_BODIES = 20
MEMORY = "process_resident_memory_bytes"
WARM_UP = 10.0  # seconds: first passes allocate what later ones use again


def save_default(folder: Path) -> Path:
    data = make_ranking(200, n_features=136, seed=0)
    scorer = MLPScorer(136, seed=0)
    scorer.transform.fit(data.features, data.offsets)
    bundle.save(scorer, folder)
    return folder


def requests_with_answers(run: Path, n_docs: int):
    """Bodies, and the ids in the order that the ranker itself gives them, with their scores."""
    scorer = bundle.load(run)
    data = make_ranking(N_BODIES, n_features=scorer.n_features, seed=1, list_size=(n_docs, n_docs))
    scores = predict(scorer, data)
    for start, stop in zip(data.offsets[:-1], data.offsets[1:], strict=True):
        rows = [[float(str(value)) for value in row] for row in data.features[start:stop]]  # shortest digits
        documents = [{"id": place, "features": row} for place, row in enumerate(rows)]
        yield json.dumps({"documents": documents}).encode(), scores[start:stop]


class Client(threading.Thread):
    """One connection that asks, waits, checks and asks again."""

    def __init__(self, port, requests, first, end):
        super().__init__()
        self.port, self.requests, self.first, self.end = port, requests, first, end
        self.seconds, self.errors, self.wrong = [], [], 0

    def run(self):
        """Until the end."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        n = self.first
        while time.perf_counter() < self.end:
            body, expected = self.requests[n % len(self.requests)]
            n += 1
            start = time.perf_counter()
            try:
                connection.request("POST", "/rank", body, {"Content-Type": "application/json"})
                answer = connection.getresponse()
                content = answer.read()
                self.seconds.append(time.perf_counter() - start)
                if answer.status != 200:
                    self.errors.append(f"{answer.status} {content[:200]!r}")
                elif n % 20 == 0:  # checking each would make the client the slower of the two
                    self.wrong += not agrees(json.loads(content)["documents"], expected)
            except Exception as error:  # an answer of another form too: a thread that dies would count as no error
                self.errors.append(repr(error))
                connection.close()
        connection.close()


def agrees(documents, expected) -> bool:
    """Within float32 rounding, which depends on what else is in a pass; documents from the best to the worst."""
    scores = np.array([document["score"] for document in documents])
    ids = [document["id"] for document in documents]
    return (
        sorted(ids) == list(range(len(expected)))
        and bool((np.diff(scores) <= 0).all())
        and bool(np.allclose(scores, expected[ids], rtol=1e-5, atol=1e-5))
    )


def counts(port) -> dict[str, float]:
    """What /metrics says that has no labels."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return {name: float(value) for name, value in re.findall(r"^(\w+) (\S+)$", text, re.MULTILINE)}


def load(port, requests, n_clients, seconds):
    end = time.perf_counter() + seconds
    clients = [Client(port, requests, first, end) for first in range(n_clients)]
    for client in clients:
        client.start()
    time.sleep(min(WARM_UP, seconds / 3))
    memory = [counts(port)[MEMORY] / 1e6]
    while any(client.is_alive() for client in clients):
        time.sleep(min(1.0, max(end - time.perf_counter(), 0.05)))
        memory.append(counts(port)[MEMORY] / 1e6)
    for client in clients:
        client.join()
    times = np.concatenate([client.seconds for client in clients])
    return times, [error for client in clients for error in client.errors], sum(c.wrong for c in clients), memory


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("run", nargs="?", type=Path)
    arguments.add_argument("--seconds", type=float, default=30.0)
    arguments.add_argument("--clients", type=int, nargs="+", default=[8])
    arguments.add_argument("--docs", type=int, default=100)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = asked.run or save_default(Path(folder) / "run")
        requests = list(requests_with_answers(run, asked.docs))
        words = [sys.executable, "-m", "rankkit", "serve", str(run), "--port", "0"]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as service:
            try:
                port = int(re.search(r":(\d+),", service.stdout.readline())[1])
                for n_clients in asked.clients:
                    before = counts(port)
                    times, errors, wrong, memory = load(port, requests, n_clients, asked.seconds)
                    grown = {name: value - before[name] for name, value in counts(port).items()}
                    a_pass = grown["rankkit_pass_requests_sum"] / grown["rankkit_pass_requests_count"]
                    p50, p99 = 1000 * np.quantile(times, [0.5, 0.99])
                    row = {
                        "connections": n_clients,
                        "requests": f"{len(times):,}",
                        "errors": len(errors),
                        "wrong scores": wrong,
                        "requests/s": f"{len(times) / asked.seconds:.0f}",
                        "p50 ms": f"{p50:.1f}",
                        "p99 ms": f"{p99:.1f}",
                        "requests a pass": f"{a_pass:.1f}",
                        "CPU ms a request": f"{1000 * grown['process_cpu_seconds_total'] / len(times):.1f}",
                        "MB, warm": f"{memory[0]:.0f}",
                        "MB, end": f"{memory[-1]:.0f}",
                    }
                    if n_clients == asked.clients[0]:
                        print(f"| {' | '.join(row)} |\n{'|---' * len(row)}|")
                    print(f"| {' | '.join(map(str, row.values()))} |", flush=True)
                    for error in sorted(set(errors))[:5]:
                        print("error:", error)
                    if errors or wrong:
                        sys.exit(1)
            finally:
                service.terminate()
        print(f"\nThe service ended with code {service.returncode}.")


if __name__ == "__main__":
    main()
