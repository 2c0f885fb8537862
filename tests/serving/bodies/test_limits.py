"""How much of a request is let in."""

import asyncio
import threading

import numpy as np
import pytest

from rankkit.serving import Settings
from rankkit.serving.app import create_app
from rankkit.serving.bodies.limits import Entrance, Turns, read_body
from rankkit.serving.refusal import RefusedError
from tests.serving.asgi import Client, send

BODY = b'{"documents": [{"id": 1, "features": [1, 2, 3]}]}'


class Upload:
    """A request whose body comes in chunks, with a pause before each."""

    def __init__(self, *chunks, pause=0.0, headers=()):
        self.chunks, self.pause, self.headers = chunks, pause, dict(headers)

    async def stream(self):
        for chunk in self.chunks:
            await asyncio.sleep(self.pause)
            yield chunk


def read(upload, *, max_bytes=10, seconds=5.0):
    return asyncio.run(read_body(upload, max_bytes=max_bytes, seconds=seconds, turns=Turns()))


def test_a_body_is_read_whole_up_to_the_limit():
    assert read(Upload(b"12345", b"", b"67890")) == b"1234567890"
    with pytest.raises(RefusedError, match="expected at most 10 bytes") as error:
        read(Upload(b"12345", b"678901"))
    assert error.value.status == 413


def test_a_body_that_is_declared_too_long_is_not_read():
    upload = Upload(headers={"content-length": "11"})
    with pytest.raises(RefusedError, match="expected at most 10 bytes; got 11") as error:
        read(upload)
    assert (error.value.status, error.value.headers) == (413, {"Connection": "close"})


def test_a_body_that_takes_too_long_is_refused():
    with pytest.raises(RefusedError, match=r"within 0\.01 seconds; got 0 bytes") as error:
        read(Upload(b"1", pause=5), seconds=0.01)
    assert error.value.status == 408


def test_the_entrance_lets_in_so_many_at_once():
    entrance = Entrance(1)
    with entrance, pytest.raises(RefusedError, match="at most 1 requests at once") as error, entrance:
        pass
    assert (error.value.status, error.value.headers) == (503, {"Retry-After": "1"})
    with entrance:
        assert entrance.n_inside == 1
    assert entrance.n_inside == 0


def test_a_request_too_many_gets_503_before_its_body_is_read(ranker_of, scorer):
    entered, leave = threading.Event(), threading.Event()

    def scores(features, offsets):
        if len(features) == 1 and np.isfinite(features).all():
            entered.set()
            assert leave.wait(30)
        return np.zeros(len(features), np.float32)

    def unread():
        raise AssertionError("the body was read")
        yield b""

    app = create_app(ranker_of(scorer, scores=scores), Settings(max_requests=1, engine="torch"))

    async def main():
        first = asyncio.create_task(send(app, "POST", "/rank", [BODY]))
        await asyncio.to_thread(entered.wait, 30)
        second = await send(app, "POST", "/rank", unread())
        health = await send(app, "GET", "/health")
        leave.set()
        return await first, second, health

    with Client(app) as client:
        first, second, health = client.run(main())
        assert client.post("/rank", BODY).status_code == 200
    assert first.status_code == 200
    assert (second.status_code, second.headers["retry-after"]) == (503, "1")
    assert second.json()["error"].startswith("service: expected at most 1 requests at once")
    assert health.status_code == 200


def test_a_client_that_leaves_in_the_middle_of_its_body_frees_its_place(service, caplog):
    service.request("POST", "/rank", chunks=[BODY[:9], None])
    counts = service.get("/metrics").text
    assert "rankkit_requests_inside 0.0\n" in counts
    assert 'rankkit_requests_total{method="POST",path="/rank",status="499"} 1.0\n' in counts
    assert caplog.text == ""


def test_pieces_of_long_bodies_are_taken_in_turn():
    order = []

    class Noted(Upload):
        async def stream(self):
            async for chunk in super().stream():
                order.append(chunk[0])
                yield chunk

    async def main():
        turns = Turns()
        uploads = [Noted(*[bytes([name]) * 300_000] * 3) for name in (1, 2, 3)]
        bodies = [read_body(upload, max_bytes=10**6, seconds=5, turns=turns) for upload in uploads]
        return [len(body) for body in await asyncio.gather(*bodies)]

    assert asyncio.run(main()) == [900_000] * 3
    assert order == [1, 2, 3] * 3


def test_waiting_for_a_turn_does_not_count():
    class Slow(Turns):
        async def next(self):
            await asyncio.sleep(0.1)

    async def main():
        return await read_body(Upload(*[b"1" * 100_000] * 3), max_bytes=10**6, seconds=0.2, turns=Slow())

    assert len(asyncio.run(main())) == 300_000
