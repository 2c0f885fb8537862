"""Recommenders of rankkit beside those of implicit: the same matrix and options, one thread, processor seconds."""

import argparse
import os
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

import rankkit as rk
from rankkit.evaluation.catalogue import evaluate_scored

LOGS = {
    "ml-100k": "ml-100k/u.data.gz",
    "ml-1m": "ml-1m/sequences.txt.gz",
    "beauty": "amazon_beauty_5core/Beauty.txt.gz",
}
N_NEIGHBOURS, N_FACTORS, L2, ALPHA = 100, 128, 10.0, 1.0
PARTS = ("data", "indices", "indptr")


def timed(function):
    began = time.process_time()
    found = function()
    return found, time.process_time() - began


def warmed(log):
    """Loops are compiled before anything is measured."""
    few = log[:50]
    for model in (rk.ItemKNN(), rk.ItemKNN("bm25"), rk.ALS(8), rk.BPRMF(8, n_epochs=1)):
        model.learn(few)
        next(model.scores(few))


def line(task, mine, theirs, note):
    print(f"| {task} | {mine:.2f} | {theirs:.2f} | {mine / theirs:.2f} | {note} |", flush=True)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--peer", required=True, help="the Python that has implicit")
    arguments.add_argument("--log", default="ml-1m", choices=list(LOGS))
    asked = arguments.parse_args()
    warnings.simplefilter("ignore", rk.DataWarning)
    log = rk.read_interactions(Path(os.environ["RANKKIT_DATA"]) / LOGS[asked.log], duplicates="last")
    test = rk.split_interactions(log, "leave_last").test
    history = test.history
    warmed(history)
    rk.evaluate_recommender(rk.ALS(8, n_iterations=1).learn(history), test, "ndcg@10")
    als, als_seconds = timed(lambda: rk.ALS(N_FACTORS, L2, ALPHA, 15).learn(history))
    folded, fold_in_seconds = timed(lambda: als.fold_in(history))
    train, held_out = history.matrix(), test.targets.matrix()
    held = {f"train.{part}": getattr(train, part) for part in PARTS}
    held |= {f"test.{part}": getattr(held_out, part) for part in PARTS}
    held |= {"shape": train.shape, "n_neighbours": N_NEIGHBOURS, "n_factors": N_FACTORS, "l2": L2, "alpha": ALPHA}
    with tempfile.TemporaryDirectory() as folder:
        given, made = f"{folder}/given.npz", f"{folder}/made.npz"
        np.savez(given, **held, item_factors=als.item_factors, user_factors=folded)
        script = Path(__file__).with_name("implicit_side.py")
        quiet = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
        subprocess.run([asked.peer, str(script), given, made], check=True, env=quiet)
        theirs = dict(np.load(made))
    print(f"{asked.log}: {history}")
    print("| task | rankkit s | implicit s | ratio | agreement |")
    print("|---|---|---|---|---|")
    for name in ("cosine", "tf_idf", "bm25"):
        model, seconds = timed(lambda name=name: rk.ItemKNN(name, N_NEIGHBOURS).learn(history))
        near = csr_array(tuple(theirs[f"{name}.{part}"] for part in PARTS), shape=(log.n_items, log.n_items))
        difference = abs(model.neighbours() - near)
        # Of neighbours that are equally near each side may keep another one.
        apart = int((difference > 1e-5 * abs(near).max()).sum())
        note = f"{apart:,} of {near.nnz:,} similarities differ by more than 1e-5"
        line(f"ItemKNN {name}, {N_NEIGHBOURS}", seconds, theirs[f"{name}.seconds"].item(), note)

    def scored(histories):
        return folded[history.user_positions(histories.user_ids)] @ als.item_factors.T

    found, seconds = timed(lambda: rk.evaluate_recommender(als, test, "ndcg@10"))
    of_given, of_given_seconds = timed(lambda: evaluate_scored(scored, test, "ndcg@10"))
    mine = found.means["ndcg@10"]
    note = f"ndcg@10 {mine:.4f} and {theirs['als.ndcg'].item():.4f}"
    line(f"ALS, {N_FACTORS} factors, 15 iterations", als_seconds, theirs["als.seconds"].item(), note)
    apart = np.abs(folded - theirs["fold_in"]).max() / np.abs(folded).max()
    line(
        "ALS, fold-in of all users",
        fold_in_seconds,
        theirs["fold_in.seconds"].item(),
        f"greatest difference {apart:.1e}",
    )
    note = "ndcg@10 of the same factors {:.6f} and {:.6f}"
    given, same = theirs["evaluation.seconds"].item(), theirs["same_factors.ndcg"].item()
    line(
        "full evaluation, factors of users given", of_given_seconds, given, note.format(of_given.means["ndcg@10"], same)
    )
    given += theirs["fold_in.seconds"].item()
    line("full evaluation, with fold-in of all users", seconds, given, note.format(mine, same))
    bpr, seconds = timed(lambda: rk.BPRMF(N_FACTORS, 0.05, 0.01, 50, "popularity").learn(history))
    mine = rk.evaluate_recommender(bpr, test, "ndcg@10").means["ndcg@10"]
    note = f"ndcg@10 {mine:.4f} and {theirs['bpr.ndcg'].item():.4f}"
    line(f"BPR, {N_FACTORS} factors, 50 epochs", seconds, theirs["bpr.seconds"].item(), note)


if __name__ == "__main__":
    main()
