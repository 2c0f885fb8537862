"""Training from a cache of which nothing is in memory, beside the same training of data in memory.

    python experiments/speed/out_of_core.py

One thread trains, on data in the shape of MSLR-WEB30K (136 features). Three ways take turns, two epochs each: features
in memory; the cache in blocks (``block_docs``); the cache with its queries drawn from all over the file. Before each
run from the cache the system is told to forget the pages of the features (``posix_fadvise``); what it still holds of
them is looked up (``mincore``). It is told so again after each eighth of an epoch, as if there were memory for an
eighth of the file. The disk may have a memory of its own: the ratios are those of this disk.
"""

import argparse
import ctypes
import mmap
import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

import rankkit as rk
from rankkit.data.synthetic import make_mslr_like
from rankkit.loaders.cache.reading import read_cache, write_cache

WAYS = {"in memory": None, "in blocks": 1024, "all over the file": None}
EPOCHS, FORGETTING = 2, 8
SCORERS = {
    "linear": lambda n: rk.LinearScorer(n, transform="standardize", seed=0),
    "136-256-128-1": lambda n: rk.MLPScorer(n, hidden=(256, 128), transform="log1p+standardize", seed=0),
    "default": lambda n: rk.MLPScorer(n, seed=0),
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
    """Seconds, processor seconds, and the share of the file that was in memory before a run."""
    path, chosen = cache / "features.npy", data if way == "in memory" else read_cache(cache)
    callbacks = [] if way == "in memory" else [Forgetting(path, chosen)]
    kept = forget(path)
    wall, processor = time.perf_counter(), time.process_time()
    options = {"epochs": EPOCHS, "device": "cpu", "progress": False, "callbacks": callbacks}
    rk.fit(scorer, "softmax", chosen, block_docs=WAYS[way], **options)
    return time.perf_counter() - wall, time.process_time() - processor, kept


def main():
    """Print one Markdown table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=8000, help="queries of the data, about 120 documents each")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--scorers", nargs="+", default=list(SCORERS), choices=list(SCORERS))
    parser.add_argument("--folder", type=Path, help="on the disk to be measured; by default that of temporary files")
    options = parser.parse_args()
    torch.set_num_threads(1)

    folder = Path(tempfile.mkdtemp(dir=options.folder))
    try:
        data, cache = make_mslr_like(options.queries, seed=0), folder / "data.rkcache"
        write_cache(data, cache)
        print(f"{data!r}, {data.features.nbytes / 1e6:,.0f} MB of features, {options.repeats} repeats\n")
        print("| scorer | way | docs/s | of those in memory | processor s | of the file in memory before |")
        print("|---|---|---|---|---|---|")
        for name in options.scorers:
            scorer = SCORERS[name](data.n_features)
            scorer.transform.fit(data.features[:100_000], np.array([0, 100_000]))
            rk.fit(scorer, "softmax", data[:500], epochs=1, device="cpu", progress=False)  # compiles what is compiled
            turns = [{way: run(way, scorer, cache, data) for way in WAYS} for _ in range(options.repeats)]
            for way in WAYS:
                wall, processor, kept = (
                    statistics.median(column) for column in zip(*(t[way] for t in turns), strict=True)
                )
                ratio = statistics.median(turn["in memory"][0] / turn[way][0] for turn in turns)
                shown = "" if way == "in memory" else f"{kept:.0%}"
                speed = f"{EPOCHS * data.n_docs / wall:,.0f}"
                print(f"| {name} | {way} | {speed} | {ratio:.2f} | {processor:.1f} | {shown} |", flush=True)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
