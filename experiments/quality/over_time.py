"""How soon each family is as good as LightGBM: ndcg@10 on validation data over processor seconds, as one picture.

    RANKKIT_DATA=FOLDER OMP_NUM_THREADS=1 python experiments/quality/over_time.py --sets msrd --out runs/over-time

``mslr-like`` is made: 10,000 queries of about 120 documents with 136 features, and 2,000 to validate on. Every system
is trained by default options, networks for ten epochs, or for three, after which their learning rate has fallen to 0
so much sooner; the seconds begin before the features are looked at, are those of one thread, and hold the validation
after each tree or epoch. With memory: ``prior=43+44+45+46+47``, which tells movies of MSRD apart. A value is the best
so far. What stands in ``--out`` is not run again, so that a run that was stopped goes on.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import torch

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like
from rankkit.training.callbacks import Callback

mpl.use("agg")
from matplotlib import pyplot as plt

METRIC = "ndcg@10"
EPOCHS, FEW = {"epochs": 10}, {"epochs": 3}
MEMORY = {"prior": ["43+44+45+46+47"]}
SYSTEMS: dict[str, tuple[str, str, dict[str, Any], dict[str, Any]]] = {
    "LightGBM": ("lightgbm", "lambdarank", {}, {}),
    "XGBoost": ("xgboost", "lambdarank", {}, {}),
    "CatBoost": ("catboost", "yeti_rank", {}, {}),
    "linear": ("linear", "softmax", {}, EPOCHS),
    "mlp": ("mlp", "softmax", {}, EPOCHS),
    "mlp, 3 epochs": ("mlp", "softmax", {}, FEW),
    "mlp, plain": ("mlp", "softmax", {"transform": "log1p+standardize"}, EPOCHS),
    "dcn": ("dcn", "softmax", {}, EPOCHS),
    "attention": ("attention", "softmax", {}, EPOCHS),
    "additive": ("additive", "softmax", {}, EPOCHS),
    "LightGBM, memory": ("lightgbm", "lambdarank", MEMORY, {}),
    "mlp, memory": ("mlp", "softmax", MEMORY, EPOCHS),
    "mlp, memory, 3 epochs": ("mlp", "softmax", MEMORY, FEW),
}
FIRST, PEERS = "LightGBM", ("LightGBM", "XGBoost", "CatBoost")


class Clock(Callback):
    """Processor seconds and the best value so far, after each tree or epoch."""

    def __init__(self) -> None:
        self.start = time.process_time()
        self.points: list[tuple[float, float]] = []

    def on_epoch_end(self, record: Any) -> None:
        """Note a point."""
        best = max(record.valid, self.points[-1][1] if self.points else 0.0)
        self.points.append((time.process_time() - self.start, best))


def main() -> None:
    """Train what has not been trained, draw the picture, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", nargs="+", default=["msrd", "mslr-like"], choices=["msrd", "mslr-like"])
    parser.add_argument("--systems", nargs="+", default=list(SYSTEMS), choices=list(SYSTEMS))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.sets:
        for system in options.systems:
            if name != "msrd" and "prior" in SYSTEMS[system][2]:
                continue
            file = options.out / f"{name} {system}.json"
            if not file.exists():
                file.write_text(json.dumps(curve(system, name)))
        drawn = {
            system: np.array(json.loads(file.read_text()))
            for system in SYSTEMS
            if (file := options.out / f"{name} {system}.json").exists()
        }
        draw(drawn, name, options.out / f"{name}.png")
        print("\n".join(table(drawn, name)), flush=True)


def curve(system: str, name: str) -> list[tuple[float, float]]:
    """Train a system, and give its points."""
    scorer, objective, own, training = SYSTEMS[system]
    warm, shape = rk.make_ranking(20, n_features=50), {name: value for name, value in own.items() if name != "prior"}
    rk.fit(rk.build("scorer", scorer, 50, **shape), objective, warm, warm, epochs=1, metric=METRIC, progress=False)
    train, valid = read(name)
    model = rk.build("scorer", scorer, train.n_features, **own, seed=0)
    clock = Clock()
    rk.fit(
        model,
        objective,
        train,
        valid,
        metric=METRIC,
        seed=0,
        device="cpu",
        progress=False,
        callbacks=[clock],
        **training,
    )
    return clock.points


def read(name: str) -> tuple[rk.RankingDataset, rk.RankingDataset]:
    """Training and validation data."""
    if name == "mslr-like":
        return make_mslr_like(10_000, seed=0), make_mslr_like(2_000, seed=1)
    folder = Path(os.environ["RANKKIT_DATA"]) / "msrd" / "letor47"
    return rk.read(folder / "train.txt.gz"), rk.read(folder / "vali.txt.gz")


def table(drawn: dict[str, np.ndarray], name: str) -> Iterator[str]:
    """What each system reached and when, and when it was as good as the first one within .001, .003 and .01."""
    goal = drawn[FIRST][-1, 1]
    gaps = (0.0, 0.003, 0.01)
    first = {gap: reached(drawn[FIRST], goal - gap) for gap in gaps}
    yield f"| {name} | {METRIC} | processor s | " + " | ".join(f"s to {goal - gap:.4f}" for gap in gaps) + " |"
    yield "|" + " --- |" * (3 + len(gaps))
    for system, points in drawn.items():
        seconds = {gap: reached(points, goal - gap) for gap in gaps}
        told = [
            "never" if seconds[gap] is None else f"{seconds[gap]:.0f} ({seconds[gap] / first[gap]:.1f} x)"
            for gap in gaps
        ]
        yield f"| {system} | {points[-1, 1]:.4f} | {points[-1, 0]:.0f} | {' | '.join(told)} |"


def reached(points: np.ndarray, value: float) -> float | None:
    """The seconds at which a value was reached."""
    there = np.flatnonzero(points[:, 1] >= value)
    return float(points[there[0], 0]) if len(there) else None


def draw(drawn: dict[str, np.ndarray], name: str, path: Path) -> None:
    """The curves of a set."""
    figure, axes = plt.subplots(figsize=(8, 5), layout="constrained")
    families = list(dict.fromkeys(system.partition(",")[0] for system in drawn))
    for system, points in drawn.items():
        family, _, variant = system.partition(", ")
        style = "--" if family in PEERS else ":" if "3 epochs" in variant else "-." if variant == "plain" else "-"
        look = {
            "color": f"C{families.index(family)}",
            "linestyle": style,
            "linewidth": 2.4 if "memory" in variant else 1.3,
        }
        axes.step(points[:, 0], points[:, 1], where="post", label=system, **look)
    axes.axhline(drawn[FIRST][-1, 1], color="grey", linewidth=0.7)
    top = max(points[-1, 1] for points in drawn.values())
    axes.set_ylim(top - 0.06, top + 0.003)
    axes.set_xscale("log")
    axes.set_xlabel(f"processor seconds, one thread of {platform.machine()}")
    axes.set_ylabel(f"{METRIC} on validation data, best so far")
    axes.set_title(name)
    axes.legend(loc="lower right")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    main()
