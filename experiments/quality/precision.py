"""The default scorer trained with matrix products in float32 and in bfloat16: ndcg@10 on vali, and what it costs.

RANKKIT_DATA=FOLDER OMP_NUM_THREADS=1 python experiments/quality/precision.py mq2008 --seeds 5

Both learn by lambdarank from the same seeds, in turn. The difference is that of each query, its mean over the seeds,
with Student's paired t test; time is processor time, all of the fit, on one thread.
"""

import argparse
import os
import time
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import torch

import rankkit as rk
from rankkit.statistics.significance import paired_t_p

PRECISIONS = ("fp32", "bf16")
SETS = {"mq2008": "mq2008/Fold1", "msrd": "msrd/letor47"}


def read(name):
    """Training and validation data."""
    folder = Path(os.environ["RANKKIT_DATA"]) / SETS[name]
    return (rk.read(folder / f"{part}.txt.gz") for part in ("train", "vali"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", choices=SETS)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--batch-queries", type=int, default=64, help="of msrd auto takes bf16 from 192 on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    train, valid = read(options.data)
    values = {precision: [] for precision in PRECISIONS}
    seconds = {precision: [] for precision in PRECISIONS}
    for seed in range(options.seeds):
        for precision in PRECISIONS:
            scorer = rk.MLPScorer(train.n_features, seed=seed)
            start = time.process_time()
            rk.fit(
                scorer,
                "lambdarank",
                train,
                valid,
                epochs=options.epochs,
                batch_queries=options.batch_queries,
                seed=seed,
                precision=precision,
                device="cpu",
                progress=False,
            )
            seconds[precision].append(time.process_time() - start)
            values[precision].append(rk.evaluate(scorer, valid, metrics=["ndcg@10"]).per_query["ndcg@10"])
    print(f"{options.data}, {valid.n_queries:,} queries of vali, {options.seeds} seeds\n")
    print("| precision | ndcg@10, mean | sd over seeds | each seed | s |\n| --- | --- | --- | --- | --- |")
    for precision in PRECISIONS:
        each = [float(np.nanmean(one)) for one in values[precision]]
        told = " ".join(f"{value:.4f}" for value in each)
        spread = stdev(each) if len(each) > 1 else 0.0
        print(f"| {precision} | {mean(each):.4f} | {spread:.4f} | {told} | {mean(seconds[precision]):.1f} |")
    deltas = np.mean(values["bf16"], axis=0) - np.mean(values["fp32"], axis=0)
    deltas = deltas[~np.isnan(deltas)]
    error = deltas.std(ddof=1) / np.sqrt(len(deltas))
    print(f"\nbf16 less fp32: {deltas.mean():+.4f} +- {1.96 * error:.4f} (95%), p {float(paired_t_p(deltas)):.2f}")


if __name__ == "__main__":
    main()
