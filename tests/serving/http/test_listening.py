"""The listening socket, and what HTTP says of one connection: kept alive, pipelined, of version 1.0."""

import socket

import pytest

from rankkit.errors import ConfigError
from rankkit.serving.http.listening import listen
from tests.serving.live import BODY, answers, one_answer, post, received

LAST = ("Connection: close",)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_small_answers_are_sent_at_once(host):
    try:
        listening = listen(host, 0)
    except ConfigError:
        pytest.skip(f"{host} is no address of this machine")
    # asyncio sets TCP_NODELAY on what it accepts where the protocol is said to be TCP.
    with listening, socket.create_connection(listening.getsockname()[:2]):
        accepted, _ = listening.accept()
        with accepted:
            assert accepted.proto == socket.IPPROTO_TCP


def test_what_is_accepted_does_not_wait_for_acknowledgements(live):
    with live.connect() as connection:
        connection.sendall(post())
        assert one_answer(connection) == 200
        (served,) = live.server.server_state.connections
        assert served.transport.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_a_connection_is_kept_until_its_client_is_done(live):
    with live.connect() as connection:
        for _ in range(3):
            connection.sendall(post())
            assert one_answer(connection) == 200
        connection.sendall(post(headers=LAST))
        ((status, headers, _),) = answers(received(connection))
        assert (status, headers["connection"]) == (200, "close")


def test_requests_sent_together_are_answered_in_their_order(live):
    wrong = post(body=b"{}")
    get = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    found = answers(live.ask(post() + wrong + get + post(headers=LAST)))
    assert [status for status, _, _ in found] == [200, 422, 200, 200]
    assert found[0][2] == found[3][2]


def test_a_pipelined_request_may_come_in_pieces(live):
    both = post() + post(headers=LAST)
    for cut in (1, len(post()) - 3, len(post()) + 5, len(both) - 1):
        assert [status for status, _, _ in answers(live.ask(both[:cut], both[cut:]))] == [200, 200]


def test_version_1_0_is_answered_and_closed(live):
    ((status, headers, body),) = answers(live.ask(post(version="1.0")))
    assert (status, headers["connection"]) == (200, "close")
    assert b'"score"' in body
    assert answers(live.ask(b"GET /health HTTP/1.0\r\n\r\n"))[0][0] == 200


def test_a_client_that_asks_first_is_told_to_go_on(live):
    with live.connect() as connection:
        head = post(headers=("Expect: 100-continue", *LAST))[: -len(BODY)]
        connection.sendall(head)
        assert connection.recv(2**16) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(BODY)
        assert answers(received(connection))[0][0] == 200
