"""Which engine is taken: at once what was asked for, and with "auto" what is found out beside the requests."""

import logging
import sys
import threading
import time

import numpy as np
import pytest

from rankkit import bundle
from rankkit.errors import ConfigError, ExportError
from rankkit.serving.scoring import choosing
from rankkit.serving.scoring.engines import Engine
from rankkit.serving.scoring.onnx_process import OnnxWriter, StoppedError
from rankkit.serving.scoring.ranker import ServedRanker

BODY = {"documents": [{"id": place, "features": [place, 1, -place]} for place in range(4)]}
ROWS = np.ones((1, 3), np.float32)


@pytest.fixture
def saved(scorer, tmp_path):
    bundle.save(scorer, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture
def onnx(monkeypatch):
    """Another engine, quickly made: gives what torch gives; ``onnx(error)`` makes it fail."""
    asked, errors = [], []

    def made(source, *, missing, writer, n_threads):
        asked.append(source)
        if errors:
            raise errors[0]
        return Engine("onnxruntime", "equal", lambda features, offsets: source.scores(features, offsets))

    monkeypatch.setattr(choosing, "onnx_engine", made)
    monkeypatch.setattr(choosing, "faster", lambda own, other, source: other)
    made.asked, made.fails = asked, errors.append
    return made


def engine_of(client):
    return client.get("/metadata").json()["engine"]


def until_chosen(client):
    end = time.monotonic() + 300
    while (engine := engine_of(client))["why"] == "onnxruntime is being tried":
        assert time.monotonic() < end
        time.sleep(0.01)
    return engine


def test_torch_is_what_it_says(client_of, saved, onnx, caplog):
    caplog.set_level(logging.INFO, "rankkit.serving")
    client = client_of(ServedRanker.load(saved), engine="torch")
    assert engine_of(client) == {"name": "torch", "why": "it was asked for"}
    assert "default: scoring with torch: it was asked for" in caplog.messages
    assert onnx.asked == []


def test_onnxruntime_by_name_is_there_before_the_first_request_or_refused(client_of, saved, onnx, caplog):
    caplog.set_level(logging.INFO, "rankkit.serving")
    assert engine_of(client_of(ServedRanker.load(saved), engine="onnxruntime")) == {
        "name": "onnxruntime",
        "why": "equal",
    }
    assert "default: scoring with onnxruntime: equal" in caplog.messages
    onnx.fails(ExportError("onnx: expected a scorer that torch can trace; got another. Use another engine."))
    with pytest.raises(ExportError, match="expected a scorer that torch can trace"):
        client_of(ServedRanker.load(saved), engine="onnxruntime")


def test_auto_serves_with_torch_until_the_other_one_is_proven(client_of, saved, onnx, caplog, monkeypatch):
    caplog.set_level(logging.INFO, "rankkit.serving")
    may_go_on = threading.Event()
    made = choosing.onnx_engine

    def slowly(*source, **options):
        assert may_go_on.wait(60)
        return made(*source, **options)

    monkeypatch.setattr(choosing, "onnx_engine", slowly)
    client = client_of(ServedRanker.load(saved), engine="auto")
    assert engine_of(client) == {"name": "torch", "why": "onnxruntime is being tried"}
    before = client.post("/rank", BODY).json()
    may_go_on.set()
    assert until_chosen(client) == {"name": "onnxruntime", "why": "equal"}
    assert client.post("/rank", BODY).json() == before
    assert "default: scoring with onnxruntime: equal" in caplog.messages


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ExportError("onnx: expected what it takes; got less."), "onnx: expected what it takes; got less."),
        (ConfigError("engine: expected a library; got none."), "engine: expected a library; got none."),
        (RuntimeError("a secret"), "onnxruntime failed with RuntimeError"),
    ],
)
def test_auto_goes_on_with_torch_and_says_why(error, why, client_of, saved, onnx, caplog):
    caplog.set_level(logging.INFO, "rankkit.serving")
    onnx.fails(error)
    client = client_of(ServedRanker.load(saved), engine="auto")
    assert until_chosen(client) == {"name": "torch", "why": why}
    assert f"default: scoring with torch: {why}" in caplog.messages
    assert client.post("/rank", BODY).status_code == 200


def test_auto_says_what_is_not_installed(client_of, saved, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    client = client_of(ServedRanker.load(saved), engine="auto")
    assert until_chosen(client) == {"name": "torch", "why": "onnxruntime is not installed"}


def test_a_successor_gets_an_engine_of_its_own(client_of, scorer, saved, onnx):
    app = client_of({"run": ServedRanker.load(saved)}, engine="auto").app
    old = app.state.models.default.ranker
    while old.engine.name == "torch":
        time.sleep(0.01)
    second = type(scorer)(**scorer.options)
    second.load_state_dict({name: value * 2 for name, value in scorer.state_dict().items()})
    second.feature_names = scorer.feature_names
    bundle.save(second.eval(), saved)
    assert app.state.models.reload()["run"].outcome == "swapped"
    new = app.state.models.default.ranker
    while new.engine.name == "torch":
        time.sleep(0.01)
    assert onnx.asked == [old.source, new.source]
    assert new.scores(ROWS, np.array([0, 1])) != old.scores(ROWS, np.array([0, 1]))


def test_a_successor_without_the_engine_that_is_asked_for_is_kept_out(client_of, scorer, saved, onnx):
    app = client_of({"run": ServedRanker.load(saved)}, engine="onnxruntime").app
    before = app.state.models.default.ranker
    assert app.state.models.reload()["run"].outcome == "unchanged"
    second = type(scorer)(**scorer.options)
    second.load_state_dict({name: value * 2 for name, value in scorer.state_dict().items()})
    second.feature_names = scorer.feature_names
    bundle.save(second.eval(), saved)
    onnx.fails(ExportError("onnx: expected what it takes; got less."))
    done = app.state.models.reload()["run"]
    assert (done.outcome, app.state.models.default.ranker) == ("kept", before)
    assert "onnx: expected what it takes; got less." in done.text


def test_nothing_is_said_of_a_model_that_has_given_way(saved, onnx, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "rankkit.serving")
    first, second, third = (ServedRanker.load(saved) for _ in range(3))
    made = choosing.Choosing("auto")
    fast = choosing.onnx_engine

    def another_one_comes(source, **options):
        if source is first.source:
            made.serves("run", second)
            made.serves("run", third)
        return fast(source, **options)

    monkeypatch.setattr(choosing, "onnx_engine", another_one_comes)
    made.serves("run", first)
    made.start()
    while third.engine.name == "torch":
        time.sleep(0.001)
    made.stop()
    assert onnx.asked == [first.source, third.source]
    assert caplog.messages == ["run: scoring with onnxruntime: equal"]


def test_stopping_does_not_wait_for_a_choice(saved, monkeypatch):
    begun = threading.Event()

    class Waiting(OnnxWriter):
        def write(self, scorer, path):
            begun.set()
            while not self._is_stopped:
                time.sleep(0.001)
            raise StoppedError

    monkeypatch.setattr(choosing, "OnnxWriter", Waiting)
    ranker = ServedRanker.load(saved)
    made = choosing.Choosing("auto")
    made.prepare(ranker)
    made.serves("run", ranker)
    made.start()
    assert begun.wait(60)
    made.stop()
    assert not made._thread.is_alive()
    assert ranker.engine.name == "torch"


def test_auto_with_all_that_belongs_to_it(client_of, saved):
    """Whichever is faster here: the answers stay what they were."""
    client = client_of(ServedRanker.load(saved), engine="auto")
    before = client.post("/rank", BODY).json()["documents"]
    engine = until_chosen(client)
    assert "times as fast as torch on lists of 10 to 1,000 documents; scores equal to " in engine["why"]
    after = client.post("/rank", BODY).json()["documents"]
    assert [document["id"] for document in after] == [document["id"] for document in before]
    np.testing.assert_allclose(
        [document["score"] for document in after], [document["score"] for document in before], rtol=1e-5, atol=1e-5
    )
