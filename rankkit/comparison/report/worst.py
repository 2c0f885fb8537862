"""The queries that a system does worst on, and what each system puts on top there."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from rankkit.comparison.results.results import Results

N_WORST, N_TOP = 20, 10


def worst_queries(results: "Results", systems: Sequence[str]) -> dict[str, Any]:
    """What the query picker shows, as JSON values.

    A query without a document of label 1 or more is left out: every system does equally badly on it.

    Returns:
        ``worst``: for each system the places in ``queries`` of its worst ones, the very worst first; ``queries``: of
        each qid, split, counts, the value of each system, and ``tops``: for each system its first documents as pairs
        of name and label; ``ideal``: the labels that would be first in the best order.
    """
    table, worst = worst_rows(results, systems)
    needed = sorted({row for rows_of_system in worst for row in rows_of_system})
    place = {row: number for number, row in enumerate(needed)}
    documents = _Documents(results, systems)
    return {
        "metric": results.metrics[0],
        "systems": list(systems),
        "splits": len(results.splits) > 1,
        "worst": [[place[row] for row in rows_of_system] for rows_of_system in worst],
        "queries": [_query(results, row, table[row], documents) for row in needed],
    }


def worst_rows(results: "Results", systems: Sequence[str]) -> tuple[NDArray[np.float64], list[list[int]]]:
    """The main metric ``[query, system]``, and for each system the rows of ``queries`` on which it does worst."""
    values = results.values[results.metrics[0]]
    can_be_good = values.notna().all(axis=1) & (results.queries["n_relevant"] > 0)
    rows = np.flatnonzero(can_be_good.to_numpy())
    table = values[list(systems)].to_numpy(np.float64)
    others = table.mean(axis=1)
    worst = []
    for column in range(len(systems)):
        # Of equally bad queries those first on which the others do better.
        order = np.lexsort((rows, -others[rows], table[rows, column]))
        worst.append(rows[order[:N_WORST]].tolist())
    return table, worst


def _query(results: "Results", row: int, values: NDArray[np.float64], documents: "_Documents") -> dict[str, Any]:
    query = results.queries.iloc[row]
    counts = {name.removeprefix("n_label_"): int(query[name]) for name in query.index if name.startswith("n_label_")}
    return {
        "qid": str(query["qid"]),
        "split": str(query["split"]),
        "list_size": int(query["list_size"]),
        "n_relevant": int(query["n_relevant"]),
        "labels": " ".join(f"{label}:{count}" for label, count in counts.items() if count),
        "values": [round(float(value), 4) for value in values],
        **documents.tops(str(query["split"]), str(query["qid"]), str(query["digest"])),
    }


class _Documents:
    """The documents of all queries with the scores of each system's first seed."""

    def __init__(self, results: "Results", systems: Sequence[str]) -> None:
        self._spans: dict[tuple[str, str, str], tuple[int, int]] = {}
        self._labels: dict[str, NDArray[np.float64]] = {}
        self._names: dict[str, list[str] | None] = {}
        self._scores: dict[str, list[NDArray[np.float32]]] = {}
        for split in results.splits:
            queries = results.all_queries[results.all_queries["split"] == split]
            ends = np.cumsum(queries["list_size"].to_numpy(np.int64))
            keys = zip(queries["qid"], queries["digest"], queries["list_size"], ends.tolist(), strict=True)
            self._spans |= {(split, qid, digest): (end - size, end) for qid, digest, size, end in keys}
            docs = results.docs(split)
            self._labels[split] = docs["label"].to_numpy(np.float64)
            self._names[split] = docs["doc_id"].astype(str).tolist() if "doc_id" in docs else None
            self._scores[split] = [
                next(
                    run.scores()
                    for run in results.runs_of(system)
                    if run.spec.split == split and run.spec.seed == results.seeds(system)[0]
                )
                for system in systems
            ]

    def tops(self, split: str, qid: str, digest: str) -> dict[str, Any]:
        """What is on top for each system, and the labels of the best order; tied documents least relevant first."""
        start, stop = self._spans[split, qid, digest]
        labels, names = self._labels[split][start:stop], self._names[split]
        tops = []
        for scores in self._scores[split]:
            order = np.lexsort((labels, -scores[start:stop]))[:N_TOP].tolist()
            tops.append([[names[start + i] if names else f"#{i + 1}", f"{labels[i]:g}"] for i in order])
        return {"tops": tops, "ideal": [f"{label:g}" for label in np.sort(labels)[::-1][:N_TOP]]}
