"""Metric names as text: ``ndcg@10``, ``mrr@10``, ``map``."""

import inspect
import re
from collections.abc import Callable
from functools import partial
from typing import Any

from rankkit.errors import ConfigError, did_you_mean
from rankkit.registry import METRICS

Metric = str | Callable[..., Any]
"""A metric by its name, or as a function of rankkit."""

_NAME = re.compile(r"(?P<name>[^@()]+)(@(?P<k>\d+))?")
_IR_MEASURES_NAME = re.compile(r"(?P<name>nDCG|RR|AP|P|R|Rprec|Success|ERR)(\(.*\))?(?P<at>@\d+)?")
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
    "ERR": ("err", "ERR there takes 4 as the greatest grade, err here that of the data unless max_label is given"),
}


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
    others = [option for option in options if option != "k"]
    if others:
        raise ConfigError(
            f"{where}: expected a metric with k alone; got {name} with {', '.join(others)}. "
            "Set the others in protocol=."
        )
    return name if options.get("k") is None else f"{name}@{options['k']}"


def parse_metric(name: str) -> tuple[str, int | None]:
    """Split a metric name into the metric and its cutoff.

    >>> parse_metric("ndcg@10"), parse_metric("map")
    (('ndcg', 10), ('map', None))

    Args:
        name: ``metric`` or ``metric@k``; the metrics are the keys of :data:`rankkit.registry.METRICS`. Those at R,
            such as ``map_at_r``, take no k.

    Returns:
        The key of ``METRICS``, and k or None for the whole list.

    Raises:
        ConfigError: If there is no such metric, k is 0 or there is none to choose, or the name is one of ir_measures,
            whose metrics differ.
    """
    match = _NAME.fullmatch(name)
    if match and match["name"] in METRICS:
        k = None if match["k"] is None else int(match["k"])
        if k is not None and "k" not in inspect.signature(METRICS[match["name"]]).parameters:
            raise ConfigError(
                f"metric: expected {match['name']!r} without a cutoff, since it cuts each list at its own number of "
                f"relevant documents; got {name!r}. Write '{match['name']}'."
            )
        if k == 0:
            raise ConfigError(f"metric: expected a cutoff of 1 or more; got {name!r}. Write '{match['name']}@1'.")
        return match["name"], k
    if theirs := _IR_MEASURES_NAME.fullmatch(name):
        ours, difference = _IN_IR_MEASURES[theirs["name"]]
        raise ConfigError(
            f"metric: expected a name such as 'ndcg@10'; got {name!r}, a name of ir_measures. {difference}. "
            f"Write '{ours}{theirs['at'] or ''}' for rankkit's metric."
        )
    tried = match["name"] if match else name
    raise ConfigError(
        f"metric: expected 'metric' or 'metric@k', such as 'ndcg@10'; got {name!r}. {did_you_mean(tried, METRICS)}"
    )
