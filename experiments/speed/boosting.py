"""Trees.

`experiments/speed/boosting.py`, which reads MSRD from the folder that `RANKKIT_DATA` names: LightGBM's own lambdarank,
and rankkit's of the same formula given to it as slope and curvature. Processor time of `fit` a tree, binning and an
evaluation on vali after each tree included. Value, slope and curvature of the pairs are summed in one pass. Medians and
ranges of the runs, in turns.
"""

import os
from pathlib import Path

from measuring import begin, print_table, take_turns
from peers import installed

import rankkit as rk
from rankkit.objectives import Objective, lambdarank_loss

AS_LIGHTGBM = Objective(lambdarank_loss, k=30, truncation="pairs", normalize_distance=True)
SIDES = {"its own": ("lambdarank", "library"), "by rankkit": (AS_LIGHTGBM, "rankkit")}


def main():
    options = begin(__doc__, trees=30, runs=5)
    if "RANKKIT_DATA" not in os.environ:
        print("\nLeft out: `RANKKIT_DATA` is not set.")
        return
    folder = Path(os.environ["RANKKIT_DATA"]) / "msrd" / "letor47"
    if not folder.is_dir():
        print("\nLeft out: `RANKKIT_DATA` holds no folder `msrd/letor47`.")
        return
    found = installed("LightGBM")
    if not found:
        return
    train, valid = (rk.read(folder / f"{part}.txt.gz") for part in ("train", "vali"))

    def way(objective, gradients):
        # A new one each time: one that has trees would be given more of them.
        settings = {"epochs": options.trees, "progress": False}
        return lambda: rk.fit(rk.LightGBM(gradients=gradients), objective, train, valid, **settings)

    spent = take_turns({name: way(*side) for name, side in SIDES.items()}, options.runs)
    own, n_trees = spent["its own"], options.trees
    print(
        f"\n{train.n_queries:,} queries, {train.n_docs:,} documents, {train.n_features} features; vali has"
        f" {valid.n_docs:,} documents. {n_trees} trees, {options.runs} runs."
    )
    rows = []
    for name, each in spent.items():
        low, middle, high = (seconds / n_trees for seconds in (min(each.turns), each.seconds, max(each.turns)))
        user = each.user_seconds / n_trees
        rows.append((name, f"{middle:.3f} ({low:.3f}-{high:.3f})", f"{user:.3f}", f"{each.over(own):.2f}"))
    print_table([f"lambdarank of {found['LightGBM']}", "s a tree", "user s", "times its own"], rows)


if __name__ == "__main__":
    main()
