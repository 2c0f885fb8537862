"""Loading a log of rankkit beside RecBole's: the same events, one thread, processor seconds, by turns."""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

import rankkit as rk

COLUMNS = {"user": "user_id", "item": "item_id", "time": "timestamp"}


def write_events(folder, n_events):
    """The same events as RecBole's atomic file and as Parquet: pairs once, users in no order, as logs come."""
    random = np.random.default_rng(0)
    n_users, n_items = max(n_events // 160, 2), max(n_events // 270, 2)
    pairs = np.unique(random.integers(0, n_users, 2 * n_events) * n_items + random.integers(0, n_items, 2 * n_events))
    pairs = random.permutation(pairs)[:n_events]
    frame = pd.DataFrame({"user_id": pairs // n_items, "item_id": pairs % n_items})
    frame["timestamp"] = random.permutation(len(frame)) + 10**9
    (Path(folder) / "events").mkdir()
    typed = {"user_id": "user_id:token", "item_id": "item_id:token", "timestamp": "timestamp:float"}
    frame.rename(columns=typed).to_csv(f"{folder}/events/events.inter", sep="\t", index=False)
    frame.to_parquet(f"{folder}/events.parquet")


def own(source):
    """What recbole_side.py does, of rankkit; in a process of its own, as that."""
    few = pd.DataFrame({"user_id": [0, 1], "item_id": [0, 1], "timestamp": [0, 1]})
    rk.read_interactions(few, **COLUMNS)  # loops are compiled before anything is measured
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    columns = {} if source.endswith(".inter") else COLUMNS
    began, passed = time.process_time(), time.perf_counter()
    log = rk.read_interactions(source, **columns)
    seconds, passed = time.process_time() - began, time.perf_counter() - passed
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    counts = [log.n_users, log.n_items, log.n_events]
    print(json.dumps({"seconds": seconds, "passed": passed, "peak": peak, "counts": counts}))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--peer", help="the Python that has RecBole")
    arguments.add_argument("--events", type=int, default=1_000_000)
    arguments.add_argument("--times", type=int, default=3)
    arguments.add_argument("--own", help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    warnings.simplefilter("ignore", rk.DataWarning)
    if asked.own is not None:
        own(asked.own)
        return
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        write_events(folder, asked.events)
        mine = [sys.executable, __file__, "--own"]
        sides = {
            "RecBole, .inter": [asked.peer, str(Path(__file__).with_name("recbole_side.py")), folder, "events"],
            "rankkit, the same .inter": [*mine, f"{folder}/events/events.inter"],
            "rankkit, Parquet": [*mine, f"{folder}/events.parquet"],
        }
        found = {name: [] for name in sides}
        for _ in range(asked.times):
            for name, command in sides.items():
                environment = {**one_thread, "PYTHONPATH": ""} if name.startswith("RecBole") else one_thread
                told = subprocess.run(
                    command, check=True, env=environment, capture_output=True, text=True, cwd=folder
                ).stdout
                found[name].append(json.loads(told.splitlines()[-1]))
    counts = {tuple(run["counts"]) for runs in found.values() for run in runs}
    if len(counts) != 1:
        raise SystemExit(f"loading: expected the same users, items and events of each side; got {counts}.")
    n_users, n_items, n_events = counts.pop()
    print(f"{n_events:,} events of {n_users:,} users and {n_items:,} items, medians of {asked.times} by turns\n")
    print("| what | processor s | s that passed | peak MB | RecBole over it |")
    print("|---|---|---|---|---|")
    theirs = statistics.median(run["seconds"] for run in found["RecBole, .inter"])
    for name, runs in found.items():
        seconds, passed, peak = (statistics.median(run[what] for run in runs) for what in ("seconds", "passed", "peak"))
        print(f"| {name} | {seconds:.2f} | {passed:.2f} | {peak:,} | {theirs / seconds:.1f} |")


if __name__ == "__main__":
    main()
