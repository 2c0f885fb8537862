"""Encoders exported: what they are, where they can go, what the manifest says, and parity."""

import json
import shutil

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from rankkit import bundle
from rankkit.bundle.model_json import read_model_json
from rankkit.cli.using.export import export as command
from rankkit.data.labelled_examples import from_labelled_arrays
from rankkit.data.synthetic import make_ranking
from rankkit.errors import BundleError, ConfigError, DataError, ExportError, ShapeError
from rankkit.export import TARGETS, check, export, export_onnx
from rankkit.export.artefacts.install import digest
from rankkit.export.artefacts.manifest import manifest_path, read_manifest
from rankkit.export.encoders.manifest import FORMULAS, known_distance, read_either
from rankkit.export.encoders.parity import gate_embeddings, measure_embeddings
from rankkit.export.encoders.targets import ENCODER_TARGETS, TorchEncoderTarget
from rankkit.export.samples import block_size, random_inputs, sample_inputs
from rankkit.export.source import read_source
from rankkit.loaders.examples.files import write_labelled
from rankkit.models.encoders import ConvEncoder, MLPEncoder, WrappedEncoder, embed
from rankkit.models.scorers import LinearScorer

SHAPE = (1, 9, 7)
PICTURES = from_labelled_arrays(np.random.default_rng(3).random((30, *SHAPE)), list("abc") * 10)


@pytest.fixture(scope="module")
def ort():
    pytest.importorskip("onnx", reason="the [export] extra is not installed")
    pytest.importorskip("onnxscript", reason="the [export] extra is not installed")
    return pytest.importorskip("onnxruntime", reason="the [export] extra is not installed")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of an encoder with a learned distance, whose batch normalization has seen pictures."""
    folder = tmp_path_factory.mktemp("encoder")
    encoder = ConvEncoder(SHAPE, n_dims=6, channels=(4, 8), distance="verification", seed=0)
    with torch.no_grad():
        encoder.train()(torch.from_numpy(PICTURES.inputs))
    encoder.distance.set_weights([-1.0, -2.0, 0.0, 1.0, -0.5, -3.0], bias=0.75)
    bundle.save(encoder, folder, objective="verification", metrics=["map_at_r"], data_fingerprint="abc", ink="dark")
    return folder


@pytest.fixture(scope="module")
def onnx_file(ort, run, tmp_path_factory):
    """What the command wrote with data, and what it said."""
    folder = tmp_path_factory.mktemp("onnx")
    write_labelled(PICTURES, folder / "pictures.npz")
    path = folder / "served" / "encoder.onnx"
    return path, ask(run, "--to", "onnx", "--out", path, "--data", folder / "pictures.npz")


@pytest.fixture(scope="module")
def torch_file(tmp_path_factory):
    """An encoder in training mode with group normalization, and its program, from memory and without data."""
    path = tmp_path_factory.mktemp("torch") / "encoder.pt2"
    encoder = ConvEncoder(SHAPE, n_dims=5, channels=(4,), normalization="group", output="linear", seed=1).train()
    return encoder, path, export(encoder, "torch", path)


def ask(*words):
    """Run the command as a user would; errors come through as they are."""
    app = typer.Typer()
    app.command()(command)
    return CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)


def shown(answer):
    return {name: value.strip() for name, value in (line.split("  ", 1) for line in answer.output.splitlines())}


def test_the_command_says_what_the_file_takes_and_gives(onnx_file):
    path, answer = onnx_file
    said = shown(answer)
    assert answer.exit_code == 0
    assert said["artefact"] == str(path)
    assert said["inputs"] == "[n, 1, 9, 7]"
    assert said["embeddings"] == "[n, 6], unit"
    assert said["distance"] == "verification, larger is nearer; not in the file, its weights are in the manifest"
    compared = len(sample_inputs(SHAPE)) + len(random_inputs(SHAPE)) + PICTURES.n_examples
    assert said["compared on"] == f"{compared} inputs"
    assert float(said["max difference"]) < 1e-5
    assert "{'inputs': float32 [n, 1, 9, 7]}" in said["next"]
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["encoder.onnx", "encoder.onnx.manifest.json"]


@pytest.mark.parametrize("n_inputs", [1, 2, 30])
def test_onnx_runtime_embeds_any_number_of_inputs_as_the_encoder_does(ort, onnx_file, run, n_inputs):
    session = ort.InferenceSession(onnx_file[0])
    (inputs,), (embeddings,) = session.get_inputs(), session.get_outputs()
    assert (inputs.name, inputs.type, inputs.shape[1:]) == ("inputs", "tensor(float)", list(SHAPE))
    assert (embeddings.name, embeddings.shape[1:]) == ("embeddings", [6])
    assert isinstance(inputs.shape[0], str)
    pictures = PICTURES.inputs[:n_inputs]
    (found,) = session.run(["embeddings"], {"inputs": pictures})
    assert found == pytest.approx(embed(bundle.load_encoder(run), pictures), abs=1e-5)
    assert np.linalg.norm(found, axis=1) == pytest.approx(1, abs=1e-5)


def test_the_manifest_tells_all_of_the_encoder(onnx_file, run):
    path, _ = onnx_file
    manifest, model = read_either(manifest_path(path)), read_model_json(run)
    assert manifest.encoder == model["encoder"]
    assert (manifest.target, manifest.input_shape, manifest.n_dims, manifest.output) == ("onnx", SHAPE, 6, "unit")
    assert (manifest.distance.name, manifest.distance.nearer) == ("verification", "larger")
    assert manifest.distance.weights == {"alpha": [-1.0, -2.0, 0.0, 1.0, -0.5, -3.0], "bias": 0.75}
    assert manifest.weights_sha256 == model["weights_sha256"]
    assert manifest.objective == {"name": "verification", "options": {}}
    assert manifest.protocol == {"metrics": ["map_at_r"], "ink": "dark"}
    assert manifest.data_fingerprint == "abc"
    assert manifest.versions["saved_with_rankkit"] == model["versions"]["rankkit"]
    assert manifest.files == {path.name: digest(path)}
    assert manifest.parity.passes()
    samples = manifest.samples
    assert samples.embeddings.tolist() == embed(bundle.load_encoder(run), samples.inputs).tolist()
    assert not np.isin(samples.inputs, PICTURES.inputs).all(axis=(1, 2, 3)).any()  # nobody's pictures go along


def test_people_can_read_the_manifest_and_the_distance_can_be_computed_from_it(onnx_file, run):
    text = manifest_path(onnx_file[0]).read_text()
    assert len(text.splitlines()) < 120
    found = json.loads(text)
    weights = found["distance"]["weights"]
    x, y = np.array(found["samples"]["embeddings"])[:2]
    own = bundle.load_encoder(run).distance.pairwise(*torch.tensor(np.stack((x, y)))[:, None].float())
    assert weights["bias"] + np.dot(weights["alpha"], np.abs(x - y)) == pytest.approx(own.item(), abs=1e-6)


def test_the_onnx_file_knows_its_distance_and_holds_none_of_its_weights(ort, onnx_file):
    import onnx

    path, _ = onnx_file
    found = ort.InferenceSession(path).get_modelmeta().custom_metadata_map
    assert json.loads(found["rankkit.distance"])["name"] == "verification"
    assert json.loads(found["rankkit.encoder"])["name"] == "conv"
    assert not [tensor.name for tensor in onnx.load(str(path)).graph.initializer if "distance" in tensor.name]
    assert b".py" not in path.read_bytes()  # no place of the machine that wrote it


def test_check_replays_the_samples(onnx_file, tmp_path):
    path = tmp_path / "renamed.onnx"
    shutil.copy(onnx_file[0], path)
    shutil.copy(manifest_path(onnx_file[0]), manifest_path(path))
    assert check(path).n_inputs == len(sample_inputs(SHAPE))
    answer = ask("--check", path)
    assert answer.output.startswith(f"{path}: files are as exported; max difference")
    found = json.loads(manifest_path(path).read_text())
    found["samples"]["embeddings"][1][2] += 1e-3
    manifest_path(path).write_text(json.dumps(found))
    with pytest.raises(ExportError, match=r"expected embeddings within 1e-05 .* Do not serve it"):
        check(path)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ExportError, match="damaged or was changed"):
        check(path)


@pytest.mark.parametrize("n_inputs", [1, 4])
def test_a_torch_program_embeds_without_the_encoder(torch_file, n_inputs):
    encoder, path, manifest = torch_file
    program = torch.export.load(path)
    pictures = PICTURES.inputs[:n_inputs]
    found = program.module()(torch.from_numpy(pictures)).detach().numpy()
    assert found == pytest.approx(embed(encoder, pictures), abs=1e-5)
    assert encoder.training
    assert (manifest.objective, manifest.protocol, manifest.data_fingerprint) == (None, None, None)
    assert (manifest.distance.name, manifest.distance.weights) == ("euclidean", {})
    assert b".py" not in path.read_bytes()
    assert check(path.parent).passes()


def test_a_file_that_embeds_otherwise_is_not_written(torch_file, tmp_path, monkeypatch):
    path = tmp_path / "encoder.pt2"
    shutil.copy(torch_file[1], path)
    shutil.copy(manifest_path(torch_file[1]), manifest_path(path))
    before = path.read_bytes()
    replay = TorchEncoderTarget.replay
    monkeypatch.setattr(TorchEncoderTarget, "replay", lambda *words: replay(*words) + np.float32(1e-4))
    with pytest.raises(ExportError, match=r"encoder\.pt2: expected embeddings within .* Nothing was written"):
        export(MLPEncoder(3, n_dims=2, hidden=(), output="sigmoid", distance="weighted_l1", seed=0), "torch", path)
    assert path.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 2


def test_numbers_in_memory_go_to_one_file(ort, tmp_path):
    encoder = MLPEncoder(4, n_dims=3, hidden=(5,), output="sigmoid", distance="weighted_l1", seed=0).double()
    manifest = export_onnx(encoder, tmp_path, data=np.full((7, 4), 2.0))
    path = tmp_path / "encoder.onnx"
    assert manifest.parity.n_inputs == len(sample_inputs((4,))) + len(random_inputs((4,))) + 7
    assert manifest.distance == known_distance(encoder.distance)
    assert manifest.options == {"opset": 18, "int8": False}
    found = ort.InferenceSession(path).run(["embeddings"], {"inputs": np.full((2, 4), 2, np.float32)})[0]
    assert found == pytest.approx(embed(encoder, np.full((2, 4), 2.0)), abs=1e-6)
    assert check(tmp_path).passes()


@pytest.mark.parametrize("target", sorted(set(TARGETS) - set(ENCODER_TARGETS)))
def test_other_targets_take_rankers_only(target, run, tmp_path):
    with pytest.raises(ExportError, match=rf"{target}: expected a ranker.*Export encoders to 'onnx' or 'torch'\."):
        ask(run, "--to", target, "--out", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_exported_is_refused_before_anything_is_written(run, tmp_path):
    encoder, out = bundle.load_encoder(run), tmp_path / "out"
    with pytest.raises(ConfigError, match="Did you mean 'onnx'"):
        export(encoder, "onxx", out)
    for options in ({"int8": True}, {"metric": "map_at_r"}):
        with pytest.raises(ConfigError, match="int8: expected a ranker"):
            export(encoder, "onnx", out, **options)
    with pytest.raises(ConfigError, match="'opset'"):
        export(encoder, "torch", tmp_path / "deep" / "er" / "out.pt2", opset=18)
    with pytest.raises(ExportError, match=r"got WrappedEncoder\. Export your own module"):
        export(WrappedEncoder(torch.nn.Flatten(), 4), "onnx", out)
    with pytest.raises(BundleError):
        export(tmp_path / "none", "onnx", out)
    assert not list(tmp_path.iterdir())


def test_data_of_another_kind_is_refused(run, tmp_path):
    encoder, documents = bundle.load_encoder(run), make_ranking(3, n_features=4)
    with pytest.raises(DataError, match=r"expected inputs .* for an encoder; got RankingDataset"):
        export(encoder, "torch", tmp_path / "out", data=documents)
    with pytest.raises(ShapeError, match=r"expected inputs \[n, 1, 9, 7\]; got \[30, 63\]"):
        export(encoder, "torch", tmp_path / "out", data=PICTURES.inputs.reshape(30, 63))
    scorer = LinearScorer(4)
    scorer.transform.fit(documents.features, documents.offsets)
    with pytest.raises(DataError, match="expected documents of queries for a ranker; got LabelledExamples"):
        export(scorer, "torch", tmp_path / "out", data=PICTURES)


def test_an_encoder_is_never_taken_for_a_ranker(run, torch_file, tmp_path):
    with pytest.raises(BundleError, match="expected a scorer; got an encoder"):
        read_source(run)
    with pytest.raises(ExportError, match="expected the manifest of a ranker; got that of an encoder"):
        read_manifest(manifest_path(torch_file[1]))


@pytest.mark.parametrize("name", sorted(FORMULAS))
def test_every_distance_has_a_formula_and_the_numbers_in_it(name):
    distance = MLPEncoder(4, n_dims=2, distance=name).distance
    known = known_distance(distance)
    assert (known.name, known.nearer) == (name, distance.nearer)
    assert known.formula == FORMULAS[name]
    assert all(weight in known.formula for weight in known.weights)
    assert bool(known.weights) == bool(list(distance.parameters()))


def test_a_distance_of_a_user_goes_by_its_name():
    def euclidean(x, y):
        return (x - y).amax(dim=1)

    known = known_distance(MLPEncoder(4, distance=euclidean).distance)
    assert (known.name, known.nearer, known.formula) == ("euclidean", "smaller", None)


def test_a_difference_is_measured_against_the_size_of_the_embedding():
    parity = measure_embeddings([[100.0, 0.1], [0.0, 0.1]], [[100.0, 0.1 - 9e-4], [0.0, 0.1 + 5e-6]])
    assert parity.max_difference == pytest.approx(9e-4)
    assert parity.max_relative == pytest.approx(9e-4 / 100)
    assert parity.passes()
    with pytest.raises(ExportError, match="over 1 inputs"):
        gate_embeddings("x", measure_embeddings([[0.1]], [[0.1 + 2e-5]]), action="")
    for found, message in (([[1.0]], r"expected embeddings \[1, 2\]"), ([[1.0, np.nan]], "infinity for input 0")):
        with pytest.raises(ExportError, match=message):
            measure_embeddings([[1.0, 2.0]], found)


def test_large_inputs_are_embedded_a_few_at_a_time():
    assert block_size((3, 28, 28)) == 256
    assert block_size((3, 1024, 1024)) == 1
    assert sample_inputs((3, 224, 224)).shape == (2, 3, 224, 224)
    assert 0 <= sample_inputs((5,)).min() <= sample_inputs((5,)).max() <= 1
