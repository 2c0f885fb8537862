"""Few labels and many queries without any: what pretraining gives a network, alone and beside trees.

RANKKIT_DATA=FOLDER OMP_NUM_THREADS=1 python experiments/quality/pretraining.py --seeds 2

On MSRD, or with ``--data mslr-like`` on 3,000 made queries in the shape of MSLR-WEB30K, all of whose features come from
one hidden score and noise, and 1,000 more to measure on. Of the training queries a share keeps its labels, a fifth
of it for selection: there each system chooses one of six settings, its trees or epochs. Networks are pretrained on all
training queries without labels. Mixtures are means of scores that are standardised within each query. All is measured
on vali, where nothing is chosen.
"""

import argparse
import os
import time
from collections import defaultdict
from dataclasses import replace
from itertools import product
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from scipy import stats

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like

METRIC = "ndcg@10"
NETWORK = {"hidden": (256, 256, 256), "transform": "log1p+standardize"}
PLAIN = {**NETWORK, "dropout": 0.0, "normalization": "none"}
TREES = [{"num_leaves": leaves, "min_data_in_leaf": least} for leaves, least in product((7, 15, 31), (5, 20))]
RATES = [{"learning_rate": rate, "trunk_rate": trunk} for rate, trunk in product((5e-4, 1e-3, 2e-3), (0.3, 1.0))]
COLUMNS = ("LightGBM", "mlp", "pretrained mlp", "LightGBM + mlp", "LightGBM + pretrained mlp")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.02, 0.05])
    parser.add_argument("--data", default="msrd", choices=["msrd", "mslr-like"])
    parser.add_argument("--method", default="simclr_rank")
    parser.add_argument("--plain", action="store_true", help="networks without dropout and norm")
    asked = parser.parse_args()
    shape = PLAIN if asked.plain else NETWORK
    torch.set_num_threads(1)
    train, vali = read(asked.data)
    values, chosen = defaultdict(list), defaultdict(list)
    for seed in range(asked.seeds):
        start = time.process_time()
        first = rk.MLPScorer(train.n_features, **shape, seed=seed)
        history = rk.pretrain(first, replace(train, labels=None), method=asked.method, seed=seed, progress=False)
        print(f"seed {seed}: {history.to_pandas()[['loss', 'spread']].round(4).to_dict('list')}", flush=True)
        print(f"seed {seed}: pretrained in {time.process_time() - start:.0f} processor s", flush=True)
        order = np.random.default_rng(seed).permutation(train.n_queries)
        for share in asked.shares:
            n = round(share * train.n_queries)
            kept = train[np.sort(order[n // 5 : n])], train[np.sort(order[: n // 5])]
            scores = {}
            scores["LightGBM"], told = best([trees(options, seed) for options in TREES], *kept, vali)
            chosen[n, "LightGBM"].append(told)
            for name, begun in (("mlp", None), ("pretrained mlp", first)):
                scores[name], told = best([network(shape, begun, options, seed) for options in RATES], *kept, vali)
                chosen[n, name].append(told)
                scores[f"LightGBM + {name}"] = within(scores["LightGBM"], vali) + within(scores[name], vali)
            for name, found in scores.items():
                values[n, name].append(metric(found, vali))
    for (n, name), told in chosen.items():
        print(f"{n} {name}: {told}")
    print(f"\n| labelled queries | {' | '.join(COLUMNS)} |\n|{' --- |' * (1 + len(COLUMNS))}")
    for n in dict.fromkeys(n for n, _ in values):
        rows = {name: np.mean(values[n, name], axis=0) for name in COLUMNS}
        cells = [f"{rows['LightGBM'].mean():.4f}", f"{rows['mlp'].mean():.4f}"]
        cells.append(beside(rows, "pretrained mlp", "mlp", "LightGBM"))
        cells.append(beside(rows, "LightGBM + mlp", "LightGBM"))
        cells.append(beside(rows, "LightGBM + pretrained mlp", "LightGBM", "LightGBM + mlp"))
        print(f"| {n} | {' | '.join(cells)} |")


def read(name: str) -> list[rk.RankingDataset]:
    """Training data, and what is measured on."""
    if name == "mslr-like":
        return [make_mslr_like(n_queries, seed=seed) for seed, n_queries in enumerate((3_000, 1_000))]
    folder = Path(os.environ["RANKKIT_DATA"]) / "msrd" / "letor47"
    return [rk.read(folder / f"{part}.txt.gz") for part in ("train", "vali")]


def trees(options: dict, seed: int):
    """What trains LightGBM."""

    def fit(train, valid):
        scorer = rk.LightGBM.for_data(train, seed=seed, **options)
        return scorer, rk.fit(scorer, "lambdarank", train, valid, metric=METRIC, seed=seed, progress=False), options

    return fit


def network(shape: dict, begun: rk.MLPScorer | None, options: dict, seed: int):
    """What trains a network, from weights that were pretrained or from fresh ones."""

    def fit(train, valid):
        scorer = rk.MLPScorer(train.n_features, **shape, seed=seed)
        if begun is not None:
            scorer.load_state_dict(begun.state_dict())
            scorer.eval()
        history = rk.fit(
            scorer, "ranknet", train, valid, metric=METRIC, seed=seed, device="cpu", progress=False, **options
        )
        return scorer, history, options

    return fit


def best(fits, train, valid, vali):
    """The scores on vali by the setting that is best on the selection queries, and that setting."""
    scorer, history, options = max((fit(train, valid) for fit in fits), key=lambda found: found[1].best_value)
    return rk.predict(scorer, vali), {**options, "epoch": history.best_epoch, METRIC: round(history.best_value, 4)}


def within(scores, data):
    """Scores less their mean in the query, by their standard deviation there."""
    queries = np.repeat(np.arange(data.n_queries), data.list_sizes)

    def of_query(values):
        return (np.bincount(queries, values) / data.list_sizes)[queries]

    centred = scores - of_query(scores)
    return centred / np.sqrt(of_query(centred**2) + 1e-12)


def metric(scores, data):
    """The metric of each query."""
    queries = np.repeat(np.arange(data.n_queries), data.list_sizes)
    return rk.evaluate_scores(scores, data.labels, qids=queries, metrics=[METRIC]).counted(METRIC)


def beside(rows, name, *others):
    """A mean, with its difference from others and the t of a paired test over queries."""
    told = []
    for other in others:
        t = stats.ttest_rel(rows[name], rows[other]).statistic
        told.append(f"{mean(rows[name] - rows[other]):+.4f} from {other}, t {t:.1f}")
    return f"{rows[name].mean():.4f} ({'; '.join(told)})"


if __name__ == "__main__":
    main()
