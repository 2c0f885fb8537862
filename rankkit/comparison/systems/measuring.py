"""What a fitted system reaches on the test data, in the one form that results are read from."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from rankkit.comparison.example_splits import ExampleSplit
from rankkit.comparison.plan import Rules
from rankkit.comparison.splits import Split, labels_of
from rankkit.comparison.systems.fitted import Fitted
from rankkit.errors import ConfigError
from rankkit.evaluation import Evaluation, evaluate_scores, resolve_protocol
from rankkit.similarity import evaluate_retrieval

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Measured:
    """Values on the test data.

    Args:
        evaluation: A value of each metric for each query, or anchor.
        tables: What else is kept of the run, by name of the file.
    """

    evaluation: Evaluation
    tables: "dict[str, pd.DataFrame]" = field(default_factory=dict)


def measure_scores(fitted: Fitted, split: Split, rules: Rules) -> Measured:
    """Of a ranker: each test query with its documents. The scores are kept."""
    import pandas as pd

    scores = np.asarray(fitted.predict(split.test))
    evaluation = evaluate_scores(
        scores,
        labels_of(split.test),
        qids=split.test.qids[np.repeat(np.arange(split.test.n_queries), split.test.list_sizes)],
        doc_ids=split.test.doc_ids,
        metrics=list(rules.metrics),
        # Every document of the test data is ranked; one whose feature is missing has -inf and comes last.
        protocol=replace(resolve_protocol(rules.protocol, rules.empty, rules.ties), minus_inf="last"),
    )
    return Measured(evaluation, {"scores": pd.DataFrame({"score": scores.astype(np.float32)})})


def measure_embeddings(fitted: Fitted, split: ExampleSplit, rules: Rules) -> Measured:
    """Of an encoder: each test example is an anchor, the others are ranked by their distance to it."""
    if fitted.distance is None:
        raise ConfigError("compare: expected an encoder to know its distance; got none. Give it one.")
    evaluation = evaluate_retrieval(
        fitted.predict(split.test),
        split.test.labels,
        rules.metrics,
        distance=fitted.distance,
        ids=split.anchor_ids,
        protocol=rules.protocol,
        empty=rules.empty,
        ties=rules.ties,
    )
    return Measured(evaluation)
