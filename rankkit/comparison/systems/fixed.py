"""External systems that learn nothing or one thing: random order, a feature, the best feature, inputs as they are."""

import time
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from rankkit.comparison.plan import RunSpec
from rankkit.comparison.systems.fitted import Fitted, Report, Scoring, Selection
from rankkit.comparison.systems.warming import warm_up_selection
from rankkit.data.labelled_examples import LabelledExamples
from rankkit.data.ranking_dataset import RankingDataset
from rankkit.data.views import feature_names_of
from rankkit.errors import ConfigError, did_you_mean
from rankkit.similarity import evaluate_retrieval
from rankkit.tasks.ranking.splits import Split
from rankkit.tasks.similarity.splits import ExampleSplit


def random_order(spec: RunSpec, split: Split, folder: Path, report: Report) -> Fitted:
    """Scores drawn evenly from 0 to 1, whatever the document."""

    def score(data: RankingDataset) -> NDArray[np.float64]:
        return np.random.default_rng(spec.seed).random(data.n_docs)

    return Fitted(score, Selection(split.valid, spec.metric)(score(split.valid)), n_parameters=0)


def named_feature(spec: RunSpec, split: Split, folder: Path, report: Report) -> Fitted:
    """One feature as it is, such as a BM25 column.

    Raises:
        ConfigError: If the data has no such feature.
    """
    options = spec.system.external.options if spec.system.external else {}
    names = feature_names_of(split.train)
    name = str(options["feature"])
    if name not in names:
        raise ConfigError(f"feature: expected the name of a feature; got {name!r}. {did_you_mean(name, names)}")
    score = _by_feature(names.index(name), options.get("descending", True))
    return Fitted(score, Selection(split.valid, spec.metric)(score(split.valid)), {"feature": name}, n_parameters=0)


def best_feature(spec: RunSpec, split: Split, folder: Path, report: Report) -> Fitted:
    """The feature, high or low first, that orders the validation data best; the first of equals."""
    selection, names = Selection(split.valid, spec.metric), feature_names_of(split.train)
    warm_up_selection(selection, split.valid.n_docs)
    start = time.perf_counter()
    best: tuple[float, int, bool] | None = None
    for column in range(split.train.n_features):
        for descending in (True, False):
            value = selection(_by_feature(column, descending)(split.valid))
            if best is None or value > best[0]:
                best = (value, column, descending)
        report({"step": column + 1, "of": split.train.n_features, "valid": best[0] if best else None})
    if best is None:
        raise ConfigError("best-feature: expected at least one feature; got none. Check the data.")
    value, column, descending = best
    chosen = {"feature": names[column], "order": "high first" if descending else "low first"}
    return Fitted(_by_feature(column, descending), value, chosen, n_parameters=1, seconds=time.perf_counter() - start)


def _by_feature(column: int, descending: bool) -> Scoring:
    sign = np.float32(1 if descending else -1)

    def score(data: RankingDataset) -> NDArray[np.float32]:
        values = sign * data.features[:, column]
        # A missing value says nothing for a document: it comes last.
        return np.where(np.isnan(values), np.float32(-np.inf), values)

    return score


def raw_inputs(spec: RunSpec, split: ExampleSplit, folder: Path, report: Report) -> Fitted:
    """The numbers of an input as its embedding, compared by Euclidean distance: what an encoder has to beat."""
    flat, valid = _flat(split.valid), split.valid
    means = evaluate_retrieval(flat, valid.labels, [spec.metric], distance="euclidean").means
    return Fitted(_flat, means[spec.metric], n_parameters=0, distance="euclidean", config={"distance": "euclidean"})


def _flat(examples: LabelledExamples) -> NDArray[np.float32]:
    return cast("NDArray[np.float32]", examples.inputs.reshape(examples.n_examples, -1))
