"""A scorer becomes an ONNX file in a process that may fail, end or be ended."""

import multiprocessing
import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
import torch

from rankkit.errors import ExportError
from rankkit.export.runtimes.onnx_file import run_onnx
from rankkit.export.source import read_source
from rankkit.serving.scoring.onnx_process import OnnxWriter, StoppedError, write_and_tell


class Own:
    """No scorer at all."""

    def __reduce__(self):
        return (os._exit, (7,))


def test_the_file_is_written_in_the_end(scorer, tmp_path):
    writer = OnnxWriter()
    source = read_source(scorer)
    writer.write(source.model, tmp_path / "ranker.onnx")
    rows = np.ones((2, 3), np.float32)
    found = run_onnx(tmp_path / "ranker.onnx", rows, np.array([0, 2]), listwise=False)
    np.testing.assert_allclose(found, source.scores(rows, np.array([0, 2])), rtol=1e-5)
    assert writer._process is None


def test_what_cannot_be_traced_is_told_in_one_line(tmp_path):
    with pytest.raises(ExportError, match=r"^onnx: expected a scorer that torch can trace; got \w+: .*\.$"):
        OnnxWriter().write("no scorer", tmp_path / "ranker.onnx")


def test_a_process_that_ends_is_told_with_its_code(tmp_path):
    with pytest.raises(ExportError, match="expected a process that writes the file; it ended with code 7"):
        OnnxWriter().write(Own(), tmp_path / "ranker.onnx")


def test_nothing_is_said_where_nobody_waits_any_more(tmp_path, monkeypatch):
    here, there = multiprocessing.Pipe(duplex=False)
    here.close()
    monkeypatch.setattr(os, "nice", lambda more: None)  # called in this process
    monkeypatch.setattr(multiprocessing, "set_start_method", lambda name, force: None)
    n_threads = torch.get_num_threads()
    write_and_tell(pickle.dumps("no scorer"), tmp_path / "ranker.onnx", there)
    torch.set_num_threads(n_threads)


@pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="a signal of Unix")
def test_signals_for_the_service_do_not_reach_it_and_stopping_does(scorer, tmp_path):
    writer, outcome = OnnxWriter(), []

    def write():
        try:
            writer.write(scorer, tmp_path / "ranker.onnx")
        except StoppedError:
            outcome.append("stopped")

    thread = threading.Thread(target=write)
    thread.start()
    while writer._process is None:
        time.sleep(0.001)
    process = writer._process
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        os.kill(process.pid, getattr(signal, name))
    time.sleep(0.1)
    assert process.is_alive()
    writer.stop()
    thread.join(30)
    assert outcome == ["stopped"]
    assert not process.is_alive()
