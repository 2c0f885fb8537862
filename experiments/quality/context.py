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
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.stats import ttest_rel

import rankkit as rk

METRIC = "ndcg@10"
CONTEXTS = [None, "z+rank", "z+rank+share+gap"]
SCORERS = {
    "LightGBM": (rk.LightGBM, "lambdarank"),
    "linear": (rk.LinearScorer, "ranknet"),
    "mlp": (rk.MLPScorer, "ranknet"),
}


def by_rotation(parts):
    """Training, validation and test data, as often as there are parts."""
    for place in range(len(parts)):
        test, valid, *rest = parts[place:] + parts[:place]
        yield (rest[0] if len(rest) == 1 else rk.merge(rest)), valid, test


def cut(data, n_parts):
    """Neighbouring queries in parts of about as many."""
    bounds = np.linspace(0, data.n_queries, n_parts + 1).astype(int).tolist()
    return [data[first:last] for first, last in pairwise(bounds)]


def read(name, root):
    """The rounds of a set."""
    if name == "mq2008":
        train, valid, test = (rk.read_letor(root / f"mq2008/Fold1/{part}.txt.gz") for part in ("train", "vali", "test"))
        yield from by_rotation([*cut(train, 3), valid, test])
    elif name == "clueweb09_webis":
        yield from by_rotation([rk.read_letor(root / f"clueweb09_webis/part{n}.txt.gz") for n in (1, 2, 3)])
    elif name == "mslr_web30k_5k":
        whole = rk.read_letor(root / "mslr_web30k_5k/msn1.fold1.train.5k.txt.gz")
        yield from by_rotation(cut(whole, 5))
    else:
        train, test = (rk.read_letor(root / f"lightgbm_lambdarank/rank.{part}.gz") for part in ("train", "test"))
        held_out = np.arange(train.n_queries) % 5 == 4
        yield train[np.flatnonzero(~held_out)], train[np.flatnonzero(held_out)], test


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
    names = ["mq2008", "clueweb09_webis", "lightgbm_lambdarank", "mslr_web30k_5k"]
    parser.add_argument("--sets", nargs="+", default=names, choices=names)
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
