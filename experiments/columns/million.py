"""A million different ids as a category: seconds and memory of reading and of an epoch, with a vocabulary or hashed.

    OMP_NUM_THREADS=1 python experiments/columns/million.py vocabulary
    OMP_NUM_THREADS=1 python experiments/columns/million.py hashed

Two million rows in queries of 20, in which each of a million ids stands twice. An epoch is one over 1,600 queries, with
the settings of ``fit``, once as a first run and once warm. Memory is the most that the process has held, the frame
included.
"""

import argparse
import resource
import time
import warnings

import numpy as np
import pandas as pd

import rankkit as rk

N_ROWS, LIST_SIZE, N_TRAINED = 2_000_000, 20, 1600
KINDS = {"vocabulary": rk.category(max_size=1_000_000), "hashed": rk.category(n_buckets=100_000)}


def told(what, since):
    held = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{what:<12} {time.perf_counter() - since:6.1f} s, {held:.2f} GiB", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("kind", choices=KINDS)
    kind = KINDS[parser.parse_args().kind]
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(0)
    ids = np.tile(np.arange(N_ROWS // 2), 2)
    rng.shuffle(ids)
    frame = pd.DataFrame(
        {
            "qid": np.repeat(np.arange(N_ROWS // LIST_SIZE), LIST_SIZE),
            "label": rng.integers(0, 3, N_ROWS),
            "price": rng.random(N_ROWS).astype(np.float32),
            "item": [f"item {number}" for number in ids],
        }
    )
    since = time.perf_counter()
    told("frame", since)
    data = rk.from_pandas(frame, columns={"item": kind})
    told("reading", since)
    scorer = rk.MLPScorer.for_data(data, seed=0, hidden=(32,), transform="standardize")
    for name in ("first epoch", "epoch"):
        since = time.perf_counter()
        rk.fit(scorer, rk.ranknet_loss, data[:N_TRAINED], epochs=1, device="cpu", progress=False)
        told(name, since)
    print(f"{tuple(scorer.transform.codes[0].weight.shape)} numbers learnt of ids")


if __name__ == "__main__":
    main()
