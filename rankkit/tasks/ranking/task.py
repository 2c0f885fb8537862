"""Ranking: scorers order the documents of queries."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from rankkit.data.ranking_dataset import RankingDataset
from rankkit.evaluation import Evaluation, evaluate, evaluate_scores, resolve_protocol
from rankkit.evaluation.scoring import score_documents
from rankkit.tasks.gradient.objectives import build_objective
from rankkit.tasks.ranking.build import build_scorer
from rankkit.tasks.ranking.informative import NEEDS_GRADES, needs_of, teaching_queries
from rankkit.tasks.ranking.job import RankingJob
from rankkit.tasks.ranking.splits import Source, check_files, labels_of, load_split, split_names, write_split
from rankkit.tasks.splitting import Split
from rankkit.tasks.task import Built, Measured, Predicting, Task, milliseconds
from rankkit.tasks.words import Words

N_DOCS = 100
"""Documents of the one query whose scoring is timed."""
_WARM_UP, _TIMED = 20, 200
_N_QUERIES = 2


def build(
    name: str,
    options: Mapping[str, Any],
    objective: str,
    objective_options: Mapping[str, Any],
    train: RankingDataset,
    *,
    seed: int,
) -> Built:
    """A scorer and an objective by their names."""
    scorer = build_scorer(name, options, objective, train, seed=seed)
    if not objective:
        return Built(scorer, None, {})
    return Built(scorer, build_objective(objective, objective_options), dict(objective_options))


def few_queries(
    data: RankingDataset, objective: Callable[..., Any] | None, training: Mapping[str, Any]
) -> RankingDataset:
    """Queries from which an objective learns, few of them; the first ones where none does."""
    needs = [NEEDS_GRADES] if objective is None else needs_of(objective)
    teaching = np.any([teaching_queries(data, need) for need in needs], axis=0)
    few = data.select(np.flatnonzero(teaching)[:_N_QUERIES] if teaching.any() else np.arange(min(1, data.n_queries)))
    if not data.offsets.flags.writeable:  # loops are compiled anew for what they cannot write to
        few.offsets.flags.writeable = False
    return few


def measure_scores(fitted: Predicting, split: Split[RankingDataset], rules: Any) -> Measured:
    """Of a ranker: each test query with its documents. The scores are kept."""
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


def scoring_milliseconds(score: Callable[[RankingDataset], object], data: RankingDataset) -> dict[str, float]:
    """How long it takes to score one query of 100 documents: median and 99th percentile of 200 calls, warm.

    Args:
        score: Of a fitted system.
        data: Whose first documents are taken, over and over if it has fewer than 100.
    """
    rows = np.resize(np.arange(data.n_docs), N_DOCS)
    query = RankingDataset(
        features=np.ascontiguousarray(data.features[rows]),
        labels=None,
        offsets=np.array([0, N_DOCS], np.int64),
        qids=np.array([1]),
        feature_names=data.feature_names,
    )
    return milliseconds(lambda: score(query), _WARM_UP, _TIMED)


def evaluate_ranker(model: Any, data: RankingDataset, metrics: Sequence[Any] | None = None, **rules: Any) -> Evaluation:
    """As :func:`rankkit.evaluation.evaluate`, with its metrics where none are named."""
    named: dict[str, Any] = {} if metrics is None else {"metrics": metrics}
    return evaluate(model, data, **named, **rules)


def predict(model: Any, data: RankingDataset) -> NDArray[np.floating[Any]]:
    """The scores of the documents."""
    return score_documents("compare", model, data)


RANKING = Task(
    name="ranking",
    systems="rankers",
    model="scorer",
    objective="objective",
    data="documents of queries",
    data_type=RankingDataset,
    metric=RankingJob.default_metric,
    words=Words(
        query="query",
        queries="queries",
        a_query="a query",
        answered="every test query has a relevant document",
        unanswered="test queries without a relevant document",
        documents="documents",
        same="document for document",
        group="documents with label 1 or more",
        rate="docs_per_second",
        rate_head="docs/s",
        timed="scoring_100_docs",
        timing="scoring one query of 100 documents",
        fastest="scores fastest",
        counts={"n_queries": "queries", "n_docs": "documents"},
        step="s/epoch or tree",
        of_cost="parameters of trees are leaves; ",
    ),
    job=RankingJob,
    build=build,
    as_objects=dict,
    few=few_queries,
    noted=lambda train, reading: {},
    predict=predict,
    evaluate=evaluate_ranker,
    source=Source,
    check_files=check_files,
    split_names=split_names,
    load=load_split,
    write=write_split,
    measure=measure_scores,
    time=scoring_milliseconds,
    commands="rankkit.cli.kinds.ranking.commands:RankingCommands",
    export="rankkit.export.rankers:RankerExport",
)
