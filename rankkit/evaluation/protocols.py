"""evaluate_protocols(): one model under the conventions of many tools, in one table."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from rankkit.errors import ConfigError, RankkitError
from rankkit.evaluation.matching import documents_for
from rankkit.evaluation.measuring import judged_documents, measure, metric_names
from rankkit.evaluation.names import Metric, NamedMetric
from rankkit.evaluation.presets import PROTOCOLS, resolve_protocol
from rankkit.evaluation.protocol import ABOVE_HALF, Protocol
from rankkit.evaluation.report import Evaluation
from rankkit.models.scorers import Scorer

if TYPE_CHECKING:
    import pandas as pd

_EMPTY = {"zero": "0", "one": "1", "skip": "skip", "error": "error"}


def conventions_of(protocol: Protocol) -> dict[str, str]:
    """By column, why the row of a ranking tool differs; what holds for one metric only names it."""

    def cell(field: str, text: dict[str, str]) -> str:
        value = getattr(protocol, field)
        own = [
            f"{metric} {text.get(changes[field], changes[field])}"
            for metric, changes in protocol.exceptions.items()
            if field in changes
        ]
        return "; ".join([text.get(value, value), *own])

    return {
        "gain": protocol.gain if isinstance(protocol.gain, str) else "table",
        "discount": protocol.discount,
        "relevant": "above 0.5" if protocol.relevant_from == ABOVE_HALF else f"from {protocol.relevant_from:g}",
        "none relevant": cell("empty", _EMPTY),
        "ties": protocol.ties,
        "short list": cell("short_list", {"zero": "0"}),
    }


@dataclass(frozen=True, repr=False, eq=False)
class ProtocolTable:
    """What :func:`evaluate_protocols` returns; printing it gives the table.

    Args:
        evaluations: By name of the protocol; each holds the metrics that the tool has.
        metrics: The metrics as asked.
        left_out: Why a protocol gave nothing, by its name.
        conventions: ``(protocol) -> {column: words}``: what is shown of a protocol beside its numbers.
        queries: What queries are called.
    """

    evaluations: dict[str, Evaluation]
    metrics: tuple[str, ...]
    left_out: dict[str, str]
    conventions: Callable[[Protocol], dict[str, str]] = conventions_of
    queries: str = "queries"

    @property
    def means(self) -> dict[str, dict[str, float]]:
        """For each protocol the mean of each metric that its tool has."""
        return {name: evaluation.means for name, evaluation in self.evaluations.items()}

    def to_pandas(self) -> "pd.DataFrame":
        """One row a protocol, one column a metric, NaN where the tool does not have it."""
        import pandas as pd

        frame = pd.DataFrame.from_dict(self.means, orient="index", columns=list(self.metrics))
        return frame.rename_axis("protocol").reset_index()

    def to_dict(self) -> dict[str, Any]:
        """Means and protocols, of plain types; None stands for NaN."""
        rows = {}
        for name, evaluation in self.evaluations.items():
            means = {metric: None if np.isnan(mean) else mean for metric, mean in evaluation.means.items()}
            rows[name] = {"means": means, "convention": evaluation.convention, "protocol": asdict(evaluation.protocol)}
        n_queries = next(iter(self.evaluations.values())).n_queries
        return {"protocols": rows, "left_out": self.left_out, "n_queries": n_queries}

    def to_json(self) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict())

    def __repr__(self) -> str:
        return f"ProtocolTable({', '.join(self.metrics)} under {len(self.evaluations)} protocols)"

    def __str__(self) -> str:
        shown = {name: self.conventions(evaluation.protocol) for name, evaluation in self.evaluations.items()}
        head = ["protocol", *self.metrics, *next(iter(shown.values()))]
        rows = [head]
        for name, evaluation in self.evaluations.items():
            means = (evaluation.means.get(metric) for metric in self.metrics)
            cells = ["-" if mean is None else f"{mean:.4f}" for mean in means]
            rows.append([name, *cells, *shown[name].values()])
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        evaluation = next(iter(self.evaluations.values()))
        notes = [
            f"{evaluation.n_queries:,} {self.queries}, {evaluation.n_empty:,} without a relevant document, "
            f"{evaluation.n_tied:,} with ties between different labels"
        ]
        if any(len(evaluation.per_query) < len(self.metrics) for evaluation in self.evaluations.values()):
            notes.append("-: the tool does not have this metric")
        notes += [f"{name} left out: {why}" for name, why in self.left_out.items()]
        return "\n".join([*lines, *notes])


def evaluate_protocols(
    scorer: Scorer,
    data: Any,
    metrics: Metric | Sequence[Metric] = ("ndcg@10", "mrr@10"),
    *,
    qids: Any | None = None,
    protocols: Iterable[str | Protocol] | None = None,
    device: torch.device | str | None = None,
    batch_docs: int = 65536,
) -> ProtocolTable:
    """Score the documents once and measure their order under many conventions: why published numbers differ.

    >>> from rankkit.data.synthetic import make_ranking
    >>> from rankkit.models.scorers import LinearScorer
    >>> data = make_ranking(20, n_features=4, seed=0)
    >>> table = evaluate_protocols(LinearScorer(4, transform="none"), data, ["ndcg@10"], protocols=["rankkit", "ranx"])
    >>> list(table.means)
    ['rankkit', 'ranx']

    Args:
        scorer: A scorer.
        data: What :func:`evaluate` takes; documents under ``"trec"`` need ids.
        qids: As of :func:`evaluate`.
        metrics: Names, as ``"ndcg@10"`` or ``"map"``.
        protocols: Names or :class:`Protocol` objects; None: every preset.
        device: Where to score; None: where the scorer is.
        batch_docs: About how many documents to score at once.

    Raises:
        DataError: If there are no labels or no queries, or no protocol fits the data.
        ConfigError: If a metric or a protocol is unknown.
    """
    where = "evaluate_protocols"
    asked = metric_names(where, metrics)
    rules = [resolve_protocol(protocol) for protocol in (PROTOCOLS if protocols is None else protocols)]
    check_names(where, rules, asked)
    documents = documents_for(where, scorer, data, qids=qids, with_labels=True)
    judged = judged_documents(where, scorer, documents, device, batch_docs)
    evaluations: dict[str, Evaluation] = {}
    left_out: dict[str, str] = {}
    errors = []
    for protocol in rules:
        own = {name: named for name, named in asked.items() if protocol.has(named.metric, named.k)}
        if not own:
            left_out[protocol.name] = "it has none of these metrics"
            continue
        try:
            evaluations[protocol.name] = measure(judged, own, protocol)
        except RankkitError as error:  # such as no document ids for trec, which is shown in the table
            left_out[protocol.name] = str(error).removeprefix(f"{where}: ")
            errors.append(error)
    if not evaluations:
        raise errors[0]
    return ProtocolTable(evaluations, tuple(asked), left_out)


def check_names(where: str, rules: Sequence[Protocol], asked: Mapping[str, NamedMetric]) -> None:
    """Refuse protocols of one name, and metrics that none of them has.

    Raises:
        ConfigError: If there are such.
    """
    if len({protocol.name for protocol in rules}) < len(rules):
        names = ", ".join(protocol.name for protocol in rules)
        raise ConfigError(
            f"{where}: expected protocols of different names; got {names}. Rename one with Protocol(name=...)."
        )
    if not any(protocol.has(name, k) for protocol in rules for name, k, _ in asked.values()):
        raise ConfigError(f"{where}: expected a metric that one of the tools has; got {', '.join(asked)}. Add ndcg@10.")
