"""Every objective on real data beside LightGBM, same rows, same evaluation.

    python experiments/first-ranker/run.py mq2008 --seeds 5
    python experiments/first-ranker/run.py msrd --seeds 3
    python experiments/first-ranker/run.py table

Needs the folder that RANKKIT_DATA names (mq2008/Fold1, msrd/letor47). Each run is kept in runs/first-ranker as one
JSON file, so that an interrupted command goes on where it stopped; `table` prints the Markdown of the README.
"""

import argparse
import json
import os
import statistics
import time
import zlib
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

RUNS = Path("runs/first-ranker")
METRICS = ["ndcg@10", "mrr", "map"]
OBJECTIVES = ["bce", "hinge", "mse", "cross_entropy", "ranknet", "pairwise_hinge", "listnet", "softmax"]
SYSTEMS = [*OBJECTIVES, "lightgbm", "lightgbm-tuned"]
LEAVES = (15, 31, 63, 127)


def load(name):
    """Training, selection and report data; nothing is chosen on the last."""
    import rankkit as rk

    folder = Path(os.environ["RANKKIT_DATA"])
    if name == "mq2008":
        fold = folder / "mq2008" / "Fold1"
        return tuple(rk.read_letor(fold / f"{part}.txt.gz") for part in ("train", "vali", "test"))
    train = rk.read_letor(folder / "msrd" / "letor47" / "train.txt.gz")
    # The report data is vali; a sixth of the training queries, picked by a hash of their id, selects the epoch.
    chosen = np.array([zlib.crc32(str(qid).encode()) % 6 == 0 for qid in train.qids])
    report = rk.read_letor(folder / "msrd" / "letor47" / "vali.txt.gz", n_features=train.n_features)
    return train.select(np.flatnonzero(~chosen)), train.select(np.flatnonzero(chosen)), report


def one_run(task):
    """Train one system with one seed; evaluate on selection and report data."""
    name, system, seed = task
    path = RUNS / f"{name}-{system}-{seed}.json"
    if path.exists():
        return path
    import torch

    torch.set_num_threads(1)
    train, valid, report = load(name)
    start = time.process_time()
    evaluate, about = (lightgbm if system.startswith("lightgbm") else neural)(system, seed, train, valid)
    result = {"data": name, "system": system, "seed": seed, "cpu_seconds": time.process_time() - start, **about}
    result |= {"valid": evaluate(valid).means, "report": evaluate(report).means}
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1))
    partial.replace(path)
    return path


def neural(objective, seed, train, valid):
    """The defaults of rankkit, whatever the data: only the objective and the seed differ."""
    import rankkit as rk
    from rankkit.registry import OBJECTIVES as CATALOGUE

    function = CATALOGUE[objective]
    options = {"n_outputs": int(train.labels.max()) + 1} if hasattr(function, "readout") else {}
    scorer = rk.MLPScorer(train.n_features, seed=seed, **options)
    history = rk.fit(scorer, function, train, valid, metric="ndcg@10", seed=seed, device="cpu")
    about = {"best_epoch": history.best_epoch, "epochs": len(history.epochs)}
    return lambda data: rk.evaluate(scorer, data, METRICS), about


def lightgbm(system, seed, train, valid):
    """LGBMRanker with early stopping; tuned: the number of leaves is chosen on the selection data too."""
    import lightgbm as lgb

    fits = []
    for leaves in LEAVES if system == "lightgbm-tuned" else (31,):
        ranker = lgb.LGBMRanker(
            n_estimators=1000, learning_rate=0.05, num_leaves=leaves, random_state=seed, n_jobs=1, verbosity=-1,
            subsample=0.8, subsample_freq=1, colsample_bytree=0.8,
        )  # fmt: skip
        ranker.fit(
            train.features, train.labels, group=train.list_sizes,
            eval_set=[(valid.features, valid.labels)], eval_group=[valid.list_sizes], eval_at=[10],
            callbacks=[lgb.early_stopping(50, verbose=False)],
        )  # fmt: skip
        fits.append((ranker.best_score_["valid_0"]["ndcg@10"], leaves, ranker))
    _, leaves, ranker = max(fits, key=lambda fit: fit[0])

    def evaluate(data):
        import rankkit as rk

        qids = np.repeat(data.qids, data.list_sizes)
        return rk.evaluate_scores(ranker.predict(data.features), data.labels, qids=qids, metrics=METRICS)

    return evaluate, {"leaves": leaves, "trees": int(ranker.best_iteration_)}


def table(name):
    """One Markdown table of the runs of a data set: means and standard deviations over seeds."""
    results = [json.loads(path.read_text()) for path in sorted(RUNS.glob(f"{name}-*.json"))]
    lines = [
        "| system | seeds | selection ndcg@10 | ndcg@10 | mrr | map | CPU s |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for system in SYSTEMS:
        rows = [result for result in results if result["system"] == system]
        if not rows:
            continue
        cells = [[row["valid"]["ndcg@10"] for row in rows]]
        cells += [[row["report"][metric] for row in rows] for metric in METRICS]
        shown = " | ".join(f"{statistics.mean(cell):.4f} ± {statistics.pstdev(cell):.4f}" for cell in cells)
        seconds = statistics.median(row["cpu_seconds"] for row in rows)
        lines.append(f"| {system} | {len(rows)} | {shown} | {seconds:.0f} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", choices=["mq2008", "msrd", "table"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--systems", nargs="+", default=SYSTEMS, choices=SYSTEMS)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.data != "table":
        RUNS.mkdir(parents=True, exist_ok=True)
        tasks = [(arguments.data, system, seed) for system in arguments.systems for seed in range(arguments.seeds)]
        with ProcessPoolExecutor(arguments.jobs, mp_context=get_context("spawn")) as pool:
            for path in pool.map(one_run, tasks):
                print(path, flush=True)
    for name in ("mq2008", "msrd") if arguments.data == "table" else (arguments.data,):
        print(f"\n{name}\n\n{table(name)}")


if __name__ == "__main__":
    main()
