"""Trouble is said once a second."""

import asyncio
import errno
import logging
import os

from rankkit.serving.http.logs import OnceASecond, few_lines, tell_trouble


def record(text, *values):
    return logging.LogRecord("x", logging.WARNING, "", 0, text, values, None)


def test_a_message_is_let_through_once_a_second_with_how_many_were_left_out():
    now = [0.0]
    sparing = OnceASecond(lambda: now[0])
    assert sparing.filter(record("a %d", 1))
    assert sparing.filter(record("b"))
    for _ in range(3):
        now[0] += 0.3
        assert not sparing.filter(record("a %d", 2))
    now[0] += 0.3
    last = record("a %d", 3)
    assert sparing.filter(last)
    assert last.getMessage() == "a 3 (and 3 times more since)"


def test_requests_that_are_none_do_not_fill_the_log(live, caplog):
    with few_lines():
        for _ in range(30):
            live.ask(b"\0\r\n\r\n")
    assert len(caplog.records) < 15


def test_running_out_of_files_is_one_line(caplog):
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(tell_trouble(OnceASecond()))
    error = OSError(errno.EMFILE, os.strerror(errno.EMFILE))
    for _ in range(100):
        loop.call_exception_handler({"message": "socket.accept() out of system resource", "exception": error})
    assert [line.getMessage() for line in caplog.records] == [
        "serve: no connection can be taken: Too many open files. "
        "Raise the limit of files (ulimit -n), or lower --max-connections."
    ]
    loop.call_exception_handler({"message": "something else"})
    assert "something else" in caplog.text
    loop.close()
