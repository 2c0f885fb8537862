"""Every command that writes, killed at points that a seed chooses, then run again."""

import hashlib
import json
import sys
import tempfile
import time
from pathlib import Path

from tests.attacks.asking import ROOT, not_held, outcomes
from tests.attacks.commands import COMMANDS, COSTLY

KEPT = Path(__file__).parent / "unfinished"  # results of attacks that were broken off


def attack():
    """Six kills of each command, two of one that is costly."""
    return made("kill", 6)


def made(kind, n_trials, most=None):
    """Attacks of a kind on every command: how many, and how many held.

    What was made before the last time was broken off is not made again, unless the source has changed since.

    Args:
        kind: As `tests.attacks.trials` has it.
        n_trials: Of each command.
        most: How many in all, the commands taking turns; None: all.
    """
    attacks = [
        (c.name, kind, seed) for c in COMMANDS for seed in range(min(2, n_trials) if c.name in COSTLY else n_trials)
    ]
    if most is not None:
        chosen = set(sorted(attacks, key=lambda one: one[2])[:most])
        attacks = [one for one in attacks if one in chosen]
    KEPT.mkdir(exist_ok=True)
    record = KEPT / f"{kind}-{len(attacks)}-{digest_of_source()}.jsonl"
    results = [json.loads(line) for line in record.read_text().splitlines()] if record.exists() else []
    if results:
        print(f"{len(results)} of {len(attacks)} were made before", file=sys.stderr)
    with record.open("a") as file:
        for result in _made(attacks[len(results) :], len(results), len(attacks)):
            file.write(json.dumps(result) + "\n")
            file.flush()
            results.append(result)
    record.unlink()
    return len(attacks), len(attacks) - len(not_held(results))


def _made(attacks, n_before, n_all):
    """What came of attacks. One in which the process that makes them dies has not held, and the next one is made."""
    memory = Path("/dev/shm")  # where a flush takes no time, and is counted all the same
    began, n_found = time.monotonic(), 0
    while n_found < len(attacks):
        with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
            try:
                for result in outcomes(Path(folder), attacks[n_found:]):
                    n_found += 1
                    _tell(result, n_before + n_found, n_all, began)
                    yield result
            except AssertionError as error:
                if n_found == len(attacks):
                    raise
                result = dict(zip(("command", "kind", "seed"), attacks[n_found], strict=True))
                result |= {"point": "none", "faults": [str(error)]}
                n_found += 1
                _tell(result, n_before + n_found, n_all, began)
                yield result


def _tell(result, n, n_all, began):
    """How far it is, and all about an attack that has not held."""
    used = f"{result.get('processor_seconds', 0):.1f} s of processor time"
    print(
        f"{n} of {n_all}, {time.monotonic() - began:.0f} s: {result['command']}, seed {result['seed']}, "
        f"{result['point']} ({used}): {'NOT HELD' if result['faults'] else 'held'}",
        file=sys.stderr,
    )
    if result["faults"]:
        print(f"  rankkit {result.get('words', '')}\n  " + "\n  ".join(result["faults"]), file=sys.stderr)


def digest_of_source():
    """Changes with everything that an attack may depend on."""
    digest = hashlib.blake2b(digest_size=6)
    for path in sorted([*(ROOT / "rankkit").rglob("*.py"), *(ROOT / "tests" / "attacks").glob("*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()
