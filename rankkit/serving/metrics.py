"""ServiceMetrics: what the service counts, as Prometheus text."""

import math
import os
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0, 10000.0)


class Histogram:
    r"""Counts of values at or below each of some bounds.

    >>> histogram = Histogram((1.0, 5.0))
    >>> for value in (1, 3, 70):
    ...     histogram.observe(value)
    >>> print("\n".join(histogram.lines("size", {"path": "/rank"})))
    size_bucket{path="/rank",le="1"} 1
    size_bucket{path="/rank",le="5"} 2
    size_bucket{path="/rank",le="+Inf"} 3
    size_sum{path="/rank"} 74
    size_count{path="/rank"} 3
    """

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = (*bounds, math.inf)
        self._counts = [0] * len(self._bounds)
        self._sum = 0.0

    def observe(self, value: float) -> None:
        """Count a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self, name: str, labels: Mapping[str, object]) -> list[str]:
        """The lines of the text format, bounds cumulated."""
        lines, total = [], 0
        for bound, count in zip(self._bounds, self._counts, strict=True):
            total += count
            lines.append(
                _line(f"{name}_bucket", {**labels, "le": "+Inf" if bound == math.inf else f"{bound:g}"}, total)
            )
        return [*lines, _line(f"{name}_sum", labels, self._sum), _line(f"{name}_count", labels, total)]


class ServiceMetrics:
    """What the service counts.

    Requests are counted by the event loop and passes by the worker, so that each number has one writer and no lock.

    Args:
        readings: Name to kind ("gauge" or "counter"), help and what it is now, asked for at each reading.
        info: Labels of ``rankkit_info``.
    """

    def __init__(self, readings: Mapping[str, tuple[str, str, Callable[[], float]]], info: Mapping[str, str]) -> None:
        self._readings = readings
        self._info = info
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._seconds: dict[str, Histogram] = {}
        self._pass_docs = Histogram(SIZES)
        self._pass_requests = Histogram(SIZES)

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count an answer."""
        self._requests[method, path, status] += 1
        self._seconds.setdefault(path, Histogram(SECONDS)).observe(seconds)

    def scored(self, n_requests: int, n_docs: int) -> None:
        """Count a pass of the worker."""
        self._pass_requests.observe(n_requests)
        self._pass_docs.observe(n_docs)

    def text(self) -> str:
        """Everything in the Prometheus text format 0.0.4."""
        lines = [*_head("rankkit_info", "gauge", "The ranker that is served."), _line("rankkit_info", self._info, 1)]
        lines += _head("rankkit_requests_total", "counter", "Answers by method, path and status.")
        for (method, path, status), count in sorted(self._requests.items()):
            lines.append(_line("rankkit_requests_total", {"method": method, "path": path, "status": status}, count))
        lines += _head(
            "rankkit_request_seconds", "histogram", "Seconds from the first byte of a request to its answer."
        )
        for path, histogram in sorted(self._seconds.items()):
            lines += histogram.lines("rankkit_request_seconds", {"path": path})
        lines += _head("rankkit_pass_docs", "histogram", "Documents scored in one pass.")
        lines += self._pass_docs.lines("rankkit_pass_docs", {})
        lines += _head("rankkit_pass_requests", "histogram", "Requests scored in one pass.")
        lines += self._pass_requests.lines("rankkit_pass_requests", {})
        for name, (kind, text, value) in self._readings.items():
            lines += [*_head(name, kind, text), _line(name, {}, value())]
        return "\n".join(lines) + "\n"


def resident_bytes() -> float:
    """Memory of this process that is in RAM; NaN where the system has no /proc."""
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return math.nan
    return float(pages * os.sysconf("SC_PAGE_SIZE"))


def _head(name: str, kind: str, text: str) -> list[str]:
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _line(name: str, labels: Mapping[str, object], value: float) -> str:
    texts = ",".join(f'{label}="{_escaped(str(text))}"' for label, text in labels.items())
    number = "NaN" if math.isnan(value) else str(int(value)) if value == int(value) else repr(float(value))
    return f"{name}{{{texts}}} {number}" if texts else f"{name} {number}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
