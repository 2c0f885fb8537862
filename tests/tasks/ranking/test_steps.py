"""A training step on a device, told by one that holds no numbers."""

import json
import os
from pathlib import Path

from rankkit.registry.tables import OBJECTIVES, SCORERS
from tests import forked

ROOT = Path(__file__).parents[3]
ASKING = {
    "softrank_ndcg": "takes the cube of a list's size for each document of worth, how many of which only numbers tell",
}


def test_a_step_asks_the_device_for_nothing():
    ended = forked.python("-m", "tests.fake_steps", cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert not ended.returncode, ended.stderr
    found = json.loads(ended.stdout)
    assert set(found) >= {*OBJECTIVES, *SCORERS}
    assert {name: asked for name, asked in found.items() if asked and name not in ASKING} == {}
    for name in ASKING:  # or it need not be named any more
        assert [line for line in found[name] if "nonzero" in line], found[name]
