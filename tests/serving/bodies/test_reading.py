"""From bytes to arrays: the quick way and the thorough one read the same."""

import json

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rankkit.serving.bodies import reading
from rankkit.serving.bodies.form import Form
from rankkit.serving.bodies.number_kernels import read_numbers
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


def numbers_of(text, *shape):
    values = np.zeros(shape if len(shape) == 2 else (1, *shape), np.float32)
    return values if read_numbers(np.frombuffer(text, np.uint8), values) else None


@settings(deadline=None, max_examples=300)
@given(
    st.lists(st.none() | st.integers(-(10**19), 10**19) | st.floats(allow_nan=False, allow_infinity=False), min_size=1)
)
@example([0.1, -0.0, 1e-46, 3.4028235e38, 1e39, -1e-300, 16777217, 7.038531e-26, None])
def test_numbers_are_what_python_reads(values):
    """A few that lie between two numbers of float32 are left to the other way, all at once."""
    found = numbers_of(json.dumps(values).encode(), len(values))
    with np.errstate(over="ignore"):
        expected = np.array(values, np.float32)
    assert found is None or found.tobytes() == expected.tobytes()
    short = [None if value is None else float(f"{value:.6g}") for value in values]
    with np.errstate(over="ignore"):
        plain = [value for value in short if value is None or value == 0 or 1e-30 < abs(value) < 1e30]
    if plain:
        spaced = json.dumps(plain, indent=1).encode()
        assert numbers_of(spaced, len(plain)).tobytes() == np.array(plain, np.float32).tobytes()


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[", b"]", b"[]", b"[1", b"1]", b"[1,]", b"[,1]", b"[1]]", b"[1] ", b"[[1]]", b"[1 2]", b"[1,2,3]",
        b"[01,2]", b"[+1,2]", b"[.5,2]", b"[1.,2]", b"[1.e5,2]", b"[1e,2]", b"[1e+,2]", b"[-,2]", b"[--1,2]",
        b"[1.2.3,2]", b"[nul,2]", b"[nulll,2]", b"[NaN,2]", b"[inf,2]", b"[true,2]", b'["1",2]', b"[1,2}",
        b"{1,2]", b"[0x1,2]", b"[1_0,2]", b"[1,n]", b"[1,nu]", b"[1,nul]", b"[1,-]", b"[1,1e]", b"[1,1.]",
        b"[1,1e9999999]", b"[\x00,2]", b"[1,\xff]",
    ],
)  # fmt: skip
def test_what_are_no_two_numbers_are_left_to_the_other_way(text):
    assert numbers_of(text, 2) is None


def test_several_arrays_are_read_at_once():
    assert numbers_of(b"[1,null],[ -2.5 , 3e2]", 2, 2).tolist()[1] == [-2.5, 300.0]


@pytest.mark.parametrize(
    "text",
    [
        b"[1,2]", b"[1,2],", b"[1,2],[", b"[1,2],]", b"[1,2][3,4]", b"[1,2] ,[3,4]", b"[1,2], [3,4]", b"[1,2],[3]",
        b"[1,2],[3,4],[5,6]", b"[1,2],[3,4],", b"[1],[2,3,4]", b"[1,2,3],[4]", b"[1,2],3,4]", b",[1,2],[3,4]",
        b"[1,2],n]", b"[[1,2],[3,4]]",
    ],
)  # fmt: skip
def test_what_are_no_two_arrays_of_two_are_left_to_the_other_way(text):
    assert numbers_of(text, 2, 2) is None


@settings(deadline=None, max_examples=200)
@given(st.text(alphabet='[]{},:-+.eE0123456789nul"\\ \n', max_size=40), st.sampled_from(["rank", "score"]))
def test_whatever_stands_for_values_both_ways_give_the_same(text, kind):
    body = (
        '{"documents": [{"id": 1, "features": %s}]}' if kind == "rank" else '{"queries": [{"features": [%s]}]}'
    ) % text
    thorough = reading._rank if kind == "rank" else reading._score

    def outcome(way):
        try:
            return fields(way())
        except RefusedError as error:
            return error.message

    form = Form(("a", "b", "c"), True, 4, 6)
    found = outcome(lambda: read(body.encode(), How(kind, form)))
    assert found == outcome(lambda: thorough(body.encode(), Form(("a", "b", "c"), True, 4, 6)))


KEYS = ['"features"', '"feat\\u0075res"', '"id"', '"query_id"', '"features\\""']
VALUES = [
    "[1, 2, 3]",
    "[4,5,null]",
    "[0]",
    "[1]",
    "[]",
    '"features"',
    '":"',
    "7",
    '{"features": [1, 2, 3]}',
    "[[1, 2, 3]]",
]
DOCUMENT = st.lists(st.tuples(st.sampled_from(KEYS), st.sampled_from(VALUES)), max_size=4)


@settings(deadline=None, max_examples=300)
@given(st.lists(DOCUMENT, max_size=3), st.sampled_from(["", " ", "\n"]))
@example([[('"id"', "7"), ('"features"', "[1, 2, 3]"), ('"feat\\u0075res"', "[0]")]], "")
@example([[('"id"', "7"), ('"feat\\u0075res"', "[0]"), ('"features"', "[1, 2, 3]")]], "")
@example([[('"id"', "7"), ('"features"', "[4,5,null]"), ('"features"', "[1, 2, 3]")]], " ")
@example([[('"id"', '"features"'), ('"features"', "[1, 2, 3]")], [('"features"', "[1, 2, 3]"), ('"id"', '":"')]], "\n")
def test_numbers_are_taken_only_from_where_they_stand_for_features(documents, blank):
    texts = [",".join(f"{key}{blank}:{blank}{value}" for key, value in pairs) for pairs in documents]
    body = b'{"documents": [%s]}' % ",".join(f"{{{text}}}" for text in texts).encode()

    def outcome(way):
        try:
            return fields(way())
        except RefusedError as error:
            return error.message

    assert outcome(lambda: read(body, How("rank", FORM))) == outcome(lambda: reading._rank(body, FORM))


def test_arrays_of_numbers_need_one_step(monkeypatch):
    documents = [
        {"id": place if place % 2 else f'"{place}\\ü', "features": [place, None, -1.5]} for place in range(1200)
    ]
    form = Form(("a", "b", "c"), True, 2000, 2000)
    monkeypatch.setattr(reading, "_plain_rank", None)
    for indent, end in ((None, ""), (1, ""), (None, " \n")):
        for few in (documents, documents[:1]):
            body = json.dumps({"k": 3, "documents": few}, indent=indent) + end
            asked = read(body.encode(), How("rank", form))
            assert asked.ids == [document["id"] for document in few]
            assert asked.k == 3
            np.testing.assert_array_equal(
                asked.features, np.array([document["features"] for document in few], np.float32)
            )


@pytest.mark.parametrize("end", [b"", b"}", b' "', b' "\\', b' "features', b' "features"', b' "features":', b"\x00}"])
def test_a_body_that_is_cut_off_or_goes_on_is_refused(end):
    whole = b'{"documents": [{"id": 1, "features": [1, 2, 3]}, {"id": "x", "features": [1e3, 2, null]}]}'
    read(whole, How("rank", FORM))
    for stop in range(len(whole) - 1):
        with pytest.raises(RefusedError):
            read(whole[:stop] + end, How("rank", FORM))


def test_long_ids_are_read_in_two_steps():
    documents = [{"id": f"{place:0500}", "features": [1, 2, place]} for place in range(100)]
    asked = read(json.dumps({"documents": documents}).encode(), How("rank", Form(("a", "b", "c"), True, 200, 200)))
    assert asked.ids == [document["id"] for document in documents]
    assert asked.features[:, 2].tolist() == list(range(100))
