"""Asking /health 20 times a second while 48 clients send bodies of 8 MiB that are scored; held: 200 within 50 ms.

    python experiments/reliability/health.py                 30 seconds idle, 30 seconds under load
    python experiments/reliability/health.py --seconds 10

Prints the processor and how long the answers took, of the idle service and under load. The clients that send are one
process at the lowest priority that sends the same prepared bytes again and again; who asks is another one, on a new
connection each time. All of them share the processors with the service.
"""

import argparse
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from rankkit import bundle
from rankkit.data.synthetic import make_ranking
from rankkit.models.scorers import MLPScorer

N_FEATURES, N_QUERIES, N_DOCS = 46, 5, 1800
N_CLIENTS, N_A_SECOND, MIB = 48, 20, 2**20
GOAL = 0.050
ASK = b"GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


def request():
    """A request of 8 MiB: five queries of 1,800 documents."""
    rows = np.random.default_rng(0).normal(size=(N_QUERIES, N_DOCS, N_FEATURES))
    queries = [{"query_id": place, "features": query} for place, query in enumerate(rows.tolist())]
    body = json.dumps({"queries": queries}, separators=(",", ":")).encode()
    short = 8 * MIB - len(body)
    if not 0 <= short < MIB:
        raise SystemExit(f"health.py: expected a body of 7 to 8 MiB; got {len(body)} bytes. Change N_DOCS.")
    body += b" " * short
    return b"POST /score HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def send(port, seconds, line):
    """Send from 48 connections until the time is over; what was answered, by status."""
    os.nice(19)
    data, outcomes, lock = memoryview(request()), Counter(), threading.Lock()
    line.send("ready")
    line.recv()
    end = time.monotonic() + seconds

    def client():
        while time.monotonic() < end:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=seconds + 30) as connection:
                    while time.monotonic() < end:
                        connection.sendall(data)
                        outcome = status(connection)
                        with lock:
                            outcomes[outcome] += 1
            except OSError as error:
                with lock:
                    outcomes[f"cut: {error!r}"[:60]] += 1

    threads = [threading.Thread(target=client) for _ in range(N_CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    line.send(outcomes)


def status(connection):
    """Read a whole answer; its status."""
    data = bytearray()
    while b"\r\n\r\n" not in data:
        data += received(connection, 2**16)
    head, _, rest = bytes(data).partition(b"\r\n\r\n")
    left = int(re.search(rb"(?i)content-length: (\d+)", head)[1]) - len(rest)
    while left > 0:
        left -= len(received(connection, 2**18))
    return head.split()[1].decode()


def received(connection, size):
    """Some bytes, one at least."""
    data = connection.recv(size)
    if not data:
        raise ConnectionResetError
    return data


def ask(port, seconds, line):
    """Ask for /health 20 times a second; ``(status, seconds it took)`` of each."""
    found = []
    line.send("ready")
    line.recv()
    begin = time.monotonic()
    for place in range(int(seconds * N_A_SECOND)):
        time.sleep(max(begin + place / N_A_SECOND - time.monotonic(), 0))
        start = time.perf_counter()
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
                connection.sendall(ASK)
                outcome = status(connection)
        except OSError as error:
            outcome = f"cut: {error!r}"[:60]
        found.append((outcome, time.perf_counter() - start))
    line.send(found)


def beside(function, *values):
    """Begin a process; the line to it, once it is ready."""
    context = get_context("spawn")
    here, there = context.Pipe()
    context.Process(target=function, args=(*values, there), daemon=True).start()
    there.close()
    here.recv()
    return here


def shown(name, found):
    """Say what came of asking."""
    took = 1000 * np.array([seconds for _, seconds in found])
    answered = Counter(outcome for outcome, _ in found)
    print(
        f"{name}: {len(found)} asked, {dict(answered)}, p50 {np.median(took):.1f} ms, "
        f"p99 {np.quantile(took, 0.99):.1f} ms, longest {took.max():.1f} ms",
        file=sys.stderr,
    )


def processor():
    """Name and number."""
    names = re.findall(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text()) if sys.platform == "linux" else []
    return f"{names[0] if names else platform.processor() or platform.machine()}, {os.cpu_count()} cores"


def attack(seconds: float = 30.0) -> tuple[int, int]:
    """How often /health was asked under load, and how often it answered within 50 ms."""
    with tempfile.TemporaryDirectory() as name:
        data = make_ranking(50, n_features=N_FEATURES, seed=0)
        scorer = MLPScorer(N_FEATURES, hidden=(64, 32), seed=0)
        scorer.transform.fit(data.features, data.offsets)
        bundle.save(scorer.eval(), Path(name) / "run")
        words = [sys.executable, "-m", "rankkit", "serve", str(Path(name) / "run"), "--port", "0"]
        words += ["--engine", "torch"]  # nothing is tried while the idle service is asked
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
            try:
                port = int(re.search(r":(\d+),", process.stdout.readline())[1])
                return under_load(port, seconds)
            finally:
                process.terminate()


def under_load(port, seconds):
    """Ask the idle service, then while others send."""
    print(processor(), file=sys.stderr)
    idle, under, sending = beside(ask, port, seconds), beside(ask, port, seconds), beside(send, port, seconds)
    idle.send("go")
    shown("idle", idle.recv())
    sending.send("go")
    under.send("go")
    found = under.recv()
    shown("under load", found)
    print(f"{N_CLIENTS} clients were answered: {dict(sending.recv())}", file=sys.stderr)
    return len(found), sum(outcome == "200" and took <= GOAL for outcome, took in found)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=30.0)
    n_trials, n_held = attack(parser.parse_args().seconds)
    print(f"{n_held:,} of {n_trials:,} held")
