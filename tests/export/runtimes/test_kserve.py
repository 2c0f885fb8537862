"""Target ``kserve``: the InferenceService and the repository that it names."""

import json
import re

import numpy as np
import pytest

from rankkit.errors import ConfigError, ExportError
from rankkit.export.artefacts.manifest import Manifest, Samples, named_features
from rankkit.export.runtimes import kserve, triton
from rankkit.models.scorers import LinearScorer

NAMES = ("bm25", 'a "quoted": \\name', "# ü 😀\n- x\x7f\x85")


@pytest.fixture
def manifest():
    return Manifest(
        target="kserve",
        scorer={"name": "linear", "options": {}},
        features=named_features(NAMES, 3),
        transform="none",
        objective=None,
        protocol=None,
        data_fingerprint=None,
        versions={},
        weights_sha256="0" * 64,
        listwise=False,
        samples=Samples(np.zeros((1, 3), np.float32), np.array([0, 1]), np.zeros(1)),
    )


@pytest.fixture
def write(manifest, tmp_path, monkeypatch):
    """Write without the file of ONNX, which test_triton proves."""
    monkeypatch.setattr(triton, "write_onnx", lambda model, path, **options: path.write_bytes(b"onnx"))

    def run(**options):
        kserve.KServeTarget().write(LinearScorer(3, transform="none", seed=0), manifest, tmp_path, options)
        return (tmp_path / "inferenceservice.yaml").read_text(encoding="utf-8")

    return run


def unquoted(text):
    """A double-quoted string of YAML 1.2, of its escapes those for a quote, a backslash and any character by number."""
    match = re.fullmatch(r'"((?:[^"\\]|\\["\\]|\\U[0-9a-f]{8})*)"', text)
    assert match, text
    assert match[1].isprintable()
    return re.sub(r"\\(?:(.)(?<!U)|U(.{8}))", lambda found: found[1] or chr(int(found[2], 16)), match[1])


def read_yaml(text):
    """The part of YAML that the file uses: nested maps of plain words and strings of JSON."""
    root = {}
    stack = [(-1, root)]
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        key, _, value = line.strip().partition(":")
        depth = len(line) - len(line.lstrip())
        while stack[-1][0] >= depth:
            stack.pop()
        value = value.strip()
        made = {} if not value else unquoted(value) if value.startswith('"') else value
        stack[-1][1][key] = made
        if made == {}:
            stack.append((depth, made))
    return root


def test_the_service_names_runtime_protocol_and_place(write, tmp_path):
    found = read_yaml(write(storage_uri="s3://bucket/ranker"))
    assert (found["apiVersion"], found["kind"]) == ("serving.kserve.io/v1beta1", "InferenceService")
    assert found["metadata"]["name"] == "ranker"
    assert json.loads(found["metadata"]["annotations"]["rankkit.features"]) == list(NAMES)
    assert found["spec"]["predictor"]["model"] == {
        "modelFormat": {"name": "onnx"},
        "runtime": "kserve-tritonserver",
        "protocolVersion": "v2",
        "storageUri": "s3://bucket/ranker",
    }
    models = {
        path.relative_to(tmp_path / "models").as_posix() for path in (tmp_path / "models").rglob("*") if path.is_file()
    }
    assert models == {"ranker/config.pbtxt", "ranker/1/model.onnx"}


def test_the_place_follows_the_name(write, tmp_path):
    assert read_yaml(write(model_name="top-10"))["spec"]["predictor"]["model"]["storageUri"] == "pvc://models/top-10"
    assert (tmp_path / "models" / "top-10" / "1" / "model.onnx").is_file()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"model_name": "Ranker"}, "model_name: expected lower-case letters, .* got 'Ranker'"),
        ({"model_name": "x" * 64}, "model_name: expected lower-case"),
        ({"model_name": "x-"}, "model_name: expected lower-case"),
        ({"storage_uri": "bucket/ranker"}, "storage_uri: expected an address such as"),
        ({"storage_uri": "s3://x\nkind: Pod"}, "storage_uri: expected an address such as"),
        ({"runtime": "x"}, "kserve: expected an option of this target; got 'runtime'"),
    ],
)
def test_options_that_cannot_work_are_refused(options, message, write, tmp_path):
    with pytest.raises(ConfigError, match=message):
        write(**options)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_model_is_refused():
    with pytest.raises(ExportError, match="kserve: expected a scorer of rankkit; got object"):
        kserve.KServeTarget().check(object())
