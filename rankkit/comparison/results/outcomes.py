"""Results: everything that a finished comparison left in its folder, read back and pooled.

The folder of ``rankkit compare --out DIR``::

    DIR/plan.json                   the plan with every default written out, and the names of the splits
    DIR/commands.json               the command line, and those of --resume
    DIR/splits/NAME/about.json      counts of queries and documents, or of classes and examples, fingerprints of the
                                    three parts, test queries whose very documents stand in the training or validation
                                    data
    DIR/splits/NAME/queries.parquet a row for each test query: qid, digest, list_size, n_relevant, n_label_0, ...;
                                    of encoders each test example is one, an anchor, with its class
    DIR/splits/NAME/docs.parquet    of rankers, a row for each test document: qid, label, doc_id if there are any
    DIR/runs/ID/run.json            one run: system with its options, split, seed, trial, what the trial set
    DIR/runs/ID/config.json         the same with every default written out
    DIR/runs/ID/metrics.jsonl       a line for each epoch or tree: step, loss, valid_<metric>, seconds, ...
    DIR/runs/ID/per_query.parquet   a row for each test query: qid and what it counts for in the mean of each
                                    metric, NaN where the protocol leaves it out
    DIR/splits/NAME/histories.parquet
                                    of recommenders, the items that each test user met last, and those to be found
    DIR/runs/ID/lists.parquet       of recommenders, the first ten items for each test user: user, item, score, rank
    DIR/runs/ID/parts.parquet       of recommenders, metrics of users and items seen in training and not
    DIR/runs/ID/scores.parquet      of rankers, a row for each test document, in the order of docs.parquet: score
    DIR/runs/ID/cost.json           n_parameters, seconds, step_seconds, docs_per_second or examples_per_second,
                                    peak_memory_mib (libraries and data included), scoring_100_docs_ms or
                                    embedding_100_examples_ms (p50, p99)
    DIR/runs/ID/env.json            versions, system, processor, threads
    DIR/runs/ID/outcome.json        written last: valid, chosen (best_epoch, trees, ...), test means, protocol,
                                    fingerprints; a run without it is not finished
    DIR/runs/ID/error.txt           why a run failed
    DIR/runs/ID/model.json, ...     the fitted system: a bundle that rankkit.load or rankkit.load_encoder reads, or the
                                    file of its library
    DIR/logs/                       what the worker processes printed
    DIR/results/                    the tables: :mod:`rankkit.comparison.results.tables`
    DIR/report.html                 all of it as one page: :mod:`rankkit.comparison.report`

Everything in ``results`` but ``cost.*`` is a function of plan, data and seeds: a comparison that was killed and
resumed gives the same bytes.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankkit.comparison.plan import Plan, RunSpec
from rankkit.files.records import read_json
from rankkit.tasks.known import task_of
from rankkit.tasks.words import Words

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
COMMANDS = "commands.json"
OUTCOME = "outcome.json"
"""Written last: a run with it is finished."""
PLAN = "plan.json"
"""Makes a folder that of a comparison."""
REPORT = "report.html"


@dataclass(frozen=True, eq=False)
class RunResult:
    """One finished run.

    Args:
        spec: What was run.
        folder: Of the run.
        outcome: Of outcome.json.
    """

    spec: RunSpec
    folder: Path
    outcome: dict[str, Any]

    @cached_property
    def per_query(self) -> "pd.DataFrame":
        """A row for each test query: qid, and for each metric what the query counts for in the mean (NaN: left out)."""
        import pandas as pd

        return pd.read_parquet(self.folder / "per_query.parquet")

    def curve(self) -> "pd.DataFrame":
        """A row for each epoch or tree: step, loss, valid_<metric>, seconds; empty for systems without steps."""
        import pandas as pd

        path = self.folder / "metrics.jsonl"
        lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
        return pd.DataFrame([json.loads(line) for line in lines])

    def scores(self) -> NDArray[np.float32]:
        """Of a ranker: the score of each test document, in the order of :meth:`Results.docs`."""
        import pandas as pd

        return pd.read_parquet(self.folder / "scores.parquet")["score"].to_numpy(np.float32)

    @property
    def config(self) -> dict[str, Any]:
        """Of config.json."""
        config: dict[str, Any] = read_json(self.folder / "config.json")
        return config

    @property
    def cost(self) -> dict[str, Any]:
        """Of cost.json."""
        cost: dict[str, Any] = read_json(self.folder / "cost.json")
        return cost

    @property
    def environment(self) -> dict[str, Any]:
        """Of env.json."""
        environment: dict[str, Any] = read_json(self.folder / "env.json")
        return environment


@dataclass(frozen=True, eq=False, repr=False)
class Outcomes:
    """What the runs of a comparison gave, read back.

    Args:
        folder: Of the comparison.
        plan: What was to be run.
        splits: Names of the splits.
        runs: The finished runs that count: of a search those with the option set that was chosen.
        trials: The finished runs of option sets that were not chosen.
        errors: Why runs failed, by id; "not run" for those that never were.
        protocol: Of the metrics, the same for every run.
        convention: The same in words.
        systems: The systems with at least one seed finished on every split, in the order of the plan.
    """

    folder: Path
    plan: Plan
    splits: tuple[str, ...]
    runs: tuple[RunResult, ...]
    trials: tuple[RunResult, ...]
    errors: dict[str, str]
    protocol: dict[str, Any]
    convention: str
    systems: tuple[str, ...]

    @cached_property
    def n_empty(self) -> int:
        """Test queries without a relevant document, of all splits."""
        first = {run.spec.split: run.outcome["n_empty"] for run in self.runs}
        return sum(first.values())

    @property
    def kind(self) -> str:
        """What is compared."""
        return task_of(self.plan.source).systems

    @property
    def words(self) -> Words:
        """What things are called."""
        return task_of(self.plan.source).words

    @property
    def metrics(self) -> tuple[str, ...]:
        """Names of the metrics; the first is the main one."""
        return self.plan.rules.metrics

    def seeds(self, system: str) -> tuple[int, ...]:
        """The seeds that a system has finished on every split."""
        found = [{run.spec.seed for run in self.runs_of(system) if run.spec.split == split} for split in self.splits]
        return tuple(sorted(set.intersection(*found)))

    def runs_of(self, system: str) -> list[RunResult]:
        """The runs of a system that count."""
        return [run for run in self.runs if self._name(run) == system]

    def about(self, split: str) -> dict[str, Any]:
        """Counts and fingerprints of a split."""
        about: dict[str, Any] = read_json(self.folder / "splits" / split / "about.json")
        return about

    @property
    def has_docs(self) -> bool:
        """Whether the documents of the test queries are kept."""
        return all((self.folder / "splits" / split / "docs.parquet").is_file() for split in self.splits)

    def docs(self, split: str) -> "pd.DataFrame":
        """Of rankers: a row for each test document of a split: qid, label, doc_id if there are any."""
        import pandas as pd

        return pd.read_parquet(self.folder / "splits" / split / "docs.parquet")

    @cached_property
    def queries(self) -> "pd.DataFrame":
        """A row for each test query of all splits: split, qid, list_size, n_relevant, n_label_0, ... or class.

        A query that is test data of several splits, told by its id and its documents, stands here once, under the
        first; its values are averaged.
        """
        return self.all_queries.drop_duplicates(["qid", "digest"], ignore_index=True)

    @cached_property
    def all_queries(self) -> "pd.DataFrame":
        """The same with a query that is test data of several splits under each of them, in the order of their rows."""
        import pandas as pd

        frames = []
        for split in self.splits:
            frame = pd.read_parquet(self.folder / "splits" / split / "queries.parquet")
            frame.insert(0, "split", split)
            frames.append(frame.astype({"qid": str}))
        counts = pd.concat(frames, ignore_index=True)
        labels = [name for name in counts.columns if name.startswith("n_label_")]
        labels.sort(key=lambda name: float(name.removeprefix("n_label_")))
        others = [name for name in counts.columns if name not in labels]
        if any(not set(labels) & set(frame.columns) for frame in frames):  # labels of a split are no grades
            return counts[others]
        counts[labels] = counts[labels].fillna(0).astype(np.int64)  # a grade that one split has and another has not
        return counts[[*others, *labels]]

    @cached_property
    def _places(self) -> NDArray[np.int64]:
        """The row of ``queries`` of each row of all splits' queries."""
        keys = list(zip(self.all_queries["qid"], self.all_queries["digest"], strict=True))
        place = {key: row for row, key in enumerate(dict.fromkeys(keys))}
        return np.array([place[key] for key in keys], np.int64)

    @cached_property
    def by_seed(self) -> dict[str, dict[str, Floats]]:
        """For each metric and system ``[query, seed]``, rows as in ``queries``; what a query counts for in the mean.

        NaN only where the protocol leaves queries without a relevant document out.
        """
        return {metric: {system: self._of_system(metric, system) for system in self.systems} for metric in self.metrics}

    @cached_property
    def values(self) -> dict[str, "pd.DataFrame"]:
        """For each metric a row a query, as in ``queries``, and a column a system: the mean over its seeds."""
        import pandas as pd

        return {
            metric: pd.DataFrame({system: seeds.mean(axis=1) for system, seeds in columns.items()})
            for metric, columns in self.by_seed.items()
        }

    def cost(self) -> "pd.DataFrame":
        """A row a system: the means over its runs, of peak memory and the 99th percentile the greatest."""
        import pandas as pd

        words = self.words
        rows = []
        for system in self.systems:
            costs = [run.cost for run in self.runs_of(system)]
            row: dict[str, Any] = {"system": system, "runs": len(costs)}
            for name in ("n_parameters", "seconds", "step_seconds", words.rate):
                row[name] = _mean([cost[name] for cost in costs])
            row["peak_memory_mib"] = max((cost["peak_memory_mib"] or np.nan for cost in costs), default=np.nan)
            taken = [cost[f"{words.timed}_ms"] for cost in costs]
            row[f"{words.timed}_p50_ms"] = _mean([milliseconds["p50"] for milliseconds in taken])
            row[f"{words.timed}_p99_ms"] = max(milliseconds["p99"] for milliseconds in taken)
            rows.append(row)
        return pd.DataFrame(rows)

    def _of_system(self, metric: str, system: str) -> Floats:
        columns = []
        for seed in self.seeds(system):
            runs = {run.spec.split: run for run in self.runs_of(system) if run.spec.seed == seed}
            parts = [runs[split].per_query[metric].to_numpy(np.float64) for split in self.splits]
            values = np.concatenate(parts)
            columns.append(np.bincount(self._places, values) / np.bincount(self._places))
        return np.stack(columns, axis=1)

    def _name(self, run: RunResult) -> str:
        return run.spec.system.name


def _mean(values: list[float | None]) -> float:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else float("nan")
