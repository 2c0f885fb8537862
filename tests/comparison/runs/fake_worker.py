"""Stands in for rankkit.comparison.runs.worker: what it does with a run is the name of the run's system."""

import json
import os
import signal
import sys
from pathlib import Path


def say(**message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def obey(order):
    name, out = order["spec"]["system"]["name"], Path(order["out"])
    marker = out / f"{name}.tried"
    tried = marker.exists()
    marker.write_text(json.dumps(order["place"]))
    if name == "dies" or (name == "dies once" and not tried):
        sys.stderr.write("out of memory, say\n")
        sys.stderr.flush()
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "full disk":
        say(event="disk", error="runs/a: expected to write it; got a full disk.")
        return
    say(event="progress", step=1, of=2, valid=0.5)
    say(**({"event": "failed", "error": "it cannot"} if name == "fails" else {"event": "finished"}))


if __name__ == "__main__":
    say(event="ready")
    for line in sys.stdin:
        obey(json.loads(line))
