"""From bytes to arrays: the quick way and the thorough one read the same."""

import json

import numpy as np
import pytest

from rankkit.serving.bodies import reading
from rankkit.serving.bodies.form import Form
from rankkit.serving.bodies.reading import How, read
from rankkit.serving.refusal import RefusedError

FORM = Form(("a", "b", "c"), True, 4, 6)
PLAIN = [
    ("rank", {"documents": []}),
    ("rank", {"documents": [{"id": "x", "features": [1, 2.5, None]}, {"id": -7, "features": [0, -1e38, 3]}], "k": 1}),
    ("rank", {"query_id": 7, "documents": [{"id": "", "features": {"c": 3, "a": 1, "b": None}}]}),
    ("rank", {"query_id": "q", "documents": [{"id": 1, "features": {"c": 3, "a": 1, "b": 2, "x": [], "y": "text"}}]}),
    ("score", {"queries": []}),
    (
        "score",
        {"queries": [{"features": []}, {"query_id": 3, "features": [[1, 2, 3], {"a": 1, "b": 2, "c": 3, "d": 4}]}]},
    ),
]


def fields(asked):
    return (asked.features.tobytes(), asked.list_sizes, asked.query_ids, asked.ids, asked.k, asked.n_left_out)


@pytest.mark.parametrize(("kind", "content"), PLAIN)
def test_both_ways_read_the_same(kind, content, monkeypatch):
    body = json.dumps(content).encode()
    quick = read(body, How(kind, FORM))
    thorough = reading._rank if kind == "rank" else reading._score
    assert fields(quick) == fields(thorough(body, Form(("a", "b", "c"), True, 4, 6)))
    assert quick.features.dtype == np.float32
    monkeypatch.setattr(reading, "_rank", None)
    monkeypatch.setattr(reading, "_score", None)
    assert fields(read(body, How(kind, FORM))) == fields(quick)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("rank", '{"documents": [{"id": 1, "features": {"a": 1, "b": "2", "c": 3}}]}'),
        ("rank", '{"documents": [{"id": 1, "features": {"a": 1, "b": true, "c": 3}}]}'),
        ("rank", '{"documents": [{"id": "%s", "features": [1, 2, 3]}]}' % ("x" * 513)),
        ("rank", '{"documents": [{"id": 9223372036854775808, "features": [1, 2, 3]}]}'),
        ("rank", '{"documents": [], "query_id": -9223372036854775809}'),
        ("rank", '{"documents": [], "k": 0}'),
        ("rank", '{"documents": [{"id": 1, "features": [1, 1e400, 3]}]}'),
        ("rank", '{"documents": [{"id": 1, "features": [1, 1e39, 3]}]}'),
        ("rank", '{"documents": [{"id": 1, "features": {"a": %s, "b": 1, "c": 2}}]}' % ("9" * 400)),
        ("rank", '{"documents": []} {}'),
        ("rank", '\ufeff{"documents": []}'),
        ("rank", '{"documents": [], "query_id": "\\ud800"}'),
        ("rank", json.dumps({"documents": [{"id": 1, "features": [1, 2, 3]}] * 5})),
        ("score", json.dumps({"queries": [{"features": []}] * 7})),
        ("score", json.dumps({"queries": [{"features": [[1, 2, 3], [1, 2, 3]]}] * 4})),
    ],
)
def test_what_one_way_refuses_the_other_refuses_too(kind, body):
    with pytest.raises(RefusedError) as error:
        read(body.encode(), How(kind, FORM))
    assert error.value.status == 422
    thorough = reading._rank if kind == "rank" else reading._score
    with pytest.raises(RefusedError) as same:
        thorough(body.encode(), FORM)
    assert same.value.message == error.value.message


def test_what_is_left_out_of_one_body_is_not_counted_for_the_next():
    body = b'{"documents": [{"id": 1, "features": {"a": 1, "b": 2, "c": 3, "d": 4}}]}'
    assert [read(body, How("rank", FORM)).n_left_out for _ in range(2)] == [1, 1]
    assert not FORM.left_out
