"""Recommenders in closed form, or nearly, leaving one out: options chosen on validation, the test read once."""

import argparse
import os
import resource
import time
import warnings
from pathlib import Path

import numpy as np

import rankkit as rk

LOGS = {
    "ml-100k": "ml-100k/u.data.gz",
    "ml-1m": "ml-1m/sequences.txt.gz",
    "beauty": "amazon_beauty_5core/Beauty.txt.gz",
}
# What is tried for each model on the validation items; the best by ndcg@10 learns from these too, and is tested.
TRIALS = {
    "popularity": [rk.Popularity()],
    "ItemKNN cosine": [rk.ItemKNN("cosine", k, h) for k in (20, 100, 1000) for h in (0.0, 20.0)],
    "ItemKNN tf-idf": [rk.ItemKNN("tf_idf", k, h) for k in (20, 100, 1000) for h in (0.0, 20.0)],
    "ItemKNN bm25": [rk.ItemKNN("bm25", k, k1=k1) for k in (20, 100, 1000) for k1 in (1.2, 100.0)],
    "EASE": [rk.EASE(l2) for l2 in (100.0, 300.0, 1000.0)],
    "ALS": [
        rk.ALS(n_factors, l2, alpha, 20, l2_power=power)
        for n_factors, l2, alpha, power in (
            (64, 10.0, 1.0, 0.0),
            (128, 3.0, 0.2, 0.0),
            (128, 0.1, 1.0, 0.0),
            (256, 10.0, 0.2, 0.0),
            (256, 10.0, 1.0, 0.0),
            (256, 30.0, 5.0, 0.0),
            (256, 10.0, 0.2, 1.0),
            (256, 20.0, 0.2, 1.0),
        )
    ],
    "BPRMF": [
        rk.BPRMF(128, 0.05, l2, 50, negatives) for l2 in (0.002, 0.01, 0.03) for negatives in ("uniform", "popularity")
    ],
    "Markov": [
        rk.Markov(n_lags, 1.0, smoothing, b)
        for n_lags in (5, 10, 20)
        for smoothing in (20.0, 100.0)
        for b in (0.0, 0.2)
    ],
}
GATES = {
    ("EASE at l2 100", "ml-100k"): [("ndcg@10", 0.072292 - 1e-6, 0.072292 + 1e-6), ("hit_rate@10", 0.148461, 0.148463)],
    ("EASE", "ml-1m"): [("ndcg@10", 0.0530, 0.0540)],
    ("EASE", "beauty"): [("ndcg@10", 0.0429, 0.0439)],
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


def tested(name, model, splits, seconds, data):
    """Learn from everything before the test items, and print one line; whether the gates are held."""
    began = time.process_time()
    model.learn(splits.test.history)
    learnt = time.process_time()
    means = rk.evaluate_recommender(model, splits.test, METRICS).means
    measured = time.process_time()
    numbers = " | ".join(f"{means[metric]:.4f}" for metric in METRICS)
    options = ", ".join(f"{option} {value}" for option, value in model.options.items())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    times = f"{learnt - began:.2f} | {measured - learnt:.2f} | {seconds:.0f} | {peak:,}"
    print(f"| {data} | {name} | {numbers} | {times} | {options} |", flush=True)
    held = True
    for metric, low, high in GATES.get((name, data), []):
        if not low <= means[metric] <= high:
            print(f"GATE: {name} on {data}: expected {metric} from {low} to {high}; got {means[metric]:.6f}")
            held = False
    return held


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--logs", nargs="+", default=list(LOGS), choices=list(LOGS))
    arguments.add_argument("--models", nargs="+", default=list(TRIALS), choices=list(TRIALS))
    asked = arguments.parse_args()
    warnings.simplefilter("ignore", rk.DataWarning)
    print("| log | model | " + " | ".join(METRICS) + " | fit s | test s | trials s | peak MB | options |")
    print("|---" * (len(METRICS) + 7) + "|")
    held = True
    for data in asked.logs:
        log = rk.read_interactions(Path(os.environ["RANKKIT_DATA"]) / LOGS[data])
        splits = rk.split_interactions(log, "leave_last")
        if data == "ml-100k" and "EASE" in asked.models:
            held &= tested("EASE at l2 100", rk.EASE(100.0), splits, 0.0, data)
        for name in asked.models:
            model, seconds = chosen(TRIALS[name], splits)
            held &= tested(name, model, splits, seconds, data)
            for trial in TRIALS[name]:  # what was learnt takes memory, which is that of the next model
                vars(trial).update({key: None for key in vars(trial) if key.startswith("_")})
    raise SystemExit(0 if held else 1)


if __name__ == "__main__":
    main()
