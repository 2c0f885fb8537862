"""Only those who know the token are let in."""

import json

import pytest

from rankkit.errors import ConfigError
from rankkit.serving.http.bearer import read_token

BODY = {"documents": [{"id": 1, "features": [1, 2, 3]}]}
TOKEN = "a-token-of-some-length"


@pytest.fixture
def guarded(client_of, ranker_of, scorer, tmp_path):
    (tmp_path / "token").write_text(TOKEN + "\n")
    return client_of(ranker_of(scorer), token_file=tmp_path / "token")


@pytest.mark.parametrize(
    "header", [None, TOKEN, "Bearer", "Bearer ", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN}x", f"Basic {TOKEN}"]
)
def test_who_does_not_know_it_gets_401(guarded, header):
    answer = guarded.post("/rank", BODY, **({} if header is None else {"authorization": header}))
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert "expected the header Authorization" in answer.json()["error"]
    assert TOKEN not in answer.text


def test_who_knows_it_is_answered(guarded):
    assert guarded.post("/rank", BODY, authorization=f"Bearer {TOKEN}").status_code == 200
    assert guarded.post("/rank", BODY, authorization=f"bearer  {TOKEN}").status_code == 200


def test_health_is_open_and_all_else_is_not(guarded):
    assert guarded.get("/health").status_code == 200
    assert [guarded.get(path).status_code for path in ("/metadata", "/metrics", "/docs", "/openapi.json", "/x")] == [
        401
    ] * 5
    counts = guarded.request("GET", "/metrics", headers=[(b"authorization", f"Bearer {TOKEN}".encode())]).text
    assert 'rankkit_requests_total{method="GET",path="/metadata",status="401"} 1.0\n' in counts


def description_of(client):
    headers = [(b"authorization", f"Bearer {TOKEN}".encode())]
    return client.request("GET", "/openapi.json", headers=headers).json()


def test_the_description_says_who_is_let_in(guarded):
    description = description_of(guarded)
    assert description["components"]["securitySchemes"]["token"]["type"] == "http"
    assert description["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    open_paths = set()
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            body = [json.dumps(BODY).encode()] if method == "post" else (b"",)
            without = guarded.request(method.upper(), path, chunks=body)
            if without.status_code != 401:
                assert "security" not in operation
                assert "401" not in operation["responses"]
                open_paths.add(path)
                continue
            assert operation["security"] == [{"token": []}]
            answer = operation["responses"]["401"]
            assert {name.lower() for name in answer["headers"]} <= set(without.headers)
            ((content_type, content),) = answer["content"].items()
            assert content_type == without.headers["content-type"]
            schema = description["components"]["schemas"][content["schema"]["$ref"].split("/")[-1]]
            assert set(schema["required"]) == set(without.json())
    assert open_paths == {"/health"}


def test_where_no_token_is_needed_the_description_asks_for_none(service):
    text = service.get("/openapi.json").text
    assert '"401"' not in text
    assert "security" not in text


@pytest.mark.parametrize("text", ["", "short", "two words of some length", "ümlaut-in-the-token", "x" * 5000])
def test_a_file_without_a_good_token_is_refused(tmp_path, text):
    (tmp_path / "token").write_text(text)
    with pytest.raises(ConfigError, match="expected one word of 16 to 4096 ASCII characters"):
        read_token(tmp_path / "token")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ConfigError, match="token: expected a file with a token; got No such file"):
        read_token(tmp_path / "token")
