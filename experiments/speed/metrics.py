"""NDCG@10, RR and MAP of 10,000 queries with 1.2 million documents: rankkit beside ir_measures, one thread.

``python experiments/speed/metrics.py`` prints a Markdown table. Both sides get their input ready made: ir_measures
nested dicts of qrels and run, rankkit arrays. Times are processor seconds, the median of 5 runs taken in turns.
"""

import argparse
import gc
import statistics
import time
from itertools import pairwise

import ir_measures
import numpy as np
import torch
from ir_measures import AP, RR, nDCG

from rankkit.evaluation import evaluate_scores
from rankkit.metrics import rank_documents
from rankkit.metrics.binary import average_precision_of, mrr_of
from rankkit.metrics.graded import ndcg_of


def make_documents(n_queries, seed=0):
    """Log-normal list sizes of mean 120, labels as frequent as in MSLR, whole scores without ties."""
    generator = np.random.default_rng(seed)
    sizes = np.clip(np.exp(generator.normal(np.log(100), 0.6, n_queries)).astype(np.int64), 1, 900)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    labels = generator.choice(5, offsets[-1], p=[0.52, 0.32, 0.13, 0.02, 0.01]).astype(np.float32)
    noisy = labels + 3 * generator.normal(size=offsets[-1])
    return offsets, labels, noisy.argsort().argsort().astype(np.float32)


def as_dicts(offsets, values):
    """``{qid: {doc id: value}}``, as ir_measures takes qrels and run."""
    values = values.tolist()
    return {
        f"q{query}": {f"d{i}": values[i] for i in range(start, stop)}
        for query, (start, stop) in enumerate(pairwise(offsets))
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    offsets, labels, scores = make_documents(arguments.queries)
    qids = np.repeat(np.arange(arguments.queries), np.diff(offsets))
    qrels, run = as_dicts(offsets, labels.astype(np.int64)), as_dicts(offsets, scores)
    measures = [nDCG(gains={0: 0, 1: 1, 2: 3, 3: 7, 4: 15}) @ 10, RR, AP]
    names = ["ndcg@10", "mrr", "map"]

    def theirs():
        means = ir_measures.calc_aggregate(measures, qrels, run)
        return [means[measure] for measure in measures]

    def ours():
        return list(evaluate_scores(scores, labels, qids=qids, metrics=names).means.values())

    def engine():
        ranking = rank_documents("speed", scores, labels, offsets)
        values = [ndcg_of(ranking, k=10), mrr_of(ranking), average_precision_of(ranking)]
        return [float(np.nan_to_num(value).mean()) for value in values]

    systems = {
        "ir_measures.calc_aggregate, nested dicts": theirs,
        "rankkit.evaluate_scores, one qid a document": ours,
        "rankkit engine, arrays with offsets": engine,
    }
    gc.collect()
    gc.freeze()  # else Python's collector goes over the millions of objects in the dicts while ir_measures runs
    # The first call of each compiles or loads what it needs and is not timed.
    means = {name: system() for name, system in systems.items()}
    seconds = {name: [] for name in systems}
    for _ in range(arguments.runs):
        for name, system in systems.items():
            start = time.process_time()
            system()
            seconds[name].append(time.process_time() - start)

    first, *others = means.values()
    apart = max(abs(a - b) for other in others for a, b in zip(first, other, strict=True))
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    slowest = next(iter(medians.values()))
    print(f"{', '.join(names)} of {arguments.queries:,} queries, {offsets[-1]:,} documents; one thread,")
    print(f"processor seconds, median of {arguments.runs} (lowest, highest). Means differ by at most {apart:.1e}.\n")
    print("| system | seconds | times as fast |")
    print("|---|---|---|")
    for name, median in medians.items():
        low, high = min(seconds[name]), max(seconds[name])
        print(f"| {name} | {median:.3f} ({low:.3f}, {high:.3f}) | {slowest / median:.1f} |")


if __name__ == "__main__":
    main()
