"""Protocol: the conventions under which metrics are computed and averaged, stated with every result."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args

from rankkit.errors import ConfigError, did_you_mean
from rankkit.ranking import Gain

Empty = Literal["zero", "skip", "one", "error"]
TieRule = Literal["pessimistic", "expected", "stable", "trec"]

_GAIN_TEXT = {"exp": "2^label - 1", "linear": "label"}
_CHOICES = {"gain": get_args(Gain), "ties": get_args(TieRule), "empty": get_args(Empty)}


@dataclass(frozen=True)
class Protocol:
    """What two results must share before they may stand in one table.

    Args:
        name: Whose conventions these are.
        gain: What a label is worth to dcg and ndcg: ``"exp"`` 2^label - 1, ``"linear"`` the label.
        ties: Order of documents with equal scores: ``"pessimistic"`` least relevant first, ``"expected"`` the mean
            over all orders, ``"stable"`` row order, ``"trec"`` document id from high to low, as text.
        empty: What a query counts for whose metric is undefined, since it has no relevant document: ``"zero"`` 0,
            ``"one"`` 1, ``"skip"`` left out of the mean, ``"error"`` stops.
        relevant_from: The least label of a relevant document, for metrics of binary relevance.
        max_label: The greatest grade of the scale, for err; None: the greatest label of the data.

    Raises:
        ConfigError: If a field has a value that it cannot have.
    """

    name: str = "rankkit"
    gain: Gain = "exp"
    ties: TieRule = "pessimistic"
    empty: Empty = "zero"
    relevant_from: float = 1.0
    max_label: float | None = None

    def __post_init__(self) -> None:
        for field, choices in _CHOICES.items():
            if (value := getattr(self, field)) not in choices:
                raise ConfigError(
                    f"{field}: expected {' or '.join(map(repr, choices))}; got {value!r}. "
                    f"{did_you_mean(str(value), choices)}"
                )

    def options_of(self, metric: Callable[..., Any]) -> dict[str, Any]:
        """Those fields that a metric takes as keywords, without ``ties``."""
        known = inspect.signature(metric).parameters
        names = [field.name for field in fields(self)]
        return {name: getattr(self, name) for name in names if name in known and name != "ties"}

    def describe(self, metrics: Iterable[Callable[..., Any]]) -> str:
        """One line on the conventions that matter to these metrics.

        >>> from rankkit.metrics import ndcg
        >>> Protocol().describe([ndcg])
        'gain 2^label - 1, discount 1/log2(1 + rank), ties pessimistic'
        """
        used = {option for metric in metrics for option in self.options_of(metric)}
        parts = []
        if "gain" in used:
            parts += [f"gain {_GAIN_TEXT[self.gain]}", "discount 1/log2(1 + rank)"]
        if "relevant_from" in used:
            parts.append(f"relevant from label {self.relevant_from:g}")
        if "max_label" in used and self.max_label is not None:
            parts.append(f"greatest grade {self.max_label:g}")
        return ", ".join([*parts, f"ties {self.ties}"])


PROTOCOLS: dict[str, Protocol] = {"rankkit": Protocol()}


def resolve_protocol(protocol: str | Protocol, empty: str | None = None, ties: str | None = None) -> Protocol:
    """The protocol of that name or as given, with ``empty`` and ``ties`` in place of its own unless they are None.

    Raises:
        ConfigError: If there is no protocol of that name, or a value is not one of the choices.
    """
    if isinstance(protocol, str):
        if protocol not in PROTOCOLS:
            raise ConfigError(
                f"protocol: expected a name or a Protocol; got {protocol!r}. {did_you_mean(protocol, PROTOCOLS)}"
            )
        protocol = PROTOCOLS[protocol]
    changes: dict[str, Any] = {"empty": empty, "ties": ties}
    return replace(protocol, **{field: value for field, value in changes.items() if value is not None})
