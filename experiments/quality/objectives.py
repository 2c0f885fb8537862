"""Every objective with trees and with a network side by side, from the results of a comparison.

RANKKIT_DATA=FOLDER rankkit compare experiments/quality/objectives-mq2008.toml --out runs/objectives-mq2008
python experiments/quality/objectives.py runs/objectives-mq2008
"""

import argparse

import rankkit as rk


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    results = rk.read_results(parser.parse_args().folder)
    metric = results.metrics[0]
    found: dict[str, dict[str, str]] = {}
    for row in results.standings[metric].rows:
        family, _, objective = row.system.rpartition(" ")
        if family:
            told = f"{row.mean:.4f} [{row.low:.4f}, {row.high:.4f}]"
            found.setdefault(objective, {})["trees" if family.startswith("lightgbm") else "mlp"] = told
    print("| objective | LightGBM, 15 leaves | mlp |\n| --- | --- | --- |")
    for objective, row in sorted(found.items(), key=lambda pair: max(pair[1].values()), reverse=True):
        print(f"| {objective} | {row.get('trees', '')} | {row.get('mlp', '')} |")


if __name__ == "__main__":
    main()
