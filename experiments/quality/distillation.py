"""What of the lead of trees comes over to a network, on MSRD.

RANKKIT_DATA=FOLDER OMP_NUM_THREADS=1 python experiments/quality/distillation.py

The teacher is LightGBM by its own lambdarank, its scores are of five folds. All is chosen by ndcg@10 on vali, which is
shown; the test part is not used. Time is processor time of the student's training, on one thread.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from scipy import stats

import rankkit as rk

FINE = {"transform": ["log1p+standardize", "piecewise:96"], "dropout": 0.05}
ROWS = {
    "student on labels": ({}, None, {"epochs": 10}),
    "the finer student on labels": (FINE, None, {"epochs": 10}),
    "its own documents": (FINE, "own", {"epochs": 10, "copies": 0}),
    "out of fold": (FINE, "folds", {"epochs": 10, "copies": 0}),
    "out of fold, 3 copies": (FINE, "folds", {"epochs": 12, "copies": 3}),
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=0)
    seed = parser.parse_args().seed
    torch.set_num_threads(1)
    folder = Path(os.environ["RANKKIT_DATA"]) / "msrd" / "letor47"
    train, valid = (rk.read(folder / f"{part}.txt.gz") for part in ("train", "vali"))
    few = {"seed": seed, "progress": False}
    teacher = rk.LightGBM.for_data(train)
    rk.fit(teacher, "lambdarank", train, valid, **few)
    scores = {
        "own": rk.predict(teacher, train),
        "folds": rk.out_of_fold_scores(rk.LightGBM.for_data, "lambdarank", train, valid, **few),
    }
    best = rk.evaluate(teacher, valid, ["ndcg@10"]).per_query["ndcg@10"]
    print("| what the student learns | ndcg@10 on vali | of the lead | t against labels | s | ms a query of 24 |")
    print("| --- | --- | --- | --- | --- | --- |")
    print(f"| (the teacher) | {best.mean():.4f} | | | | {_milliseconds(teacher, valid):.2f} |")
    first = None
    for name, (options, said, training) in ROWS.items():
        start = time.process_time()
        student = rk.MLPScorer.for_data(train, seed=seed, **options)
        if said is None:
            rk.fit(student, "softmax", train, valid, **training, **few)
        else:
            rk.distill(student, teacher, train, valid, scores=scores[said], **training, **few)
        seconds = time.process_time() - start
        values = rk.evaluate(student, valid, ["ndcg@10"]).per_query["ndcg@10"]
        first = values if first is None else first
        lead = (values.mean() - first.mean()) / (best.mean() - first.mean())
        t = "" if said is None else f"{stats.ttest_rel(values, first).statistic:.1f}"
        took = _milliseconds(student, valid)
        print(f"| {name} | {values.mean():.4f} | {lead:.0%} | {t} | {seconds:.0f} | {took:.2f} |", flush=True)


def _milliseconds(scorer: object, valid: rk.RankingDataset) -> float:
    """Processor time of a query of 24 documents."""
    queries = [valid[place] for place in np.flatnonzero(valid.list_sizes == 24)[:200]]
    start = time.process_time()
    for query in queries:
        rk.predict(scorer, query)
    return 1000 * (time.process_time() - start) / len(queries)


if __name__ == "__main__":
    main()
