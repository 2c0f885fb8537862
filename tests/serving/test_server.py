"""The service as a process: a real port, a real signal."""

import copy
import gc
import http.client
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

import numpy as np
import pytest

from rankkit import bundle
from rankkit.errors import BundleError, ConfigError
from rankkit.serving import Settings
from rankkit.serving.scoring.ranker import ServedRanker
from rankkit.serving.server import serve
from tests import forked

BODY = b'{"documents": [{"id": "a", "features": [1, 2, 3]}]}'


@pytest.fixture
def saved(scorer, tmp_path):
    bundle.save(scorer, tmp_path / "run")
    return tmp_path / "run"


def test_a_process_serves_finishes_what_is_under_way_and_ends_with_code_0(saved):
    words = [sys.executable, "-W", "error", "-m", "rankkit", "serve", str(saved), "--port", "0", "--log-requests"]
    words += ["--engine", "torch"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as process:
        try:
            line = process.stdout.readline()
            port = int(re.search(r"http://127\.0\.0\.1:(\d+), documentation at /docs", line)[1])
            idle = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            idle.request("POST", "/rank?secret", BODY)
            answer = idle.getresponse()
            assert (answer.status, answer.headers["server"]) == (200, None)
            assert b'"score":' in answer.read()

            # Half a body is under way when the signal comes; the port closes, and the request is answered all the same.
            slow = socket.create_connection(("127.0.0.1", port), timeout=30)
            slow.sendall(b"POST /rank HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY[:10])
            while b"rankkit_requests_inside 1.0\n" not in ask(idle, "/metrics"):
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            while is_open(port):
                time.sleep(0.01)
            slow.sendall(BODY[10:])
            assert slow.recv(10_000).startswith(b"HTTP/1.1 200 ")
            slow.close()
            idle.close()
            out, log = process.communicate(timeout=30)
        finally:
            process.kill()
    assert process.returncode == 0
    assert out == ""
    first, *lines = log.splitlines()
    assert first.endswith(" run: scoring with torch: it was asked for")
    assert all(re.fullmatch(r"[\d-]+ [\d:,]+ (POST /rank|GET /metrics) 200 [\d.]+ ms", line) for line in lines), log
    assert sum("POST /rank" in line for line in lines) == 2


def test_onnxruntime_scores_as_rankkit_score_does_and_after_a_reload_too(scorer, saved):
    rows = np.random.default_rng(0).lognormal(size=(30, 3)).astype(np.float32)
    body = json.dumps({"queries": [{"features": rows.tolist()}]})

    def expected(model):
        return ServedRanker.load(model).scores(rows, np.array([0, 30]))

    def found(port):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("POST", "/score", body)
        scores = json.loads(connection.getresponse().read())["queries"][0]["scores"]
        assert json.loads(ask(connection, "/metadata"))["engine"]["name"] == "onnxruntime"
        connection.close()
        return np.array(scores)

    words = [forked.executable(), "-m", "rankkit", "serve", str(saved), "--port", "0", "--engine", "onnxruntime"]
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}
    ) as process:
        try:
            port = int(re.search(r"http://127\.0\.0\.1:(\d+)", process.stdout.readline())[1])
            before = found(port)
            np.testing.assert_allclose(before, expected(saved), rtol=1e-5, atol=1e-5)
            other = copy.deepcopy(scorer)
            for weights in other.parameters():
                weights.data *= 1.5
            bundle.save(other, saved)
            process.send_signal(signal.SIGHUP)
            end = time.monotonic() + 300
            while np.array_equal(after := found(port), before):
                assert time.monotonic() < end
                time.sleep(0.1)
            np.testing.assert_allclose(after, expected(saved), rtol=1e-5, atol=1e-5)
            process.send_signal(signal.SIGTERM)
            _, log = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 0
    lines = [line.split(" ", 2)[2] for line in log.splitlines()]
    assert [re.sub(r"[\d.e-]+$", "", line) for line in lines if "scoring" in line] == [
        "run: scoring with onnxruntime: scores equal to "
    ] * 2
    assert "Traceback" not in log


def test_an_engine_that_cannot_be_is_one_error_at_the_start(saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(
        ConfigError, match="engine: expected that onnxruntime can score; got that onnxruntime is not in"
    ):
        serve({"run": saved}, Settings(port=0, engine="onnxruntime"))


def ask(connection, path):
    connection.request("GET", path)
    return connection.getresponse().read()


def is_open(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def test_signals_are_taken_before_it_says_that_it_serves(saved, monkeypatch):
    """Or one that comes at once would end it with another code."""
    before, then = signal.getsignal(signal.SIGTERM), []
    monkeypatch.setattr(gc, "freeze", lambda: None)
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)
    monkeypatch.setattr(sys.stdout, "write", lambda text: then.append(signal.getsignal(signal.SIGTERM)))
    serve({"run": saved}, Settings(port=0))
    assert then
    assert before not in then
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_port_that_is_taken_is_named(saved):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(
            ConfigError, match=rf"expected an address that is free; got 127\.0\.0\.1 port {port}: .*in use"
        ):
            serve({"run": saved}, Settings(port=port))


def test_a_host_that_is_none_is_named(saved):
    with pytest.raises(ConfigError, match=r"expected an address that is free; got no\.such\.host\.invalid port 0"):
        serve({"run": saved}, Settings(host="no.such.host.invalid", port=0))


def test_the_extra_is_named_where_it_is_not_installed(saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    with pytest.raises(ConfigError, match=r"uvicorn: .*Run pip install 'rankkit-torch\[serve\]'"):
        serve({"run": saved}, Settings(port=0))


def test_a_folder_without_a_ranker_is_named(tmp_path):
    with pytest.raises(BundleError, match=r"model\.json: expected a file of a saved model"):
        serve({"run": tmp_path}, Settings(port=0))


@pytest.fixture
def certificate(tmp_path):
    """A certificate for this machine, signed by itself."""
    if shutil.which("openssl") is None:
        pytest.skip("no openssl to make a certificate with")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


def test_https_is_served_with_files_of_ones_own(live_of, ranker_of, scorer, certificate):
    cert, key = certificate
    live = live_of(ranker_of(scorer), tls_cert=cert, tls_key=key)
    connection = http.client.HTTPSConnection(
        "127.0.0.1", live.port, timeout=30, context=ssl.create_default_context(cafile=cert)
    )
    connection.request("POST", "/rank", BODY)
    assert connection.getresponse().status == 200
    connection.close()


def test_tls_files_that_do_not_fit_are_named_before_the_ranker_is_loaded(tmp_path, certificate):
    cert, _ = certificate
    with pytest.raises(ConfigError, match="tls: expected a certificate and its key; got one of the two"):
        serve({"run": tmp_path}, Settings(port=0, tls_cert=cert))
    for wrong in (cert, tmp_path / "none"):
        with pytest.raises(ConfigError, match=r"cert\.pem: expected certificates in PEM and, in .* their key"):
            serve({"run": tmp_path}, Settings(port=0, tls_cert=cert, tls_key=wrong))
