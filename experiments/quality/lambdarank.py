"""LightGBM's lambdarank, LightGBM's own and rankkit's slopes and curvatures of it, on MSRD.

RANKKIT_DATA=FOLDER OMP_NUM_THREADS=1 python experiments/quality/lambdarank.py --seeds 5

The third row lets documents of equal score stand in the worst order, as rankkit's metrics count ties, in place of one
drawn anew for each tree. Time is processor time, all of the fit, on one thread.
"""

import argparse
import os
import time
from contextlib import nullcontext
from pathlib import Path
from statistics import mean, stdev
from unittest import mock

import torch

import rankkit as rk
from rankkit.objectives import Objective, lambdarank_loss

AS_LIGHTGBM = Objective(lambdarank_loss, k=30, truncation="pairs", normalize_distance=True)
ROWS = {
    "its own": ("lambdarank", "library", False),
    "by rankkit, ties by chance": (AS_LIGHTGBM, "rankkit", False),
    "by rankkit, ties in the worst order": (AS_LIGHTGBM, "rankkit", True),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    n_seeds = parser.parse_args().seeds
    torch.set_num_threads(1)
    folder = Path(os.environ["RANKKIT_DATA"]) / "msrd" / "letor47"
    train, valid = (rk.read(folder / f"{part}.txt.gz") for part in ("train", "vali"))
    print("| lambdarank of LightGBM | ndcg@10 on vali, mean | sd over seeds | each seed | trees | s | s a tree |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for name, (objective, gradients, worst) in ROWS.items():
        values, kept, seconds, each = [], [], [], []
        for seed in range(n_seeds):
            start = time.process_time()
            with mock.patch("rankkit.training.boosting.ties_by_chance", nullcontext) if worst else nullcontext():
                scorer = rk.LightGBM(gradients=gradients)
                history = rk.fit(scorer, objective, train, valid, seed=seed, progress=False)
            seconds.append(time.process_time() - start)
            each.append(seconds[-1] / len(history))
            values.append(history.best_value)
            kept.append(history.best_epoch)
        told = " ".join(f"{value:.4f}" for value in values)
        spread = stdev(values) if n_seeds > 1 else 0.0
        print(
            f"| {name} | {mean(values):.4f} | {spread:.4f} | {told} | {mean(kept):.0f} | {mean(seconds):.0f} "
            f"| {mean(each):.3f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
