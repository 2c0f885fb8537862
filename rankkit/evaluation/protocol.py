"""Protocol: the conventions under which metrics are computed and averaged, stated with every result."""

import inspect
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, get_args

from rankkit.errors import ConfigError, did_you_mean
from rankkit.evaluation.names import read_metric_name
from rankkit.metrics import Discount, Ideal, Satisfaction, ShortList
from rankkit.metrics.engine import BestOrder, ShareOf, falls, in_name_of
from rankkit.ranking import Gain
from rankkit.registry import METRICS

Empty = Literal["zero", "skip", "one", "error"]
TieRule = Literal["pessimistic", "expected", "stable", "trec"]
ScoreDtype = Literal["given", "float32", "float64"]
MinusInf = Literal["unretrieved", "last"]
SeenTargets = Literal["left_out", "missed", "candidates"]

ABOVE_HALF = math.nextafter(0.5, 1.0)
"""As ``relevant_from``: labels above 0.5, not 0.5 itself."""

_CHOICES = {
    "gain": get_args(Gain),
    "discount": get_args(Discount),
    "ideal": get_args(Ideal),
    "short_list": get_args(ShortList),
    "ties": get_args(TieRule),
    "score_dtype": get_args(ScoreDtype),
    "empty": get_args(Empty),
    "minus_inf": get_args(MinusInf),
    "satisfaction": get_args(Satisfaction),
    "best_order": get_args(BestOrder),
    "share_of": get_args(ShareOf),
    "seen_targets": get_args(SeenTargets),
}
_GAIN_TEXT = {"exp": "2^label - 1", "linear": "label"}
_DISCOUNT_TEXT = {
    "log2": "1/log2(1 + rank)",
    "letor": "1 at ranks 1 and 2, then 1/log2(rank)",
    "reciprocal": "1/rank",
}
_SEEN_TEXT = {"missed": "missed", "candidates": "are candidates"}
_TABLES = ("gain", "satisfaction")
_OF_NAME = ("name", "metrics", "whole_only", "exceptions")
_OF_LISTS = ("ties", "score_dtype", "minus_inf", "default_k", "seen_targets", "known_only")


@dataclass(frozen=True)
class Protocol:
    """What two results must share before they may stand in one table.

    The fields that are options of a metric (gain, discount, best_order, ideal, share_of, short_list, relevant_from,
    max_label) are described there in full.

    >>> mine = Protocol(name="mine", gain={0: 0, 1: 1, 2: 5}, exceptions={"map": {"relevant_from": 2}})
    >>> mine.for_metric("map").relevant_from
    2

    Args:
        name: Whose conventions these are.
        gain: What a label is worth to dcg and ndcg: ``"exp"`` 2^label - 1, ``"linear"`` the label, or a table of whole
            labels to gains, which must not fall as labels rise.
        discount: What a rank is worth to dcg and ndcg: ``"log2"`` 1/log2(1 + rank), ``"letor"`` 1 at ranks 1 and 2,
            then 1/log2(rank), ``"reciprocal"`` 1/rank.
        ideal: What map@k is a share of: ``"judged"`` all relevant documents, which k ranks may not hold,
            ``"reachable"`` k of them where there are more, ``"found"`` those among the first k.
        short_list: A list of fewer than k documents: ``"pad"`` the missing ones count as not relevant, ``"cut"`` k is
            the size of the list, ``"zero"`` the query counts 0. Matters to ndcg@k (zero) and precision@k.
        ties: Order of documents with equal scores: ``"pessimistic"`` least relevant first, ``"expected"`` the mean
            over all orders, ``"stable"`` row order, ``"trec"`` document id from high to low, as text.
        score_dtype: The type in which scores are equal or not: ``"given"``, ``"float32"`` or ``"float64"``.
        empty: What a query counts for whose metric is undefined, since it has no relevant document: ``"zero"`` 0,
            ``"one"`` 1, ``"skip"`` left out of the mean, ``"error"`` stops.
        relevant_from: The least label of a relevant document, for metrics of binary relevance.
        default_k: The k of a metric that is asked for without one; None: the whole list.
        max_label: The greatest grade of the scale, for err; None: the greatest label of the data.
        satisfaction: The chance that a document of a label satisfies the user of err: ``"exp"`` by the greatest grade,
            ``"label"`` the label itself, or a table of whole labels to chances.
        minus_inf: A document whose score is -inf: ``"unretrieved"`` takes no rank and gains nothing, but counts among
            what was judged, ``"last"`` is ranked after all others.
        best_order: What ndcg@k is a share of: ``"judged"`` the best order of all that was judged, ``"filled"`` that of
            k documents of the greatest label, whether there are so many or not.
        share_of: What precision@k is a share of: ``"ranks"`` k ranks, ``"reachable"`` as many as there are relevant
            documents to fill them.
        pooled: Of recommenders, for precision alone: the mean is that of all users together, hits over what could be
            hit, so that users with much to be found count for more. The value of a user, which can be above 1, is the
            hits over what users could hit on average.
        seen_targets: Of recommenders, a held-out item of the user's own history: ``"left_out"`` is nothing to be found,
            ``"missed"`` is to be found and in no list, ``"candidates"`` is to be found and a candidate.
        known_only: Of recommenders: items without an event before are no candidates and nothing to be found, and users
            without one have nothing to be found.
        exceptions: For some metrics (names without k) fields that differ: ``{"precision": {"empty": "zero"}}``.
        metrics: The metrics that the tool itself has, or its documents describe; None: every metric.
        whole_only: Those of them that it has without k alone; None: none.

    Raises:
        ConfigError: If a field has a value that it cannot have.
    """

    name: str = "rankkit"
    gain: Gain | Mapping[int, float] = "exp"
    discount: Discount = "log2"
    ideal: Ideal = "judged"
    short_list: ShortList = "pad"
    ties: TieRule = "pessimistic"
    score_dtype: ScoreDtype = "given"
    empty: Empty = "zero"
    relevant_from: float = 1.0
    default_k: int | None = None
    max_label: float | None = None
    satisfaction: Satisfaction | Mapping[int, float] = "exp"
    minus_inf: MinusInf = "unretrieved"
    best_order: BestOrder = "judged"
    share_of: ShareOf = "ranks"
    pooled: bool = False
    seen_targets: SeenTargets = "left_out"
    known_only: bool = False
    exceptions: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    metrics: tuple[str, ...] | None = None
    whole_only: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        for name in _TABLES:
            table = getattr(self, name)
            if isinstance(table, Mapping):
                # The labels are text where a protocol was read from JSON.
                object.__setattr__(self, name, {int(label): float(value) for label, value in table.items()})
        for name in ("metrics", "whole_only"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, tuple(getattr(self, name)))
        for name, choices in _CHOICES.items():
            value = getattr(self, name)
            if not (isinstance(value, dict) if name in _TABLES and not isinstance(value, str) else value in choices):
                raise ConfigError(
                    f"{name}: expected {' or '.join(map(repr, choices))}; got {value!r}. "
                    f"{did_you_mean(str(value), choices)}"
                )
        self._check_exceptions()

    def _check_exceptions(self) -> None:
        known = [item.name for item in fields(self) if item.name not in (*_OF_NAME, *_OF_LISTS)]
        for metric, changes in self.exceptions.items():
            if metric not in METRICS:
                raise ConfigError(
                    f"exceptions: expected names of metrics; got {metric!r}. {did_you_mean(metric, METRICS)}"
                )
            for name in changes:
                if name not in known:
                    raise ConfigError(
                        f"exceptions: expected fields that one metric may have of its own; got {name!r} for {metric}. "
                        f"{did_you_mean(name, known)}"
                    )
            replace(self, exceptions={}, **changes)

    def for_metric(self, metric: str) -> "Protocol":
        """The protocol with the exceptions for a metric (name without k) in force."""
        changes = self.exceptions.get(metric)
        return replace(self, exceptions={}, **changes) if changes else self

    def has(self, metric: str, k: int | None = None) -> bool:
        """Whether the tool itself has this metric (name without k), at this k."""
        return self.metrics is None or (metric in self.metrics and (k is None or metric not in (self.whole_only or ())))

    def options_of(self, metric: str) -> dict[str, Any]:
        """Those fields that a metric (name without k) takes as keywords, without ``ties``."""
        rules = self.for_metric(metric)
        return {name: getattr(rules, name) for name in options_taken(metric)}

    def describe(self, metrics: Collection[str]) -> str:
        """One line on the conventions that matter to these metrics.

        >>> Protocol().describe(["ndcg@10"])
        'gain 2^label - 1, discount 1/log2(1 + rank), ties pessimistic'
        """
        parts: list[str] = []
        for asked in metrics:
            metric, k, options = read_metric_name(asked)
            k = self.default_k if k is None else k
            parts += [part for part in self.for_metric(metric)._parts(metric, k, options) if part not in parts]
        parts.sort(key=lambda part: [part.startswith(kind) for kind in _ORDER].index(True))
        if self.default_k is not None and any("@" not in asked for asked in metrics):
            parts.append(f"k {self.default_k} where none is asked for")
        parts.append(f"ties {self.ties}")
        if self.score_dtype != "given":
            parts.append(f"scores compared as {self.score_dtype}")
        if self.seen_targets != "left_out":
            parts.append(f"held-out items that were seen before {_SEEN_TEXT[self.seen_targets]}")
        if self.known_only:
            parts.append("users and items without an event before left out")
        return ", ".join(parts)

    def _parts(self, metric: str, k: int | None, options: Mapping[str, float]) -> list[str]:
        """What there is to say on one metric, each part beginning with one of ``_ORDER``."""
        used, parts = options_taken(metric), []
        if "gain" in used:
            parts += [f"gain {_gain_text(self.gain)}", f"discount {_DISCOUNT_TEXT[self.discount]}"]
        if "relevant_from" in used:
            above = self.relevant_from == ABOVE_HALF
            parts.append("relevant above label 0.5" if above else f"relevant from label {self.relevant_from:g}")
        if "satisfaction" in used and self.satisfaction != "exp":
            chance = self.satisfaction if isinstance(self.satisfaction, str) else _table_text(self.satisfaction)
            parts.append(f"{metric} stops with chance {chance}")
        elif "max_label" in used and self.max_label is not None:
            parts.append(f"greatest grade {self.max_label:g}")
        if k is not None and "ideal" in used:
            reached = {
                "judged": "all relevant documents",
                "reachable": "at most k relevant documents",
                "found": "the relevant documents among the k",
            }
            parts.append(f"{metric}@k over {reached[self.ideal]}")
        if k is not None and self.best_order == "filled" and "best_order" in used:
            parts.append(f"{metric}@k over k relevant documents, whether there are so many or not")
        if k is not None and self.short_list == "zero" and "short_list" in used:
            parts.append(f"{metric}@k of fewer than k documents 0")
        elif k is not None and metric in ("precision", "f1"):
            parts.append(f"{metric}@k over {self._places(metric)}")
        for option in in_name_of(METRICS[metric]):
            if option not in options:
                parts.append(f"{metric} {option} {inspect.signature(METRICS[metric]).parameters[option].default:g}")
        if falls(METRICS[metric]):
            parts.append(f"{metric} the lower the better")
        return parts

    def _places(self, metric: str) -> str:
        """What precision and f1 at k are shares of."""
        over = "k" if self.short_list == "pad" else "at most the list size"
        if metric == "precision" and self.share_of == "reachable":
            over = "at most k relevant documents"
        return over + (", of all users together" if metric == "precision" and self.pooled else "")


_ORDER = ("gain", "discount", "relevant", "greatest", "")


def options_taken(metric: str) -> list[str]:
    """The fields of a protocol that a metric (name without k) takes as keywords, without ``ties``."""
    known = inspect.signature(METRICS[metric]).parameters
    return [item.name for item in fields(Protocol) if item.name in known and item.name != "ties"]


def _gain_text(gain: str | Mapping[int, float]) -> str:
    return _GAIN_TEXT[gain] if isinstance(gain, str) else _table_text(gain)


def _table_text(table: Mapping[int, float]) -> str:
    return "{" + "; ".join(f"{label}: {value:g}" for label, value in table.items()) + "}"
