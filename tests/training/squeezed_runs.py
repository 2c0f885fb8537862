"""A training in a process that may take so little memory for itself that its cache does not fit; run as a program.

    python squeezed_runs.py CACHE OUT N_BYTES

Writes one line of JSON.
"""

import json
import os
import resource
import sys
from pathlib import Path

import numpy as np

import rankkit as rk
from rankkit.data.synthetic import make_ranking

OPTIONS = {"epochs": 1, "batch_queries": 256, "device": "cpu", "progress": False, "seed": 1}
BLOCK_DOCS = 250


def data_size() -> int:
    """Bytes of memory that are this process's own."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData"))


def trained(data: rk.RankingDataset, valid: rk.RankingDataset, out: str | None) -> rk.LinearScorer:
    """A linear scorer, whose transform is fitted as well."""
    scorer = rk.LinearScorer(data.n_features, transform="standardize", seed=0)
    rk.fit(scorer, "softmax", data, valid, out=out, block_docs=BLOCK_DOCS, **OPTIONS)
    return scorer


def main(cache: str, out: str, n_bytes: int) -> None:
    """Train within ``n_bytes`` more than this process has taken once it is warm."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    small = make_ranking(8, seed=0)
    trained(small, small, None)
    limit = data_size() + n_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    data = rk.read(cache)
    try:
        np.array(data.features)
        fits = True
    except MemoryError:
        fits = False
    scorer = trained(data, data[: data.n_queries // 2], out)
    sys.stdout.write(
        json.dumps({"fits": fits, "bytes": data.features.nbytes, "ndcg": rk.evaluate(scorer, data).means["ndcg@10"]})
    )


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
