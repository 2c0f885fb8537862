"""Attributions: what each feature adds to the score of a document, as :func:`rankkit.attribute` finds it."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from rankkit.data.text_ids import Ids, TextIds
from rankkit.numbers import how_many

if TYPE_CHECKING:
    import pandas as pd

TOLERANCE = 1e-3
"""How far the attributions of a document may be from adding up, as a share of the difference they explain (or of 1)."""


@dataclass(frozen=True, repr=False, eq=False)
class Attributions:
    """What :func:`attribute` returns; printing it gives a table a document.

    Args:
        names: ``[feature]``; "1", "2", ... where neither data nor scorer has names.
        qids: ``[explained]``: the query of each explained document.
        rows: ``[explained]``: its place among the documents of the query, from 0.
        doc_ids: ``[explained]``, or None.
        list_sizes: ``[explained]``: documents of the query.
        scores: ``[explained]``.
        mean_scores: ``[explained]``: the score of the mean document of the query; of trees, the mean score of the
            training documents.
        features: ``[explained, feature]``: the values as they came; NaN of a column of several.
        values: ``[explained, feature]``: what the feature adds to the score.
        n_steps: ``[explained]``: steps of the integral; 0 where there is none.
        mean_of: What the scores are compared with, the documents of the "query" or those of "training".
    """

    names: tuple[str, ...]
    qids: Ids
    rows: NDArray[np.int64]
    doc_ids: TextIds | None
    list_sizes: NDArray[np.int64]
    scores: NDArray[np.float64]
    mean_scores: NDArray[np.float64]
    features: NDArray[np.float32]
    values: NDArray[np.float64]
    n_steps: NDArray[np.int64]
    mean_of: Literal["query", "training"] = "query"

    @property
    def errors(self) -> NDArray[np.float64]:
        """``[explained]``: sum of the attributions less what they explain; 0 if they are complete."""
        errors: NDArray[np.float64] = self.values.sum(axis=1) - (self.scores - self.mean_scores)
        return errors

    @property
    def complete(self) -> NDArray[np.bool_]:
        """``[explained]``: whether they add up."""
        return np.abs(self.errors) <= TOLERANCE * np.maximum(1, np.abs(self.scores - self.mean_scores))

    def title(self, place: int) -> str:
        """What an explained document is called."""
        named = "" if self.doc_ids is None else f" ({self.doc_ids[place]})"
        return f"query {self.qids[place]}, row {self.rows[place]}{named}"

    def origin(self, place: int) -> str:
        """What the score of an explained document is compared with, in words."""
        if self.mean_of == "training":
            return "mean of the training documents"
        return f"mean of its {self.list_sizes[place]:,} documents"

    def order(self, place: int) -> NDArray[np.int64]:
        """The features of an explained document by place, the greatest attribution (of either sign) first."""
        return np.argsort(-np.abs(self.values[place]), kind="stable")

    def to_pandas(self) -> "pd.DataFrame":
        """One row a feature of an explained document: qid, row, doc_id if known, feature, value, attribution."""
        import pandas as pd

        n_features = len(self.names)
        columns: dict[str, Any] = {"qid": np.repeat(self.qids, n_features), "row": np.repeat(self.rows, n_features)}
        if self.doc_ids is not None:
            columns["doc_id"] = np.repeat(self.doc_ids, n_features)
        columns["feature"] = np.tile(np.array(self.names, dtype=object), len(self.qids))
        return pd.DataFrame({**columns, "value": self.features.ravel(), "attribution": self.values.ravel()})

    def to_dict(self) -> dict[str, Any]:
        """Everything, of plain types; None stands for NaN."""
        documents = []
        for place in range(len(self.qids)):
            values = [None if value != value else value for value in self.features[place].tolist()]
            documents.append(
                {
                    "qid": self.qids[place : place + 1].tolist()[0],
                    "row": int(self.rows[place]),
                    "doc_id": None if self.doc_ids is None else str(self.doc_ids[place]),
                    "score": float(self.scores[place]),
                    "mean_score": float(self.mean_scores[place]),
                    "completeness_error": float(self.errors[place]),
                    "n_steps": int(self.n_steps[place]),
                    "values": values,
                    "attributions": self.values[place].tolist(),
                }
            )
        return {"features": list(self.names), "mean_of": self.mean_of, "documents": documents}

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=1, ensure_ascii=False)

    def table(self, n_features: int | None = None) -> str:
        """A table a document with its greatest attributions, all of them unless told how many."""
        return "\n\n".join(self._table(place, n_features) for place in range(len(self.qids)))

    def _table(self, place: int, n_features: int | None) -> str:
        order = self.order(place)
        shown = order if n_features is None else order[:n_features]
        rows = [(self.origin(place), "", float(self.mean_scores[place]))]
        rows += [
            (self.names[feature], f"{self.features[place, feature]:g}", float(self.values[place, feature]))
            for feature in shown.tolist()
        ]
        if len(shown) < len(order):
            rest = order[len(shown) :]
            rows.append((f"{len(rest):,} more", "", float(self.values[place, rest].sum())))
        rows.append(("score", "", float(self.scores[place])))
        first = max([len("feature"), *(len(name) for name, _, _ in rows)])
        second = max([len("value"), *(len(value) for _, value, _ in rows)])
        lines = [self.title(place), f"{'feature':<{first}}  {'value':>{second}}  attribution"]
        lines += [f"{name:<{first}}  {value:>{second}}  {added:+11.4f}" for name, value, added in rows]
        verdict = "complete" if self.complete[place] else f"NOT complete within {TOLERANCE:g}: read them with care"
        steps = f" after {self.n_steps[place]:,} steps" if self.n_steps[place] else ""
        error = f"The sum is off by {abs(self.errors[place]):.1e}{steps}: {verdict}."
        return "\n".join([*lines, error])

    def __repr__(self) -> str:
        return f"Attributions({how_many(len(self.qids), 'document')}, {how_many(len(self.names), 'feature')})"

    def __str__(self) -> str:
        return self.table()
