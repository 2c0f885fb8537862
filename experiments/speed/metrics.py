"""Metrics.

`experiments/speed/metrics.py`: NDCG@10, reciprocal rank and average precision. All sides get their input ready made:
ir_measures and pytrec_eval nested dicts of qrels and run, ranx its own Qrels and Run, or data frames; rankkit arrays.
The first call of each compiles or loads what it needs and is not counted. pytrec_eval gives gains as they are, so that
its NDCG is of the labels themselves. One sort alone is that of one number a document, which holds its query and its
score: the least that a ranking of all documents takes. Median and range of 5 runs, in turns.
"""

import gc
from itertools import pairwise

import ir_measures
import numpy as np
import pandas as pd
from ir_measures import AP, RR, nDCG
from measuring import begin, print_table, take_turns
from peers import installed

from rankkit.evaluation import evaluate_scores
from rankkit.metrics import rank_documents
from rankkit.metrics.binary import average_precision_of, mrr_of
from rankkit.metrics.graded import ndcg_of

MEASURES = [nDCG(gains={0: 0, 1: 1, 2: 3, 3: 7, 4: 15}) @ 10, RR, AP]
NAMES = ["ndcg@10", "mrr", "map"]
DICTS, FRAMES = "ir_measures, nested dicts", "ir_measures, data frames"
LIMIT = "one sort alone"


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


def by_pytrec_eval(qrels, run):
    import pytrec_eval

    found = pytrec_eval.RelevanceEvaluator(qrels, {"ndcg_cut.10", "recip_rank", "map"}).evaluate(run)
    return [np.mean([each[name] for each in found.values()]) for name in ("ndcg_cut_10", "recip_rank", "map")]


def ours(offsets, labels, scores, qids):
    return list(evaluate_scores(scores, labels, qids=qids, metrics=NAMES).means.values())


def engine(offsets, labels, scores):
    ranking = rank_documents("speed", scores, labels, offsets)
    values = [ndcg_of(ranking, k=10), mrr_of(ranking), average_precision_of(ranking)]
    return [float(np.nan_to_num(value).mean()) for value in values]


def one_sort(offsets, scores):
    """Sorting one whole number a document: the query above, the score below."""
    queries = np.repeat(np.arange(len(offsets) - 1, dtype=np.int64), np.diff(offsets))
    keys = queries << 32 | scores.view(np.int32)  # scores are above 0, whose bits are in their order

    def run():
        np.sort(keys)

    return run


def print_rows(title, systems, n_runs, factors, part):
    """Measure and print.

    Args:
        title: What was measured, before its numbers.
        systems: ``{name: function}``.
        n_runs: Of each.
        factors: What the seconds of a system are times, since it was given less.
        part: Means of rankkit from what ir_measures was given; how far they are from its own is printed.
    """
    gc.collect()
    gc.freeze()  # else Python's collector goes over the millions of objects in the dicts while others run
    means = {name: system() for name, system in systems.items()}
    ours_of_part = [part()] if part else [means[name] for name in systems if name.startswith("rankkit")]
    apart = max(abs(a - b) for each in ours_of_part for a, b in zip(means[DICTS], each, strict=True))
    print(f"\n{title} Means of rankkit and of ir_measures differ by at most {apart:.1e}.")
    spent = take_turns(systems, n_runs, warm=0)
    gc.unfreeze()
    scaled = {name: factors.get(name, 1) * each.seconds for name, each in spent.items()}
    rows = []
    for name, each in spent.items():
        times = factors.get(name, 1)
        ranges = f"{times * min(each.turns):.3f}-{times * max(each.turns):.3f}"
        user = f"{times * each.user_seconds:.3f}"
        rows.append((name, f"{scaled[name]:.3f} ({ranges})", user, f"{scaled[DICTS] / scaled[name]:.1f}"))
    print_table(["system", "s", "user s", "times as fast as dicts"], rows)


def long_lists(n_queries, n_runs, found):
    """Log-normal list sizes of mean 120, as in MSLR."""
    generator = np.random.default_rng(0)
    sizes = np.clip(np.exp(generator.normal(np.log(100), 0.6, n_queries)).astype(np.int64), 1, 900)
    offsets, labels, scores = make_documents(sizes)
    qids = np.repeat(np.arange(n_queries), sizes)
    qrels, run = as_dicts(offsets, labels.astype(np.int64)), as_dicts(offsets, scores)
    systems = {DICTS: lambda: theirs(qrels, run)}
    if name := found.get("pytrec_eval"):
        systems[f"{name}, nested dicts"] = lambda: by_pytrec_eval(qrels, run)
    if name := found.get("ranx"):
        import ranx

        given = ranx.Qrels(qrels), ranx.Run(run)
        metrics = ["ndcg_burges@10", "mrr", "map"]
        systems[f"{name}, its Qrels and Run"] = lambda: ranx.evaluate(*given, metrics)
    systems["rankkit.evaluate_scores, one qid a document"] = lambda: ours(offsets, labels, scores, qids)
    systems["rankkit engine, arrays with offsets"] = lambda: engine(offsets, labels, scores)
    systems[LIMIT] = one_sort(offsets, scores)
    title = f"{n_queries:,} queries of {offsets[-1]:,} documents."
    print_rows(title, systems, n_runs, {}, None)


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
        DICTS: lambda: theirs(qrels, run),
        FRAMES: lambda: theirs(*frames),
        "rankkit.evaluate_scores, one qid a document": lambda: ours(offsets, labels, scores, qids),
        "rankkit engine, arrays with offsets": lambda: engine(offsets, labels, scores),
        LIMIT: one_sort(offsets, scores),
    }
    title = (
        f"{n_queries:,} queries of 10 to 50 documents, {offsets[-1]:,} in all. ir_measures was given {tenth:,} of the\n"
        f"queries, which take long enough, and its seconds are times {n_queries / tenth:g}."
    )
    factors = dict.fromkeys([DICTS, FRAMES], n_queries / tenth)
    print_rows(title, systems, n_runs, factors, lambda: ours(part, labels_of_part, scores_of_part, qids[: part[-1]]))


def main():
    options = begin(__doc__, queries=10_000, many=200_000, runs=5)
    found = installed("pytrec_eval", "ranx")
    long_lists(options.queries, options.runs, found)
    if options.many:
        many_queries(options.many, options.runs)


if __name__ == "__main__":
    main()
