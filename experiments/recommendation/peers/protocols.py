"""What six packages measure on the same scores, beside rankkit by their protocols (README.md: how to install them)."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from tests.evaluation.catalogue.given_scores import CASE, case, measured_here

TOOLS = ("recbole", "rectools", "cornac", "irspack", "implicit", "recommenders")


def main():
    arguments = argparse.ArgumentParser()
    for tool in TOOLS:
        arguments.add_argument(f"--{tool}", help=f"the Python that has {tool}")
    arguments.add_argument("--write", action="store_true", help=f"write {CASE}, which the tests hold rankkit to")
    asked = vars(arguments.parse_args())
    held = json.loads(CASE.read_text()) if CASE.is_file() else {"tools": {}}
    held["case"] = case()
    print("| tool | metric | its number | rankkit by its protocol | rankkit |\n|---|---|---|---|---|")
    apart = 0
    for tool in TOOLS:
        if asked[tool] is None:
            continue
        with tempfile.TemporaryDirectory() as folder:
            given, made = Path(folder) / "given.json", Path(folder) / "made.json"
            given.write_text(json.dumps(held["case"]))
            script = Path(__file__).with_name("protocol_side.py")
            quiet = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": ""}
            subprocess.run([asked[tool], str(script), tool, str(given), str(made)], check=True, env=quiet)
            held["tools"][tool] = json.loads(made.read_text())
        theirs = held["tools"][tool]["values"]
        ours, plain = (measured_here(held["case"], list(theirs), name) for name in (tool, "rankkit"))
        for metric, value in theirs.items():
            apart += not np.isclose(ours[metric], value, rtol=0, atol=1e-9)
            numbers = f"{value:.6f} | {ours[metric]:.6f} | {plain[metric]:.6f}"
            print(f"| {tool} {held['tools'][tool]['version']} | {metric} | {numbers} |")
    if apart:
        sys.exit(f"{apart} numbers of packages are not those of rankkit by their protocols.")
    if asked["write"]:
        CASE.write_text(json.dumps(held, indent=1) + "\n")


if __name__ == "__main__":
    main()
