"""What the service counts, in the text form that Prometheus reads."""

import math
import mmap
import re

from rankkit.serving.metrics import Histogram, ServiceMetrics, resident_bytes

SAMPLE = re.compile(r'([a-z_]+)(?:\{((?:[a-z_0-9]+="(?:[^"\\]|\\.)*",?)*)\})? (\S+)')


def read(text):
    """Samples by name and labels; every line has to be of the form, and every name declared before its samples."""
    samples, declared = {}, set()
    assert text.endswith("\n")
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            declared.add(line.split()[2])
        elif not line.startswith("# HELP "):
            match = SAMPLE.fullmatch(line)
            assert match, line
            assert re.sub("_(bucket|sum|count)$", "", match[1]) in declared or match[1] in declared
            assert (match[1], match[2]) not in samples
            samples[match[1], match[2]] = float(match[3])
    return samples


def test_answers_are_counted_and_timed(service):
    before = read(service.get("/metrics").text)
    row = [1, 2, 3]
    service.post("/rank", {"documents": [{"id": 1, "features": row}, {"id": 2, "features": row}]})
    service.post("/rank", "{")
    service.get("/nothing?at=all")
    after = read(service.get("/metrics").text)

    def grown(name, labels):
        return after[name, labels] - before.get((name, labels), 0)

    assert grown("rankkit_requests_total", 'method="POST",path="/rank",status="200"') == 1
    assert grown("rankkit_requests_total", 'method="POST",path="/rank",status="422"') == 1
    assert grown("rankkit_requests_total", 'method="GET",path="other",status="404"') == 1
    assert grown("rankkit_request_seconds_count", 'path="/rank"') == 2
    assert grown("rankkit_request_seconds_bucket", 'path="/rank",le="+Inf"') == 2
    assert grown("rankkit_pass_docs_sum", None) == 2
    assert grown("rankkit_pass_requests_count", None) == 1
    assert after["process_resident_memory_bytes", None] > 10**7
    assert after["rankkit_waiting_docs", None] == 0
    assert grown("process_cpu_seconds_total", None) > 0


def test_a_bucket_counts_what_is_at_or_below_its_bound():
    histogram = Histogram((1.0, 2.0))
    for value in (0.5, 1.0, 1.5, 2.0, 9.0):
        histogram.observe(value)
    samples = dict(line.split() for line in histogram.lines("x", {}))
    assert samples == {'x_bucket{le="1"}': "2", 'x_bucket{le="2"}': "4", 'x_bucket{le="+Inf"}': "5"} | {
        "x_sum": "14",
        "x_count": "5",
    }


def test_labels_are_escaped():
    text = ServiceMetrics({"gauge": ("gauge", "Help.", lambda: math.nan)}, {"scorer": 'a"b\\c\nd'}).text()
    assert 'rankkit_info{scorer="a\\"b\\\\c\\nd"} 1' in text
    assert math.isnan(read(text)["gauge", None])


def test_resident_memory_is_that_of_this_process():
    before = resident_bytes()
    # Fresh pages from the system: an allocator may have 50 MB left over, which count already.
    with mmap.mmap(-1, 50_000_000) as block:
        for place in range(0, len(block), mmap.PAGESIZE):
            block[place] = 1
        assert resident_bytes() - before > 25_000_000
