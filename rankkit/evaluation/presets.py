"""The conventions of known tools, by name.

Each is what the tool does unless told otherwise. Those of LightGBM, XGBoost, CatBoost, scikit-learn, trec_eval and
ranx are tested against the installed tool, those of the LETOR scripts against loops written from their description;
those of RankLib, allRank and TF-Ranking follow their sources.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rankkit.errors import ConfigError, did_you_mean
from rankkit.evaluation.protocol import ABOVE_HALF, Protocol

_LETOR = Protocol(
    name="letor4",
    discount="letor",
    ties="stable",
    # Precision has places beyond the list filled with documents that are not relevant since the version of 2009.
    exceptions={"ndcg": {"short_list": "zero"}},
    metrics=("ndcg", "precision", "map"),
)

_ALL = (
    Protocol(),
    Protocol(
        name="trec",
        gain="linear",
        ties="trec",
        score_dtype="float32",
        metrics=("ndcg", "map", "mrr", "precision", "recall", "r_precision", "hit_rate", "bpref"),
    ),
    replace(_LETOR, name="letor3", short_list="zero", exceptions={}),
    _LETOR,
    replace(_LETOR, name="mslr", relevant_from=2),
    Protocol(
        name="lightgbm",
        ideal="reachable",
        ties="stable",
        score_dtype="float64",
        empty="one",
        relevant_from=ABOVE_HALF,
        metrics=("ndcg", "map"),
    ),
    # Its eval_metric "ndcg" is ndcg@32, the number of pairs that it samples for training.
    Protocol(
        name="xgboost",
        ideal="reachable",
        short_list="cut",
        ties="stable",
        score_dtype="float32",
        empty="one",
        default_k=32,
        exceptions={"precision": {"empty": "zero"}},
        metrics=("ndcg", "map", "precision"),
    ),
    Protocol(
        name="catboost",
        gain="linear",
        ideal="reachable",
        short_list="cut",
        score_dtype="float64",
        relevant_from=ABOVE_HALF,
        exceptions={"ndcg": {"empty": "one"}, "recall": {"empty": "one"}},
        metrics=("ndcg", "dcg", "map", "mrr", "precision", "recall"),
    ),
    Protocol(
        name="ranklib",
        short_list="cut",
        ties="stable",
        max_label=4,
        metrics=("ndcg", "dcg", "map", "mrr", "precision", "err"),
    ),
    # Its mrr takes the rank of the greatest label for that of the first relevant document, and is left out.
    Protocol(name="allrank", ties="stable", score_dtype="float32", empty="one", metrics=("ndcg", "dcg")),
    Protocol(name="sklearn", gain="linear", ties="expected", score_dtype="float64", metrics=("ndcg", "dcg")),
    # Ties in lists of more than 15 documents are in no order that can be told: its sort is not stable.
    Protocol(
        name="ranx",
        gain="linear",
        ties="stable",
        score_dtype="float64",
        metrics=("ndcg", "dcg", "map", "mrr", "precision", "recall", "hit_rate"),
    ),
    # It shuffles ties: the expected value is the mean of its numbers over many runs.
    Protocol(
        name="tf-ranking",
        short_list="cut",
        ties="expected",
        score_dtype="float32",
        metrics=("ndcg", "map", "mrr", "precision", "recall", "hit_rate"),
    ),
)

# Every one of these tools ranks a document whose score is -inf, after all others; scikit-learn refuses such scores.
PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol if protocol.name == "rankkit" else replace(protocol, minus_inf="last") for protocol in _ALL
}
"""Presets by name; the first is the default."""


def resolve_protocol(
    protocol: str | Protocol,
    empty: str | None = None,
    ties: str | None = None,
    *,
    presets: Mapping[str, Protocol] = PROTOCOLS,
) -> Protocol:
    """The protocol of that name or as given, with ``empty`` and ``ties`` in place of its own unless they are None.

    An ``empty`` given here is in force for every metric, also those that are exceptions.

    Args:
        protocol: A name of ``presets``, or a protocol.
        empty: What a query counts for that has no relevant document.
        ties: The order of documents with equal scores.
        presets: By name: :data:`PROTOCOLS`, or those of recommenders.

    Raises:
        ConfigError: If there is no protocol of that name, or a value is not one of the choices.
    """
    if isinstance(protocol, str):
        if protocol not in presets:
            raise ConfigError(
                f"protocol: expected a name or a Protocol; got {protocol!r}. {did_you_mean(protocol, presets)}"
            )
        protocol = presets[protocol]
    found: Any = protocol
    if not isinstance(found, Protocol):
        known = ", ".join(presets)
        raise ConfigError(f"protocol: expected a name or a Protocol; got {protocol!r}. Known: {known}.")
    changes: dict[str, Any] = {"empty": empty, "ties": ties}
    changes = {name: value for name, value in changes.items() if value is not None}
    if empty is not None:
        exceptions = {
            metric: {name: value for name, value in own.items() if name != "empty"}
            for metric, own in protocol.exceptions.items()
        }
        changes["exceptions"] = {metric: own for metric, own in exceptions.items() if own}
    return replace(protocol, **changes)
