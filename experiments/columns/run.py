"""What each kind of column is worth on data whose generating function is known.

    OMP_NUM_THREADS=1 python experiments/columns/run.py --seeds 5

A shop: 2,000 queries of 20 offers. What a person likes is the sum of the quality of an offer, of its price times how
much its category minds prices, of its brand, of the season of its category at the day of the query, and of how many
words of the query its title has, with noise. The columns are given to the rankers step by step: numbers, then brand
and category, then the day, then the texts. The ceiling of a step is the ranking by what the function says of these
columns alone. Queries are split in order of time. Prints the table of the README, with the p of paired t-tests of each
step against the one before over the test queries of all seeds, and ends with status 1 if a step gains less than half of
what the ceiling gains.
"""

import argparse
import sys
from itertools import pairwise

import numpy as np
import pandas as pd
from peers import installed
from scipy.stats import ttest_rel

import rankkit as rk

N_QUERIES, LIST_SIZE = 2000, 20
N_BRANDS, N_CATEGORIES, N_WORDS = 60, 8, 200
STEPS = ["numbers", "+ categories", "+ time", "+ text"]
METRIC = "ndcg@10"
LEAST_SHARE = 0.5


def make_shop(seed):
    """The rows, and for each step what the function says of a row from the columns of that step."""
    rng = np.random.default_rng(seed)
    n = N_QUERIES * LIST_SIZE
    query = np.repeat(np.arange(N_QUERIES), LIST_SIZE)
    day = np.sort(rng.integers(0, 3 * 365, N_QUERIES))[query]
    price, quality = rng.normal(size=n), rng.normal(size=n)
    brand, category = rng.integers(0, N_BRANDS, n), rng.integers(0, N_CATEGORIES, n)
    minds = np.linspace(-0.4, 1.6, N_CATEGORIES)  # one category likes high prices
    brands = rng.normal(size=N_BRANDS)
    season = 1.2 * np.cos(2 * np.pi * (day / 365 - np.arange(N_CATEGORIES)[category] / N_CATEGORIES))
    words = np.array([f"w{rng.integers(10**6):06d}" for _ in range(N_WORDS)])
    asked = rng.integers(0, N_WORDS, (N_QUERIES, 3))
    has = rng.random((n, 3)) < 0.35
    titles = np.where(has, asked[query], rng.integers(0, N_WORDS, (n, 3)))
    n_matches = (titles[:, :, None] == asked[query][:, None, :]).any(axis=1).sum(axis=1)
    known = [quality - minds.mean() * price]
    known += [quality - minds[category] * price + brands[brand]]
    known += [known[1] + season]
    known += [known[2] + 1.2 * (n_matches - n_matches.mean())]
    liked = known[3] + 0.5 * rng.normal(size=n)
    frame = pd.DataFrame(
        {
            "qid": query,
            "label": np.digitize(liked, np.quantile(liked, [0.5, 0.8, 0.95])),
            "price": price,
            "quality": quality,
            "brand": np.array([f"brand {number}" for number in range(N_BRANDS)])[brand],
            "category": np.array([f"category {number}" for number in range(N_CATEGORIES)])[category],
            "day": pd.Timestamp("2023-01-01") + pd.to_timedelta(day, unit="D"),
            "query": [" ".join(row) for row in words[asked[query]]],
            "title": [" ".join(row) for row in words[titles]],
        }
    )
    return frame, known


def columns_of(step):
    """The columns that are given, and what is left out of the frame."""
    kinds = {"brand": "category", "category": "category", "day": rk.time("yearday")}
    kinds["title"] = rk.text(0, analyzer="words", n=(1, 1), against="query")
    given = [[], ["brand", "category"], ["day"], ["title"]]
    names = [name for names in given[: step + 1] for name in names]
    dropped = [name for name in ("brand", "category", "title", "query") if name not in names]
    if "title" in names:
        dropped.remove("query")
    return {name: kinds[name] for name in names}, dropped


def read(frame, step):
    """Training, validation and test data, in order of time."""
    kinds, dropped = columns_of(step)
    data = rk.from_pandas(frame.drop(columns=dropped), columns=kinds, time="day", features=["price", "quality", *kinds])
    return rk.split(data, (0.7, 0.1, 0.2), by="day")


def by_mlp(train, valid, test, seed):
    scorer = rk.MLPScorer.for_data(train, hidden=(64, 32), dropout=0.1, seed=seed)
    rk.fit(scorer, rk.lambdarank_loss, train, valid, metric=METRIC, epochs=20, seed=seed, device="cpu", progress=False)
    return rk.predict(scorer, test)


def measured(scores, test):
    qids = np.repeat(test.qids, test.list_sizes)
    return rk.evaluate_scores(scores, test.labels, qids=qids, metrics=[METRIC]).counted(METRIC)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    n_seeds = parser.parse_args().seeds
    rankers = {"mlp": by_mlp, **installed()}
    values = {name: [[] for _ in STEPS] for name in ("ceiling", *rankers)}
    for seed in range(n_seeds):
        frame, known = make_shop(seed)
        for step in range(len(STEPS)):
            train, valid, test = read(frame, step)
            is_test = np.isin(frame["qid"], test.qids)
            values["ceiling"][step].append(measured(known[step][is_test], test))
            for name, fit in rankers.items():
                values[name][step].append(measured(fit(train, valid, test, seed), test))
            print(
                f"seed {seed}, {STEPS[step]}",
                *(f"{name} {found[step][seed].mean():.4f}" for name, found in values.items()),
                flush=True,
            )
    print(f"\n| {METRIC}, mean of {n_seeds} seeds | " + " | ".join(STEPS) + " |\n|" + " --- |" * (len(STEPS) + 1))
    of_queries = {name: [np.concatenate(seeds) for seeds in found] for name, found in values.items()}
    for name, found in of_queries.items():
        print(f"| {name} | " + " | ".join(f"{step.mean():.4f}" for step in found) + " |")
    gains = {name: np.diff([step.mean() for step in found]) for name, found in of_queries.items()}
    shares = {name: gains[name] / gains["ceiling"] for name in rankers}
    print("\nshare of the gain of the ceiling, by step, and p of the step against the one before:")
    for name, share in shares.items():
        p = [ttest_rel(after, before).pvalue for before, after in pairwise(of_queries[name])]
        steps = zip(STEPS[1:], share, p, strict=True)
        print(f"{name}: " + ", ".join(f"{step} {value:.0%} (p {chance:.1g})" for step, value, chance in steps))
    return int(any((share < LEAST_SHARE).any() for share in shares.values()))


if __name__ == "__main__":
    sys.exit(main())
