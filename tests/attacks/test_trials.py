"""Commands that are killed, or run into a full disk: nothing half-written, nothing left, the same in the end.

The quick form makes few attacks on few commands, the slow one hundreds on all.
"""

import importlib.util
import os

import pytest

from rankkit.cli.app import app
from tests.attacks import trials
from tests.attacks.asking import ROOT, cannot_mount, not_held, outcomes
from tests.attacks.commands import COMMANDS, COSTLY, Command

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


def test_a_process_that_makes_attacks_and_fails_says_why(tmp_path):
    with pytest.raises(AssertionError, match=r"(?s)ended with 1 after 0 of 1 attacks; it said last:.*KeyError: 'none'"):
        list(outcomes(tmp_path, [("none", "kill", 0)]))


def test_an_attack_that_cannot_be_made_has_not_held_and_says_why(tmp_path, monkeypatch):
    def fail(words, said, prepare):
        said.write_text("train.parquet: expected a file; got none")
        return 2

    monkeypatch.setattr(trials, "run", fail)
    found = trials.attacked({"command": "split", "kind": "kill", "seed": 7}, {}, tmp_path)
    assert not_held([found])
    assert "ended with 2 without an attack: train.parquet: expected a file; got none" in found["faults"][0]


def test_attacks_go_on_after_the_process_that_makes_them_dies_and_after_they_are_broken_off(
    tmp_path, monkeypatch, capsys
):
    spec = importlib.util.spec_from_file_location("kills", ROOT / "experiments" / "reliability" / "kills.py")
    kills = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kills)
    asked = []

    def die_at_the_third(folder, attacks):
        asked.append(attacks)
        for command, kind, seed in attacks:
            if (command, seed) == ("c", 0):
                raise AssertionError("ended with -9 after 2 of 6 attacks; it said last: out of memory")
            if len(asked) == 2:
                raise KeyboardInterrupt
            yield {"command": command, "kind": kind, "seed": seed, "point": "event 1", "faults": []}

    monkeypatch.setattr(kills, "outcomes", die_at_the_third)
    monkeypatch.setattr(kills, "KEPT", tmp_path / "unfinished")
    monkeypatch.setattr(kills, "COMMANDS", [Command(name, "words", "place") for name in "abcdef"])
    with pytest.raises(KeyboardInterrupt):
        kills.made("kill", 1)
    assert kills.made("kill", 1) == (6, 5)
    assert [len(attacks) for attacks in asked] == [6, 3, 3]
    said = capsys.readouterr().err
    assert "3 of 6" in said
    assert "out of memory" in said
    assert "3 of 6 were made before" in said
    assert list((tmp_path / "unfinished").iterdir()) == []


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
