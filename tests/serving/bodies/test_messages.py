"""What is wrong with a body is told with its place, once, and briefly."""

import itertools

import pytest

DOCUMENT = '{"documents": [{"id": 1, "features": %s}]}'
QUERY = '{"queries": [{"features": [[1, 2, 3], %s]}]}'


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("/rank", b"", "body: expected JSON; got Input data was truncated"),
        ("/rank", b"\xff\xfe", "body: expected JSON; got JSON is malformed: invalid character (byte 0)"),
        ("/rank", b"[" * 100_000, "body: expected JSON; got maximum recursion depth exceeded"),
        ("/rank", '{"documents": [], "query_id": "\\ud800"}', "body: expected JSON; got Input data was truncated"),
        ("/rank", DOCUMENT % "[1, NaN, 3]", "body: expected JSON; got JSON is malformed: invalid character"),
        ("/rank", "[]", "body: expected an object; got an array."),
        ("/rank", "{}", "documents: expected a value; got none. Add it."),
        ("/rank", '{"documents": 3}', "documents: expected an array; got a number."),
        ("/rank", '{"documents": [null]}', "documents[0]: expected an object; got null."),
        ("/rank", '{"document": []}', "body: expected 'query_id' or 'k' or 'documents'; got 'document'. Did you mean"),
        ("/rank", '{"documents": [{"id": 1}]}', "documents[0].features: expected a value; got none."),
        ("/rank", '{"documents": [{"features": [1, 2, 3]}]}', "documents[0].id: expected a value; got none."),
        ("/rank", '{"documents": [{"id": true, "features": [1, 2, 3]}]}', "documents[0].id: expected text of"),
        ("/rank", '{"documents": [], "query_id": "%s"}' % ("x" * 513), "query_id: expected text of"),
        ("/rank", f'{{"documents": [], "query_id": {2**63}}}', "query_id: expected text of"),
        ("/rank", '{"documents": [], "k": 0}', "k: expected 1 or more; got a number."),
        ("/rank", '{"documents": [], "k": 1.5}', "k: expected a whole number; got a number."),
        ("/rank", DOCUMENT % "[1, 2]", "documents[0].features: expected 3 values; got 2."),
        ("/rank", DOCUMENT % '"1 2 3"', "documents[0].features: expected an array of values"),
        ("/rank", DOCUMENT % '[1, "2", 3]', "documents[0].features['page {rank}']: expected a number or null; got"),
        ("/rank", DOCUMENT % "[1, 2, true]", "documents[0].features['clicks']: expected a number or null; got true."),
        ("/rank", DOCUMENT % "[1, 1e39, 3]", "documents[0].features['page {rank}']: expected a number that"),
        ("/rank", DOCUMENT % "[1, 1e400, 3]", "documents[0].features['page {rank}']: expected a number that"),
        ("/rank", DOCUMENT % f"[1, 1{'0' * 400}, 3]", "documents[0].features['page {rank}']: expected a number"),
        ("/rank", DOCUMENT % '{"bm25": 1, "clicks": 2}', "documents[0].features: expected all 3 features; got"),
        (
            "/rank",
            DOCUMENT % '{"bm52": 1}',
            "documents[0].features: expected all 3 features; got none named 'bm25'. Write",
        ),
        ("/rank", DOCUMENT % ('{"%s": 1}' % ("x" * 999)), "documents[0].features: expected all 3 features; got none"),
        ("/score", QUERY % '[1, 2, "3"]', "queries[0].features[1]['clicks']: expected a number or null; got"),
        ("/score", QUERY % "[1, 2, -1e39]", "queries[0].features[1]['clicks']: expected a number that"),
        ("/score", QUERY % "[1]", "queries[0].features[1]: expected 3 values; got 1."),
        ("/score", QUERY % "4", "queries[0].features[1]: expected an array of values"),
    ],
    ids=itertools.count(),
)
def test_a_body_that_is_wrong_gets_422_and_the_place(path, body, message, service):
    answer = service.post(path, body)
    assert answer.status_code == 422
    assert answer.json()["error"].startswith(message)
    assert len(answer.json()["error"]) < 300


def test_many_wrong_names_cost_no_more_than_one(service):
    """Pydantic by itself would list each: gigabytes for a body of some megabytes."""
    names = ",".join(f'"{n}":1' for n in range(200_000))
    wrong = {f"{{{names}}}": "'0'", DOCUMENT % f"{{{names}}}": "none named", f'{{"documents": [{{{names}}}]}}': "'0'"}
    for body, got in wrong.items():
        answer = service.post("/rank", body)
        assert answer.status_code == 422
        assert f"got {got}" in answer.json()["error"]


def test_documents_are_matched_by_name(service):
    """In any order; what the ranker was trained without is left out and counted, whatever it holds."""
    plain = service.post("/rank", DOCUMENT % "[1, 2, 3]")
    named = service.post("/rank", DOCUMENT % '{"clicks": 3, "brand": "x", "page {rank}": 2, "day": [], "bm25": 1}')
    assert named.json() == plain.json()
    assert named.headers["features-left-out"] == "2"
    assert "features-left-out" not in plain.headers
    several = service.post("/score", QUERY % '{"clicks": 3, "bm25": 1, "page {rank}": 2, "day": 0}')
    assert several.headers["features-left-out"] == "1"
    assert several.json() == service.post("/score", QUERY % "[1, 2, 3]").json()


def test_a_feature_that_is_missing_is_named_with_the_one_that_is_like_it(service):
    answer = service.post("/rank", DOCUMENT % '{"bm25": 1, "Clicks": 2, "page {rank}": 3}')
    assert answer.status_code == 422
    assert answer.json()["error"] == (
        "documents[0].features: expected all 3 features; got none named 'clicks'. Write 'clicks' for 'Clicks'."
    )
