"""Asks a process of its own to make attacks on commands (tests.attacks.trials)."""

import json
import os
import subprocess
from pathlib import Path

from tests import forked

ROOT = Path(__file__).parents[2]
_LAST = 30  # lines of what a process said before it died


def outcomes(folder, attacks):
    """What came of attacks, each by its command, kind and seed, as soon as it is known.

    Args:
        folder: For files, gone afterwards or not.
        attacks: As `tests.attacks.trials` has them.

    Raises:
        AssertionError: If the process that makes them fails, with its exit code and what it said last.
    """
    asked = [dict(zip(("command", "kind", "seed"), attack, strict=True)) for attack in attacks]
    words = [forked.executable(), "-m", "tests.attacks.trials", str(folder / "trials"), json.dumps(asked)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    said = folder / "said"
    with said.open("w") as errors:
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment, cwd=ROOT)
    n_found = 0
    with process:
        for line in process.stdout:
            yield json.loads(line)
            n_found += 1
    last = "\n".join(said.read_text(errors="replace").splitlines()[-_LAST:])
    ended = f"ended with {process.returncode} after {n_found} of {len(asked)} attacks"
    is_whole = process.returncode == 0 and n_found == len(asked)
    assert is_whole, f"{ended}; it said last:\n{last or '(nothing)'}"


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
