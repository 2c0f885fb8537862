"""The service under load, as experiments/reliability/service.py makes it: for seconds here, for a minute when slow."""

import importlib.util
import sys
from pathlib import Path

import pytest

PLACE = Path(__file__).parents[2] / "experiments" / "reliability" / "service.py"
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def attack():
    spec = importlib.util.spec_from_file_location("attack_on_the_service", PLACE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.attack


@pytest.mark.parametrize("seconds", [2.0, pytest.param(60.0, marks=pytest.mark.slow)])
def test_no_request_is_dropped_and_no_score_is_wrong(attack, seconds):
    trials, held = attack(seconds)
    assert trials > 20
    assert held == trials
