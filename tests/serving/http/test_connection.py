"""Clients that are slow, broken or too many, on a real port."""

import asyncio
import json
import socket
import threading
import time

import numpy as np
import pytest

from rankkit.serving.http import connection as guarded
from tests.serving.live import BODY, answers, one_answer, post, received, until_the_end

HEAD = b"POST /rank HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture(autouse=True)
def _short_linger(monkeypatch):
    monkeypatch.setattr(guarded, "LINGER_SECONDS", 0.2)


@pytest.fixture
def hasty(live_of, ranker_of, scorer):
    """A service that waits for nothing longer than a fifth of a second."""
    return live_of(ranker_of(scorer), head_seconds=0.2, body_seconds=0.2, answer_seconds=0.5)


def only(data):
    ((status, headers, body),) = answers(data)
    return status, headers, json.loads(body)


@pytest.mark.parametrize("start", [b"P", HEAD, HEAD + b"X: " + b"y" * 5000])
def test_a_head_that_does_not_come_to_its_end_gets_408(hasty, start):
    status, headers, content = only(hasty.ask(start))
    assert (status, headers["connection"]) == (408, "close")
    assert content["error"].startswith("service: expected a whole head within 0.2 seconds; got a part.")


def test_bytes_that_trickle_in_do_not_lengthen_the_time(hasty):
    with hasty.connect() as connection:
        connection.settimeout(0.05)
        answer = b""
        for _ in range(100):
            try:
                connection.sendall(b"P")
                answer = connection.recv(2**16)
                break
            except TimeoutError:
                continue
        assert answer.startswith(b"HTTP/1.1 408 ")


def test_a_second_head_is_waited_for_no_longer_than_the_first(hasty):
    (first, second) = answers(hasty.ask(post(), HEAD))
    assert (first[0], second[0]) == (200, 408)


def test_a_connection_without_a_word_is_closed(hasty):
    assert hasty.ask() == b""


def test_a_body_that_does_not_come_to_its_end_gets_408_and_the_connection_ends(hasty):
    status, _, content = only(hasty.ask(HEAD + b"Content-Length: 100\r\n\r\n{"))
    assert status == 408
    assert content["error"].startswith("body: expected within 0.2 seconds; got 1 bytes by then.")


def test_a_body_declared_too_long_is_refused_before_it_comes(live_of, ranker_of, scorer):
    live = live_of(ranker_of(scorer), max_body_bytes=1000)
    status, headers, content = only(live.ask(HEAD + b"Content-Length: 1001\r\n\r\n"))
    assert (status, headers["connection"]) == (413, "close")
    assert content["error"].startswith("body: expected at most 1000 bytes; got 1001.")


def test_who_sends_on_can_read_the_refusal(live_of, ranker_of, scorer):
    """And is not reset while it writes, as far as the service waits."""
    live = live_of(ranker_of(scorer), max_body_bytes=1000)
    with live.connect() as connection:
        connection.sendall(post(body=b" " * 5_000_000))
        assert only(received(connection))[0] == 413


def test_who_asked_first_and_was_refused_may_not_send_another_request(live_of, ranker_of, scorer):
    """It would be taken for the body."""
    live = live_of(ranker_of(scorer))
    for path in (b"/nothing", b"/health"):
        head = b"POST %s HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99\r\n\r\n" % path
        assert only(live.ask(head))[0] in (404, 405)


def test_the_rest_of_a_body_that_nobody_reads_is_not_waited_for(hasty):
    assert only(hasty.ask(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{"))[0] == 404


def test_the_rest_of_a_body_may_still_come(live):
    with live.connect() as connection:
        connection.sendall(b"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n{")
        assert one_answer(connection) == 404
        connection.sendall(b"   " + post(headers=("Connection: close",)))
        assert only(received(connection))[0] == 200


@pytest.mark.parametrize(
    "data",
    [
        b"\0\1\2\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"get health\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Content-Length: ten\r\n\r\n",
        HEAD + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
        HEAD + b"X: " + b"y" * 100_000,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
    ids=lambda data: repr(data[:40]),
)
def test_what_is_no_request_gets_a_4xx_or_nothing(hasty, data, caplog):
    answer = hasty.ask(data)
    assert answer == b"" or 400 <= only(answer)[0] < 500 or only(answer)[0] == 501
    assert hasty.get("/health")[0] == 200
    assert not [record for record in caplog.records if record.exc_info]


def test_a_length_that_is_short_of_the_body_leaves_a_wrong_second_request(hasty):
    found = answers(hasty.ask(post(body=BODY + b"\r\n\r\n").replace(b"Length: %d" % (len(BODY) + 4), b"Length: 5")))
    assert [status for status, _, _ in found] == [422, 400]


def test_who_does_not_take_the_answer_is_cut_off(live_of, ranker_of, scorer, sum_of_features):
    live = live_of(ranker_of(scorer, scores=sum_of_features), answer_seconds=0.2, max_list_size=10_000)
    documents = [{"id": f"{place:0500}", "features": [1, 2, 3]} for place in range(10_000)]
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.connect(("127.0.0.1", live.port))
        lazy.sendall(post(body=json.dumps({"documents": documents}).encode()))
        wait_until(lambda: b"rankkit_pass_requests_count 1.0\n" in live.get("/metrics")[1])
        wait_until(lambda: not live.server.server_state.connections)
        assert len(until_the_end(lazy)) < 5_000_000


def wait_until(condition):
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


class Busy:
    """Scores that wait until they may go on."""

    def __init__(self):
        self.leave = threading.Event()

    def __call__(self, features, offsets):
        if np.isfinite(features).all():
            assert self.leave.wait(30)
        return np.zeros(len(features), np.float32)


@pytest.fixture
def full(live_of, ranker_of, scorer):
    """A service for two connections, both with a request that it works on."""
    busy = Busy()
    live = live_of(ranker_of(scorer, scores=busy), max_connections=2)
    clients = [live.connect() for _ in range(2)]
    for client in clients:
        client.sendall(post(headers=("Connection: close",)))
    wait_until(lambda: b"rankkit_requests_inside 2.0\n" in live.get("/metrics")[1])
    live.clients, live.busy = clients, busy
    yield live
    busy.leave.set()
    for client in clients:
        client.close()


def test_a_full_house_says_when_to_come_back_and_still_says_that_it_lives(full):
    for _ in range(40):
        status, headers, content = only(full.ask(post()))
        assert (status, headers["retry-after"], headers["connection"]) == (503, "1", "close")
        assert content["error"].startswith("service: expected at most 2 connections at once; got one more.")
        assert full.get("/health")[0] == 200
    full.busy.leave.set()
    assert [only(received(client))[0] for client in full.clients] == [200, 200]
    wait_until(lambda: b"rankkit_connections 1.0\n" in full.get("/metrics")[1])
    assert only(full.ask(post(headers=("Connection: close",))))[0] == 200


def test_beyond_the_reserve_a_connection_is_told_at_once(full, monkeypatch):
    waiting = [full.connect() for _ in range(guarded.House(2).reserve)]
    wait_until(lambda: len(full.server.server_state.connections) == 2 + len(waiting))
    assert only(full.ask())[0] == 503
    for client in waiting:
        client.close()
    wait_until(lambda: len(full.server.server_state.connections) == 2)
    assert full.get("/health")[0] == 200


def test_connections_without_a_request_give_way(live_of, ranker_of, scorer):
    live = live_of(ranker_of(scorer), max_connections=3)
    idle = [live.connect() for _ in range(3)]
    for client in idle:
        client.sendall(HEAD)
    wait_until(lambda: len(live.server.server_state.connections) == 3)
    time.sleep(0.6)  # who has only come is left in peace
    assert only(live.ask(post(headers=("Connection: close",))))[0] == 200
    assert until_the_end(idle[0]) == b""
    for client in idle:
        client.close()


def test_a_flood_of_connections_leaves_the_service_alive(live_of, ranker_of, scorer):
    live = live_of(ranker_of(scorer), max_connections=20)
    for _ in range(300):
        connection = live.connect()
        connection.sendall(HEAD[:7])
        connection.close()
    flood = [live.connect() for _ in range(100)]
    assert live.get("/health")[0] in (200, 503)
    for client in flood:
        client.close()
    wait_until(lambda: not live.server.server_state.connections)
    assert only(live.ask(post(headers=("Connection: close",))))[0] == 200


class Wire:
    """A transport that notes what is written."""

    def __init__(self):
        self.written, self.closed = [], False

    def write(self, data):
        self.written.append(data)

    def is_closing(self):
        return self.closed

    def close(self):
        self.closed = True

    def abort(self):
        self.closed = True

    def get_write_buffer_size(self):
        return 0


def test_what_is_written_in_one_turn_goes_out_together_and_before_the_end():
    wire = Wire()

    async def main():
        transport = guarded.LingeringTransport(wire, lambda: True, 1.0)
        for data in (b"head", b"body", b""):
            transport.write(data)
        assert wire.written == []
        await asyncio.sleep(0)
        assert wire.written == [b"headbody"]
        transport.write(b"x" * 100_000)  # which is not held back
        assert len(wire.written) == 2
        transport.write(b"last")
        transport.close()
        transport.write(b"too late")
        assert wire.closed

    asyncio.run(main())
    assert wire.written[2:] == [b"last"]


def test_what_is_held_back_for_a_client_that_has_gone_is_dropped():
    wire = Wire()

    async def main():
        guarded.LingeringTransport(wire, lambda: True, 1.0).write(b"head")
        wire.closed = True
        await asyncio.sleep(0)

    asyncio.run(main())
    assert wire.written == []
