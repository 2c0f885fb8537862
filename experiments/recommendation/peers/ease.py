"""EASE of rankkit beside that of RecTools: one log, one thread, processor seconds, by turns."""

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

import rankkit as rk

LOGS = {
    "ml-100k": ("ml-100k/u.data.gz", 100.0),
    "ml-1m": ("ml-1m/sequences.txt.gz", 300.0),
    "beauty": ("amazon_beauty_5core/Beauty.txt.gz", 100.0),
}
K = 10


def own(source, l2):
    """What rectools_side.py does, of rankkit; in a process of its own, as that."""
    held = np.load(source)
    few = rk.Interactions.from_events(held["users"][:500], held["items"][:500])
    rk.EASE(l2).learn(few).recommend(few.user_ids, K)  # loops are compiled before anything is measured
    log = rk.Interactions.from_events(held["users"], held["items"])
    began = time.process_time()
    model = rk.EASE(l2).learn(log)
    learnt = time.process_time()
    lists = model.recommend(log.user_ids, K)
    listed = time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    rows = int((lists.items >= 0).sum())
    print(json.dumps({"fit": learnt - began, "lists": listed - learnt, "peak": peak, "rows": rows}))


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--peer", help="the Python that has RecTools")
    arguments.add_argument("--log", default="ml-1m", choices=list(LOGS))
    arguments.add_argument("--times", type=int, default=3)
    arguments.add_argument("--own", nargs=2, help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    warnings.simplefilter("ignore", rk.DataWarning)
    if asked.own is not None:
        own(asked.own[0], float(asked.own[1]))
        return
    path, l2 = LOGS[asked.log]
    log = rk.read_interactions(Path(os.environ["RANKKIT_DATA"]) / path, duplicates="last")
    history = rk.split_interactions(log, "leave_last").test.history
    found = {"rankkit": [], "rectools": []}
    one_thread = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        given = f"{folder}/given.npz"
        np.savez(given, users=history.users, items=history.items)
        theirs = [asked.peer, str(Path(__file__).with_name("rectools_side.py")), given, str(l2), str(K)]
        mine = [sys.executable, __file__, "--own", given, str(l2)]
        for _ in range(asked.times):
            for name, command in (("rankkit", mine), ("rectools", theirs)):
                environment = one_thread if name == "rankkit" else {**one_thread, "PYTHONPATH": ""}
                told = subprocess.run(command, check=True, env=environment, capture_output=True, text=True).stdout
                found[name].append(json.loads(told.splitlines()[-1]))
    print(f"{asked.log}: {history}, medians of {asked.times} by turns")
    print("| task | rankkit | RecTools | RecTools over rankkit |")
    print("|---|---|---|---|")
    for task in ("fit", "lists", "peak"):
        ours, others = (statistics.median(run[task] for run in found[name]) for name in found)
        unit = "MB" if task == "peak" else "s"
        print(f"| {task}, {unit} | {ours:,.2f} | {others:,.2f} | {others / ours:.2f} |")
    ours, others = (statistics.median(run["fit"] + run["lists"] for run in runs) for runs in found.values())
    print(f"| fit and lists, s | {ours:,.2f} | {others:,.2f} | {others / ours:.2f} |")


if __name__ == "__main__":
    main()
