"""ServedRanker: a saved ranker with what the service needs to know of it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.data.columns.kinds import Bag, Category, Number, Text, Time
from rankkit.data.columns.schema import Schema
from rankkit.export.artefacts.manifest import named_features, without_schema
from rankkit.export.source import Source, read_source
from rankkit.serving.scoring.engines import own_engine

_SOME_DOCS = 16


class ServedRanker:
    """A saved ranker, on the CPU.

    Args:
        source: The ranker with what its bundle says.
        path: Where it was loaded from; None: from memory.

    Attributes:
        names: Names of the features, in the order of an array of values; with a schema those of its columns.
        takes_missing: Whether a document of missing values (NaN) still gets a finite score.
        engine: What computes the scores; may be another one from one call to the next.
    """

    def __init__(self, source: Source, path: Path | None = None) -> None:
        self.source = source
        self.path = path
        self.engine = own_engine(source)
        self.schema = source.schema
        features = named_features(source.feature_names, source.n_features)
        self.names = self.schema.sources if self.schema else tuple(feature.name for feature in features)
        # As many documents as are scored in the usual way, so that what it needs is compiled before requests come.
        unknown = np.full((_SOME_DOCS, source.n_features), np.nan, np.float32)
        self.takes_missing = bool(np.isfinite(self.scores(unknown, np.array([0, len(unknown)])))[0])

    @classmethod
    def load(cls, path: Path) -> "ServedRanker":
        """The ranker of a bundle, or of the file of a tree model.

        Raises:
            BundleError: If there is none, or it is damaged.
            ExportError: If two of its features have the same name.
        """
        return cls(read_source(path), path)

    def scores(
        self, features: NDArray[np.float32], offsets: NDArray[np.int64], *, batch_docs: int = 2048
    ) -> NDArray[np.float32]:
        """``[doc]``, as ``rankkit score`` gives them.

        Args:
            features: ``[doc, feature]``; NaN is a missing value.
            offsets: ``[query + 1]``.
            batch_docs: About how many documents to score at once; queries are never split.
        """
        scores = np.empty(len(features), np.float32)
        engine, first = self.engine, 0
        while first < len(offsets) - 1:
            fitting = int(np.searchsorted(offsets, offsets[first] + batch_docs, side="right")) - 1
            last = max(first + 1, fitting)
            start, stop = offsets[first], offsets[last]
            scores[start:stop] = engine.scores(features[start:stop], offsets[first : last + 1] - start)
            first = last
        return scores

    def metadata(self) -> dict[str, Any]:
        """What ``GET /metadata`` says of the ranker."""
        source = self.source
        return {
            "scorer": source.scorer if self.schema is None else without_schema(source.scorer),
            "engine": {"name": self.engine.name, "why": self.engine.why},
            "features": list(self.names),
            **({} if self.schema is None else {"schema": self.schema.to_dict()}),
            "missing_values": self.takes_missing,
            "transform": source.transform,
            "listwise": source.listwise,
            "objective": source.objective,
            "protocol": source.protocol,
            "data_fingerprint": source.data_fingerprint,
            "weights_sha256": source.weights_sha256,
            "versions": source.versions,
        }

    def example_rows(self) -> list[list[float]]:
        """Two documents with values such as the training rows had."""
        low, high = self.source.low.astype(float), self.source.high.astype(float)
        rows = (low + 0.25 * (high - low), low + 0.75 * (high - low))
        whole = [np.where(self.source.coded, np.floor(row), row) for row in rows]
        return [[float(f"{value:.3g}") for value in row] for row in whole]

    def example_documents(self) -> list[Any]:
        """The same as clients write them: arrays of values, or objects where there is a schema."""
        rows = self.example_rows()
        if self.schema is None:
            return rows
        return [{**_others(self.schema), **_example(self.schema, row)} for row in rows]


def _others(schema: Schema) -> dict[str, Any]:
    """What is read besides the columns themselves: what an age is counted to, what a text is compared with."""
    found: dict[str, Any] = {}
    for column in schema.columns:
        if isinstance(column, Time) and column.reference is not None:
            found[column.reference] = _date(float(column.origin or 0) + 86_400)
        if isinstance(column, Text) and column.against is not None:
            found[column.against] = "some text"
    return found


def _example(schema: Schema, row: list[float]) -> dict[str, Any]:
    """A document whose numbers are those of a row of the matrix, other columns as anybody might write them."""
    found: dict[str, Any] = {}
    for column in schema.columns:
        values = row[schema.spans[column.name]]
        if isinstance(column, Number):
            found[column.name] = values[0]
        elif isinstance(column, Category | Bag):
            words = column.vocabulary or ("some value",)
            word = words[min(int(values[0]), len(words) - 1)]
            found[column.name] = word if isinstance(column, Category) else [word]
        elif isinstance(column, Time):
            found[column.name] = _date(float(column.origin or 0))
        else:
            found[column.name] = "some text" if isinstance(column, Text) else values
    return found


def _date(seconds: float) -> str:
    return str(np.datetime64(int(seconds), "s"))
