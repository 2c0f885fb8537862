"""What the networks are worth beside the MLP, and what they cost.

    RANKKIT_DATA=/path/to/data OMP_NUM_THREADS=1 python experiments/quality/networks.py --rounds 2 --seeds 2

Parts of whole queries are test data in turn, the next one is validation data, which chooses the epoch. All settings are
the defaults of rankkit; none was chosen on test data. A test query counts once, by its mean ndcg@10 over the seeds; in
brackets the difference from the MLP with the t of a paired test over queries. Processor seconds are of one training,
documents a second are those of predict on the test part, in processor time.
"""

import argparse
import os
import time
from itertools import islice
from pathlib import Path

import numpy as np
from rounds import SETS, read
from scipy.stats import ttest_rel

import rankkit as rk

METRIC = "ndcg@10"
PLAIN = {"hidden": (128, 128), "dropout": 0.1, "normalization": "none"}
SYSTEMS = {
    "mlp": ("mlp", {}, {}),
    "mlp, ema 0.99": ("mlp", {}, {"ema": 0.99}),
    "mlp, layers as tabm": ("mlp", PLAIN, {}),
    "tabm": ("tabm", {}, {}),
    "dcn": ("dcn", {}, {}),
    "attention": ("attention", {}, {}),
    "attention, 16 points": ("attention", {"inducing": 16}, {}),
    "additive": ("additive", {}, {}),
}


def measure(system, objective, rounds, n_seeds):
    """The metric of each test query, the mean of the seeds; processor seconds of a training; documents a second."""
    name, options, training = SYSTEMS[system]
    values, seconds, n_docs, scoring = [], [], 0, 0.0
    for train, valid, test in rounds:
        of_seeds = []
        for seed in range(n_seeds):
            model = rk.build("scorer", name, train.n_features, **options, seed=seed)
            start = time.process_time()
            rk.fit(model, objective, train, valid, metric=METRIC, seed=seed, device="cpu", progress=False, **training)
            seconds.append(time.process_time() - start)
            rk.predict(model, test)  # whatever is done once
            start = time.process_time()
            for _ in range(3):
                rk.predict(model, test)
            scoring, n_docs = scoring + time.process_time() - start, n_docs + 3 * test.n_docs
            of_seeds.append(rk.evaluate(model, test, [METRIC]).counted(METRIC))
        values.append(np.mean(of_seeds, axis=0))
    return np.concatenate(values), float(np.mean(seconds)), n_docs / scoring


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=None, help="of each set, at most")
    parser.add_argument("--sets", nargs="+", default=["mq2008"], choices=SETS)
    parser.add_argument(
        "--scorers", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS), help="the mlp is among them"
    )
    parser.add_argument("--objectives", nargs="+", default=["ranknet", "lambdarank"])
    options = parser.parse_args()
    root = Path(os.environ["RANKKIT_DATA"])
    print("| set | queries | objective | scorer | ndcg@10 | processor s | documents/s |\n|" + " --- |" * 7, flush=True)
    for name in options.sets:
        rounds = list(islice(read(name, root), options.rounds))
        warm = rk.build("scorer", "mlp", rounds[0][0].n_features)
        for objective in options.objectives:
            rk.fit(warm, objective, rounds[0][0], epochs=1, device="cpu", progress=False)  # compiles what is compiled
            base = None
            for system in ["mlp", *(one for one in options.scorers if one != "mlp")]:
                values, seconds, speed = measure(system, objective, rounds, options.seeds)
                base = values if base is None else base
                beside = ""
                if values is not base:
                    beside = f" ({values.mean() - base.mean():+.4f}, t {ttest_rel(values, base).statistic:.1f})"
                cells = (name, len(values), objective, system, f"{values.mean():.4f}{beside}")
                print(f"| {' | '.join(map(str, cells))} | {seconds:.1f} | {speed:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
