"""Metric names as text: ``ndcg@10``, ``mrr@10``, ``map``, ``rbp(p=0.8)``."""

import inspect
import math
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from rankkit.errors import ConfigError
from rankkit.metrics.engine import falls, in_name_of
from rankkit.registry import METRICS, advice

Metric = str | Callable[..., Any]
"""A metric by its name, or as a function of rankkit."""

_NAME = re.compile(r"(?P<name>[^@()]+)(\((?P<options>[^()]*)\))?(@(?P<k>\d+))?")
_IR_MEASURES_NAME = re.compile(r"(?P<name>nDCG|RR|AP|P|R|Rprec|Success|ERR|Bpref|RBP)(\(.*\))?(?P<at>@\d+)?")
_AT_R = ("r_precision", "map_at_r")
_IN_IR_MEASURES = {
    "nDCG": ("ndcg", "nDCG there has the label itself as gain, ndcg here 2^label - 1 (the label by the protocol trec)"),
    "RR": ("mrr", "RR there orders tied documents by id, mrr here puts the least relevant first"),
    "AP": ("map", "AP there orders tied documents by id, map here puts the least relevant first"),
    "P": ("precision", "P there orders tied documents by id, precision here puts the least relevant first"),
    "R": ("recall", "R there orders tied documents by id, recall here puts the least relevant first"),
    "Rprec": (
        "r_precision",
        "Rprec there orders tied documents by id, r_precision here puts the least relevant first",
    ),
    "Success": ("hit_rate", "Success there orders tied documents by id, hit_rate here puts the least relevant first"),
    "Bpref": ("bpref", "Bpref there orders tied documents by id, bpref here puts the least relevant first"),
    "RBP": ("rbp", "RBP there orders tied documents by id, rbp here puts the least relevant first"),
    "ERR": ("err", "ERR there takes 4 as the greatest grade, err here that of the data unless max_label is given"),
}


class NamedMetric(NamedTuple):
    """What the name of a metric says: the key of ``METRICS``, k or None for the whole list, and options."""

    metric: str
    k: int | None
    options: dict[str, float]


def metric_name(where: str, metric: Metric) -> str:
    """The name of a metric that was given as a name or as a function of rankkit, with k where that is bound.

    >>> from rankkit.metrics import ndcg
    >>> metric_name("evaluate", ndcg), metric_name("evaluate", partial(ndcg, k=5)), metric_name("evaluate", "map")
    ('ndcg', 'ndcg@5', 'map')

    Args:
        where: The public function, for messages.
        metric: A name, a function of :mod:`rankkit.metrics`, or one with ``k`` bound by ``functools.partial``.

    Raises:
        ConfigError: If it is another function, or has other options bound.
    """
    if isinstance(metric, str):
        return metric
    function, options = (metric.func, metric.keywords) if isinstance(metric, partial) else (metric, {})
    name = next((name for name, known in METRICS.items() if known is function), None)
    if name is None:
        got = getattr(function, "__name__", repr(function))
        raise ConfigError(
            f"{where}: expected the name of a metric, such as 'ndcg@10', or a function of rankkit; got {got}. "
            "Compute one of your own from what rankkit.predict() gives."
        )
    named = {option: value for option, value in options.items() if option in in_name_of(METRICS[name])}
    others = [option for option in options if option != "k" and option not in named]
    if others:
        raise ConfigError(
            f"{where}: expected a metric with k alone; got {name} with {', '.join(others)}. "
            "Set the others in protocol=."
        )
    if named:
        name += f"({', '.join(f'{option}={value}' for option, value in named.items())})"
    return name if options.get("k") is None else f"{name}@{options['k']}"


def check_rises(where: str, name: str) -> None:
    """Raise ConfigError if a metric is lower the better the ranking: it can be read, but not chosen or compared by."""
    metric = read_metric_name(name).metric
    if falls(METRICS[metric]):
        raise ConfigError(
            f"{where}: expected a metric that is higher the better the ranking; got {name!r}, which is lower. "
            "Choose by another one, such as 'ndcg@10', and look at this one in rankkit.evaluate()."
        )


def parse_metric(name: str) -> tuple[str, int | None]:
    """Split a metric name into the metric and its cutoff.

    >>> parse_metric("ndcg@10"), parse_metric("map")
    (('ndcg', 10), ('map', None))

    Args:
        name: What :func:`read_metric_name` reads.

    Returns:
        The key of ``METRICS``, and k or None for the whole list.

    Raises:
        ConfigError: As :func:`read_metric_name`.
    """
    return read_metric_name(name)[:2]


def read_metric_name(name: str) -> NamedMetric:
    """Split a metric name into the metric, its cutoff and the options that stand in it.

    >>> read_metric_name("rbp(p=.8)@10")
    NamedMetric(metric='rbp', k=10, options={'p': 0.8})

    Args:
        name: ``metric``, ``metric@k`` or ``metric(option=number)@k``; the metrics are the keys of
            :data:`rankkit.registry.METRICS`. Those at R, such as ``map_at_r``, and those of pairs take no k.

    Raises:
        ConfigError: If there is no such metric, k is 0 or there is none to choose, an option is none that a name may
            hold, or the name is one of ir_measures, whose metrics differ.
    """
    match = _NAME.fullmatch(name)
    if match and match["name"] in METRICS:
        metric, k = match["name"], None if match["k"] is None else int(match["k"])
        if k is not None and "k" not in inspect.signature(METRICS[metric]).parameters:
            why = "cuts each list at its own number of relevant documents" if metric in _AT_R else "reads whole lists"
            raise ConfigError(
                f"metric: expected {metric!r} without a cutoff, since it {why}; got {name!r}. Write '{metric}'."
            )
        if k == 0:
            raise ConfigError(f"metric: expected a cutoff of 1 or more; got {name!r}. Write '{metric}@1'.")
        return NamedMetric(metric, k, {} if match["options"] is None else _options(metric, match["options"], name))
    if theirs := _IR_MEASURES_NAME.fullmatch(name):
        ours, difference = _IN_IR_MEASURES[theirs["name"]]
        raise ConfigError(
            f"metric: expected a name such as 'ndcg@10'; got {name!r}, a name of ir_measures. {difference}. "
            f"Write '{ours}{theirs['at'] or ''}' for rankkit's metric."
        )
    tried = match["name"] if match else name
    raise ConfigError(
        f"metric: expected 'metric' or 'metric@k', such as 'ndcg@10'; got {name!r}. {advice('metric', tried)}"
    )


def _options(metric: str, text: str, name: str) -> dict[str, float]:
    """The options in a metric's name, as ``p=0.8``, checked."""
    known = in_name_of(METRICS[metric])
    if not known:
        raise ConfigError(
            f"metric: expected {metric!r} without options; got {name!r}. Write '{metric}', and set its conventions in "
            "the protocol."
        )
    options: dict[str, float] = {}
    for part in text.split(","):
        option, _, value = (piece.strip() for piece in part.partition("="))
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if option not in known or option in options or math.isnan(number):
            example = ", ".join(f"{one}=<number>" for one in known)
            raise ConfigError(f"metric: expected '{metric}({example})'; got {name!r}. Name each option once.")
        known[option](number)
        options[option] = number
    return options
