"""Training speed against the GEMM limit: documents a processor second of fit() and of its matrix products alone.

    python experiments/speed/training.py

One thread. The network is 136-512-256-128-1 on data in the shape of MSLR-WEB30K, lists cut at 240, 64 queries a batch,
Adam. The limit is the time of the same matrix products on the same batches into memory that is there already: forward,
weight gradient, and input gradient of all layers but the first. fit() and the limit take turns; medians are printed.

    python experiments/speed/training.py --ways fp32 bf16 --threads 1 2

compares precisions and numbers of threads in place of that, for this network and the default scorer, which take turns:
documents a second of the processors and by the clock, and both as multiples of the first way's in the same turn.
"""

import argparse
import statistics
import time
from itertools import pairwise

import numpy as np
import torch

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like
from rankkit.tasks.ranking.batches import plan_epoch

WIDTHS = (136, 512, 256, 128, 1)
BATCH = {"batch_queries": 64, "batch_docs": 16384, "length_window": 8}
OBJECTIVES = {"listnet": rk.listnet_loss, "ranknet": rk.ranknet_loss, "bce": rk.bce_loss}


def cut_lists(data, longest):
    """The first documents of each list."""
    position = np.arange(data.n_docs) - np.repeat(data.offsets[:-1], data.list_sizes)
    kept = position < longest
    sizes = np.minimum(data.list_sizes, longest)
    return rk.RankingDataset(
        features=data.features[kept],
        labels=data.labels[kept],
        offsets=np.concatenate([[0], np.cumsum(sizes)]),
        qids=data.qids,
    )


def plain_scorer(transform):
    """The network whose products are the limit."""
    return rk.MLPScorer(WIDTHS[0], hidden=WIDTHS[1:-1], dropout=0.0, normalization="none", transform=transform, seed=0)


def seconds_of_fit(data, objective, precision, scorer):
    """Seconds of one epoch: of the processors, and by the clock."""
    scorer.transform.fit(data.features, data.offsets)
    start = time.process_time(), time.perf_counter()
    rk.fit(
        scorer,
        objective,
        data,
        epochs=1,
        optimizer="adam",
        learning_rate=1e-3,
        precision=precision,
        device="cpu",
        progress=False,
        **BATCH,
    )
    return time.process_time() - start[0], time.perf_counter() - start[1]


def compare(data, options):
    """Print a table of the ways to train each scorer."""
    scorers = {
        "136-512-256-128-1": lambda: plain_scorer(options.transform),
        "default": lambda: rk.MLPScorer(136, seed=0),
    }
    ways = [(precision, n_threads) for n_threads in options.threads for precision in options.ways]
    print("| scorer | precision | threads | docs/s, processors | docs/s, clock | times the first, processors | clock |")
    print("|---|---|---|---|---|---|---|")
    for name, scorer in scorers.items():
        turns = []
        for _ in range(options.repeats + 1):
            turn = []
            for precision, n_threads in ways:
                torch.set_num_threads(n_threads)
                turn.append(seconds_of_fit(data, rk.listnet_loss, precision, scorer()))
            turns.append(turn)
        seconds = np.array(turns[1:])  # [turn, way, kind of clock]; the first compiles
        speed = np.median(data.n_docs / seconds, axis=0)
        times = seconds[:, :1] / seconds
        for place, (precision, n_threads) in enumerate(ways):
            told = [
                f"{np.median(times[:, place, kind]):.2f} "
                f"({times[:, place, kind].min():.2f}-{times[:, place, kind].max():.2f})"
                for kind in range(2)
            ]
            print(
                f"| {name} | {precision} | {n_threads} | {speed[place, 0]:,.0f} | {speed[place, 1]:,.0f} "
                f"| {told[0]} | {told[1]} |",
                flush=True,
            )


def seconds_of_products(data, precision):
    """Processor seconds of the matrix products of the same epoch, operands and results preallocated."""
    dtype = torch.bfloat16 if precision == "bf16" else torch.float32
    plan = plan_epoch(data.list_sizes, np.random.default_rng([0, 1]), **BATCH)
    rows = [int(data.list_sizes[batch].sum()) for batch in plan]
    values = [torch.randn(max(rows), width).to(dtype) for width in WIDTHS]
    gradients = [torch.randn(max(rows), width).to(dtype) for width in WIDTHS]
    weights = [torch.randn(n_out, n_in).to(dtype) for n_in, n_out in pairwise(WIDTHS)]
    weight_gradients = [torch.empty_like(weight) for weight in weights]
    start = time.process_time()
    for n in rows:
        for layer, weight in enumerate(weights):
            torch.mm(values[layer][:n], weight.T, out=values[layer + 1][:n])
        for layer in reversed(range(len(weights))):
            torch.mm(gradients[layer + 1][:n].T, values[layer][:n], out=weight_gradients[layer])
            if layer:
                torch.mm(gradients[layer + 1][:n], weights[layer], out=gradients[layer][:n])
    return time.process_time() - start


def main():
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=1000, help="queries of the data, about 107 documents each")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--objectives", nargs="+", default=list(OBJECTIVES), choices=list(OBJECTIVES))
    parser.add_argument("--precisions", nargs="+", default=["fp32", "bf16"], choices=["fp32", "bf16"])
    parser.add_argument("--transform", default="log1p+standardize")
    parser.add_argument("--ways", nargs="+", choices=["fp32", "bf16"], help="precisions to compare")
    parser.add_argument("--threads", nargs="+", type=int, default=[1], help="numbers of threads to compare")
    options = parser.parse_args()
    torch.set_num_threads(1)

    data = cut_lists(make_mslr_like(options.queries, seed=0), 240)
    print(f"{data!r}, transform {options.transform}, {options.repeats} repeats\n")
    if options.ways:
        compare(data, options)
        return
    print("| objective | precision | docs/s of fit() | docs/s of the products | ratio | lowest and highest ratio |")
    print("|---|---|---|---|---|---|")
    for precision in options.precisions:
        for name in options.objectives:
            # The first turn compiles kernels and is not counted.
            pairs = [
                (
                    seconds_of_fit(data, OBJECTIVES[name], precision, plain_scorer(options.transform))[0],
                    seconds_of_products(data, precision),
                )
                for _ in range(options.repeats + 1)
            ][1:]
            ratios = [products / fit for fit, products in pairs]
            fit, products = (data.n_docs / statistics.median(column) for column in zip(*pairs, strict=True))
            print(
                f"| {name} | {precision} | {fit:,.0f} | {products:,.0f} "
                f"| {statistics.median(ratios):.0%} | {min(ratios):.0%} to {max(ratios):.0%} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
