"""Every command that writes, killed at points that a seed chooses, then run again."""

import sys
import tempfile
from pathlib import Path

from tests.attacks.asking import not_held, outcomes
from tests.attacks.commands import COMMANDS, COSTLY


def attack():
    """Seven kills of each command, two of one that is costly."""
    return made("kill", 7)


def made(kind, n_trials):
    """Attacks of a kind on every command: how many, and how many held."""
    n_made = n_failed = 0
    for command in COMMANDS:
        seeds = range(2 if command.name in COSTLY else n_trials)
        with tempfile.TemporaryDirectory() as folder:
            failed = not_held(outcomes(Path(folder), [(command.name, kind, seed) for seed in seeds]))
        for result in failed:
            print(f"{result['command']}, {result['point']}: {'; '.join(result['faults'])}", file=sys.stderr)
        n_made, n_failed = n_made + len(seeds), n_failed + len(failed)
    return n_made, n_made - n_failed
