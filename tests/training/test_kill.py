import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from tests import forked

# How often each point is passed in a run of twelve steps and three epochs: one checkpoint a step and one an epoch; each
# flushes file and folder and renames once, and metrics.jsonl is named once before.
PASSES = {
    "step": 12,
    "write": 15,
    "before fsync": 30,
    "after fsync": 30,
    "before replace": 16,
    "after replace": 16,
    "append": 3,
}


def kill_points(n_points, seed=0):
    rng = random.Random(seed)
    kinds = [list(PASSES)[i % len(PASSES)] for i in range(n_points)]
    return [[kind, rng.randint(1, PASSES[kind])] for kind in kinds]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills forked runs")
def test_a_run_killed_at_any_of_twenty_points_and_resumed_ends_with_the_same_weights(tmp_path):
    points = kill_points(20)
    script = Path(__file__).with_name("killed_runs.py")
    root = str(Path(__file__).parents[2])
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root}
    done = subprocess.run(
        [forked.executable(), str(script), str(tmp_path), json.dumps(points)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for point, result in zip(points, json.loads(done.stdout), strict=True):
        assert result == {
            "killed": -signal.SIGKILL,
            "finished before": False,
            "resumed": 0,
            "same weights": True,
            "same metrics": True,
            "left over": [],
        }, point
