"""Trees.

`experiments/speed/boosting.py`. LightGBM's own lambdarank on MSRD, from the folder that `RANKKIT_DATA` names, beside
rankkit's of the same formula given to it as slope and curvature: processor time of `fit` a tree, binning and an
evaluation on vali after each tree included; value, slope and curvature of the pairs are summed in one pass. CatBoost on
made data: its own loop, which grows all trees at once, beside the same trees grown one by one, and beside Newton steps
under rankkit's objectives, which are given to it as a squared error. Medians and ranges of the runs, in turns.
"""

import os
from pathlib import Path

import numpy as np
from measuring import begin, print_table, take_turns
from peers import installed

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like
from rankkit.objectives import Objective, lambdarank_loss

AS_LIGHTGBM = Objective(lambdarank_loss, k=30, truncation="pairs", normalize_distance=True)
SIDES = {"its own": ("lambdarank", "library"), "by rankkit": (AS_LIGHTGBM, "rankkit")}
RATE = 0.05


def main():
    options = begin(__doc__, trees=30, runs=5)
    found = installed("LightGBM", "CatBoost")
    if "LightGBM" in found:
        of_lightgbm(options, found["LightGBM"])
    if "CatBoost" in found:
        of_catboost(options, found["CatBoost"])


def of_lightgbm(options, title):
    """Its own lambdarank beside rankkit's."""
    folder = Path(os.environ.get("RANKKIT_DATA", "")) / "msrd" / "letor47"
    if "RANKKIT_DATA" not in os.environ or not folder.is_dir():
        print("\nLightGBM is left out: `RANKKIT_DATA` names no folder with `msrd/letor47`.")
        return
    train, valid = (rk.read(folder / f"{part}.txt.gz") for part in ("train", "vali"))

    def way(objective, gradients):
        # A new one each time: one that has trees would be given more of them.
        settings = {"epochs": options.trees, "progress": False}
        return lambda: rk.fit(rk.LightGBM(gradients=gradients), objective, train, valid, **settings)

    spent = take_turns({name: way(*side) for name, side in SIDES.items()}, options.runs)
    print(
        f"\n{train.n_queries:,} queries, {train.n_docs:,} documents, {train.n_features} features; vali has"
        f" {valid.n_docs:,} documents. {options.trees} trees, {options.runs} runs."
    )
    print_trees(f"lambdarank of {title}", spent, options, "its own")


def of_catboost(options, title):
    """Its own loop, its trees one by one, Newton steps."""
    import catboost

    data = make_mslr_like(200, seed=0)
    queries = np.repeat(np.arange(data.n_queries), data.list_sizes)

    def at_once(loss):
        own = {"iterations": options.trees, "learning_rate": RATE, "depth": 6, "thread_count": 1, "random_seed": 0}
        quiet = {"logging_level": "Silent", "allow_writing_files": False}
        pool = catboost.Pool(data.features, data.labels, group_id=queries)
        return lambda: catboost.CatBoost({"loss_function": loss, **own, **quiet}).fit(pool)

    def one_by_one(objective, gradients):
        settings = {"epochs": options.trees, "learning_rate": RATE, "progress": False}
        return lambda: rk.fit(rk.CatBoost(depth=6, gradients=gradients, seed=0), objective, data, **settings)

    ways = {
        "QueryRMSE, its own loop": at_once("QueryRMSE"),
        "QueryRMSE, one by one": one_by_one("pairwise_mse", "library"),
        "YetiRank, its own loop": at_once("YetiRank"),
        "YetiRank, one by one": one_by_one("yeti_rank", "library"),
        "softmax, Newton steps": one_by_one("softmax", "rankkit"),
        "lambdarank, Newton steps": one_by_one("lambdarank", "rankkit"),
    }
    spent = take_turns(ways, options.runs)
    print(f"\n{data.n_docs:,} documents, {data.n_features} features, {options.trees} trees, {options.runs} runs.")
    print_trees(title, spent, options, next(iter(ways)))


def print_trees(head, spent, options, first):
    """Seconds a tree of each way, and how many times those of the first."""
    rows = []
    for name, each in spent.items():
        low, middle, high = (seconds / options.trees for seconds in (min(each.turns), each.seconds, max(each.turns)))
        user = each.user_seconds / options.trees
        rows.append((name, f"{middle:.3f} ({low:.3f}-{high:.3f})", f"{user:.3f}", f"{each.over(spent[first]):.2f}"))
    print_table([head, "s a tree", "user s", "times the first"], rows)


if __name__ == "__main__":
    main()
