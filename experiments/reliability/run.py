"""Attacks on rankkit: how many were made, and how many it held against. Writes README.md beside this file.

    python experiments/reliability/run.py            all, which takes half an hour
    python experiments/reliability/run.py kills      these alone; the rows of the others stay

An attack is a file here with a line that says what it is, as its docstring, and a function ``attack() -> (trials,
held)``. What did not hold it prints to stderr.
"""

import importlib
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
ATTACKS = sorted(path.stem for path in HERE.glob("*.py") if path.name != "run.py")
ROW = re.compile(
    r"^\| (?P<what>.+) \| `experiments/reliability/(?P<name>\w+)\.py` \| (?P<trials>[\d,]+) \| .+ \|$", re.M
)


def row(name):
    """Make an attack; its row of the table."""
    module = importlib.import_module(name)
    trials, held = module.attack()
    what = module.__doc__.partition("\n")[0].rstrip(".")
    shown = f"{held:,}" if held == trials else f"**{held:,}**"
    return f"| {what} | `experiments/reliability/{name}.py` | {trials:,} | {shown} |"


def main():
    asked = sys.argv[1:] or ATTACKS
    unknown = [name for name in asked if name not in ATTACKS]
    if unknown:
        sys.exit(f"run.py: expected {', '.join(ATTACKS)}; got {unknown[0]}")
    sys.path[:0] = [str(HERE), str(HERE.parents[1])]
    page = HERE / "README.md"
    rows = {found["name"]: found[0] for found in ROW.finditer(page.read_text() if page.exists() else "")}
    for name in asked:
        rows[name] = row(name)
        lines = [rows[other] for other in ATTACKS if other in rows]
        page.write_text((HERE / "intro.md").read_text() + "\n".join(lines) + "\n")
        print(rows[name])


if __name__ == "__main__":
    main()
