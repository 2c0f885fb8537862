"""ServedRanker: a saved ranker with what the service needs to know of it."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rankkit.export.manifest import named_features
from rankkit.export.source import Source, read_source
from rankkit.serving.scoring.engines import own_engine


class ServedRanker:
    """A saved ranker, on the CPU.

    Args:
        source: The ranker with what its bundle says.
        path: Where it was loaded from; None: from memory.

    Attributes:
        names: Names of the features, in the order of an array of values.
        takes_missing: Whether a document of missing values (NaN) still gets a finite score.
        engine: What computes the scores; may be another one from one call to the next.
    """

    def __init__(self, source: Source, path: Path | None = None) -> None:
        self.source = source
        self.path = path
        self.engine = own_engine(source)
        self.names = tuple(feature.name for feature in named_features(source.feature_names, source.n_features))
        unknown = np.full((1, source.n_features), np.nan, np.float32)
        self.takes_missing = bool(np.isfinite(self.scores(unknown, np.array([0, 1])))[0])

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
            "scorer": source.scorer,
            "engine": {"name": self.engine.name, "why": self.engine.why},
            "features": list(self.names),
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
        return [[float(f"{value:.3g}") for value in row] for row in rows]
