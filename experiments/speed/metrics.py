"""NDCG@10, RR and MAP beside ir_measures, one thread: long lists, and a million queries of 10 to 50 documents.

``python experiments/speed/metrics.py`` prints two Markdown tables. Both sides get their input ready made: ir_measures
nested dicts of qrels and run, or data frames; rankkit arrays. Times are processor seconds, the median of runs taken in
turns. In the second table ir_measures gets a tenth of the queries, since the dicts of all would need some 20 GB, and
its time is given times ten: it grows with the number of queries.
"""

import argparse
import gc
import statistics
import time
from itertools import pairwise

import ir_measures
import numpy as np
import pandas as pd
import torch
from ir_measures import AP, RR, nDCG

from rankkit.evaluation import evaluate_scores
from rankkit.metrics import rank_documents
from rankkit.metrics.binary import average_precision_of, mrr_of
from rankkit.metrics.graded import ndcg_of

MEASURES = [nDCG(gains={0: 0, 1: 1, 2: 3, 3: 7, 4: 15}) @ 10, RR, AP]
NAMES = ["ndcg@10", "mrr", "map"]


def make_documents(sizes, seed=0):
    """Labels as frequent as in MSLR, whole scores without ties inside a list."""
    generator = np.random.default_rng(seed)
    offsets = np.concatenate([[0], np.cumsum(sizes)])
    labels = generator.choice(5, offsets[-1], p=[0.52, 0.32, 0.13, 0.02, 0.01]).astype(np.float32)
    noisy = labels + 3 * generator.normal(size=offsets[-1])
    # Ranks within blocks that float32 holds exactly; a block is some thousand lists.
    scores, block = np.empty(len(noisy), np.float32), 2**23
    for start in range(0, len(noisy), block):
        scores[start : start + block] = noisy[start : start + block].argsort().argsort()
    return offsets, labels, scores


def as_dicts(offsets, values):
    """``{qid: {doc id: value}}``, as ir_measures takes qrels and run."""
    values = values.tolist()
    return {
        f"q{query}": {f"d{i}": values[i] for i in range(start, stop)}
        for query, (start, stop) in enumerate(pairwise(offsets))
    }


def as_frames(offsets, labels, scores):
    """Qrels and run as ir_measures takes them from data frames."""
    query_ids = np.repeat([f"q{query}" for query in range(len(offsets) - 1)], np.diff(offsets)).astype(object)
    doc_ids = [f"d{i}" for i in range(len(labels))]
    ids = {"query_id": query_ids, "doc_id": doc_ids}
    return pd.DataFrame({**ids, "relevance": labels.astype(np.int64)}), pd.DataFrame({**ids, "score": scores})


def theirs(qrels, run):
    means = ir_measures.calc_aggregate(MEASURES, qrels, run)
    return [means[measure] for measure in MEASURES]


def ours(offsets, labels, scores, qids):
    return list(evaluate_scores(scores, labels, qids=qids, metrics=NAMES).means.values())


def engine(offsets, labels, scores):
    ranking = rank_documents("speed", scores, labels, offsets)
    values = [ndcg_of(ranking, k=10), mrr_of(ranking), average_precision_of(ranking)]
    return [float(np.nan_to_num(value).mean()) for value in values]


def measure(systems, n_runs):
    """Means of each system, and the processor seconds of its runs."""
    gc.collect()
    gc.freeze()  # else Python's collector goes over the millions of objects in the dicts while ir_measures runs
    # The first call of each compiles or loads what it needs and is not timed.
    means = {name: system() for name, system in systems.items()}
    seconds = {name: [] for name in systems}
    for _ in range(n_runs):
        for name, system in systems.items():
            start = time.process_time()
            system()
            seconds[name].append(time.process_time() - start)
    return means, seconds


def print_table(seconds, factors):
    """Rows of seconds times what a system was given less of, and how many times as fast as the first rows."""
    scaled = {name: [factors.get(name, 1) * value for value in values] for name, values in seconds.items()}
    others = [name for name in scaled if name.startswith("ir_measures")]
    print(f"| system | seconds | {' | '.join(f'times as fast as {name}' for name in others)} |")
    print(f"|---|---|{'---|' * len(others)}")
    for name, values in scaled.items():
        median = statistics.median(values)
        ratios = " | ".join(f"{statistics.median(scaled[other]) / median:.1f}" for other in others)
        print(f"| {name} | {median:.3f} ({min(values):.3f}, {max(values):.3f}) | {ratios} |")
    print()


def long_lists(n_queries, n_runs):
    """Log-normal list sizes of mean 120, as in MSLR."""
    generator = np.random.default_rng(0)
    sizes = np.clip(np.exp(generator.normal(np.log(100), 0.6, n_queries)).astype(np.int64), 1, 900)
    offsets, labels, scores = make_documents(sizes)
    qids = np.repeat(np.arange(n_queries), sizes)
    qrels, run = as_dicts(offsets, labels.astype(np.int64)), as_dicts(offsets, scores)
    systems = {
        "ir_measures, nested dicts": lambda: theirs(qrels, run),
        "rankkit.evaluate_scores, one qid a document": lambda: ours(offsets, labels, scores, qids),
        "rankkit engine, arrays with offsets": lambda: engine(offsets, labels, scores),
    }
    means, seconds = measure(systems, n_runs)
    first, *others = means.values()
    apart = max(abs(a - b) for other in others for a, b in zip(first, other, strict=True))
    print(f"{', '.join(NAMES)} of {n_queries:,} queries, {offsets[-1]:,} documents; one thread,")
    print(f"processor seconds, median of {n_runs} (lowest, highest). Means differ by at most {apart:.1e}.\n")
    print_table(seconds, {})


def many_queries(n_queries, n_runs):
    """Lists of 10 to 50 documents."""
    sizes = np.random.default_rng(1).integers(10, 51, n_queries)
    offsets, labels, scores = make_documents(sizes)
    qids = np.repeat(np.arange(n_queries), sizes)
    tenth = n_queries // 10
    part = offsets[: tenth + 1]
    labels_of_part, scores_of_part = labels[: part[-1]], scores[: part[-1]]
    qrels, run = as_dicts(part, labels_of_part.astype(np.int64)), as_dicts(part, scores_of_part)
    frames = as_frames(part, labels_of_part, scores_of_part)
    systems = {
        "ir_measures, nested dicts": lambda: theirs(qrels, run),
        "ir_measures, data frames": lambda: theirs(*frames),
        "rankkit.evaluate_scores, one qid a document": lambda: ours(offsets, labels, scores, qids),
        "rankkit engine, arrays with offsets": lambda: engine(offsets, labels, scores),
    }
    means, seconds = measure(systems, n_runs)
    check = ours(part, labels_of_part, scores_of_part, qids[: part[-1]])
    apart = max(abs(a - b) for a, b in zip(next(iter(means.values())), check, strict=True))
    print(f"{', '.join(NAMES)} of {n_queries:,} queries of 10 to 50 documents, {offsets[-1]:,} in all; one thread,")
    print(f"processor seconds, median of {n_runs} (lowest, highest). ir_measures was given {tenth:,} of the queries,")
    print(f"and its seconds are times {n_queries / tenth:g}. Means of these queries differ by at most {apart:.1e}.\n")
    print_table(seconds, {name: n_queries / tenth for name in systems if name.startswith("ir_measures")})


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=10_000, help="of long lists")
    parser.add_argument("--many", type=int, default=1_000_000, help="queries of 10 to 50 documents; 0: leave out")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    long_lists(arguments.queries, arguments.runs)
    if arguments.many:
        many_queries(arguments.many, min(arguments.runs, 3))


if __name__ == "__main__":
    main()
