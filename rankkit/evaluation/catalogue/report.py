"""CatalogueEvaluation: what measuring a recommender gives."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from rankkit.evaluation.catalogue.parts import Part, text_of
from rankkit.evaluation.catalogue.sampled import Sampled
from rankkit.evaluation.report import Evaluation
from rankkit.evaluation.tables import write_parquet
from rankkit.retrieval.lists import TopK

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, repr=False, eq=False)
class CatalogueEvaluation:
    """What :func:`rankkit.evaluate_recommender` returns; printing it gives the tables.

    Args:
        accuracy: Metrics of what was held out, one value a user, or None where none was asked for.
        beyond: By name as asked (``"coverage@10"``), what the lists of all users are like.
        per_user: Those of these that are means over users: float64 ``[user]``, NaN where a list is empty.
        lists: The lists that ``beyond`` is about.
        remarks: What was decided: the candidates, what was seen, who has no history, a line each.
        sampled: Metrics on a sample of the catalogue, where they were asked for.
        parts: Metrics of users and of held-out items that were seen in training, and of those that were not; empty
            where all were.
    """

    accuracy: Evaluation | None
    beyond: dict[str, float]
    per_user: dict[str, NDArray[np.float64]]
    lists: TopK
    remarks: tuple[str, ...]
    sampled: Sampled | None = None
    parts: tuple[Part, ...] = ()

    @property
    def means(self) -> dict[str, float]:
        """Every number that was asked for."""
        return {**({} if self.accuracy is None else self.accuracy.means), **self.beyond}

    def to_pandas(self) -> "pd.DataFrame":
        """One row a user: its id, and one column for each metric that is a mean over users."""
        import pandas as pd

        columns = {} if self.accuracy is None else self.accuracy.per_query
        return pd.DataFrame({"user": np.asarray(self.lists.user_ids), **columns, **self.per_user})

    def to_parquet(self, path: Path | str) -> None:
        """Write :meth:`to_pandas` to a file, as a whole or not at all; :meth:`to_dict` stands in its metadata."""
        write_parquet(self.to_pandas(), json.dumps(self.to_dict()), path)

    def to_dict(self) -> dict[str, Any]:
        """Numbers, intervals, counts, conventions and remarks, of plain types; None stands for NaN."""
        accuracy = {"metrics": {}, "n_queries": len(self.lists)} if self.accuracy is None else self.accuracy.to_dict()
        beyond = {name: None if np.isnan(value) else value for name, value in self.beyond.items()}
        sampled = {} if self.sampled is None else {"sampled": self.sampled.to_dict()}
        parts = [
            {**asdict(part), "means": {name: None if np.isnan(mean) else mean for name, mean in part.means.items()}}
            for part in self.parts
        ]
        return {**accuracy, "lists": beyond, **sampled, "parts": parts, "remarks": list(self.remarks)}

    def __repr__(self) -> str:
        means = ", ".join(f"{metric}={mean:.4f}" for metric, mean in self.means.items())
        return f"CatalogueEvaluation({means}; {len(self.lists):,} users)"

    def __str__(self) -> str:
        width = max(map(len, self.means))
        beyond = [f"{name:<{width}}  {value:.4f}" for name, value in self.beyond.items()]
        accuracy = [] if self.accuracy is None else [str(self.accuracy)]
        sampled = [] if self.sampled is None else ["", str(self.sampled)]
        parts = ["", text_of(self.parts)] if self.parts else []
        return "\n".join([*beyond, *accuracy, *self.remarks, *parts, *sampled])
