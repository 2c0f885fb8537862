"""One user: what was met, what was to be found, and the lists of two systems side by side; and warm and cold apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from rankkit.comparison.report.worst import worst_rows

if TYPE_CHECKING:
    import pandas as pd

    from rankkit.comparison.results.results import Results


def one_user(results: "Results", systems: Sequence[str]) -> dict[str, Any] | None:
    """What the panel shows, as JSON values; None where histories of users are not kept.

    Returns:
        ``worst``: for each system the places in ``users`` of those whom it serves worst, the very worst first;
        ``users``: id, split, the latest items of the history and how many there are, what was to be found, and for each
        system its value and its list with the first seed.
    """
    histories = _histories(results)
    if histories is None:
        return None
    table, worst = worst_rows(results, systems)
    needed = sorted({row for rows in worst for row in rows})
    place = {row: number for number, row in enumerate(needed)}
    keys = [(str(results.queries["split"][row]), str(results.queries["qid"][row])) for row in needed]
    lists = [_lists(results, system, keys) for system in systems]
    users = []
    for row, key in zip(needed, keys, strict=True):
        met, found = (histories.get((*key, part), []) for part in ("history", "target"))
        users.append(
            {
                "user": key[1],
                "split": key[0],
                "history": met,
                "n_history": int(results.queries["n_history"][row]),
                "targets": found,
                "values": [round(float(value), 4) for value in table[row]],
                "lists": [of_system.get(key, []) for of_system in lists],
            }
        )
    return {
        "metric": results.metrics[0],
        "systems": list(systems),
        "splits": len(results.splits) > 1,
        "worst": [[place[row] for row in rows] for rows in worst],
        "users": users,
    }


def _histories(results: "Results") -> dict[tuple[str, str, str], list[str]] | None:
    """Items by split, user and part, in their order."""
    import pandas as pd

    found: dict[tuple[str, str, str], list[str]] = {}
    for split in results.splits:
        path = results.folder / "splits" / split / "histories.parquet"
        if not path.is_file():
            return None
        found |= {
            (split, str(user), str(part)): rows["item"].astype(str).tolist()
            for (user, part), rows in pd.read_parquet(path).groupby(["user", "part"], sort=False)
        }
    return found


def _lists(results: "Results", system: str, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], list[str]]:
    """The lists of a system's first seed, of these users by split."""
    import pandas as pd

    found: dict[tuple[str, str], list[str]] = {}
    seed = results.seeds(system)[0]
    for run in results.runs_of(system):
        if run.spec.seed != seed:
            continue
        table = pd.read_parquet(run.folder / "lists.parquet").astype({"user": str, "item": str})
        wanted = {user for split, user in keys if split == run.spec.split}
        kept = table[table["user"].isin(wanted)].sort_values(["user", "rank"], kind="stable")
        found |= {(run.spec.split, str(user)): rows["item"].tolist() for user, rows in kept.groupby("user", sort=False)}
    return found


def seen_and_not(results: "Results") -> list[tuple[str, list[str], list[list[str]]]]:
    """For each metric its table: systems by what was seen in training and what was not; none where all was seen.

    Returns:
        Metric, head and rows: system, then the mean over seeds (and splits) of each part.
    """
    import pandas as pd

    frames = []
    for system in results.systems:
        for run in results.runs_of(system):
            path = run.folder / "parts.parquet"
            if path.is_file():
                frames.append(pd.read_parquet(path).assign(system=system, split=run.spec.split))
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    if rows.empty:
        return []
    parts = rows.drop_duplicates(["split", "part"]).groupby("part", sort=False)["n"].sum()
    tables = []
    for metric in results.metrics:
        means = _means(rows[rows["metric"] == metric])
        if means is None:
            continue
        ranked = [row.system for row in results.standings[metric].rows]
        head = ["system", *(f"{_short(str(part))} ({n:,})" for part, n in parts.items())]
        body = [
            [
                system,
                *("\u2013" if np.isnan(means[part][system]) else f"{means[part][system]:.4f}" for part in parts.index),
            ]
            for system in ranked
        ]
        tables.append((metric, head, body))
    return tables


def of_lists(results: "Results") -> tuple[list[str], list[list[str]]] | None:
    """What the lists of systems are like: head and rows, means over seeds (and splits); None where none was asked."""
    import pandas as pd

    asked = results.plan.rules.lists
    if not asked:
        return None
    body = []
    for row in results.standings[results.metrics[0]].rows:
        tables = [pd.read_parquet(run.folder / "of_lists.parquet") for run in results.runs_of(row.system)]
        means = pd.concat(tables).groupby("metric")["mean"].mean()
        body.append([row.system, *("\u2013" if np.isnan(means[name]) else f"{means[name]:.4f}" for name in asked)])
    return ["system", *asked], body


def _short(part: str) -> str:
    return part.replace("held-out ", "").replace(" in training", "")


def _means(rows: "pd.DataFrame") -> "pd.DataFrame | None":
    return None if rows.empty else rows.pivot_table("mean", "system", "part", sort=False, dropna=False)
