"""Scoring speed: predict() beside its matrix products and beside LightGBM, one thread, processor seconds.

    python experiments/speed/scoring.py

Many documents at once, and 100 documents of one query. The network is 136-512-256-128-1 behind log1p+standardize;
LightGBM has 500 trees of 31 leaves trained on the same rows. All take turns; medians of 7.
"""

import statistics
import time
from itertools import pairwise

import lightgbm
import numpy as np
import torch

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like

HIDDEN = (512, 256, 128)
REPEATS = 7


def processor_seconds(call, n_calls):
    start = time.process_time()
    for _ in range(n_calls):
        call()
    return time.process_time() - start


def products(n_docs):
    """The matrix products of the network alone, into memory that is there already."""
    widths = (136, *HIDDEN, 1)
    values = [torch.randn(n_docs, width) for width in widths]
    weights = [torch.randn(n_in, n_out) for n_in, n_out in pairwise(widths)]

    def run():
        for layer, weight in enumerate(weights):
            torch.mm(values[layer], weight, out=values[layer + 1])

    return run


def main():
    torch.set_num_threads(1)
    train = make_mslr_like(300, seed=0)
    scorer = rk.MLPScorer(136, HIDDEN, dropout=0.0, normalization="none", transform="log1p+standardize", seed=0)
    scorer.transform.fit(train.features, train.offsets)
    trees = lightgbm.LGBMRanker(n_estimators=500, num_leaves=31, n_jobs=1, verbosity=-1)
    trees.fit(train.features, train.labels, group=train.list_sizes)

    batch = make_mslr_like(500, seed=1)
    one = rk.from_arrays(batch.features[:100], None, np.zeros(100, np.int64))
    print("| documents | rankkit, docs/s | of the products alone | LightGBM, docs/s | times LightGBM |")
    print("| --- | --- | --- | --- | --- |")
    for data, calls in ((batch, 1), (one, 100)):
        features = torch.from_numpy(data.features)
        rivals = {
            "rankkit": lambda data=data: rk.predict(scorer, data),
            "products": products(len(features)),
            "lightgbm": lambda data=data: trees.predict(data.features, num_threads=1),
        }
        seconds = {name: [] for name in rivals}
        for call in rivals.values():
            call()
        for _ in range(REPEATS):
            for name, call in rivals.items():
                seconds[name].append(processor_seconds(call, calls))
        speed = {name: calls * data.n_docs / statistics.median(values) for name, values in seconds.items()}
        print(
            f"| {data.n_docs:,} | {speed['rankkit']:,.0f} | {speed['rankkit'] / speed['products']:.0%} "
            f"| {speed['lightgbm']:,.0f} | {speed['rankkit'] / speed['lightgbm']:.1f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
