"""A process that loads a model and then forks, as gunicorn --preload does: its children score."""

import os
import subprocess
import sys
from pathlib import Path

import lightgbm
import numpy as np
import pytest

import rankkit as rk

ROOT = Path(__file__).parent.parent
# The parent loads and never computes; only the child does.
PROGRAM = """
import multiprocessing, sys
import numpy as np
import rankkit as rk

model = rk.load(sys.argv[1])

def work():
    if isinstance(model, rk.ConvEncoder):
        out = rk.embed(model, np.zeros((64, 1, 28, 28), np.float32))
    else:
        out = rk.predict(model, rk.from_arrays(np.zeros((2000, 40), np.float32), None, np.zeros(2000, int)))
    sys.exit(0 if np.isfinite(out).all() else 1)

if __name__ == "__main__":
    child = multiprocessing.get_context(sys.argv[2]).Process(target=work)
    child.start()
    child.join(60)
    hangs = child.is_alive()
    child.kill()
    sys.exit(3 if hangs else child.exitcode)
"""


def save_scorer(path):
    data = rk.make_ranking(20, n_features=40, seed=0)
    scorer = rk.MLPScorer(40, seed=0)
    rk.fit(scorer, rk.softmax_loss, data, epochs=1)
    rk.save(scorer, path)


def save_encoder(path):
    rk.save(rk.ConvEncoder((1, 28, 28), seed=0), path)


def save_trees(path):
    rng = np.random.default_rng(0)
    data = lightgbm.Dataset(rng.random((500, 40)), rng.random(500))
    lightgbm.train({"verbosity": -1, "num_threads": 1}, data, 5).save_model(path)


@pytest.mark.skipif(os.name != "posix", reason="forks")
@pytest.mark.parametrize(
    ("save", "method"),
    [(save_scorer, "fork"), (save_scorer, "forkserver"), (save_encoder, "fork"), (save_trees, "fork")],
)
def test_a_child_scores_with_what_its_parent_loaded(save, method, tmp_path):
    save(tmp_path / "model")
    (tmp_path / "program.py").write_text(PROGRAM)
    ran = subprocess.run(
        [sys.executable, "program.py", str(tmp_path / "model"), method],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "2", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
