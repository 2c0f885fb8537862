"""Sets cut into parts of whole queries: each is test data in turn, the next validation data, the others train."""

from itertools import islice, pairwise

import numpy as np

import rankkit as rk

SETS = ["mq2008", "clueweb09_webis", "lightgbm_lambdarank", "mslr_web30k_5k"]


def by_rotation(parts):
    """Training, validation and test data, as often as there are parts."""
    for place in range(len(parts)):
        test, valid, *rest = parts[place:] + parts[:place]
        yield (rest[0] if len(rest) == 1 else rk.merge(rest)), valid, test


def cut(data, n_parts):
    """Neighbouring queries in parts of about as many."""
    bounds = np.linspace(0, data.n_queries, n_parts + 1).astype(int).tolist()
    return [data[first:last] for first, last in pairwise(bounds)]


def read(name, root):
    """The rounds of a set."""
    if name == "mq2008":
        train, valid, test = (rk.read_letor(root / f"mq2008/Fold1/{part}.txt.gz") for part in ("train", "vali", "test"))
        yield from by_rotation([*cut(train, 3), valid, test])
    elif name == "clueweb09_webis":
        yield from by_rotation([rk.read_letor(root / f"clueweb09_webis/part{n}.txt.gz") for n in (1, 2, 3)])
    elif name == "mslr_web30k_5k":
        whole = rk.read_letor(root / "mslr_web30k_5k/msn1.fold1.train.5k.txt.gz")
        yield from by_rotation(cut(whole, 5))
    else:
        train, test = (rk.read_letor(root / f"lightgbm_lambdarank/rank.{part}.gz") for part in ("train", "test"))
        held_out = np.arange(train.n_queries) % 5 == 4
        yield train[np.flatnonzero(~held_out)], train[np.flatnonzero(held_out)], test


def rounds_of(name, root, n_rounds):
    """The rounds of a set, ``n_rounds`` at most; of msrd one, with a sixth of the training queries to choose by."""
    if name != "msrd":
        return list(islice(read(name, root), n_rounds))
    whole, test = (rk.read(root / f"msrd/letor47/{part}.txt.gz") for part in ("train", "vali"))
    return [(*rk.split(whole, (5 / 6, 1 / 6)), test)]
