"""ServiceMetrics: what the service counts, as Prometheus text."""

import os
from collections.abc import Callable, Iterable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

from rankkit.serving.scoring.shadow import Comparison

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0)
MANY = "PROMETHEUS_MULTIPROC_DIR"  # where prometheus_client keeps the counts of several processes


class ServiceMetrics:
    """What the service counts.

    Args:
        now: Name of a gauge to its help and what it is now.
        turned_away: How many connections found the house full so far.
    """

    def __init__(self, now: Mapping[str, tuple[str, Callable[[], float]]], turned_away: Callable[[], int]) -> None:
        disable_created_metrics()
        self._registry = registry = CollectorRegistry()
        self._info = Gauge(
            "rankkit_info", "The rankers that are served.", ["model", "scorer", "weights_sha256"], registry=registry,
            multiprocess_mode="livemax",
        )  # fmt: skip
        self._requests = Counter(
            "rankkit_requests", "Answers by method, path and status.", ["method", "path", "status"], registry=registry
        )
        self._seconds = Histogram(
            "rankkit_request_seconds", "Seconds from the first byte of a request to its answer.", ["path"],
            buckets=SECONDS, registry=registry,
        )  # fmt: skip
        self._pass_docs = Histogram(
            "rankkit_pass_docs", "Documents scored in one pass.", buckets=SIZES, registry=registry
        )
        self._pass_requests = Histogram(
            "rankkit_pass_requests", "Requests scored in one pass.", buckets=SIZES, registry=registry
        )
        self._reloads = Counter("rankkit_reloads", "Reloads by outcome.", ["model", "outcome"], registry=registry)
        self._shadow = Counter("rankkit_shadow_requests", "What became of them.", ["outcome"], registry=registry)
        self._shadow_sums = {
            "n_queries": Counter("rankkit_shadow_queries", "Queries compared.", registry=registry),
            "n_other_first": Counter(
                "rankkit_shadow_other_first", "Queries whose best document is another.", registry=registry
            ),
            "n_docs": Counter("rankkit_shadow_docs", "Documents compared.", registry=registry),
            "difference": Counter(
                "rankkit_shadow_difference", "Sum of the differences of their scores.", registry=registry
            ),
        }
        self._turned_away = Counter(
            "rankkit_connections_turned_away", "Connections that found the house full.", registry=registry
        )
        self._count_turned_away = turned_away
        self._n_turned_away = 0
        self._now = {
            name: (Gauge(name, text, registry=registry, multiprocess_mode="livesum"), value)
            for name, (text, value) in now.items()
        }
        ProcessCollector(registry=registry)

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests.labels(method, path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)
        if MANY in os.environ:  # another process may be the one that is asked for the counts
            self._read()

    def scored(self, n_requests: int, n_docs: int) -> None:
        """Count a pass of the worker."""
        self._pass_requests.observe(n_requests)
        self._pass_docs.observe(n_docs)

    def reloaded(self, model: str, outcome: str) -> None:
        """Count what became of a model that was to be reloaded."""
        self._reloads.labels(model, outcome).inc()

    def shadowed(self, outcome: str, comparison: Comparison | None) -> None:
        """Count what a shadow made of a request."""
        self._shadow.labels(outcome).inc()
        if comparison is not None:
            for name, counter in self._shadow_sums.items():
                counter.inc(getattr(comparison, name))

    def serves(self, rankers: Iterable[tuple[str, str, str]]) -> None:
        """Say which rankers are served: name, scorer, digest of the weights."""
        self._info.clear()
        for labels in rankers:
            self._info.labels(*labels).set(1)

    def text(self) -> bytes:
        """Everything in the Prometheus text format 0.0.4; of all processes, where there are several."""
        self._read()
        registry = self._registry
        if MANY in os.environ:
            registry = CollectorRegistry()
            MultiProcessCollector(registry)
        return generate_latest(registry)

    def _read(self) -> None:
        for gauge, value in self._now.values():
            gauge.set(value())
        turned_away = self._count_turned_away()
        self._turned_away.inc(turned_away - self._n_turned_away)
        self._n_turned_away = turned_away
