"""What is asked most is answered as the routing of the framework would answer it."""

import gzip
import json

import pytest

from tests.serving.asgi import Client

BODY = json.dumps({"documents": [{"id": "a", "features": [1, 2, 3]}, {"id": 7, "features": [0, None, 3]}]})
NAMED = json.dumps({"documents": [{"id": 1, "features": {"bm25": 1, "page {rank}": 2, "clicks": 3, "other": 4}}]})
SCORES = json.dumps({"queries": [{"query_id": 3, "features": [[1, 2, 3]]}]})


class Aside:
    """Straight, without its way."""

    def __init__(self, app, **options):
        self._app = app

    async def __call__(self, scope, receive, send):
        await self._app(scope, receive, send)


def gone():
    yield b'{"docu'
    yield None


@pytest.fixture(scope="module")
def both(ranker_of, scorer):
    """Clients of two equal services, one of which takes the way through the framework."""
    from rankkit.serving import app

    def broken(features, offsets):
        if (features == 7).any():
            raise ValueError
        return features[:, 0]

    rankers = {"one": ranker_of(scorer), "broken": ranker_of(scorer, scores=broken)}
    with pytest.MonkeyPatch.context() as patch:
        straight = Client(app.create_app(rankers, app.Settings(engine="torch")))
        patch.setattr(app, "Straight", Aside)
        routed = Client(app.create_app(rankers, app.Settings(engine="torch")))
        with straight, routed:
            yield straight, routed


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/rank", BODY, {}, 200),
        ("/rank?model=one&model=one", BODY, {}, 200),
        ("/rank", NAMED, {}, 200),
        ("/score?model=one&other=1", SCORES, {}, 200),
        ("/rank", gzip.compress(BODY.encode(), mtime=0), {"content_encoding": "gzip"}, 200),
        ("/rank?model=two", BODY, {}, 404),
        ("/rank?model=", BODY, {}, 404),
        ("/rank?model=%FF", BODY, {}, 404),
        ("/rank", "[]", {}, 422),
        ("/score", BODY, {}, 422),
        ("/rank", BODY, {"content_length": "99999999999"}, 413),
        ("/rank", BODY, {"content_encoding": "br"}, 415),
        ("/rank/", BODY, {}, 307),
        ("/ranks", BODY, {}, 404),
        ("/rank?model=broken", BODY.replace("1", "7").replace("null", "0"), {}, 500),
        ("/rank", gone, {}, 499),
    ],
)
def test_the_answer_is_that_of_the_framework(both, path, body, headers, status):
    found = [client.post(path, body() if callable(body) else body, **headers) for client in both]
    assert found[0] == found[1]
    assert found[0].status_code == status
    counts = [
        [line for line in client.get("/metrics").text.splitlines() if line.startswith("rankkit_requests_total")]
        for client in both
    ]
    assert counts[0] == counts[1]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_other_methods_are_the_framework_s(both, method):
    found = [client.request(method, "/rank") for client in both]
    assert found[0] == found[1]
    assert found[0].status_code == 405


def test_answers_do_not_pass_the_routing(both, monkeypatch):
    straight, routed = both

    async def nowhere(scope, receive, send):
        raise KeyError

    for client in both:
        monkeypatch.setattr(client.app.router, "middleware_stack", nowhere)
    assert straight.post("/rank", BODY).status_code == 200
    assert routed.post("/rank", BODY).status_code == 500
