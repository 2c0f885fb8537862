"""Asks a process of its own to make attacks on commands (tests.attacks.trials)."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def outcomes(folder, attacks):
    """What came of attacks, each by its command, kind and seed.

    Args:
        folder: For files, gone afterwards or not.
        attacks: As `tests.attacks.trials` has them.
    """
    asked = [dict(zip(("command", "kind", "seed"), attack, strict=True)) for attack in attacks]
    words = [sys.executable, "-m", "tests.attacks.trials", str(folder / "trials"), json.dumps(asked)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def not_held(results):
    """The results of attacks that did not hold."""
    return [result for result in results if result["faults"]]


def cannot_mount(folder):
    """Why a disk of 20 MB in memory cannot be had, or nothing."""
    words = ["mount", "-t", "tmpfs", "-o", "size=20m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return "there is no mount"
    if done.returncode:
        return done.stderr.strip()
    subprocess.run(["umount", str(folder)], check=True)
    return ""
