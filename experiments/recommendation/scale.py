"""25 million events of 160,000 users with 60,000 items, drawn: every step of a recommender, in time and memory.

Each step is a process of its own, so that its peak memory is its own.
"""

import argparse
import json
import resource
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

import rankkit as rk

N_CROWDS = 40
_ROWS = 1_000_000
STEPS = ("draw", "cache", "load", "split", "popularity", "markov", "als", "evaluate", "recommend")
LARGEST_MB = 12_000


def draw(folder, n_events, n_users, n_items):
    """Events of users in crowds: four in five of a user's items are of its crowd, and few items have most events."""
    random = np.random.default_rng(0)
    weights = random.pareto(1.2, n_users) + 0.2
    ends_of_users = np.cumsum(weights / weights.sum())
    crowd_of_user = random.integers(0, N_CROWDS, n_users)
    size = n_items // N_CROWDS
    columns = {"user": pa.int32(), "item": pa.int32(), "time": pa.int64(), "value": pa.float32()}
    with pq.ParquetWriter(folder / "events.parquet", pa.schema(list(columns.items()))) as writer:
        for first in range(0, n_events, _ROWS):
            n = min(_ROWS, n_events - first)
            users = np.minimum(np.searchsorted(ends_of_users, random.random(n)), n_users - 1)
            own = random.random(n) < 0.8
            in_crowd = (size * random.random(n) ** 3).astype(np.int64)
            anywhere = (n_items * random.random(n) ** 2).astype(np.int64)
            # Items of a crowd stand apart by the number of crowds, so that popular ones of all crowds come first.
            items = np.where(own, in_crowd * N_CROWDS + crowd_of_user[users], anywhere)
            drawn = {"user": users, "item": items, "time": first + np.arange(n), "value": random.integers(1, 6, n)}
            writer.write_table(pa.table({name: pa.array(drawn[name]).cast(kind) for name, kind in columns.items()}))


def step(name, folder, asked):
    """Do one step; gives what there is to say of it."""
    if name == "draw":
        draw(folder, asked.events, asked.users, asked.items)
        return f"{(folder / 'events.parquet').stat().st_size / 2**20:,.0f} MB of Parquet"
    if name == "cache":
        return repr(rk.cache_interactions(folder / "events.parquet", folder / "log"))
    if name == "load":
        return repr(rk.read_interactions(folder / "events.parquet"))
    log = rk.read_log(folder / "log")
    train, _, test = rk.split_interactions(log, "time", test=0.1)
    if name == "split":
        return (
            f"{train.n_events:,} events to learn from, {test.targets.n_events:,} of {len(test.users):,} users to find"
        )
    models = {"popularity": rk.Popularity(), "markov": rk.Markov(5, 0.8, 100.0, 0.2), "als": rk.ALS(64, 10.0, 1.0, 10)}
    if name in models:
        model = models[name].learn(train)
        rk.save(model, folder / name)
        return repr(model)
    model = rk.load(folder / asked.model)
    if name == "evaluate":
        found = rk.evaluate_recommender(model, test, ["ndcg@10", "recall@10", "coverage@10"])
        return f"{asked.model}, all {len(test.users):,} users, {found.means}"
    lists = model.recommend(log.user_ids, 10)
    return f"{asked.model}, {len(lists):,} lists of {lists.k}"


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path, help="for 3 GB of files")
    arguments.add_argument("--events", type=int, default=25_000_000)
    arguments.add_argument("--users", type=int, default=160_000)
    arguments.add_argument("--items", type=int, default=60_000)
    arguments.add_argument("--model", default="als", help="the one that is evaluated, and whose lists are made")
    arguments.add_argument("--steps", nargs="+", default=list(STEPS), choices=STEPS)
    arguments.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    asked = arguments.parse_args()
    warnings.simplefilter("ignore", rk.DataWarning)
    if asked.alone:
        began, clock = time.process_time(), time.perf_counter()
        told = step(asked.steps[0], asked.folder, asked)
        seconds, passed = time.process_time() - began, time.perf_counter() - clock
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        print(json.dumps({"cpu": seconds, "passed": passed, "peak": peak, "told": told}))
        return
    asked.folder.mkdir(exist_ok=True)
    print("| step | processor s | s that passed | peak MB | what |\n|---|---|---|---|---|", flush=True)
    largest = 0
    for name in asked.steps:
        sizes = ("--events", asked.events, "--users", asked.users, "--items", asked.items, "--model", asked.model)
        command = [sys.executable, __file__, asked.folder, "--steps", name, "--alone", *sizes]
        done = subprocess.run([str(part) for part in command], check=True, stdout=subprocess.PIPE, text=True)
        told = json.loads(done.stdout.splitlines()[-1])
        print(f"| {name} | {told['cpu']:.0f} | {told['passed']:.0f} | {told['peak']:,} | {told['told']} |", flush=True)
        largest = max(largest, told["peak"])
    raise SystemExit(0 if largest <= LARGEST_MB else f"expected at most {LARGEST_MB:,} MB; got {largest:,}")


if __name__ == "__main__":
    main()
