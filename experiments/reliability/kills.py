"""Every command that writes, killed at points that a seed chooses, then run again."""

import sys
import tempfile
from pathlib import Path

from tests.attacks.asking import not_held, outcomes
from tests.attacks.commands import COMMANDS, COSTLY


def attack():
    """Six kills of each command, two of one that is costly."""
    return made("kill", 6)


def made(kind, n_trials):
    """Attacks of a kind on every command: how many, and how many held."""
    attacks = [
        (c.name, kind, seed) for c in COMMANDS for seed in range(min(2, n_trials) if c.name in COSTLY else n_trials)
    ]
    memory = Path("/dev/shm")  # where a flush takes no time, and is counted all the same
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        failed = not_held(outcomes(Path(folder), attacks))
    for result in failed:
        print(f"{result['command']}, {result['point']}: {'; '.join(result['faults'])}", file=sys.stderr)
    return len(attacks), len(attacks) - len(failed)
