"""rankkit.export.artefacts.manifest: what is written is read again; damage is one clear error."""

import contextlib
import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rankkit.errors import ExportError
from rankkit.export.artefacts import manifest as module
from rankkit.export.artefacts.manifest import (
    Manifest,
    Samples,
    manifest_path,
    named_features,
    read_manifest,
    write_manifest,
)
from rankkit.export.artefacts.parity import Parity, ScoreMap


def make(**changes):
    features = np.array([[0.1, np.nan], [1e-30, 3.4e38], [0.0, -0.0]], np.float32)
    samples = Samples(features, np.array([0, 1, 3]), np.array([0.3, -1.5, 2.0], np.float32))
    known = Manifest(
        target="onnx",
        scorer={"name": "linear", "options": {"n_features": 2}},
        features=named_features(["bm25", "Länge"], 2),
        transform="log1p+standardize",
        objective={"name": "ranknet", "options": {}},
        protocol={"metrics": ["ndcg@10"]},
        data_fingerprint="abc",
        versions={"rankkit": "0.1.0"},
        weights_sha256="0" * 64,
        listwise=False,
        samples=samples,
        parity=Parity(1e-7, 1e-7, 0, 3),
        files={"ranker.onnx": "1" * 64},
        options={"opset": 18},
    )
    return replace(known, **changes)


def test_a_manifest_is_read_as_it_was_written(tmp_path):
    path = tmp_path / "manifest.json"
    wanted = make(score_map=ScoreMap("sigmoid", 0.5, 0.25), metric_drop={"metric": "ndcg@10", "before": 0.5})
    write_manifest(wanted, path)
    found = read_manifest(path)
    for name, value in vars(wanted).items():
        if name != "samples":
            assert getattr(found, name) == value, name
    assert np.array_equal(found.samples.features, wanted.samples.features, equal_nan=True)
    assert np.array_equal(found.samples.scores.astype(np.float32), wanted.samples.scores)
    assert found.samples.artefact_scores is None
    assert found.feature_names == ("bm25", "Länge")
    assert "NaN" not in path.read_text(encoding="utf-8")
    assert [entry.name for entry in tmp_path.iterdir()] == ["manifest.json"]


def test_the_json_can_be_read_by_a_person_and_a_server(tmp_path):
    write_manifest(make(), tmp_path / "manifest.json")
    found = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert found["samples"]["features"][0] == [0.1, None]
    assert found["features"][1] == {
        "name": "Länge",
        "letor_index": 2,
        "dtype": "float32",
        "missing_default": None,
    }
    assert found["files"] == {"ranker.onnx": "1" * 64}


def test_values_that_json_cannot_hold_are_refused(tmp_path):
    with pytest.raises(ExportError, match="JSON can hold"):
        write_manifest(make(options={"opset": float("nan")}), tmp_path / "manifest.json")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("names", [["a", "a"], ["a", " "], ["a"], ["a", 3]])
def test_every_feature_has_a_name_of_its_own(names):
    with pytest.raises(ExportError, match="features: expected"):
        named_features(names, 2)


def test_features_without_names_are_numbered():
    features = named_features(None, 2, missing_default=0.0)
    assert [(f.name, f.letor_index, f.missing_default) for f in features] == [
        ("1", 1, 0.0),
        ("2", 2, 0.0),
    ]


def test_a_folder_holds_its_manifest_and_a_file_has_it_beside_it(tmp_path):
    assert manifest_path(tmp_path) == tmp_path / "manifest.json"
    assert manifest_path(tmp_path / "ranker.onnx") == tmp_path / "ranker.onnx.manifest.json"


def edited(path, **changes):
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **changes}), encoding="utf-8")


@pytest.mark.parametrize(
    "changes",
    [
        {"features": []},
        {"features": [{"name": "bm25", "letor_index": 1}] * 2},
        {"features": 3},
        {"samples": None},
        {"samples": {"features": [[1, 2]], "offsets": [0, 2], "scores": [1], "artefact_scores": None}},
        {"samples": {"features": [[1, 2]], "offsets": [0, 1], "scores": [1], "artefact_scores": [1, 2]}},
        {"samples": {"features": [[1, 2]], "offsets": [0, 10**30], "scores": [1], "artefact_scores": None}},
        {"samples": {"features": [["x", 2]], "offsets": [0, 1], "scores": [1], "artefact_scores": None}},
        {"files": ["ranker.onnx"]},
        {"versions": 1},
        {"score_map": {"kind": "square"}},
        {"parity": {"max_difference": 1}},
        {"format_version": 2},
    ],
)
def test_a_manifest_that_does_not_fit_is_an_export_error(changes, tmp_path):
    path = tmp_path / "manifest.json"
    write_manifest(make(), path)
    edited(path, **changes)
    with pytest.raises(ExportError):
        read_manifest(path)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"3", b"[" * 100_000, b'{"a":' * 100_000, b"\xff\xfe", b"null"])
def test_what_is_no_manifest_is_an_export_error(content, tmp_path):
    (tmp_path / "manifest.json").write_bytes(content)
    with pytest.raises(ExportError, match=r"manifest\.json"):
        read_manifest(tmp_path / "manifest.json")


def test_a_manifest_that_is_not_there_or_far_too_large_is_an_export_error(tmp_path, monkeypatch):
    with pytest.raises(ExportError, match="No such file"):
        read_manifest(tmp_path / "manifest.json")
    write_manifest(make(), tmp_path / "manifest.json")
    monkeypatch.setattr(module, "LARGEST_MANIFEST", 100)
    with pytest.raises(ExportError, match="at most 100 bytes"):
        read_manifest(tmp_path / "manifest.json")


@given(at=st.integers(0, 10_000), value=st.integers(0, 255))
def test_a_flipped_byte_is_read_or_an_export_error(at, value, tmp_path_factory):
    path = tmp_path_factory.mktemp("manifest") / "manifest.json"
    write_manifest(make(), path)
    content = bytearray(path.read_bytes())
    content[at % len(content)] = value
    path.write_bytes(content)
    with contextlib.suppress(ExportError):
        read_manifest(path)
