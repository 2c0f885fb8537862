"""RunEvaluation: the values of measures a query of a TREC run, their means, and who computed them how."""

import json
import os
import textwrap
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids
from rankkit.evaluation.tables import write_parquet
from rankkit.numbers import how_many
from rankkit.statistics.bootstrap import bootstrap_means, percentile_intervals

if TYPE_CHECKING:
    import pandas as pd

_HOW = {
    "pytrec_eval": "trec_eval, ties by document id, high to low, scores compared as float32",
    "msmarco": "the script of MS MARCO, ties by document id, low to high",
}


@dataclass(frozen=True, repr=False, eq=False)
class RunEvaluation:
    """What :func:`rankkit.evaluate_run` returns; printing it gives the table.

    Args:
        per_query: For each measure as asked, float64 ``[query]``.
        means: What ir_measures gives for all queries: the mean, or for counts such as NumRet the sum.
        sums: The measures for which it is the sum.
        qids: ``[query]``, those of the qrels.
        computed_by: The provider of ir_measures for each measure.
        versions: Of ir_measures and of the trec_eval in it.
        n_missing_from_run: Queries of the qrels that the run lacks; they count.
        n_missing_from_qrels: Queries of the run that the qrels lack; they do not.
        n_empty: Judged queries without a relevant document.
        n_tied: Queries with documents of different label that had the same score.
    """

    per_query: dict[str, NDArray[np.float64]]
    means: dict[str, float]
    sums: tuple[str, ...]
    qids: Ids
    computed_by: dict[str, str]
    versions: dict[str, str]
    n_missing_from_run: int
    n_missing_from_qrels: int
    n_empty: int
    n_tied: int

    @property
    def n_queries(self) -> int:
        """How many queries count."""
        return len(self.qids)

    @property
    def convention(self) -> str:
        """One line: who computed which measure, and how ties were broken."""
        groups: dict[str, list[str]] = {}
        for name, provider in self.computed_by.items():
            groups.setdefault(_HOW.get(provider, f"ir_measures ({provider})"), []).append(name)
        return "; ".join(f"{', '.join(names)}: {how}" for how, names in groups.items())

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """95% percentile bootstrap interval of each mean: 1,000 resamples of the queries, seed 0."""
        names = [name for name in self.per_query if name not in self.sums]
        if not names:
            return {}
        values = np.stack([self.per_query[name] for name in names], axis=1)
        low, high = percentile_intervals(bootstrap_means(values))
        return dict(zip(names, zip(low.tolist(), high.tolist(), strict=True), strict=True))

    def to_pandas(self) -> "pd.DataFrame":
        """One row a query: qid and one column a measure."""
        import pandas as pd

        return pd.DataFrame({"qid": self.qids, **self.per_query})

    def to_parquet(self, path: str | os.PathLike[str]) -> None:
        """Write :meth:`to_pandas` to a file, as a whole or not at all; :meth:`to_dict` stands in its metadata."""
        write_parquet(self.to_pandas(), self.to_json(), path)

    def to_dict(self) -> dict[str, Any]:
        """Means, intervals and counts, of plain types."""
        metrics = {}
        for name, mean in self.means.items():
            low, high = self.intervals.get(name, (None, None))
            metrics[name] = {"sum": mean} if name in self.sums else {"mean": mean, "low": low, "high": high}
        counts = ("n_queries", "n_missing_from_run", "n_missing_from_qrels", "n_empty", "n_tied")
        about = {"computed_by": self.computed_by, "versions": self.versions, "convention": self.convention}
        return {"metrics": metrics, **{name: getattr(self, name) for name in counts}, **about}

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        means = ", ".join(f"{name}={mean:.4f}" for name, mean in self.means.items())
        return f"RunEvaluation({means}; {how_many(self.n_queries, 'query')})"

    def __str__(self) -> str:
        width = max(map(len, self.means))
        rows = []
        for name, mean in self.means.items():
            if name in self.sums:
                rows.append(f"{name:<{width}}  {mean:g} in all")
            else:
                low, high = self.intervals[name]
                rows.append(f"{name:<{width}}  {mean:.4f}  [{low:.4f}, {high:.4f}]")
        counts = (
            f"{how_many(self.n_queries, 'query')}: {self.n_missing_from_run:,} of the qrels missing from the run "
            f"(count as 0), {self.n_missing_from_qrels:,} of the run missing from the qrels (ignored); "
            f"{self.n_empty:,} without a relevant document, {self.n_tied:,} with ties between different labels; in "
            "brackets: 95% bootstrap over queries"
        )
        return "\n".join(
            [*rows, *(textwrap.fill(note, 80, subsequent_indent="  ") for note in (self.convention, counts))]
        )
