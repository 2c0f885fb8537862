"""Large bodies are read in processes that may end at any time."""

import asyncio
import json
import os
import signal
import sys

import pytest
from numba import typeof

from rankkit.serving.bodies import number_kernels
from rankkit.serving.bodies import readers as readers_module
from rankkit.serving.bodies.form import Form
from rankkit.serving.bodies.readers import SMALL, SMALL_NUMBERS, Readers
from rankkit.serving.bodies.reading import How, read
from rankkit.serving.refusal import RefusedError

HOW = How("rank", Form(("a", "b"), True, 10_000, 10_000))


def body_of(n_docs, value=1.0):
    documents = [{"id": f"document {place}", "features": [value, place]} for place in range(n_docs)]
    return json.dumps({"documents": documents}).encode()


@pytest.fixture
def readers(monkeypatch):
    monkeypatch.setattr(readers_module, "SMALL_NUMBERS", SMALL)
    made = Readers(1)
    yield made
    made.stop()


def process_of(readers):
    return readers._all[0]._process


def test_a_large_body_is_read_as_a_small_one_would_be(readers):
    body = body_of(2000)
    assert len(body) > SMALL
    asked = asyncio.run(readers.read(body, HOW))
    expected = read(body, HOW)
    assert asked.features.tobytes() == expected.features.tobytes()
    assert asked.ids == expected.ids
    assert process_of(readers).is_alive()


def test_no_request_waits_for_a_loop_to_be_compiled(monkeypatch):
    used = set()

    def noted(name, loop):
        def called(*given):
            used.add((name, *map(typeof, given)))
            return loop(*given)

        return called

    for name in ("take_out", "read_numbers"):
        monkeypatch.setattr(number_kernels, name, noted(name, getattr(number_kernels, name)))
    made = Readers(1)
    at_the_start = set(used)
    scores = b'{"queries": [{"features": [[1, 2], [3, 4]]}]}'
    for kind in (bytes, bytearray):
        for body, asked in ((body_of(3), "rank"), (body_of(3) + b"\n", "rank"), (scores, "score")):
            asyncio.run(made.read(kind(body), How(asked, HOW.form)))
    made.stop()
    assert {name for name, *_ in used} == {"take_out", "read_numbers"}
    assert used == at_the_start


def test_small_bodies_need_no_process(readers):
    asyncio.run(readers.read(body_of(3), HOW))
    assert process_of(readers) is None


def test_arrays_of_numbers_need_none_up_to_another_length():
    made = Readers(1)
    try:
        assert SMALL < len(body_of(2000)) < SMALL_NUMBERS
        asyncio.run(made.read(body_of(2000), HOW))
        assert process_of(made) is None
        named = body_of(2000).replace(b"[", b"{").replace(b'{{"id"', b'[{"id"')  # whatever comes of it
        with pytest.raises(RefusedError):
            asyncio.run(made.read(named, HOW))
        assert process_of(made) is not None
    finally:
        made.stop()


def test_what_is_wrong_is_told_as_of_a_small_one(readers):
    with pytest.raises(RefusedError, match=r"documents\[0\]\.features\['a'\]: expected a number that") as error:
        asyncio.run(readers.read(body_of(2000, value=1e39), HOW))
    assert error.value.status == 422


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="a signal of Unix")
def test_signals_for_the_service_do_not_end_a_reader(readers):
    asyncio.run(readers.read(body_of(2000), HOW))
    first = process_of(readers)
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        os.kill(first.pid, getattr(signal, name))
    asyncio.run(readers.read(body_of(2000), HOW))
    assert process_of(readers) is first


def test_a_reader_that_has_ended_is_one_503_and_another_one_is_started(readers):
    asyncio.run(readers.read(body_of(2000), HOW))
    first = process_of(readers)
    first.kill()
    first.join()
    with pytest.raises(RefusedError, match="the process that read it has ended") as error:
        asyncio.run(readers.read(body_of(2000), HOW))
    assert (error.value.status, error.value.headers) == (503, {"Retry-After": "1"})
    assert len(asyncio.run(readers.read(body_of(2000), HOW)).features) == 2000


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_body_that_takes_too_much_memory_is_refused():
    readers = Readers(1, memory_bytes=2**26)  # lists take twenty times the bytes that JSON needs for them
    with pytest.raises(RefusedError, match="expected one that can be read in 64 MiB") as error:
        asyncio.run(readers.read(b'{"documents": [' + b"[]," * 2_000_000 + b"[]]}", HOW))
    assert error.value.status == 422
    assert len(asyncio.run(readers.read(body_of(2000), HOW)).features) == 2000
    readers.stop()


def test_stopping_ends_the_processes(readers):
    asyncio.run(readers.read(body_of(2000), HOW))
    process = process_of(readers)
    readers.stop()
    assert not process.is_alive()
