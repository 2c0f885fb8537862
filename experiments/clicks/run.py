"""Learning from biased clicks: naive, inverse propensity weighting, dual learning, beside training on labels.

    OMP_NUM_THREADS=1 python experiments/clicks/run.py --seeds 5
    OMP_NUM_THREADS=1 python experiments/clicks/run.py --seeds 3 --others

Needs the folder that RANKKIT_DATA names (msrd/letor47). Prints the two tables of the README and whether the debiased
rankers close at least half of the gap between training on clicks as they are and training on labels; ends with
status 1 if one does not. With --others instead, pairwise and pointwise objectives on sessions one by one. Nothing was
chosen on the data that is reported on.
"""

import argparse
import os
import statistics
import sys
import time
import zlib
from functools import partial
from pathlib import Path

import numpy as np
import torch

import rankkit as rk

TOP_K = 10
N_SESSIONS = 20
N_LOGGING = 20  # queries whose labels the logging ranker has seen
CLICKS = rk.PositionBasedModel(eta=1.0)
SYSTEMS = ["logging ranker", "naive clicks", "IPW, true propensities", "IPW, estimated", "dual learning"]
SYSTEMS += ["labels of what was shown", "labels of all documents"]
DEBIASED = ["IPW, true propensities", "IPW, estimated", "dual learning"]
OTHERS = {"ranknet": rk.ranknet_loss, "pairwise_hinge": rk.pairwise_hinge_loss, "bce": rk.bce_loss}
N_SESSIONS_OF_OTHERS = 5
sum_over_clicks = partial(rk.softmax_loss, normalize=False)


def load():
    """Training and report data. A sixth of the training queries, as in first-ranker, was for choosing settings."""
    folder = Path(os.environ["RANKKIT_DATA"]) / "msrd" / "letor47"
    train = rk.read_letor(folder / "train.txt.gz")
    chosen = np.array([zlib.crc32(str(qid).encode()) % 6 == 0 for qid in train.qids])
    report = rk.read_letor(folder / "vali.txt.gz", n_features=train.n_features)
    return train.select(np.flatnonzero(~chosen)), train.select(np.flatnonzero(chosen)), report


def trained(objective, data, seed, batch_queries=64):
    """The same network, number of epochs and learning rate for all; the last epoch is kept."""
    scorer = rk.MLPScorer(data.n_features, (64, 32), dropout=0.1, transform="log1p+standardize", seed=seed)
    options = {"epochs": 15, "learning_rate": 0.005, "batch_queries": batch_queries, "progress": False}
    rk.fit(scorer, objective, data, seed=seed, device="cpu", **options)
    return scorer


def logging_ranker(train, seed):
    """A linear scorer trained on a few queries."""
    known = np.random.default_rng(seed).permutation(train.n_queries)[:N_LOGGING]
    scorer = rk.LinearScorer(train.n_features, seed=seed)
    rk.fit(scorer, rk.softmax_loss, train.select(known), seed=seed, device="cpu", progress=False)
    return scorer


def one_seed(train, seed):
    """Scorers by system, and propensities by origin; the seed is of everything drawn."""
    rng = np.random.default_rng(seed)
    clicks = partial(rk.simulate_clicks, model=CLICKS, n_sessions=N_SESSIONS, summed=True, seed=rng)
    logging = logging_ranker(train, seed)
    shown = rk.shown_lists(train, rk.predict(logging, train), top_k=TOP_K)
    log = clicks(shown)
    # What one query in twenty shows is shown again in random order, to tell positions apart.
    few = shown.select(np.flatnonzero(rng.random(shown.n_queries) < 1 / 20))
    shuffled = clicks(rk.shown_lists(few, rng.random(few.n_docs)))
    propensities = {"true": CLICKS.propensities(TOP_K), "randomised": rk.estimate_propensities(shuffled)}
    dual = rk.DualLearning(n_positions=TOP_K)
    scorers = {
        "logging ranker": logging,
        "naive clicks": trained(sum_over_clicks, log, seed),
        "IPW, true propensities": trained(sum_over_clicks, rk.propensity_weighted(log, propensities["true"]), seed),
        "IPW, estimated": trained(sum_over_clicks, rk.propensity_weighted(log, propensities["randomised"]), seed),
        "dual learning": trained(dual, log, seed),
        "labels of what was shown": trained(rk.softmax_loss, shown, seed),
        "labels of all documents": trained(rk.softmax_loss, train, seed),
    }
    return scorers, propensities | {"dual learning": dual.propensities().numpy()}


def others_of_seed(train, seed):
    """Scorers by objective and what they were trained on: sessions one by one, since pairs of a summed log mislead."""
    rng = np.random.default_rng(seed)
    shown = rk.shown_lists(train, rk.predict(logging_ranker(train, seed), train), top_k=TOP_K)
    log = rk.simulate_clicks(shown, CLICKS, n_sessions=N_SESSIONS_OF_OTHERS, seed=rng)
    weighted = rk.propensity_weighted(log, CLICKS.propensities(TOP_K))
    batch = 64 * N_SESSIONS_OF_OTHERS
    scorers = {}
    for name, objective in OTHERS.items():
        scorers[name, "naive clicks"] = trained(objective, log, seed, batch)
        scorers[name, "IPW, true propensities"] = trained(objective, weighted, seed, batch)
        scorers[name, "labels of what was shown"] = trained(objective, shown, seed)
    return scorers


def spread(values, digits):
    """Mean and standard deviation over seeds."""
    return f"{statistics.mean(values):.{digits}f} ± {statistics.pstdev(values):.{digits}f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--others", action="store_true", help="pairwise and pointwise objectives")
    parser.add_argument("--selection", action="store_true", help="measure on the queries for choosing settings")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    start = time.process_time()
    train, selection, report = load()
    data = selection if arguments.selection else report
    values, curves = {}, {}
    for seed in range(arguments.seeds):
        scorers, propensities = (others_of_seed(train, seed), {}) if arguments.others else one_seed(train, seed)
        for system, scorer in scorers.items():
            values.setdefault(system, []).append(rk.evaluate(scorer, data, ["ndcg@10"]).means["ndcg@10"])
        for origin, curve in propensities.items():
            curves.setdefault(origin, []).append(curve)
        print(f"seed {seed}: {time.process_time() - start:.0f} CPU s", file=sys.stderr, flush=True)
    if arguments.others:
        table_of_others(values)
    else:
        sys.exit(0 if tables(values, curves) else 1)


def table_of_others(values):
    """A line an objective, a column for what it was trained on."""
    columns = list(dict.fromkeys(column for _, column in values))
    print(f"| objective | {' | '.join(columns)} |\n|{' --- |' * (1 + len(columns))}")
    for name in OTHERS:
        print(f"| {name} | {' | '.join(spread(values[name, column], 4) for column in columns)} |")


def tables(values, curves):
    """Print both tables; True if every debiased ranker closes half of the gap."""
    naive = statistics.mean(values["naive clicks"])
    gap = statistics.mean(values["labels of all documents"]) - naive
    closed = {system: (statistics.mean(values[system]) - naive) / gap for system in SYSTEMS}
    print("| trained on | ndcg@10 | of the gap closed |\n| --- | --- | --- |")
    for system in SYSTEMS:
        print(f"| {system} | {spread(values[system], 4)} | {closed[system]:.0%} |")
    print(f"\n| position | {' | '.join(curves)} |\n|{' --- |' * (1 + len(curves))}")
    for position in range(TOP_K):
        cells = [spread([float(curve[position]) for curve in found], 3) for found in curves.values()]
        cells[0] = f"{CLICKS.propensities(TOP_K)[position]:.3f}"
        print(f"| {position + 1} | {' | '.join(cells)} |")
    held = all(closed[system] >= 0.5 for system in DEBIASED)
    print(f"\nEvery debiased ranker closes at least half of the gap of {gap:.4f}: {'yes' if held else 'NO'}")
    return held


if __name__ == "__main__":
    main()
