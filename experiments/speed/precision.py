"""bfloat16, and two threads.

`experiments/speed/precision.py`: epochs of `experiments/speed/training.py` by listnet in float32 and with
`precision="bf16"`, which computes matrix products in bfloat16 where the processor can (amx_bf16, avx512_bf16; another
one emulates it, slower than float32), and in two of torch's threads. The default scorer's first layer is a table of
float32 in either. By the clock two threads gain only where two cores are free, so the machine's load at the end of
this page matters here. What bfloat16 does to the ranking: experiments/quality.
"""

import time

import numpy as np
import torch
from measuring import begin, print_table
from training import BATCH, WIDTHS, cut_lists, plain_network

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like

WAYS = [("fp32", 1), ("bf16", 1), ("fp32", 2), ("bf16", 2)]


def seconds_of(data, scorer, precision, n_threads):
    """Of an epoch: of the processors, and by the clock."""
    torch.set_num_threads(n_threads)
    scorer.transform.fit(data.features, data.offsets)
    options = {"epochs": 1, "optimizer": "adam", "learning_rate": 1e-3, "precision": precision, "device": "cpu"}
    start = time.process_time(), time.perf_counter()
    rk.fit(scorer, "listnet", data, progress=False, **options, **BATCH)
    return time.process_time() - start[0], time.perf_counter() - start[1]


def main():
    options = begin(__doc__, queries=200, runs=5)
    data = cut_lists(make_mslr_like(options.queries, seed=0))
    print(f"\n{data.n_queries:,} queries, {data.n_docs:,} documents, {options.runs} runs.")
    print_table(
        ["scorer", "precision", "threads", "docs/s of a processor", "times the first", "docs/s by the clock", "times"],
        rows(data, options),
    )


def rows(data, options):
    made = {"plain network": plain_network, "default scorer": lambda: rk.MLPScorer(WIDTHS[0], seed=0)}
    for name, scorer in made.items():
        turns = [[seconds_of(data, scorer(), *way) for way in WAYS] for _ in range(options.runs + 1)]
        seconds = np.array(turns[1:])  # [turn, way, clock]; the first compiles
        speeds = data.n_docs / np.median(seconds, axis=0)
        times = np.median(seconds[:, :1] / seconds, axis=0)
        for (precision, n_threads), speed, ratio in zip(WAYS, speeds, times, strict=True):
            told = [cell for one, other in zip(speed, ratio, strict=True) for cell in (f"{one:,.0f}", f"{other:.2f}")]
            yield (name, precision, n_threads, *told)


if __name__ == "__main__":
    main()
