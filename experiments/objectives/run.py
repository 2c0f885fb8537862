"""Every objective of the catalogue on two public sets: same scorer, same number of trials, five seeds.

    python experiments/objectives/run.py train
    python experiments/objectives/run.py table

Needs the folder that RANKKIT_DATA names (mq2008/Fold1, clueweb09_webis). For each objective three learning rates are
tried with seed 0 and the one with the best ndcg@10 on the selection data is kept; with it five seeds are trained. Each
run is kept in runs/objectives as one JSON file, so that an interrupted command goes on where it stopped; ``table``
prints the Markdown of the README. Distillation objectives learn from the scores of a LightGBM ranker, trained on the
same rows with early stopping on the selection data.
"""

import argparse
import json
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

RUNS = Path("runs/objectives")
METRICS = ["ndcg@10", "mrr"]
RATES = (0.002, 0.006, 0.02)
SEEDS = range(5)
HIDDEN = (128, 64)
DATA = ("mq2008", "clueweb09")
# ClueWeb09 trains on 24 queries of 450 documents: in small batches, or an epoch would be one step.
SETTINGS = {"mq2008": {}, "clueweb09": {"batch_queries": 8, "epochs": 20}}


def load(name):
    """Training, selection and report data. ClueWeb09 has 36 queries in all: there selection and report are the same."""
    import rankkit as rk

    folder = Path(os.environ["RANKKIT_DATA"])
    if name == "mq2008":
        return tuple(
            rk.read_letor(folder / "mq2008" / "Fold1" / f"{part}.txt.gz") for part in ("train", "vali", "test")
        )
    parts = [rk.read_letor(folder / "clueweb09_webis" / f"part{number}.txt.gz") for number in (1, 2, 3)]
    return rk.merge(parts[:2]), parts[2], parts[2]


def one_run(task):
    """Train with one objective, learning rate and seed; evaluate on selection and report data."""
    data, objective, rate, seed = task
    path = RUNS / f"{data}-{objective}-{rate:g}-{seed}.json"
    if path.exists():
        return path
    import torch

    import rankkit as rk
    from rankkit.models.scorers.readout import n_outputs_for
    from rankkit.objectives.descriptions import ROWS
    from rankkit.registry import OBJECTIVES

    torch.set_num_threads(1)
    train, valid, report = load(data)
    function, options = OBJECTIVES[objective], {}
    if hasattr(function, "readout"):
        options = {
            "readout": function.readout,
            "n_outputs": n_outputs_for(function.readout, int(train.labels.max()) + 1),
        }
    if ROWS[objective].needs == "teacher scores":
        train = rk.pseudo_labels(teacher(train, valid), train)
    scorer = rk.MLPScorer(train.n_features, hidden=HIDDEN, transform="standardize", seed=seed, **options)
    result = {"data": data, "objective": objective, "rate": rate, "seed": seed}
    start = time.process_time()
    try:
        history = rk.fit(
            scorer, function, train, valid, metric="ndcg@10", learning_rate=rate, seed=seed, device="cpu",
            progress=False, **SETTINGS[data],
        )  # fmt: skip
    except rk.ConfigError as error:  # an objective that has a limit of documents a list
        result["refused"] = str(error)
    else:
        result["seconds_an_epoch"] = (time.process_time() - start) / len(history.epochs)
        result["best_epoch"] = history.best_epoch
        for name, part in (("valid", valid), ("report", report)):
            result[name] = rk.evaluate(scorer, part, METRICS).means
    partial = path.with_suffix(".partial")
    partial.write_text(json.dumps(result, indent=1))
    partial.replace(path)
    return path


def read(data, objective, rate, seed):
    path = RUNS / f"{data}-{objective}-{rate:g}-{seed}.json"
    return json.loads(path.read_text()) if path.exists() else None


def best_rate(data, objective):
    """The learning rate whose trial (seed 0) does best on the selection data; None without trials."""
    trials = [read(data, objective, rate, 0) for rate in RATES]
    if any(trial is None or "refused" in trial for trial in trials):
        return None
    return max(trials, key=lambda trial: trial["valid"]["ndcg@10"])["rate"]


def teacher(train, valid):
    """LightGBM's lambdarank."""
    import lightgbm as lgb

    ranker = lgb.LGBMRanker(n_estimators=1000, learning_rate=0.05, random_state=0, n_jobs=1, verbosity=-1)
    ranker.fit(
        train.features, train.labels, group=train.list_sizes,
        eval_set=[(valid.features, valid.labels)], eval_group=[valid.list_sizes], eval_at=[10],
        callbacks=[lgb.early_stopping(50, verbose=False)],
    )  # fmt: skip
    return ranker


def run_all(objectives, n_jobs):
    """The trials of every objective, then its seeds."""
    RUNS.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(n_jobs, mp_context=get_context("spawn")) as pool:
        trials = [(data, objective, rate, 0) for data in DATA for objective in objectives for rate in RATES]
        for path in pool.map(one_run, trials):
            print(path, flush=True)
        rates = {(data, objective): best_rate(data, objective) for data in DATA for objective in objectives}
        seeds = [(*key, rate, seed) for key, rate in rates.items() if rate is not None for seed in SEEDS]
        for path in pool.map(one_run, seeds):
            print(path, flush=True)


def table(data, objectives):
    """A Markdown table, best mean ndcg@10 first; means and standard deviations over seeds."""
    from rankkit.objectives.descriptions import ROWS

    rows = []
    for objective in objectives:
        rate = best_rate(data, objective)
        runs = [run for seed in SEEDS if rate is not None and (run := read(data, objective, rate, seed)) is not None]
        if not runs:
            continue
        means = {metric: [run["report"][metric] for run in runs] for metric in METRICS}
        cells = [f"{statistics.mean(values):.4f} ± {statistics.pstdev(values):.4f}" for values in means.values()]
        seconds = statistics.median(run["seconds_an_epoch"] for run in runs)
        row = (
            f"| {objective} | {ROWS[objective].family} | {rate:g} | {' | '.join(cells)} | {seconds:.2f} | {len(runs)} |"
        )
        rows.append((-statistics.mean(means["ndcg@10"]), row))
    head = [
        "| objective | family | learning rate | ndcg@10 | mrr | s an epoch | seeds |",
        "|---|---|---|---|---|---|---|",
    ]
    return "\n".join([*head, *(row for _, row in sorted(rows))])


def main():
    from rankkit.objectives.descriptions import ROWS

    known = [name for name, row in ROWS.items() if row.family != "unbiased"]  # those learn from clicks
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["train", "table"])
    parser.add_argument("--objectives", nargs="+", default=known, choices=known)
    parser.add_argument("--jobs", type=int, default=2)
    arguments = parser.parse_args()
    if arguments.what == "train":
        run_all(arguments.objectives, arguments.jobs)
    for data in DATA:
        print(f"\n### {data}\n\n{table(data, arguments.objectives)}")


if __name__ == "__main__":
    main()
