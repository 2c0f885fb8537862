"""Trees and a network with and without the memory of documents, on MSRD.

RANKKIT_DATA=FOLDER OMP_NUM_THREADS=1 python experiments/quality/priors.py --seeds 3

Features 43 to 47 of a document tell its movie apart. All is chosen by ndcg@10 on vali, which is shown; the test part is
not used. Time is processor time of the whole fit, on one thread. The last rows are trained on labels that are permuted
within each query: what a prior gains there it would gain by leaking.
"""

import argparse
import os
import time
from dataclasses import replace
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch
from scipy import stats

import rankkit as rk

MOVIE = ["43+44+45+46+47"]
TREES = {"num_leaves": 127, "min_data_in_leaf": 100, "lambda_l2": 20.0, "feature_fraction": 0.3}
SCHEDULE = {"schedule": "cosine", "warmup": 0.1, "epochs": 10}
ROWS = {
    "LightGBM": (rk.LightGBM, {}, "lambdarank", {}),
    "LightGBM + prior": (rk.LightGBM, {**TREES, "prior": MOVIE}, "lambdarank", {}),
    "mlp": (rk.MLPScorer, {}, "softmax", SCHEDULE),
    "mlp + prior": (rk.MLPScorer, {"prior": MOVIE}, "softmax", SCHEDULE),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    n_seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    folder = Path(os.environ["RANKKIT_DATA"]) / "msrd" / "letor47"
    train, valid = (rk.read(folder / f"{part}.txt.gz") for part in ("train", "vali"))
    print("| scorer | ndcg@10 on vali, mean | sd over seeds | each seed | t against LightGBM | s | ms a query of 24 |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    first = None
    for name in ROWS:
        values, seconds, latency = _trained(name, train, valid, n_seeds)
        first = values if first is None else first
        t = stats.ttest_rel(values.mean(axis=0), first.mean(axis=0)).statistic if name != "LightGBM" else None
        means = values.mean(axis=1)
        told = " ".join(f"{value:.4f}" for value in means)
        print(
            f"| {name} | {means.mean():.4f} | {stdev(means) if n_seeds > 1 else 0:.4f} | {told} "
            f"| {'' if t is None else f'{t:.1f}'} | {seconds:.0f} | {latency:.2f} |",
            flush=True,
        )
    permuted = [_permuted(data, seed) for seed, data in enumerate((train, valid))]
    for name in ROWS:
        values, *_ = _trained(name, *permuted, 1)
        print(f"| {name}, labels permuted | {values.mean():.4f} |  |  |  |  |  |", flush=True)


def _trained(
    name: str, train: rk.RankingDataset, valid: rk.RankingDataset, n_seeds: int
) -> tuple[np.ndarray, float, float]:
    """Values ``[seed, query]``, processor seconds of a training, milliseconds of a query."""
    made, options, objective, training = ROWS[name]
    values, seconds = [], []
    for seed in range(n_seeds):
        start = time.process_time()
        scorer = made.for_data(train, seed=seed, **options)
        rk.fit(scorer, objective, train, valid, seed=seed, progress=False, **training)
        seconds.append(time.process_time() - start)
        values.append(rk.evaluate(scorer, valid, ["ndcg@10"]).per_query["ndcg@10"])
    queries = [valid[place] for place in np.flatnonzero(valid.list_sizes == 24)[:200]]
    start = time.process_time()
    for query in queries:
        rk.predict(scorer, query)
    return np.stack(values), mean(seconds), 1000 * (time.process_time() - start) / len(queries)


def _permuted(data: rk.RankingDataset, seed: int) -> rk.RankingDataset:
    """The labels of each query in another order."""
    rng = np.random.default_rng(seed)
    queries = np.repeat(np.arange(data.n_queries), data.list_sizes)
    order = np.lexsort((rng.random(data.n_docs), queries))
    return replace(data, labels=data.labels[order])


if __name__ == "__main__":
    main()
