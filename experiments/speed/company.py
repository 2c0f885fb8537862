"""Beside other programs.

`experiments/speed/company.py`: seconds by the clock, and of the processor, of a training with as many threads as there
are cores, alone and while as many other processes are busy; with threads of OpenMP that wait as they do by themselves,
and as `rankkit`'s commands let them wait (`rankkit.__main__.SHORT_WAIT`). Medians of three trainings of a process; in
brackets the least and the most. Other programs of the machine show in all of them.
"""

import os
import statistics
import subprocess
import sys
from contextlib import contextmanager

from measuring import begin, print_table

from rankkit.__main__ import SHORT_WAIT

TRAINING = """
import sys, time, warnings
import rankkit as rk
from rankkit.data.synthetic import make_mslr_like

warnings.simplefilter("ignore")
data = make_mslr_like(100, seed=0)
build = {"linear": rk.LinearScorer, "mlp": rk.MLPScorer}[sys.argv[1]]
for epochs in (1, *[int(sys.argv[2])] * 3):
    clock, processor = time.perf_counter(), time.process_time()
    rk.fit(build(data.n_features, seed=0), "softmax", data, epochs=epochs, seed=0, device="cpu", progress=False)
    print(time.perf_counter() - clock, time.process_time() - processor)
"""
WAYS = {"as they do by themselves": {}, "as in rankkit's commands": SHORT_WAIT}
EPOCHS = {"linear": 20, "mlp": 3}
UNSET = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OMP_WAIT_POLICY", "KMP_BLOCKTIME", *SHORT_WAIT)


@contextmanager
def company(n_processes):
    """Processes that do nothing but keep a core busy."""
    busy = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(n_processes)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


def trained(scorer, environment):
    """Seconds by the clock, and of the processor, of each training but the first, which loads and compiles."""
    given = {name: value for name, value in os.environ.items() if name not in UNSET}
    command = [sys.executable, "-c", TRAINING, scorer, str(EPOCHS[scorer])]
    ran = subprocess.run(command, env={**given, **environment}, check=True, capture_output=True, text=True)
    return zip(*(map(float, line.split()) for line in ran.stdout.splitlines()[1:]), strict=True)


def rows(n_cores):
    for scorer in EPOCHS:
        for n_busy in (0, n_cores):
            for way, environment in WAYS.items():
                with company(n_busy):
                    clock, processor = trained(scorer, environment)
                yield scorer, n_busy, way, told(clock), told(processor)


def told(seconds):
    return f"{statistics.median(seconds):.2f} ({min(seconds):.2f} to {max(seconds):.2f})"


def main():
    begin(__doc__)
    n_cores = len(os.sched_getaffinity(0))
    columns = ["scorer", "busy processes beside it", "threads wait", "s by the clock", "processor s"]
    print_table(columns, rows(n_cores))


if __name__ == "__main__":
    main()
