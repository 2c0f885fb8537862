"""evaluate_recommender_protocols(): one recommender by the rules of many tools, in one table."""

from collections.abc import Iterable, Sequence
from typing import Any

from rankkit.data.interactions.splits import Split
from rankkit.errors import RankkitError
from rankkit.evaluation.catalogue.evaluating import check_items, gather
from rankkit.evaluation.catalogue.gathering import Gathering, needs_k
from rankkit.evaluation.catalogue.presets import RECOMMENDER_PROTOCOLS, TOOLS
from rankkit.evaluation.measuring import metric_names
from rankkit.evaluation.names import Metric
from rankkit.evaluation.presets import resolve_protocol
from rankkit.evaluation.protocol import Protocol
from rankkit.evaluation.protocols import ProtocolTable, check_names
from rankkit.models.recommenders.recommender import Recommender

_SEEN = {"left_out": "not counted", "missed": "missed", "candidates": "candidates"}


def evaluate_recommender_protocols(
    model: Recommender,
    split: Split,
    metrics: Metric | Sequence[Metric] = ("ndcg@10", "recall@10", "precision@10", "map@10", "mrr@10"),
    *,
    protocols: Iterable[str | Protocol] | None = None,
    within: Any | None = None,
    block_rows: int | None = None,
) -> ProtocolTable:
    """Score every item once and measure by the rules of many tools: why published numbers differ.

    Args:
        model: A recommender that has learnt.
        split: What is held out.
        metrics: Of held-out items, as ``"ndcg@10"``; a tool that has none of that name has a dash in its row.
        protocols: Names or :class:`Protocol` objects; None: rankkit's own and those of the six tools.
        within: Ids of items that are candidates; None: all items of the log.
        block_rows: Users in a block; None: as many as fit.

    Raises:
        DataError: If no user has anything to be found by any of them, or items are not those that were learnt from.
        ConfigError: If a metric or a protocol is unknown.

    Example:
        >>> from rankkit.data.interactions import Interactions, split_interactions
        >>> from rankkit.models.recommenders.popularity import Popularity
        >>> log = Interactions.from_events(list("aaabbb"), list("uvwwvx"))
        >>> test = split_interactions(log, "leave_last", valid=0).test
        >>> table = evaluate_recommender_protocols(Popularity().learn(test.history), test, ["ndcg@2"])
        >>> {name: round(means["ndcg@2"], 4) for name, means in table.means.items() if name in ("rankkit", "rectools")}
        {'rankkit': 0.8155, 'rectools': 0.5}
    """
    where = "evaluate_recommender_protocols"
    asked = metric_names(where, metrics)
    given = TOOLS.values() if protocols is None else protocols
    rules = [resolve_protocol(protocol, presets=RECOMMENDER_PROTOCOLS) for protocol in given]
    check_names(where, rules, asked)
    check_items(where, model, split)
    gatherings: dict[str, Gathering] = {}
    left_out: dict[str, str] = {}
    errors = []
    for protocol in rules:
        has = {
            name: protocol.has(named.metric, named.k) and not needs_k(named, protocol) for name, named in asked.items()
        }
        own = {name: named for name, named in asked.items() if has[name]}
        if not own:
            left_out[protocol.name] = "it has none of these metrics"
            continue
        try:
            gatherings[protocol.name] = Gathering(where, split, own, [], protocol, within=within)
        except RankkitError as error:  # such as no user of whom anything is known, which is shown in the table
            left_out[protocol.name] = str(error).removeprefix(f"{where}: ")
            errors.append(error)
    if not gatherings:
        raise errors[0]
    gather(
        lambda histories: next(model.scores(histories, block_rows=len(histories))), [*gatherings.values()], block_rows
    )
    found = {name: gathering.result().accuracy for name, gathering in gatherings.items()}
    evaluations = {name: accuracy for name, accuracy in found.items() if accuracy is not None}
    return ProtocolTable(evaluations, tuple(asked), left_out, _conventions, "users")


def _conventions(protocol: Protocol) -> dict[str, str]:
    """By column, why a row differs."""
    rules = {metric: protocol.for_metric(metric) for metric in ("ndcg", "map", "precision")}
    precision = "k" if rules["precision"].share_of == "ranks" else "at most k to be found"
    return {
        "ndcg@k over": "k hits" if rules["ndcg"].best_order == "filled" else "the best order",
        "map@k over": {"judged": "all to be found", "reachable": "at most k of them", "found": "the hits"}[
            rules["map"].ideal
        ],
        "precision@k over": precision + (", pooled" if rules["precision"].pooled else ""),
        "held out and seen": _SEEN[protocol.seen_targets],
        "unknown users, items": "left out" if protocol.known_only else "count",
        "ties": protocol.ties,
    }
