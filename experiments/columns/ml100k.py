"""What categories are worth on MovieLens 100k taken as ranking data, against the other ways to write them as numbers.

    RANKKIT_DATA=/path/to/data OMP_NUM_THREADS=1 python experiments/columns/ml100k.py --seeds 5

A query is a user, its documents are the films that the user rated, the label is the rating less 1. Users are split
.7/.1/.2 in order of their first rating, so that no user of the test data is known. Columns: age, gender and occupation
of the user, year, genres (a bag) and id of the film. They reach each ranker in several forms: numbers alone (age and
year), codes taken as numbers, one column of zeros and ones a value, and as rankkit has categories. Prints the table of
the README: the mean over the seeds and, against the same ranker with codes as numbers, the p of a paired t-test over
the test users, whose values are means over the seeds. Zeros and ones are for the linear scorer alone.
"""

import argparse
import gzip
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from peers import installed
from scipy.stats import ttest_rel

import rankkit as rk

METRIC = "ndcg@10"
CODED = {"gender": "category", "occupation": "category", "genres": "bag", "film": "category"}


def read_log(folder):
    """A row a rating."""
    ratings = pd.read_csv(folder / "u.data.gz", sep="\t", names=["qid", "film", "rating", "at"])
    users = pd.read_csv(folder / "u.user.gz", sep="|", names=["qid", "age", "gender", "occupation", "zip"])
    genres = [line.split("|")[0] for line in (folder / "u.genre").read_text().split("\n") if "|" in line]
    films = []
    with gzip.open(folder / "u.item.gz", "rt", encoding="latin-1") as file:
        for line in file:
            parts = line.rstrip("\n").split("|")
            listed = [genre for genre, is_one in zip(genres, parts[-len(genres) :], strict=True) if is_one == "1"]
            films.append({"film": int(parts[0]), "year": float(parts[2][-4:] or "nan"), "genres": listed})
    frame = ratings.merge(users.drop(columns="zip"), on="qid").merge(pd.DataFrame(films), on="film")
    frame["label"] = frame.pop("rating") - 1
    frame["began"] = frame.groupby("qid")["at"].transform("min")
    return frame.drop(columns="at").sort_values("qid", kind="stable", ignore_index=True)


def forms_of(frame):
    """The data of each form, whole."""
    coded = rk.from_pandas(frame, columns=CODED, time="began")
    numbers = rk.select_features(coded, ["age", "year"])
    codes = replace(coded, schema=None)
    parts = [coded.features[:, [coded.schema.names.index(name) for name in ("age", "year")]]]
    names = ["age", "year"]
    for column in coded.schema.columns:
        if column.name in CODED:
            values = coded.features[:, coded.schema.spans[column.name]]
            ones = np.zeros((len(values), column.n_codes), np.float32)
            row, place = np.nonzero(~np.isnan(values))
            ones[row, values[row, place].astype(int)] = 1
            parts.append(ones)
            names += [f"{column.name}={word}" for word in column.vocabulary]
    one_hot = replace(coded, features=np.concatenate(parts, axis=1), feature_names=tuple(names), schema=None)
    return {"numbers": numbers, "codes": codes, "one-hot": one_hot, "categories": coded}


def by_scorer(made, train, valid, test, seed):
    options = {"hidden": (64, 32), "dropout": 0.1} if made is rk.MLPScorer else {}
    scorer = made.for_data(train, seed=seed, **options)
    rk.fit(scorer, rk.lambdarank_loss, train, valid, metric=METRIC, epochs=15, seed=seed, device="cpu", progress=False)
    return rk.predict(scorer, test)


SCORERS = {
    "mlp": lambda *parts: by_scorer(rk.MLPScorer, *parts),
    "linear": lambda *parts: by_scorer(rk.LinearScorer, *parts),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rankers", nargs="+", help="Some of them; all where none are named.")
    asked = parser.parse_args()
    trees = {name: partial(fit, n_trees=300) for name, fit in installed().items()}
    n_seeds, every = asked.seeds, {**trees, **SCORERS}
    rankers = {name: every[name] for name in asked.rankers or every}
    frame = read_log(Path(os.environ["RANKKIT_DATA"]) / "ml-100k")
    forms = {name: rk.split(data, (0.7, 0.1, 0.2), by="time") for name, data in forms_of(frame).items()}
    print(f"| {METRIC}, mean of {n_seeds} seeds | " + " | ".join(forms) + " |\n|" + " --- |" * (len(forms) + 1))
    for ranker, fit in rankers.items():
        found = {}
        since = time.perf_counter()
        for form, (train, valid, test) in forms.items():
            if form == "one-hot" and ranker != "linear":
                continue
            qids = np.repeat(test.qids, test.list_sizes)
            found[form] = np.mean(
                [
                    rk.evaluate_scores(fit(train, valid, test, seed), test.labels, qids=qids, metrics=[METRIC]).counted(
                        METRIC
                    )
                    for seed in range(n_seeds)
                ],
                axis=0,
            )
        cells = []
        for form in forms:
            if form not in found:
                cells.append("")
                continue
            values = found[form]
            against = "" if form in ("numbers", "codes") else f" (p {ttest_rel(values, found['codes']).pvalue:.2g})"
            cells.append(f"{values.mean():.4f}{against}")
        print(f"| {ranker} | " + " | ".join(cells) + f" | {time.perf_counter() - since:.0f} s", flush=True)


if __name__ == "__main__":
    main()
