"""Several comparisons in one table, and the queries of all of them pooled.

    python experiments/quality/pooled.py runs/families/*

Every folder is one of ``rankkit compare``. A cell is the mean over the test queries of a set, with its letters: systems
that share one do not differ there at .05 (paired t over queries, Holm over all pairs). ``all`` weighs each query alike;
its difference is from the baseline, with the t of a paired test and its p, Holm over the systems.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

import rankkit as rk
from rankkit.statistics.letters import compact_letters
from rankkit.statistics.significance import correct, p_matrix


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("comparisons", nargs="+", type=Path)
    options = parser.parse_args()
    found = {folder.name: rk.read_results(folder) for folder in options.comparisons}
    plans = {(results.plan.metric, results.plan.baseline) for results in found.values()}
    if len(plans) != 1:
        sys.exit(f"expected comparisons by one metric against one baseline; got {sorted(plans)}.")
    metric, baseline = plans.pop()
    values = {name: results.values[metric].dropna() for name, results in found.items()}
    shared = [name for name in next(iter(values.values())) if all(name in table for table in values.values())]
    short = _short_names(shared, next(iter(found.values())))
    print(f"| {metric} | {' | '.join(found)} | all | from {short[baseline]} |\n|{' --- |' * (len(found) + 3)}")
    pooled = np.concatenate([values[name][shared].to_numpy() for name in found])
    p = p_matrix(pooled)
    order = sorted(range(len(shared)), key=lambda place: -pooled[:, place].mean())
    letters = _letters(p, order)
    others = [place for place in order if shared[place] != baseline]
    first = shared.index(baseline)
    corrected = dict(zip(others, correct(p[first, others]), strict=True))
    for place in order:
        cells = [_cell(results, metric, shared[place]) for results in found.values()]
        told = "" if place == first else _difference(pooled[:, place] - pooled[:, first], corrected[place])
        mean = f"{pooled[:, place].mean():.4f} {letters[place]}"
        print(f"| {short[shared[place]]} | {' | '.join(cells)} | {mean} | {told} |")
    print(f"| queries | {' | '.join(str(len(table)) for table in values.values())} | {len(pooled)} | |")
    costs = {name: results.cost().set_index("system") for name, results in found.items()}
    print(f"\n| s a training; ms a query of 100 | {' | '.join(found)} |\n|{' --- |' * (len(found) + 1)}")
    for name in shared:
        rows = [table.loc[name] for table in costs.values()]
        print(
            f"| {short[name]} | {' | '.join(f'{row.seconds:.1f}; {row.scoring_100_docs_p50_ms:.2f}' for row in rows)} |"
        )


def _short_names(names: list[str], results: rk.Results) -> dict[str, str]:
    """The names without their objective, where all have the same."""
    objectives = {system.objective.name for system in results.plan.systems if system.objective is not None}
    shared = f" {objectives.pop()}" if len(objectives) == 1 else ""
    return {name: name.removesuffix(shared) for name in names}


def _letters(p: np.ndarray, order: list[int]) -> list[str]:
    upper = np.triu_indices(len(p), 1)
    corrected = np.ones_like(p)
    corrected[upper] = correct(p[upper])
    return compact_letters(order, np.minimum(corrected, corrected.T) <= 0.05)


def _cell(results: rk.Results, metric: str, system: str) -> str:
    row = next(row for row in results.standings[metric].rows if row.system == system)
    return f"{row.mean:.4f} {row.letters}"


def _difference(deltas: np.ndarray, p: float) -> str:
    t = deltas.mean() / (deltas.std(ddof=1) / np.sqrt(len(deltas)))
    return f"{deltas.mean():+.4f}, t {t:.1f}, p {p:.3f}"


if __name__ == "__main__":
    main()
