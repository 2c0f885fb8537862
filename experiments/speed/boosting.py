"""Trees of LightGBM under its own lambdarank, and on slopes and curvatures of rankkit's of the same formula.

    RANKKIT_DATA=/path/to/data OMP_NUM_THREADS=1 python experiments/speed/boosting.py

Prints a Markdown table: processor time of ``fit`` on MSRD, a fixed number of trees, evaluation on vali after each tree
included. One thread; both sides in turn; medians of 5 runs after one to warm up (it compiles the kernel, then cached on
disk).
"""

import os
import statistics
import time
from pathlib import Path

import torch

import rankkit as rk
from rankkit.objectives import Objective, lambdarank_loss

N_TREES = 60
N_RUNS = 5
AS_LIGHTGBM = Objective(lambdarank_loss, k=30, truncation="pairs", normalize_distance=True)
SIDES = {"its own": ("lambdarank", "library"), "by rankkit": (AS_LIGHTGBM, "rankkit")}


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    folder = Path(os.environ["RANKKIT_DATA"]) / "msrd" / "letor47"
    train, valid = (rk.read(folder / f"{part}.txt.gz") for part in ("train", "vali"))
    seconds: dict[str, list[float]] = {name: [] for name in SIDES}
    for run in range(N_RUNS + 1):
        for name, (objective, gradients) in SIDES.items():
            start = time.process_time()
            rk.fit(rk.LightGBM(gradients=gradients), objective, train, valid, epochs=N_TREES, progress=False)
            if run:
                seconds[name].append((time.process_time() - start) / N_TREES)
    own = statistics.median(seconds["its own"])
    print("| lambdarank of LightGBM | s a tree (range) | times its own |")
    print("| --- | --- | --- |")
    for name, each in seconds.items():
        middle = statistics.median(each)
        print(f"| {name} | {middle:.3f} ({min(each):.3f}-{max(each):.3f}) | {middle / own:.2f} |")


if __name__ == "__main__":
    main()
