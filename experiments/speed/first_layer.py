"""The default scorer with its first layer over the piecewise encoding, and without the encoding.

    python experiments/speed/first_layer.py

One thread, processor time; both ways take turns on data in the shape of MSLR-WEB30K (136 features). The one multiplies
the 4,352 numbers that the bins make of a document by a matrix, the other reads two rows of a table a feature
(:mod:`rankkit.models.scorers.gathering`).
"""

import argparse
import statistics
import time
from unittest.mock import patch

import numpy as np
import torch

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like
from rankkit.models.scorers.networks import hidden

WAYS = ("matrix", "table")
LIST_SIZE = 100


def the_way(name):
    """Whether scorers may do without the encoding."""
    return patch.object(hidden, "can_gather", hidden.can_gather if name == "table" else lambda *given: False)


def docs_per_second_of_fit(data):
    """Documents a processor second, of one epoch."""
    scorer = rk.MLPScorer(data.n_features, seed=0)
    scorer.transform.fit(data.features, data.offsets)
    start = time.process_time()
    rk.fit(scorer, "lambdarank", data, epochs=1, progress=False, device="cpu")
    return data.n_docs / (time.process_time() - start)


def predicting(data):
    """Documents a processor second of a large set, and milliseconds of one list."""
    scorer = rk.MLPScorer(data.n_features, seed=0)
    scorer.transform.fit(data.features, data.offsets)
    one = rk.RankingDataset(
        features=np.ascontiguousarray(data.features[:LIST_SIZE]),
        labels=None,
        offsets=np.array([0, LIST_SIZE]),
        qids=np.array([1]),
    )
    for _ in range(5):
        rk.predict(scorer, one)
    start = time.process_time()
    for _ in range(100):
        rk.predict(scorer, one)
    milliseconds = (time.process_time() - start) * 10
    start = time.process_time()
    rk.predict(scorer, data)
    return data.n_docs / (time.process_time() - start), milliseconds


def main():
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=300, help="queries of the data, about 120 documents each")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    data = make_mslr_like(options.queries, seed=0)
    found = {way: [] for way in WAYS}
    for turn in range(options.repeats + 1):
        for way in WAYS:
            with the_way(way):
                figures = (docs_per_second_of_fit(data), *predicting(data))
            if turn:  # the first compiles
                found[way].append(figures)
    print(f"{data!r}, {options.repeats} repeats, medians\n")
    print("| | training, docs/s | predict, docs/s | predict, one list of 100, ms |\n|---|---|---|---|")
    medians = {way: [statistics.median(column) for column in zip(*rows, strict=True)] for way, rows in found.items()}
    for way, (fit, many, one) in medians.items():
        print(f"| {way} | {fit:,.0f} | {many:,.0f} | {one:.2f} |")
    before, after = medians["matrix"], medians["table"]
    ratios = (after[0] / before[0], after[1] / before[1], before[2] / after[2])
    print(f"| times as fast | {ratios[0]:.2f} | {ratios[1]:.2f} | {ratios[2]:.2f} |")


if __name__ == "__main__":
    main()
