"""Recommenders in closed form, or nearly: options chosen on validation, the test read once, pairs tested."""

import argparse
import os
import resource
import time
import warnings
from pathlib import Path

import numpy as np

import rankkit as rk
from rankkit.statistics.letters import compact_letters
from rankkit.statistics.significance import correct, p_matrix

ORDERED = {
    "ml-100k": "ml-100k/u.data.gz",
    "ml-1m": "ml-1m/sequences.txt.gz",
    "beauty": "amazon_beauty_5core/Beauty.txt.gz",
}
UNORDERED = ("lastfm", "citeulike-a")
# What is tried for each model on the validation items, four each but for popularity, which has nothing to choose; the
# best by ndcg@10 learns from these items too, and is tested.
TRIALS = {
    "popularity": [rk.Popularity()],
    "ItemKNN cosine": [rk.ItemKNN("cosine", k) for k in (20, 100, 300, 1000)],
    "ItemKNN tf-idf": [rk.ItemKNN("tf_idf", k) for k in (20, 100, 300, 1000)],
    "ItemKNN bm25": [rk.ItemKNN("bm25", k) for k in (20, 100, 300, 1000)],
    "EASE": [rk.EASE(l2) for l2 in (30.0, 100.0, 300.0, 1000.0)],
    "ALS": [
        rk.ALS(n_factors, l2, alpha, 20, l2_power=power)
        for n_factors, l2, alpha, power in (
            (64, 10.0, 1.0, 0.0),
            (256, 10.0, 0.2, 0.0),
            (256, 10.0, 0.2, 1.0),
            (256, 30.0, 5.0, 0.0),
        )
    ],
    "BPRMF": [
        rk.BPRMF(128, 0.05, l2, 50, negatives) for l2 in (0.002, 0.01) for negatives in ("uniform", "popularity")
    ],
    "Markov": [rk.Markov(n_lags, 1.0, 100.0, b) for n_lags in (5, 20) for b in (0.0, 0.2)],
}
GATES = {
    ("EASE at l2 100", "ml-100k"): [("ndcg@10", 0.072291, 0.072293), ("hit_rate@10", 0.148461, 0.148463)],
    ("EASE", "ml-1m"): [("ndcg@10", 0.0530, 0.0540)],
    ("EASE at l2 100", "beauty"): [("ndcg@10", 0.0429, 0.0439)],
    ("ALS", "ml-1m"): [("ndcg@10", 0.052, 1.0)],
    ("Markov", "ml-1m"): [("ndcg@10", 0.155, 1.0)],
    ("Markov", "beauty"): [("ndcg@10", 0.057, 1.0)],
}
METRICS = ["ndcg@10", "hit_rate@10", "mrr@10", "coverage@10"]


def chosen(models, splits):
    """The model that is best on validation, having learnt from the events before; and the seconds of all trials."""
    began, found = time.process_time(), []
    for model in models:
        model.learn(splits.train)
        found.append(rk.evaluate_recommender(model, splits.valid, "ndcg@10").means["ndcg@10"])
    return models[int(np.argmax(found))], time.process_time() - began


def split(data):
    """The log in parts: the last event of each user where its order is one of time, else at random."""
    folder = Path(os.environ["RANKKIT_DATA"])
    if data in ORDERED:
        return rk.split_interactions(rk.read_interactions(folder / ORDERED[data]), "leave_last")
    if data == "citeulike-a":
        log = rk.read_interactions(folder / "citeulike-a/users.dat.gz", form="counted_lists")
        return rk.split_interactions(log, "ratio", valid=0.1, test=0.2, order="random")
    columns = {"user": 0, "item": 1, "value": 2}
    known, test = (
        rk.read_interactions(folder / f"lastfm_lightgcn/{name}1.txt.gz", **columns) for name in ("data", "test")
    )
    parts = rk.split_interactions(known, "ratio", test=0.1, order="random")
    return rk.split_interactions(parts.train, "given", valid=parts.test.targets, test=test)


def tested(name, model, splits, seconds, data):
    """Learn from everything before the test items and measure them: the evaluation, and the cells of costs."""
    began = time.process_time()
    model.learn(splits.test.history)
    learnt = time.process_time()
    found = rk.evaluate_recommender(model, splits.test, METRICS)
    measured = time.process_time()
    options = ", ".join(f"{option} {value}" for option, value in model.options.items())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    costs = f"{learnt - began:.2f} | {measured - learnt:.2f} | {seconds:.0f} | {peak:,} | {options}"
    print(f"{data}: {name}: ndcg@10 {found.means['ndcg@10']:.4f} in {measured - began:.1f} s", flush=True)
    return found, costs


def printed(data, rows):
    """The table of one log, with intervals over users and letters of ndcg@10; whether the gates are held."""
    names = list(rows)
    values = np.stack([rows[name][0].accuracy.counted("ndcg@10") for name in names], axis=1)
    pairs, upper = p_matrix(values), np.triu_indices(len(names), 1)
    differs = np.zeros(pairs.shape, bool)
    differs[upper] = correct(pairs[upper]) <= 0.05
    letters = compact_letters(np.argsort(-values.mean(axis=0), kind="stable").tolist(), differs | differs.T)
    print(f"\n{data}: {len(values):,} users\n")
    print("| model | ndcg@10 | 95% interval | letters | " + " | ".join(METRICS[1:]), end="")
    print(" | fit s | test s | trials s | peak MB | options |\n" + "|---" * (len(METRICS) + 8) + "|")
    held = True
    for name, letter in zip(names, letters, strict=True):
        found, costs = rows[name]
        low, high = found.accuracy.intervals["ndcg@10"]
        others = " | ".join(f"{found.means[metric]:.4f}" for metric in METRICS[1:])
        interval = f"{low:.4f} to {high:.4f}"
        print(f"| {name} | {found.means['ndcg@10']:.4f} | {interval} | {letter} | {others} | {costs} |", flush=True)
        held &= gates_held(name, data, found.means)
    return held


def gates_held(name, data, means):
    held = True
    for metric, least, most in GATES.get((name, data), []):
        if not least <= means[metric] <= most:
            print(f"GATE: {name} on {data}: expected {metric} of {least} to {most}; got {means[metric]:.6f}")
            held = False
    return held


def main():
    logs = [*ORDERED, *UNORDERED]
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--logs", nargs="+", default=logs, choices=logs)
    arguments.add_argument("--models", nargs="+", default=list(TRIALS), choices=list(TRIALS))
    asked = arguments.parse_args()
    warnings.simplefilter("ignore", rk.DataWarning)
    held = True
    for data in asked.logs:
        splits, rows = split(data), {}
        print(f"{data}: {splits!r}", flush=True)
        if ("EASE at l2 100", data) in GATES and "EASE" in asked.models:
            found, _ = tested("EASE at l2 100", rk.EASE(100.0), splits, 0.0, data)
            held &= gates_held("EASE at l2 100", data, found.means)
        for name in asked.models:
            if name == "Markov" and data in UNORDERED:
                continue  # it reads the order of events, of which nothing is known
            model, seconds = chosen(TRIALS[name], splits)
            rows[name] = tested(name, model, splits, seconds, data)
            for trial in TRIALS[name]:  # what was learnt takes memory, which is that of the next model
                vars(trial).update({key: None for key in vars(trial) if key.startswith("_")})
        held &= printed(data, rows)
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
