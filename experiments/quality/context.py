"""What features in the context of their query are worth: LightGBM, a linear scorer and the MLP with and without it.

    RANKKIT_DATA=/path/to/data OMP_NUM_THREADS=1 python experiments/quality/context.py --seeds 3

Each set is cut into parts of whole queries; each part is test data once, the next one validation data, the others
training data. The example of LightGBM has test data of its own, and validates on every fifth training query. All
settings are the defaults of rankkit, and nothing is chosen on test data. A test query counts once, by its mean ndcg@10
over the seeds; a row says how much a context changes the mean over queries, with the paired t-test against the same
scorer without one. The last rows hold the queries of all sets.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from rounds import SETS, read
from scipy.stats import ttest_rel

import rankkit as rk

METRIC = "ndcg@10"
CONTEXTS = [None, "z+rank", "z+rank+share+gap"]
SCORERS = {
    "LightGBM": (rk.LightGBM, "lambdarank"),
    "linear": (rk.LinearScorer, "ranknet"),
    "mlp": (rk.MLPScorer, "ranknet"),
}


def measure(scorer, context, rounds, n_seeds):
    """The metric of each test query, the mean of the seeds, and the seconds of a training."""
    made, objective = SCORERS[scorer]
    values, seconds = [], []
    for train, valid, test in rounds:
        of_seeds = []
        for seed in range(n_seeds):
            model = made(train.n_features, context=context, seed=seed)
            start = time.perf_counter()
            rk.fit(model, objective, train, valid, metric=METRIC, seed=seed, device="cpu", progress=False)
            seconds.append(time.perf_counter() - start)
            of_seeds.append(rk.evaluate(model, test, [METRIC]).counted(METRIC))
        values.append(np.mean(of_seeds, axis=0))
    return np.concatenate(values), float(np.mean(seconds))


def row(name, scorer, found):
    """A line of the table: the mean without context, and what each context changes."""
    plain = found[None][0]
    cells = [f"{plain.mean():.4f}"]
    for context in CONTEXTS[1:]:
        values, _ = found[context]
        test = ttest_rel(values, plain)
        cells.append(f"{values.mean():.4f} ({values.mean() - plain.mean():+.4f}, t {test.statistic:.1f})")
    times = " / ".join(f"{found[context][1] / found[None][1]:.1f}" for context in CONTEXTS[1:])
    return f"| {name} | {len(plain)} | {scorer} | " + " | ".join([*cells, times]) + " |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--scorers", nargs="+", default=list(SCORERS), choices=list(SCORERS))
    options = parser.parse_args()
    root = Path(os.environ["RANKKIT_DATA"])
    print(f"| set | queries | scorer | {' | '.join(map(str, CONTEXTS))} | times as long |\n|{' --- |' * 7}", flush=True)
    pooled = {}
    for name in options.sets:
        rounds = list(read(name, root))
        for scorer in options.scorers:
            found = {context: measure(scorer, context, rounds, options.seeds) for context in CONTEXTS}
            print(row(name, scorer, found), flush=True)
            pooled.setdefault(scorer, []).append(found)
    for scorer, of_sets in pooled.items():
        whole = {
            context: (
                np.concatenate([found[context][0] for found in of_sets]),
                float(np.mean([found[context][1] for found in of_sets])),
            )
            for context in CONTEXTS
        }
        print(row("all", scorer, whole), flush=True)


if __name__ == "__main__":
    main()
