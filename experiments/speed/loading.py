"""Loading LETOR text in the shape of MSLR-WEB: rankkit beside other readers, one thread.

``python experiments/speed/loading.py`` writes a file of at least 200 MB into a temporary folder and prints a Markdown
table. Each run is a process of its own, in turns over all readers, so that none profits from another's memory: what is
shown is the median of the processor seconds (user and system) of reading, after the imports and, for rankkit, after its
loops have been loaded; the megabytes of text a second; and the memory that reading added at its peak, beyond the
process before it (so that a file that is mapped counts as far as it is in memory). Readers that are not installed are
left out.
"""

import argparse
import gzip
import importlib.metadata
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


READERS = {
    "rankkit, text": (rankkit_text, None),
    "rankkit, text in .gz": (rankkit_gzip, None),
    "rankkit, cache, every value touched": (rankkit_cache, None),
    "rankkit, cache, opened": (rankkit_cache_open, None),
    "rankkit, Parquet": (rankkit_parquet, None),
    "scikit-learn load_svmlight_file": (scikit_learn, "scikit-learn"),
    "XGBoost DMatrix": (xgboost, ("xgboost", "xgboost-cpu")),
    "LightGBM Dataset, with binning": (lightgbm, "lightgbm"),
    "CatBoost Pool": (catboost, "catboost"),
    "pandas read_csv, colons made blanks before": (pandas_trick, "pandas"),
    "polars read_csv, colons made blanks before": (polars_trick, "polars"),
}


def touched(features):
    """The features, once each page of them has been read."""
    features.reshape(-1)[::1024].sum()
    return features


def measure(name, folder):
    """Child process: prints seconds and megabytes of one reading as JSON."""
    read = READERS[name][0](folder)
    if READERS[name][1] is None and "opened" not in name and ".gz" not in name:
        read(SMALL)  # loads what is compiled
    elif ".gz" in name:
        read(f"{SMALL}.gz")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    data = read()
    seconds = time.process_time() - start
    megabytes = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    print(json.dumps([seconds, megabytes]))
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


def version(names):
    for name in (names,) if isinstance(names, str) else names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--queries", type=int, default=1700)
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    names = [name for name, (_, package) in READERS.items() if package is None or version(package)]
    results = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        # In a process of its own: the peak memory of a process is handed on to those that it starts.
        subprocess.run([sys.executable, __file__, "--make", str(arguments.queries), str(folder)], check=True)
        n_megabytes = (folder / "mslr.txt").stat().st_size / 1e6
        for _ in range(arguments.runs):
            for name in names:
                command = [sys.executable, __file__, "--child", name, str(folder)]
                done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=True)
                results[name].append(json.loads(done.stdout.splitlines()[-1]))
        n_docs = sum(1 for _ in (folder / "mslr.txt").open("rb"))
    seconds = {name: statistics.median(second for second, _ in runs) for name, runs in results.items()}
    print(f"{n_megabytes:.0f} MB of text, {n_docs:,} rows, {n_docs * N_FEATURES * 4 / 1e6:.0f} MB as float32; ", end="")
    print(f"median of {arguments.runs} runs\n")
    print("| reader | processor s (range) | MB of text / s | x scikit-learn | peak memory added, MB |")
    print("|---|---|---|---|---|")
    slowest = seconds["scikit-learn load_svmlight_file"]
    for name in names:
        times = [second for second, _ in results[name]]
        memory = statistics.median(megabytes for _, megabytes in results[name])
        package = READERS[name][1]
        title = f"{name} {version(package)}" if package else name
        print(
            f"| {title} | {seconds[name]:.3f} ({min(times):.3f}-{max(times):.3f}) | {n_megabytes / seconds[name]:,.0f} "
            f"| {slowest / seconds[name]:.1f} | {memory:,.0f} |"
        )


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1] == "--child":
        measure(sys.argv[2], Path(sys.argv[3]))
    elif len(sys.argv) == 4 and sys.argv[1] == "--make":
        make_files(Path(sys.argv[3]), int(sys.argv[2]))
    else:
        main()
