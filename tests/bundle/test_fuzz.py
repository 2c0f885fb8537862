"""A damaged or forged bundle is a BundleError: no other exception, and no memory for what its options only claim."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.bundle import load, save
from rankkit.errors import BundleError, ConfigError
from rankkit.models.scorers import MLPScorer


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    scorer = MLPScorer(3, hidden=(4,), transform=["log1p+standardize", "piecewise:2"], seed=0)
    features = np.random.default_rng(0).lognormal(size=(20, 3)).astype(np.float32)
    scorer.transform.fit(features, np.array([0, 20]))
    save(scorer, folder, feature_names=["a", "b", "c"], objective="ranknet")
    return folder


@pytest.fixture
def copy(bundle, tmp_path):
    return shutil.copytree(bundle, tmp_path / "copy")


def loads_or_says_why(folder):
    with contextlib.suppress(BundleError):
        load(folder)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_flipped_bytes_in_model_json(data, bundle, tmp_path_factory):
    folder = shutil.copytree(bundle, tmp_path_factory.mktemp("fuzz") / "copy")
    content = bytearray((folder / "model.json").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "model.json").write_bytes(content)
    loads_or_says_why(folder)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_flipped_and_cut_weights_with_a_digest_that_fits(data, bundle, tmp_path_factory):
    folder = shutil.copytree(bundle, tmp_path_factory.mktemp("fuzz") / "copy")
    content = bytearray((folder / "scorer.safetensors").read_bytes())
    header = 8 + struct.unpack("<Q", content[:8])[0]
    content[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    with_weights(folder, bytes(content[: data.draw(st.integers(0, len(content)))]))
    loads_or_says_why(folder)


def with_weights(folder, weights):
    (folder / "scorer.safetensors").write_bytes(weights)
    model = json.loads((folder / "model.json").read_text())
    model["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    (folder / "model.json").write_text(json.dumps(model))


def header(**tensors):
    text = json.dumps(tensors).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    "weights",
    [
        b"",
        struct.pack("<Q", 2**63),
        struct.pack("<Q", 10**9) + b"{",
        header(a={"dtype": "F32", "shape": [2**40, 2**20], "data_offsets": [0, 2**62]}),
        header(a={"dtype": "F32", "shape": [2**63], "data_offsets": [0, 8]}) + bytes(8),
        struct.pack("<Q", 100_000) + b"[" * 100_000,
    ],
    ids=["empty", "header of 2^63 bytes", "header cut off", "4 exabytes", "overflow", "deep"],
)
def test_safetensors_that_claim_too_much(weights, copy):
    with_weights(copy, weights)
    with pytest.raises(BundleError):
        load(copy)


@pytest.mark.parametrize(
    "options",
    [
        {"n_features": 10**9, "hidden": [10**6]},
        {"n_features": 10**30},
        {"n_features": 3, "hidden": [4] * 20_000},
        {"n_features": 3, "hidden": [10**18, 10**18]},
        {"n_features": 3, "hidden": [4], "transform": "piecewise:1000000000000"},
        {"n_features": 3, "hidden": [4], "n_outputs": 10**12},
        {"n_features": 3, "hidden": [4], "seed": "x"},
        {"n_features": 3, "hidden": [4], "transform": 7},
        {"n_features": 3, "hidden": {"a": 1}},
        {"n_features": None},
        {"n_features": 3, "hidden": [4], "activation": ["relu"]},
        [],
        None,
    ],
    ids=lambda options: str(options)[:60],
)
def test_options_that_claim_too_much_or_make_no_sense(options, copy):
    model = json.loads((copy / "model.json").read_text())
    model["scorer"]["options"] = options
    (copy / "model.json").write_text(json.dumps(model))
    with pytest.raises(BundleError):
        load(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"feature_names": ["a"]},
        {"feature_names": [1, 2, 3]},
        {"feature_names": "abc"},
        {"scorer": None},
        {"scorer": {"name": ["mlp"], "options": {}}},
        {"scorer": None, "versions": "0.1"},
        {"weights_sha256": None},
    ],
)
def test_entries_of_another_kind(changes, copy):
    model = {**json.loads((copy / "model.json").read_text()), **changes}
    (copy / "model.json").write_text(json.dumps(model))
    with pytest.raises(BundleError):
        load(copy)


@pytest.mark.parametrize("content", [b"", b"[]", b'{"format_version": 1', b"[" * 100_000, b'{"a":' * 100_000, b"\xff"])
def test_json_that_is_none(content, copy):
    (copy / "model.json").write_bytes(content)
    with pytest.raises(BundleError):
        load(copy)


def test_a_model_json_far_too_large_is_not_read(copy):
    with (copy / "model.json").open("r+b") as file:
        file.truncate(2**40)  # a sparse file
    with pytest.raises(BundleError, match="at most"):
        load(copy)


def test_weights_in_a_pickle_are_not_read(copy, tmp_path):
    torch.save(safetensors.torch.load_file(copy / "scorer.safetensors"), tmp_path / "weights.pt")
    with_weights(copy, (tmp_path / "weights.pt").read_bytes())
    with pytest.raises(BundleError):
        load(copy)


def test_weights_far_larger_than_the_options_say_are_not_read(copy):
    with (copy / "scorer.safetensors").open("r+b") as file:
        file.truncate(2**40)  # a sparse file
    with pytest.raises(BundleError, match="at most"):
        load(copy)


@pytest.mark.parametrize("name", ["model.json", "scorer.safetensors"])
@pytest.mark.parametrize("made", [lambda path: path.symlink_to("/dev/zero"), os.mkfifo, Path.mkdir])
def test_what_is_no_plain_file_is_not_opened(made, name, copy):
    """A FIFO would wait for a writer, and /dev/zero never ends."""
    (copy / name).unlink()
    made(copy / name)
    with pytest.raises(BundleError, match=r"expected a file of a saved model; got a (pipe|folder)"):
        load(copy)


def test_a_model_json_of_sixty_megabytes_is_not_read(copy):
    (copy / "model.json").write_bytes(b'{"about": {"a": "' + b"a" * 60_000_000 + b'"}}')
    with pytest.raises(BundleError, match=r"60,000,020 bytes where at most 16,777,216 fit"):
        load(copy)
    with pytest.raises(ConfigError, match="at most 16,777,216 bytes"):
        save(MLPScorer(1), copy, more="a" * 17_000_000)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(value, copy):
    scorer = load(copy)
    weights = scorer.state_dict()
    name = next(name for name, _ in scorer.named_parameters())
    weights[name].flatten()[0] = value
    with_weights(copy, safetensors.torch.save(weights))
    with pytest.raises(BundleError, match=f"weights '{re.escape(name)}' that are not finite"):
        load(copy)
    with pytest.raises(ConfigError, match="expected finite weights"):
        save(scorer, copy)
