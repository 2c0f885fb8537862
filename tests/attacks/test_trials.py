"""Commands that are killed, or run into a full disk: nothing half-written, nothing left, the same in the end.

The quick form makes few attacks on few commands, the slow one hundreds on all.
"""

import os

import pytest

from rankkit.cli.app import app
from tests.attacks.asking import cannot_mount, not_held, outcomes
from tests.attacks.commands import COMMANDS, COSTLY

QUICK = [command.name for command in COMMANDS if command.is_quick]
N_KILLS = 6  # of each command, in the slow run

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="forks commands")


def test_commands_that_are_killed_or_run_into_a_limit(tmp_path):
    attacks = [(name, kind, 0) for name in QUICK[1:] for kind in ("kill", "limit")]
    assert not_held(outcomes(tmp_path, attacks)) == []


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["kill", "limit", "full"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_under_attack(tmp_path, command, kind):
    if kind == "full" and (reason := cannot_mount(tmp_path)):
        pytest.skip(f"no disk in memory can be mounted: {reason}")
    n_trials = {"kill": N_KILLS, "limit": 1, "full": 1}[kind]
    n_trials = min(2, n_trials) if command.name in COSTLY else n_trials
    attacks = [(command.name, kind, seed) for seed in range(n_trials)]
    assert not_held(outcomes(tmp_path, attacks)) == []


def test_the_slow_run_kills_at_two_hundred_points():
    assert N_KILLS * (len(COMMANDS) - len(COSTLY)) >= 200


def test_every_command_that_writes_is_attacked():
    written = {"out", "target", "html", "per_query"}
    writing = set()
    for command in app.registered_commands:
        signature = getattr(command.callback, "__signature__", None)
        names = set(signature.parameters) if signature else set(command.callback.__annotations__)
        if names & written:
            writing.add(command.callback.__name__.replace("_", "-"))
    assert writing == {command.words.split()[0] for command in COMMANDS}
