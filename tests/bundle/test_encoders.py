"""save() and load_encoder(): the same embeddings and distances, or one clear error and no memory taken."""

import contextlib
import hashlib
import json
import resource
import shutil
import struct

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import rankkit as rk
from rankkit.bundle import load, load_encoder, load_scorer, save
from rankkit.bundle.model_json import read_model_json
from rankkit.distances import DISTANCES, FunctionDistance, WeightedL1
from rankkit.errors import BundleError, ConfigError
from rankkit.models.encoders import ConvEncoder, MLPEncoder, WrappedEncoder
from rankkit.models.scorers import LinearScorer
from rankkit.objectives import Objective
from rankkit.objectives.embedding import triplet_loss

PICTURES = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def used(encoder):
    """As after training: no parameter and no running statistic as it was made."""
    noise = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for weight in encoder.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=noise)
        encoder.train()(PICTURES)
    return encoder.eval()


def conv(**options):
    return used(ConvEncoder((1, 8, 8), n_dims=3, channels=(4, 5), seed=0, **options))


def mlp(**options):
    return used(MLPEncoder((1, 8, 8), n_dims=3, hidden=(5,), seed=0, **options))


@pytest.mark.parametrize("distance", DISTANCES)
@pytest.mark.parametrize("make", [conv, mlp])
def test_a_loaded_encoder_gives_the_same_bits(make, distance, tmp_path):
    encoder = make(distance=distance, output="linear")
    save(encoder, tmp_path / "new" / "folder", objective="triplet", classes=["a", "b"])
    random_state = torch.get_rng_state()
    loaded = load_encoder(tmp_path / "new" / "folder")
    assert torch.equal(torch.get_rng_state(), random_state)
    assert type(loaded) is type(encoder)
    assert not loaded.training
    assert loaded.options == encoder.options
    assert loaded.distance.name == distance
    ours, theirs = encoder(PICTURES), loaded(PICTURES)
    assert torch.equal(ours, theirs)
    assert torch.equal(encoder.distance.matrix(ours, ours), loaded.distance.matrix(theirs, theirs))
    for name, value in encoder.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value), name


def test_a_distance_passed_as_an_object_goes_by_its_name(tmp_path):
    distance = WeightedL1(3)
    with torch.no_grad():
        distance.raw_weights.copy_(torch.tensor([-1.0, 0.5, 3.0]))
    save(MLPEncoder(4, n_dims=3, distance=distance), tmp_path)
    assert torch.equal(load_encoder(tmp_path).distance.weights, distance.weights)


@pytest.mark.parametrize(
    "options",
    [{"normalization": "group"}, {"output": "sigmoid"}, {"output": "unit", "distance": "cosine"}],
    ids=str,
)
def test_options_survive(options, tmp_path):
    encoder = conv(**options)
    save(encoder, tmp_path)
    assert torch.equal(load_encoder(tmp_path)(PICTURES), encoder(PICTURES))


def test_model_json_tells_what_it_is(tmp_path):
    save(mlp(), tmp_path, objective="supcon", metrics=["map_at_r"], data_fingerprint="abc", classes=["Länge", "b"])
    model = read_model_json(tmp_path)
    assert model["encoder"]["name"] == "mlp"
    assert model["encoder"]["options"]["input_shape"] == [1, 8, 8]
    assert model["objective"] == {"name": "supcon", "options": {}}
    assert model["about"] == {"classes": ["Länge", "b"]}
    save(mlp(), tmp_path, objective=Objective(triplet_loss, margin=0.5))
    assert read_model_json(tmp_path)["objective"] == {"name": "triplet", "options": {"margin": 0.5}}
    assert not {"scorer", "n_features", "feature_names"} & model.keys()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["encoder.safetensors", "model.json"]


def test_load_gives_either_and_the_loader_of_one_kind_refuses_the_other(tmp_path):
    save(mlp(), tmp_path / "encoder")
    save(LinearScorer(3), tmp_path / "scorer")
    assert isinstance(load(tmp_path / "encoder"), MLPEncoder)
    assert isinstance(load(tmp_path / "scorer"), LinearScorer)
    with pytest.raises(BundleError, match=r"expected a scorer; got an encoder\. Pass the folder of a scorer\."):
        load_scorer(tmp_path / "encoder")
    with pytest.raises(BundleError, match=r"expected an encoder; got a scorer\. Pass the folder of an encoder\."):
        load_encoder(tmp_path / "scorer")


def test_what_load_gives_is_refused_where_the_other_kind_belongs():
    with pytest.raises(ConfigError, match=r"^predict: expected a scorer of documents; got the encoder MLPEncoder"):
        rk.predict(mlp(), rk.make_ranking(3))
    with pytest.raises(ConfigError, match=r"^embed: expected an encoder; got LinearScorer"):
        rk.embed(LinearScorer(3), np.zeros((2, 3), np.float32))


def test_one_kind_replaces_the_other_in_a_folder(tmp_path):
    (tmp_path / "metrics.jsonl").write_text("{}\n")
    save(LinearScorer(3), tmp_path)
    save(mlp(), tmp_path)
    assert isinstance(load_encoder(tmp_path), MLPEncoder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["encoder.safetensors", "metrics.jsonl", "model.json"]
    save(LinearScorer(3), tmp_path)
    assert isinstance(load(tmp_path), LinearScorer)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.jsonl", "model.json", "scorer.safetensors"]


def test_what_cannot_be_saved(tmp_path):
    with pytest.raises(ConfigError, match=r"encoder: mlp, conv.*; got WrappedEncoder"):
        save(WrappedEncoder(torch.nn.Flatten(), 4), tmp_path)
    with pytest.raises(ConfigError, match="expected no feature_names for an encoder"):
        save(mlp(), tmp_path, feature_names=["a"])
    for function in (torch.dist, FunctionDistance(lambda x, y: (x - y).sum(1))):
        with pytest.raises(ConfigError, match="expected an encoder with a distance of rankkit's catalogue"):
            save(mlp(distance=function), tmp_path)
    with pytest.raises(ConfigError, match="values that JSON can hold"):
        save(mlp(), tmp_path, classes=torch.zeros(2))
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bundle")
    save(conv(distance="verification"), folder, classes=["a", "b"])
    return folder


@pytest.fixture
def copy(bundle, tmp_path):
    return shutil.copytree(bundle, tmp_path / "copy")


def edit(folder, **options):
    model = json.loads((folder / "model.json").read_text())
    model["encoder"]["options"].update(options)
    (folder / "model.json").write_text(json.dumps(model))


def with_weights(folder, weights):
    (folder / "encoder.safetensors").write_bytes(weights)
    model = json.loads((folder / "model.json").read_text())
    model["weights_sha256"] = hashlib.sha256(weights).hexdigest()
    (folder / "model.json").write_text(json.dumps(model))


@pytest.mark.parametrize(
    "options",
    [
        {"input_shape": [1, 10**9, 10**9]},
        {"input_shape": [10**6, 10**3, 10**3]},
        {"input_shape": [10**30, 8, 8]},
        {"input_shape": [1, 8]},
        {"input_shape": [1, 8.0, 8]},
        {"input_shape": "188"},
        {"input_shape": None},
        {"n_dims": 10**9},
        {"n_dims": 10**18},
        {"n_dims": 4},
        {"n_dims": True},
        {"channels": [10**5, 10**5]},
        {"channels": [4] * 20_000},
        {"channels": []},
        {"channels": {"a": 1}},
        {"normalization": "layer"},
        {"normalization": ["batch"]},
        {"output": "softmax"},
        {"output": ["unit"]},
        {"distance": "weighted_l1"},
        {"distance": "l1"},
        {"distance": ["l1"]},
        {"distance": None},
        {"distance": {"name": "l1"}},
        {"seed": "x"},
        {"depth": 3},
    ],
    ids=lambda options: str(options)[:50],
)
def test_options_that_claim_too_much_or_make_no_sense(options, copy):
    edit(copy, **options)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(BundleError):
        load_encoder(copy)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 200 * 2**10  # KiB


@pytest.mark.parametrize(
    "changes",
    [
        {"encoder": None},
        {"encoder": []},
        {"encoder": {"name": ["conv"], "options": {}}},
        {"encoder": {"name": "conv", "options": None}},
        {"encoder": {"name": "cnov", "options": {}}},
        {"encoder": {"name": "mlp", "options": {"input_shape": 10**9, "hidden": [10**6]}}},
        {"encoder": {"name": "mlp", "options": {"input_shape": 4, "hidden": 5}}},
        {"weights_sha256": "0"},
        {"weights_sha256": None},
        {"format_version": 2},
    ],
    ids=str,
)
def test_entries_of_another_kind(changes, copy):
    model = {**json.loads((copy / "model.json").read_text()), **changes}
    (copy / "model.json").write_text(json.dumps(model))
    with pytest.raises(BundleError):
        load_encoder(copy)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_flipped_bytes(data, bundle, tmp_path_factory):
    folder = shutil.copytree(bundle, tmp_path_factory.mktemp("fuzz") / "copy")
    content = bytearray((folder / "model.json").read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    (folder / "model.json").write_bytes(content)
    with contextlib.suppress(BundleError):
        load_encoder(folder)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_flipped_and_cut_weights_with_a_digest_that_fits(data, bundle, tmp_path_factory):
    folder = shutil.copytree(bundle, tmp_path_factory.mktemp("fuzz") / "copy")
    content = bytearray((folder / "encoder.safetensors").read_bytes())
    header = 8 + struct.unpack("<Q", content[:8])[0]
    content[data.draw(st.integers(0, header - 1))] = data.draw(st.integers(0, 255))
    with_weights(folder, bytes(content[: data.draw(st.integers(0, len(content)))]))
    with contextlib.suppress(BundleError):
        load_encoder(folder)


def test_weights_that_are_no_tensors_of_this_encoder(copy, tmp_path):
    torch.save({"a": torch.zeros(2)}, tmp_path / "weights.pt")
    for weights in (b"", b"pickle", (tmp_path / "weights.pt").read_bytes(), struct.pack("<Q", 2**63)):
        with_weights(copy, weights)
        with pytest.raises(BundleError):
            load_encoder(copy)


def test_files_far_too_large_are_not_read(copy):
    with (copy / "encoder.safetensors").open("r+b") as file:
        file.truncate(2**40)  # a sparse file
    with pytest.raises(BundleError, match="at most"):
        load_encoder(copy)


def test_a_bundle_without_its_weights(copy):
    (copy / "encoder.safetensors").unlink()
    with pytest.raises(BundleError, match=r"encoder\.safetensors: expected a file of a saved model"):
        load_encoder(copy)
