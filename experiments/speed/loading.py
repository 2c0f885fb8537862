"""Loading.

`experiments/speed/loading.py`: a file in the shape of MSLR-WEB, as LETOR text and as what else is read. Each run is a
process of its own, in turns over all readers, so that none profits from another's memory. Shown are the median of the
processor seconds of reading, after the imports and, for rankkit, after its loops have been loaded; the megabytes of
text a second; and the memory that reading added at its peak, beyond the process before it, in which a file that is
mapped counts as far as it is in memory. The bytes alone are read and not looked at. Compressed text is decoded beside
the parser; here both share one processor. LightGBM bins while it reads and leaves the qids out. The pandas and polars
rows need a file in which every colon was made a blank before, and know neither missing features nor comments.
"""

import gzip
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measuring import begin, print_table
from peers import installed

N_FEATURES = 136
SMALL = "small.txt"


def rankkit_text(folder):
    import rankkit as rk

    return lambda name="mslr.txt": rk.read_letor(folder / name, n_threads=1).features


def rankkit_gzip(folder):
    import rankkit as rk

    return lambda name="mslr.txt.gz": rk.read_letor(folder / name, n_threads=1).features


def rankkit_cache(folder):
    """Opened and every value touched, as a first epoch does."""
    from rankkit.loaders.cache.reading import read_cache

    return lambda name="mslr.rkcache": touched(read_cache(folder / name.replace(".txt", ".rkcache")).features)


def rankkit_cache_open(folder):
    from rankkit.loaders.cache.reading import read_cache

    return lambda name="mslr.rkcache": read_cache(folder / name.replace(".txt", ".rkcache")).features


def rankkit_parquet(folder):
    import pyarrow as pa

    import rankkit as rk

    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    return lambda name="mslr.parquet": rk.read_parquet(folder / name.replace(".txt", ".parquet")).features


def bytes_alone(folder):
    return lambda name="mslr.txt": (folder / name).read_bytes()


def scikit_learn(folder):
    from sklearn.datasets import load_svmlight_file

    return lambda name="mslr.txt": load_svmlight_file(str(folder / name), query_id=True)[0]


def xgboost(folder):
    import xgboost as xgb

    return lambda name="mslr.txt": xgb.DMatrix(f"{folder / name}?format=libsvm", nthread=1, silent=True)


def lightgbm(folder):
    """Without the qids, which it does not read; binning is part of its reading."""
    import lightgbm as lgb

    options = {"num_threads": 1, "verbose": -1}
    return lambda name="mslr.txt": lgb.Dataset(str(folder / f"noqid-{name}"), params=options).construct()


def catboost(folder):
    import catboost as cb

    return lambda name="mslr.txt": cb.Pool(f"libsvm://{folder / name}", thread_count=1)


def pandas_trick(folder):
    """As a table with colons and blanks for separators; every other column is thrown away. Dense files only."""
    import pandas as pd

    columns = [0, 2, *range(4, 4 + 2 * N_FEATURES, 2)]

    def read(name="mslr.txt"):
        table = pd.read_csv(folder / f"spaced-{name}", sep=" ", header=None, usecols=columns, dtype=np.float32)
        return table.to_numpy()

    return read


def polars_trick(folder):
    """The same with polars."""
    os.environ["POLARS_MAX_THREADS"] = "1"  # read when it is imported
    import polars as pl

    columns = [0, 2, *range(4, 4 + 2 * N_FEATURES, 2)]
    schema = {f"c{i}": pl.String if i == 1 else pl.Float32 for i in range(3 + 2 * N_FEATURES)}

    def read(name="mslr.txt"):
        source = folder / f"spaced-{name}"
        table = pl.read_csv(source, separator=" ", has_header=False, schema=schema, columns=columns)
        return table.to_numpy()

    return read


# Title: the reader, and the peer that it needs.
READERS = {
    "rankkit, text": (rankkit_text, None),
    "rankkit, text in .gz": (rankkit_gzip, None),
    "rankkit, cache, every value touched": (rankkit_cache, None),
    "rankkit, cache, opened": (rankkit_cache_open, None),
    "rankkit, Parquet": (rankkit_parquet, None),
    "load_svmlight_file": (scikit_learn, "scikit-learn"),
    "DMatrix": (xgboost, "XGBoost"),
    "Dataset, with binning": (lightgbm, "LightGBM"),
    "Pool": (catboost, "CatBoost"),
    "read_csv, colons made blanks before": (pandas_trick, "pandas"),
    "read_csv with a schema, colons made blanks before": (polars_trick, "polars"),
    "the bytes alone": (bytes_alone, None),
}


def touched(features):
    """The features, once each page of them has been read."""
    features.reshape(-1)[::1024].sum()
    return features


def measure(title, folder):
    """Child process: prints seconds, user seconds and megabytes of one reading as JSON."""
    reader, peer = READERS[title]
    read = reader(folder)
    if peer is None and "opened" not in title:
        read(f"{SMALL}.gz" if ".gz" in title else SMALL)  # loads what is compiled
    before, start = resource.getrusage(resource.RUSAGE_SELF), time.process_time()
    data = read()
    seconds, after = time.process_time() - start, resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps([seconds, after.ru_utime - before.ru_utime, (after.ru_maxrss - before.ru_maxrss) / 1024]))
    del data


def make_files(folder, n_queries):
    from rankkit.data.synthetic import make_mslr_like
    from rankkit.loaders.files import write

    for name, n in (("mslr", n_queries), ("small", 5)):
        data = make_mslr_like(n)
        for extension in ("txt", "rkcache", "parquet"):
            write(data, folder / f"{name}.{extension}")
        with (folder / f"{name}.txt").open("rb") as plain, gzip.open(folder / f"{name}.txt.gz", "wb", 6) as packed:
            shutil.copyfileobj(plain, packed)
        if name == "mslr":
            with (
                (folder / "mslr.txt").open("rb") as plain,
                (folder / "spaced-mslr.txt").open("wb") as spaced,
                (folder / "noqid-mslr.txt").open("wb") as bare,
            ):
                for line in plain:
                    label, _, rest = line.split(b" ", 2)
                    spaced.write(line.replace(b":", b" "))
                    bare.write(label + b" " + rest)


def run_all(titles, folder, n_runs):
    """``{title: [(seconds, user seconds, megabytes), ...]}``."""
    results = {title: [] for title in titles}
    for _ in range(n_runs):
        for title in titles:
            command = [sys.executable, __file__, "--child", title, str(folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                sys.exit(f"loading.py: {title} ended with {done.returncode}:\n{done.stderr}")
            results[title].append(json.loads(done.stdout.splitlines()[-1]))
    return results


def main():
    options = begin(__doc__, queries=500, runs=5)
    found = installed(*(peer for _, peer in READERS.values() if peer), imported=False)
    titles = [title for title, (_, peer) in READERS.items() if peer is None or peer in found]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # In a process of its own: the peak memory of a process is handed on to those that it starts.
        subprocess.run([sys.executable, __file__, "--make", str(options.queries), str(folder)], check=True)
        n_megabytes = (folder / "mslr.txt").stat().st_size / 1e6
        with (folder / "mslr.txt").open("rb") as lines:
            n_docs = sum(1 for _ in lines)
        print(
            f"\n{n_megabytes:.0f} MB of text, {n_docs:,} rows, {n_docs * N_FEATURES * 4 / 1e6:.0f} MB as float32;"
            f" {options.runs} runs."
        )
        results = run_all(titles, folder, options.runs)
    own = statistics.median(seconds for seconds, _, _ in results["rankkit, text"])
    rows = []
    for title, runs in results.items():
        seconds, user, memory = (statistics.median(column) for column in zip(*runs, strict=True))
        ranges = f"{min(run[0] for run in runs):.3f}-{max(run[0] for run in runs):.3f}"
        name = f"{found[READERS[title][1]]}, {title}" if READERS[title][1] else title
        speed = f"{n_megabytes / seconds:,.0f}"
        rows.append((name, f"{seconds:.3f} ({ranges})", f"{user:.3f}", speed, f"{seconds / own:.2f}", f"{memory:,.0f}"))
    names = ["reader", "s (range)", "user s", "MB of text / s", "times rankkit's text", "peak memory added, MB"]
    print_table(names, rows)


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--child":
        measure(sys.argv[2], Path(sys.argv[3]))
    elif len(sys.argv) == 4 and sys.argv[1] == "--make":
        make_files(Path(sys.argv[3]), int(sys.argv[2]))
    else:
        main()
