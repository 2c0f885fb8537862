"""Larger than memory.

`experiments/speed/out_of_core.py`: two epochs of softmax from a cache of which nothing is in memory at the start, and
which is forgotten again after each eighth of an epoch, beside the same training of data in memory; in blocks
(`block_docs`), and with queries drawn from all over the file. The system is told to forget the pages of the features by
`posix_fadvise`; what it still held of them before a run is looked up by `mincore`. Documents a second are by the wall
clock, since a disk is waited for, so that other programs show in them; processor seconds include the thread that reads.
The disk of temporary files, on which this is, may have a memory of its own: the ratios are those of this disk. Medians
of the runs, in turns. In memory is the limit of the other two.
"""

import ctypes
import mmap
import os
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import begin, print_table

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like
from rankkit.loaders.cache.reading import read_cache, write_cache

WAYS = {"in memory": None, "in blocks": 1024, "all over the file": None}
EPOCHS, FORGETTING = 2, 8
# What is trained, and the part of the data on which: a network takes much longer.
SCORERS = {
    "linear": (lambda n: rk.LinearScorer(n, transform="standardize", seed=0), 1),
    "136-256-128-1": (lambda n: rk.MLPScorer(n, hidden=(256, 128), transform="log1p+standardize", seed=0), 8),
}


def forget(path):
    """Drop the pages of a file from memory; gives the share that stays."""
    file = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
        size = os.fstat(file).st_size
        pages = np.zeros(-(-size // mmap.PAGESIZE), np.uint8)
        with mmap.mmap(file, size, access=mmap.ACCESS_READ) as mapped:
            view = np.frombuffer(mapped, np.uint8)
            libc = ctypes.CDLL(None, use_errno=True)
            where, told = ctypes.c_void_p(view.ctypes.data), ctypes.c_void_p(pages.ctypes.data)
            if libc.mincore(where, ctypes.c_size_t(size), told):
                raise OSError(ctypes.get_errno(), "mincore")
            del view
        return float((pages & 1).mean())
    finally:
        os.close(file)


class Forgetting:
    """Forgets the file again and again while it is trained on.

    Args:
        path: The file.
        data: That is mapped to it.
    """

    def __init__(self, path, data):
        self.path, self.next, self.every = path, 0, data.n_docs / FORGETTING
        self.n_docs, self.mapped = 0, data.features
        while not isinstance(self.mapped, mmap.mmap):
            self.mapped = self.mapped.base

    def on_step(self, record):
        """Now and then."""
        self.n_docs += record.n_docs
        if self.n_docs >= self.next:
            self.next += self.every
            self.mapped.madvise(mmap.MADV_DONTNEED)  # pages in use are not forgotten
            forget(self.path)

    def on_epoch_end(self, record):
        """Nothing."""


def run(way, scorer, cache, data):
    """Seconds, processor seconds, user seconds, and the share of the file that was in memory before a run."""
    path, chosen = cache / "features.npy", data if way == "in memory" else read_cache(cache)
    callbacks = [] if way == "in memory" else [Forgetting(path, chosen)]
    kept = forget(path)
    wall, processor, before = time.perf_counter(), time.process_time(), resource.getrusage(resource.RUSAGE_SELF)
    options = {"epochs": EPOCHS, "device": "cpu", "progress": False, "callbacks": callbacks}
    rk.fit(scorer, "softmax", chosen, block_docs=WAYS[way], **options)
    user = resource.getrusage(resource.RUSAGE_SELF).ru_utime - before.ru_utime
    return time.perf_counter() - wall, time.process_time() - processor, user, kept


def rows(name, data, folder, n_runs):
    """Those of a scorer."""
    make, part = SCORERS[name]
    data, cache = data[: data.n_queries // part], folder / f"{name}.rkcache"
    write_cache(data, cache)
    scorer = make(data.n_features)
    scorer.transform.fit(data.features[:100_000], np.array([0, min(100_000, data.n_docs)]))
    rk.fit(scorer, "softmax", data[:50], epochs=1, device="cpu", progress=False)  # compiles what is compiled
    turns = [{way: run(way, scorer, cache, data) for way in WAYS} for _ in range(n_runs)]
    for way in WAYS:
        wall, *processor, kept = (statistics.median(column) for column in zip(*(t[way] for t in turns), strict=True))
        ratio = statistics.median(turn["in memory"][0] / turn[way][0] for turn in turns)
        shown = "" if way == "in memory" else f"{kept:.0%}"
        spent = [f"{seconds:.2f}" for seconds in processor]
        speed = f"{EPOCHS * data.n_docs / wall:,.0f}"
        yield f"{name}, {data.features.nbytes / 1e6:,.0f} MB", way, speed, f"{ratio:.2f}", *spent, shown


def main():
    options = begin(__doc__, queries=1500, runs=5)
    folder = Path(tempfile.mkdtemp())
    try:
        data = make_mslr_like(options.queries, seed=0)
        names = ["scorer, features", "way", "docs/s", "of those in memory", "processor s", "user s", "in memory before"]
        print_table(names, (row for name in SCORERS for row in rows(name, data, folder, options.runs)))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
