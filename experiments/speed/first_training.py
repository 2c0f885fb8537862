"""The first training on a machine.

`experiments/speed/first_training.py`: `rankkit train` (two epochs of made queries as LETOR text, default scorer) with
an empty cache of compiled loops, once more, and with a cache that `rankkit precompile OBJECTIVE` filled before. Whole
commands, imports included; user seconds, all of the processor's, and by the clock, one run each.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import begin, print_table

import rankkit as rk


def spent(command, cache):
    """User, processor and clock seconds of a command of rankkit."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    told = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([sys.executable, "-m", "rankkit", *command], check=True, env=environment, **told)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    user, system = after.ru_utime - before.ru_utime, after.ru_stime - before.ru_stime
    return user, user + system, time.perf_counter() - start


def main():
    begin(__doc__)
    with tempfile.TemporaryDirectory() as folder:
        print_table(["objective", "command", "user s", "processor s", "s by the clock"], rows(Path(folder)))


def rows(folder):
    for name, seed in (("train", 0), ("vali", 1)):
        rk.write(rk.make_ranking(470, n_features=46, seed=seed), folder / f"{name}.txt")
    parts = ["train", "--train", str(folder / "train.txt"), "--valid", str(folder / "vali.txt")]
    for objective in ("lambdarank", "softmax"):
        empty, filled = folder / f"empty-{objective}", folder / f"filled-{objective}"
        train = [*parts, "--objective", objective, "--set", "training.epochs=2", "--out"]
        commands = {
            "train, nothing compiled": ([*train, str(folder / f"1-{objective}")], empty),
            "train again": ([*train, str(folder / f"2-{objective}")], empty),
            "precompile": (["precompile", objective], filled),
            "train after it": ([*train, str(folder / f"3-{objective}")], filled),
        }
        for name, (command, cache) in commands.items():
            yield (objective, name, *(f"{seconds:.1f}" for seconds in spent(command, cache)))


if __name__ == "__main__":
    main()
