"""Write the folds of a set as files: each part of whole queries is test data in turn, the next validation data.

RANKKIT_DATA=/path/to/data python experiments/quality/folds.py mq2008 clueweb09_webis --out runs/folds
"""

import argparse
import os
from pathlib import Path

from rounds import SETS, read

import rankkit as rk


def main() -> None:
    """Write a folder of folds for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sets", nargs="+", choices=SETS)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    for name in options.sets:
        for number, parts in enumerate(read(name, Path(os.environ["RANKKIT_DATA"])), 1):
            folder = options.out / name / f"Fold{number}"
            folder.mkdir(parents=True, exist_ok=True)
            for part, data in zip(("train", "vali", "test"), parts, strict=True):
                rk.write(data, folder / f"{part}.txt")


if __name__ == "__main__":
    main()
