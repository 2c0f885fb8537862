"""evaluate(): any model on data of its task."""

from collections.abc import Sequence
from typing import Any

from rankkit.evaluation import Protocol
from rankkit.evaluation.names import Metric
from rankkit.tasks.known import task_of_data
from rankkit.tasks.ranking.task import RANKING


def evaluate(
    model: Any,
    data: Any,
    metrics: Metric | Sequence[Metric] | None = None,
    *,
    qids: Any | None = None,
    protocol: str | Protocol | None = None,
    empty: str | None = None,
    ties: str | None = None,
    weighted: bool | None = None,
    device: Any | None = None,
    batch_docs: int | None = None,
    **own: Any,
) -> Any:
    """Measure a model on data: a ranker on documents, an encoder on labelled examples, a recommender on a split.

    >>> from rankkit.data.synthetic import make_ranking
    >>> from rankkit.models.scorers import LinearScorer
    >>> data = make_ranking(20, n_features=4, seed=0)
    >>> list(evaluate(LinearScorer(4, transform="none"), data, ["ndcg@10", "map"]).means)
    ['ndcg@10', 'map']

    Args:
        model: Its training flags and its device are afterwards as before.
        data: Of a ranker documents with labels: a :class:`RankingDataset`, or a data frame or Arrow table with a column
            of labels named as in the training data. Of any other model data of its task: :class:`LabelledExamples` of
            an encoder, :class:`rankkit.Split` of a recommender.
        metrics: Names, as ``"ndcg@10"`` or ``"map"``, or functions, as ``rankkit.ndcg``; None: those of the task, of
            rankers ndcg@10 and mrr@10.
        qids: With a table: one query id a row, or the name of their column; None: the column of the training data.
        protocol: The conventions, by name or as a :class:`Protocol`; None: ``"rankkit"``.
        empty: In place of the protocol's: ``"zero"``, ``"skip"``, ``"one"`` or ``"error"``.
        ties: In place of the protocol's: ``"pessimistic"``, ``"expected"``, ``"stable"`` or ``"trec"``.
        weighted: Count queries by the weights of the data, or the gains of documents where they are theirs. Without it
            weights play no part.
        device: Where to score; None: where the model is. Metrics are computed on the CPU.
        batch_docs: About how many documents to score at once; None: 65,536.
        **own: What else measuring on other data takes, as :func:`rankkit.evaluate_encoder` and
            :func:`rankkit.evaluate_recommender` describe it.

    Returns:
        An :class:`rankkit.Evaluation` of a ranker, a :class:`rankkit.SimilarityReport` of an encoder, a
        ``CatalogueEvaluation`` of a recommender.

    Raises:
        DataError: If there are no labels or no queries, the data does not fit the model, a score is NaN, a query has no
            relevant document and ``empty`` is ``"error"``, or ``weighted`` finds no weights.
        ConfigError: If a metric, protocol, empty or ties is unknown, or a metric takes no weights of documents.
    """
    task = task_of_data(data) or RANKING
    asked = {"qids": qids, "protocol": protocol, "empty": empty, "ties": ties, "weighted": weighted}
    given = {**asked, "device": device, "batch_docs": batch_docs}
    rules = {name: value for name, value in given.items() if value is not None}
    return task.evaluate(model, data, metrics, **rules, **own)
