"""Every command that writes, on a disk of 20 MB that is full or fills up, then with room again."""

import tempfile
from pathlib import Path

from kills import made

from tests.attacks.asking import cannot_mount


def attack():
    """An attack on each command, on a disk in memory; mounting one needs root."""
    with tempfile.TemporaryDirectory() as folder:
        reason = cannot_mount(Path(folder))
    if reason:
        raise SystemExit(f"full_disks: expected to mount a disk in memory; got {reason}. Run it as root, on Linux.")
    return made("full", 1)
