import os
import subprocess
from pathlib import Path

import pytest

from rankkit.cli.kinds.commands import load_comparison
from rankkit.comparison import compare, read_results
from rankkit.data.synthetic import make_ranking
from rankkit.loaders.examples.files import read_labelled, write_labelled
from rankkit.loaders.files import write
from tests import forked

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session", autouse=True)
def _workers_are_forked(forked_workers):
    pass


EXPERIMENT = """
seeds = 2
scorers = ["linear"]
objectives = ["softmax", "cross_entropy"]
external = ["lightgbm-lambdarank", "best-feature", "random"]

[data]
train = "DATA/train.txt"
valid = "DATA/valid.txt"
test = "DATA/test.txt"
cross_validation = 3

[training]
epochs = 2

[search]
trials = 2

[search.options]
training.learning_rate = {low = 1e-3, high = 1e-1, log = true}
external.lightgbm-lambdarank.n_estimators = [20, 30]

[evaluation]
metrics = ["ndcg@10", "mrr"]

[significance]
n_resamples = 500
"""


@pytest.fixture(scope="session")
def experiment(tmp_path_factory):
    """An experiment file beside its data: 60 queries in three parts, systems of every kind, a search."""
    folder = tmp_path_factory.mktemp("comparison")
    for seed, name in enumerate(("train", "valid", "test")):
        data = make_ranking(20, n_features=6, seed=seed)
        # The ids of the three go on: all of it is dealt out anew.
        write(type(data)(data.features, data.labels, data.offsets, data.qids + 100 * seed), folder / f"{name}.txt")
    path = folder / "experiment.toml"
    path.write_text(EXPERIMENT.replace("DATA", str(folder)))
    return path


def start(*words, python=None, **options):
    """The command line in a process of its own, forked unless it is said which Python."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [python or forked.executable(), "-m", "rankkit", "compare", *map(str, words)]
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options
    )


@pytest.fixture(scope="session")
def finished(experiment, tmp_path_factory):
    """The results of the experiment, run without a break."""
    out = tmp_path_factory.mktemp("runs") / "whole"
    process = start(experiment, "--out", out)
    stdout, stderr = process.communicate()
    assert process.returncode == 0, stderr
    (out / "stdout.txt").write_text(stdout)
    (out / "stderr.txt").write_text(stderr)
    return read_results(out)


ENCODERS = """
seeds = 2
baseline = "mlp hidden=16 supcon"
encoders = [{name = "mlp", hidden = [16]}]
objectives = ["supcon", {name = "triplet", margin = 0.3}]
external = ["raw-inputs"]

[data]
train = "DATA/digits.npz"
held_out = 0.4
valid_held_out = 0.4

[training]
epochs = 2

[evaluation]
metrics = ["map_at_r", "hit_rate@1"]

[significance]
n_resamples = 500
"""


@pytest.fixture(scope="session")
def encoders(tmp_path_factory):
    """The results of a small comparison of encoders, on digits that they were not trained on."""
    folder = tmp_path_factory.mktemp("encoders")
    digits = read_labelled("digits")
    write_labelled(digits.take(range(600)), folder / "digits.npz")
    (folder / "experiment.toml").write_text(ENCODERS.replace("DATA", str(folder)))
    plan = load_comparison(folder / "experiment.toml").plan()
    return compare(plan, folder / "run", jobs=1, progress=False)
