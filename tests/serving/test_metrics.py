"""What the service counts, in the text form that Prometheus reads."""

import re

from prometheus_client.parser import text_string_to_metric_families

from rankkit.serving.metrics import ServiceMetrics
from rankkit.serving.scoring.shadow import Comparison


def read(text):
    """Samples by name and labels."""
    samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            samples[sample.name, *sorted(sample.labels.items())] = sample.value
    return samples


def test_answers_are_counted_and_timed(service):
    before = read(service.get("/metrics").text)
    row = [1, 2, 3]
    service.post("/rank", {"documents": [{"id": 1, "features": row}, {"id": 2, "features": row}]})
    service.post("/rank", "{")
    service.get("/nothing?at=all")
    after = read(service.get("/metrics").text)

    def grown(name, **labels):
        key = (name, *sorted(labels.items()))
        return after[key] - before.get(key, 0)

    assert grown("rankkit_requests_total", method="POST", path="/rank", status="200") == 1
    assert grown("rankkit_requests_total", method="POST", path="/rank", status="422") == 1
    assert grown("rankkit_requests_total", method="GET", path="other", status="404") == 1
    assert grown("rankkit_request_seconds_count", path="/rank") == 2
    assert grown("rankkit_request_seconds_bucket", path="/rank", le="+Inf") == 2
    assert grown("rankkit_pass_docs_sum") == 2
    assert grown("rankkit_pass_requests_count") == 1
    assert after[("process_resident_memory_bytes",)] > 10**7
    assert after[("rankkit_waiting_docs",)] == 0
    assert grown("process_cpu_seconds_total") >= 0  # counted in hundredths of a second
    assert after[("process_cpu_seconds_total",)] > 0
    assert not [name for name, *_ in after if name.endswith("_created")]


def test_labels_are_escaped_and_those_of_a_model_that_is_gone_are_forgotten():
    metrics = ServiceMetrics({}, lambda: 0)
    metrics.serves([("a", 'a"b\\c\nd', "0")])
    assert read(metrics.text().decode())[
        "rankkit_info", ("model", "a"), ("scorer", 'a"b\\c\nd'), ("weights_sha256", "0")
    ]
    metrics.serves([("a", "mlp", "1")])
    assert re.findall(r"^rankkit_info\S*", metrics.text().decode(), re.MULTILINE) == [
        'rankkit_info{model="a",scorer="mlp",weights_sha256="1"}'
    ]


def test_what_is_now_is_asked_for_at_each_reading():
    values = iter([3.0, 5.0])
    turned_away = iter([2, 7])
    metrics = ServiceMetrics({"now": ("Help.", lambda: next(values))}, lambda: next(turned_away))
    first, second = read(metrics.text().decode()), read(metrics.text().decode())
    assert (first[("now",)], second[("now",)]) == (3, 5)
    assert second[("rankkit_connections_turned_away_total",)] == 7


def test_shadows_are_counted():
    metrics = ServiceMetrics({}, lambda: 0)
    metrics.shadowed("compared", Comparison(n_queries=2, n_other_first=1, n_docs=5, difference=0.5))
    metrics.shadowed("left out", None)
    samples = read(metrics.text().decode())
    assert samples["rankkit_shadow_requests_total", ("outcome", "compared")] == 1
    assert samples["rankkit_shadow_requests_total", ("outcome", "left out")] == 1
    assert samples[("rankkit_shadow_other_first_total",)] == 1
    assert samples[("rankkit_shadow_difference_total",)] == 0.5
