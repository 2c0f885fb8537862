"""Target ``triton``: a repository that Triton's protobuf, its python backend and the server itself can read."""

import ast
import http.client
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, ExportError
from rankkit.export.artefacts.manifest import named_features
from rankkit.export.checking import check
from rankkit.export.exporting import export
from rankkit.export.runtimes import triton
from rankkit.models.scorers import LinearScorer

NAMES = ('say "hi" \\', "line\nbreak\t\0", "ü {x} 'y'")
DATA = make_ranking(20, n_features=3, seed=0)


def ranker(transform="standardize"):
    scorer = LinearScorer(3, transform=transform, seed=0)
    scorer.transform.fit(DATA.features, DATA.offsets)
    scorer.feature_names = NAMES
    return scorer.eval()


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder and the manifest of one export for the python backend."""
    folder = tmp_path_factory.mktemp("triton") / "models"
    return folder, export(ranker(), "triton", folder, backend="python")


@pytest.fixture(scope="module")
def parse():
    """Text to Triton's own ModelConfig; an unknown field or a bad literal is an error."""
    model_config_pb2 = pytest.importorskip(
        "tritonclient.grpc.model_config_pb2", reason="needs pip install 'tritonclient[grpc]'"
    )
    from google.protobuf import text_format

    def parsed(text):
        return text_format.Parse(text, model_config_pb2.ModelConfig())

    parsed.DataType = model_config_pb2.DataType
    return parsed


def test_the_layout_is_that_of_a_model_repository(exported):
    folder, manifest = exported
    expected = {"ranker/config.pbtxt", "ranker/1/model.onnx", "ranker/1/model.py"}
    assert set(manifest.files) == expected
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == {
        *expected,
        "manifest.json",
    }
    assert manifest.parity.inversions == 0
    assert check(folder).max_relative <= 1e-5


def test_the_configuration_is_one_of_triton(exported, parse):
    folder, manifest = exported
    config = parse((folder / "ranker" / "config.pbtxt").read_text(encoding="utf-8"))
    assert (config.name, config.backend, config.max_batch_size) == ("ranker", "python", 4096)
    (features,), (score,) = config.input, config.output
    assert (features.name, list(features.dims)) == ("features", [3])
    assert (score.name, list(score.dims), list(score.reshape.shape), score.HasField("reshape")) == (
        "score",
        [1],
        [],
        True,
    )
    assert json.loads(config.parameters["rankkit_features"].string_value) == list(NAMES)
    assert config.parameters["rankkit_weights_sha256"].string_value == manifest.weights_sha256


def test_the_configuration_of_a_listwise_ranker_has_no_batch_axis_of_its_own(exported, parse):
    manifest = replace(exported[1], listwise=True, features=named_features(None, 2))
    config = parse(triton.config_text(manifest, name="r", backend="onnxruntime", max_batch_size=7))
    assert (config.max_batch_size, config.HasField("dynamic_batching")) == (0, False)
    features, mask = config.input
    kind = {number: name for name, number in parse.DataType.items()}
    assert (features.name, kind[features.data_type], list(features.dims)) == ("features", "TYPE_FP32", [-1, -1, 2])
    assert (mask.name, kind[mask.data_type], list(mask.dims)) == ("mask", "TYPE_BOOL", [-1, -1])
    assert list(config.output[0].dims) == [-1, -1]


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_name_survives_the_text_form(parse, name):
    assert parse(f"name: {triton.quoted(name)}").name == name


class FakeTriton(ModuleType):
    """What Triton gives its python backend, as far as model.py uses it."""

    @staticmethod
    def get_input_tensor_by_name(request, name):
        return SimpleNamespace(as_numpy=lambda: request[name])

    InferenceResponse = staticmethod(lambda tensors, error=None: SimpleNamespace(tensors=tensors, error=error))
    Tensor = staticmethod(lambda name, values: SimpleNamespace(name=name, values=values))
    TritonError = staticmethod(str)


def test_model_py_scores_each_request_and_fails_it_alone(exported, monkeypatch):
    folder, manifest = exported
    monkeypatch.setitem(sys.modules, "triton_python_backend_utils", FakeTriton("triton_python_backend_utils"))
    spec = importlib.util.spec_from_file_location("model", folder / "ranker" / "1" / "model.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    model = module.TritonPythonModel()
    model.initialize({"model_repository": str(folder / "ranker"), "model_version": "1"})
    samples = manifest.samples
    good, bad, more = model.execute(
        [
            {"features": samples.features[:2]},
            {"features": np.zeros((1, 9), np.float32)},
            {"features": samples.features[2:]},
        ]
    )
    (first,), (second,) = good.tensors, more.tensors
    assert first.name == "score"
    np.testing.assert_allclose(np.concatenate([first.values, second.values]), samples.scores, rtol=1e-5, atol=1e-5)
    assert good.error is None
    assert "dimension" in bad.error


def test_model_py_needs_nothing_of_rankkit(exported):
    tree = ast.parse((exported[0] / "ranker" / "1" / "model.py").read_text())
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    assert imported == {"pathlib", "typing", "onnxruntime", "triton_python_backend_utils"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_name": "../x"}, r"model_name: expected letters, .* got '\.\./x'"),
        ({"model_name": ""}, "model_name: expected letters"),
        ({"model_name": 3}, "model_name: expected letters"),
        ({"backend": "pyton"}, "backend: expected a backend of Triton; got 'pyton'. Did you mean 'python'?"),
        ({"max_batch_size": 0}, "max_batch_size: expected documents, 1 or more; got 0"),
        ({"max_batch_size": 2**31}, "max_batch_size: expected documents"),
        ({"model": "x"}, "triton: expected an option of this target; got 'model'"),
    ],
)
def test_options_that_cannot_work_are_refused_before_anything_is_written(options, message, exported, tmp_path):
    with pytest.raises(ConfigError, match=message):
        triton.TritonTarget().write(ranker(), exported[1], tmp_path, options)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_model_is_refused():
    with pytest.raises(ExportError, match="triton: expected a scorer of rankkit; got object"):
        triton.TritonTarget().check(object())


# ---- the server itself ----

TRITON = os.environ.get("RANKKIT_TRITON")
WHY = (
    "RANKKIT_TRITON names no Python with Triton. Its wheel wants numpy below 2, so it needs a place of its own: "
    "python -m venv triton && triton/bin/pip install nvidia-pytriton onnxruntime; RANKKIT_TRITON=triton/bin/python"
)
PLACES = (
    "import importlib.util, sys, sysconfig;"
    "print(importlib.util.find_spec('pytriton').submodule_search_locations[0]);"
    "print('%d.%d' % sys.version_info[:2]); print(sysconfig.get_config_var('LIBDIR'))"
)


@pytest.fixture
def server(tmp_path):
    """``server(repository)``: the port of a running Triton."""
    if not TRITON:
        pytest.skip(WHY)
    found = subprocess.run([TRITON, "-c", PLACES], capture_output=True, text=True, check=True).stdout.split()
    package, version, libraries = Path(found[0]), found[1], found[2]
    bundled = package / "tritonserver"
    backends = tmp_path / "backends"
    shutil.copytree(bundled / "backends", backends)
    shutil.copy(bundled / "python_backend_stubs" / version / "triton_python_backend_stub", backends / "python")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    environment["LD_LIBRARY_PATH"] = f"{package.parent / 'nvidia_pytriton.libs'}:{libraries}"
    environment["PATH"] = (
        f"{Path(TRITON).parent.absolute()}:{environment['PATH']}"  # the stub takes its packages from here
    )
    started = []

    def start(repository):
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        words = [
            bundled / "bin" / "tritonserver",
            f"--model-repository={repository}",
            f"--backend-directory={backends}",
        ]
        words += [f"--http-port={port}", "--http-address=127.0.0.1", "--allow-grpc=false", "--allow-metrics=false"]
        log = tmp_path / "log"
        with log.open("w") as file:
            process = subprocess.Popen(words, env=environment, stdout=file, stderr=subprocess.STDOUT)
        started.append(process)
        for _ in range(600):
            assert process.poll() is None, log.read_text()
            try:
                if ask(port, "GET", "/v2/health/ready")[0] == 200:
                    return port
            except OSError:
                pass
            time.sleep(0.1)
        raise AssertionError(log.read_text())

    yield start
    for process in started:
        process.terminate()
        process.wait(60)


def ask(port, method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, None if body is None else json.dumps(body))
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    return answer.status, json.loads(content) if content else None


def tensor(name, kind, values):
    values = np.asarray(values)
    return {"name": name, "datatype": kind, "shape": list(values.shape), "data": values.ravel().tolist()}


@pytest.mark.slow
def test_triton_itself_serves_the_exported_file(server, tmp_path):
    repository = tmp_path / "models"
    pointwise = export(ranker(), "triton", tmp_path / "a", backend="python", model_name="pointwise")
    listwise = export(
        ranker(transform="query_standardize"), "triton", tmp_path / "b", backend="python", model_name="lists"
    )
    # The folder with its manifest is a repository as it is; here two share one.
    shutil.copytree(tmp_path / "a", repository)
    shutil.copytree(tmp_path / "b" / "lists", repository / "lists")
    port = server(repository)

    samples = pointwise.samples
    status, answer = ask(
        port, "POST", "/v2/models/pointwise/infer", {"inputs": [tensor("features", "FP32", samples.features)]}
    )
    assert status == 200, answer
    assert answer["outputs"][0]["shape"] == [len(samples.scores), 1]
    np.testing.assert_allclose(answer["outputs"][0]["data"], samples.scores, rtol=1e-5, atol=1e-5)

    samples = listwise.samples
    for start, stop in zip(samples.offsets[:-1], samples.offsets[1:], strict=True):
        if start == stop:
            continue
        padded = np.zeros((1, stop - start + 2, 3), np.float32)
        padded[0, : stop - start] = samples.features[start:stop]
        mask = np.arange(padded.shape[1])[None] < stop - start
        inputs = [tensor("features", "FP32", padded), tensor("mask", "BOOL", mask)]
        status, answer = ask(port, "POST", "/v2/models/lists/infer", {"inputs": inputs})
        assert status == 200, answer
        scores = np.array(answer["outputs"][0]["data"])[: stop - start]
        np.testing.assert_allclose(scores, samples.scores[start:stop], rtol=1e-5, atol=1e-5)

    status, answer = ask(port, "GET", "/v2/models/pointwise/config")
    assert json.loads(answer["parameters"]["rankkit_features"]["string_value"]) == list(NAMES)
    wrong = {"inputs": [tensor("features", "FP32", np.zeros((1, 4)))]}
    assert ask(port, "POST", "/v2/models/pointwise/infer", wrong)[0] == 400
