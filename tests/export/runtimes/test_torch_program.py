"""Target ``torch``: a program of tensors and operators, and no other is loaded."""

import io
import json
import subprocess
import sys
import zipfile

import numpy as np
import pytest
import torch

from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, ExportError
from rankkit.export import check, export
from rankkit.export.artefacts.install import digest
from rankkit.export.artefacts.manifest import manifest_path, read_manifest
from rankkit.export.runtimes.torch_archive import check_archive
from rankkit.models.scorers import LinearScorer, MLPScorer

TRAIN = make_ranking(20, n_features=5, seed=1)


def fitted(scorer):
    scorer.transform.fit(TRAIN.features, TRAIN.offsets)
    return scorer.eval()


@pytest.fixture(scope="module")
def artefact(tmp_path_factory):
    out = tmp_path_factory.mktemp("torch") / "ranker.pt2"
    scorer = MLPScorer(5, hidden=(6,), transform=["log1p+standardize", "quantile:4"], n_outputs=3, seed=0)
    export(fitted(scorer), "torch", out, data=TRAIN)
    return out


def test_it_scores_as_the_ranker_does(artefact):
    assert manifest_path(artefact).is_file()
    assert len(list(artefact.parent.iterdir())) == 2
    assert read_manifest(manifest_path(artefact)).parity.max_relative < 1e-6
    assert check(artefact).passes()


@pytest.mark.slow
def test_it_runs_without_rankkit(artefact):
    program = f"""
import json, sys
sys.modules["rankkit"] = None
import torch
samples = json.load(open({str(manifest_path(artefact))!r}))["samples"]
rows = torch.tensor([[float("nan") if value is None else value for value in row] for row in samples["features"]])
print(json.dumps(torch.export.load({str(artefact)!r}).module()(rows).tolist()))
"""
    done = subprocess.run([sys.executable, "-I", "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    wanted = read_manifest(manifest_path(artefact)).samples.scores
    assert json.loads(done.stdout) == pytest.approx(wanted.tolist(), abs=1e-5)


@pytest.mark.slow
def test_lists_have_the_inputs_of_the_onnx_file(tmp_path):
    scorer = fitted(MLPScorer(5, hidden=(6,), transform="query_standardize", seed=0))
    export(scorer, "torch", tmp_path / "out", data=TRAIN)
    path = tmp_path / "out" / "ranker.pt2"
    assert check(path).passes()
    features = torch.from_numpy(TRAIN.features[None, :4])
    program = torch.export.load(path).module()
    alone = program(features, torch.ones(1, 4, dtype=torch.bool))
    padded = program(
        torch.cat((features, torch.full((1, 2, 5), torch.nan)), dim=1),
        torch.tensor([[True] * 4 + [False] * 2]),
    )
    assert torch.allclose(alone, padded[:, :4], atol=1e-6)


def test_it_has_no_options(tmp_path):
    with pytest.raises(ConfigError, match="'opset'"):
        export(fitted(LinearScorer(5)), "torch", tmp_path / "out.pt2", opset=18)
    assert not list(tmp_path.iterdir())


class Payload:
    """Would write a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def forged(artefact, path, changes):
    """The archive with some entries replaced; a manifest that agrees with it."""
    with zipfile.ZipFile(artefact) as old, zipfile.ZipFile(path, "w") as new:
        for entry in old.infolist():
            name = entry.filename.partition("/")[2]
            content = old.read(entry)
            new.writestr(entry.filename, changes.pop(name)(content) if name in changes else content)
        for name, make in changes.items():
            new.writestr(f"archive/{name}", make(b""))
    manifest = json.loads(manifest_path(artefact).read_text())
    manifest["files"] = {path.name: digest(path)}
    manifest_path(path).write_text(json.dumps(manifest))


def edit(change):
    def edited(content):
        value = json.loads(content)
        change(value)
        return json.dumps(value).encode()

    return edited


def pickled(path):
    buffer = io.BytesIO()
    torch.save(Payload(path), buffer)
    return buffer.getvalue()


def mapped_file(path):
    """A node that makes a file, by an operator of aten itself."""
    arguments = {"filename": {"as_string": str(path)}, "shared": {"as_bool": True}, "size": {"as_int": 1000}}
    return {
        "target": "torch.ops.aten.from_file.default",
        "inputs": [{"name": name, "arg": value, "kind": 1} for name, value in arguments.items()],
        "outputs": [{"as_tensor": {"name": "mapped"}}],
        "metadata": {},
    }


def first_payload(config):
    return next(iter(config["config"].values()))


@pytest.mark.parametrize(
    ("name", "make", "message"),
    [
        (
            "data/weights/model_weights_config.json",
            lambda ran: edit(lambda config: first_payload(config).update(use_pickle=True)),
            "a pickled value",
        ),
        (
            "data/sample_inputs/model.pt",
            lambda ran: lambda content: pickled(ran),
            "example inputs that are not tensors",
        ),
        ("data/weights/model.pt", lambda ran: lambda content: pickled(ran), "an entry"),
        ("data/constants/opaque_obj_0", lambda ran: lambda content: pickled(ran), "an entry"),
        (
            "models/model.json",
            lambda ran: edit(
                lambda model: model["graph_module"]["graph"]["nodes"][0].update(target="torch.serialization.os.system")
            ),
            "a call of 'torch.serialization.os.system'",
        ),
        (
            "models/model.json",
            lambda ran: edit(lambda model: model["graph_module"]["graph"]["nodes"].insert(0, mapped_file(ran))),
            "a call of 'torch.ops.aten.from_file.default'",
        ),
        (
            "models/model.json",
            lambda ran: edit(lambda model: model.update(more={"expr_str": f"open({str(ran)!r}, 'w')"})),
            "an expression",
        ),
        ("models/model.json", lambda ran: lambda content: b"[" * 100_000, "got"),
        ("models/model.json", lambda ran: lambda content: content[:-9], "got"),
    ],
    ids=["pickled weight", "inputs", "old weights", "object", "call", "file", "expression", "deep", "cut off"],
)
def test_a_forged_program_is_refused_before_torch_sees_it(name, make, message, artefact, tmp_path):
    path = tmp_path / "ranker.pt2"
    forged(artefact, path, {name: make(tmp_path / "ran")})
    with pytest.raises(ExportError, match=message):
        check(path)
    assert not (tmp_path / "ran").exists()


def test_damage_is_an_export_error(artefact, tmp_path):
    content = artefact.read_bytes()
    for damaged in (b"", b"PK", content[: len(content) // 2], b"\x80\x04."):
        (tmp_path / "ranker.pt2").write_bytes(damaged)
        with pytest.raises(ExportError, match=r"expected a torch program"):
            check_archive(tmp_path / "ranker.pt2")


def test_weights_of_another_shape_are_an_export_error(artefact, tmp_path):
    path = tmp_path / "ranker.pt2"
    forged(artefact, path, {"data/weights/weight_0": lambda content: content[:4]})
    with pytest.raises(ExportError, match="expected a torch program that scores 5 features"):
        check(path)


def test_scores_of_changed_weights_are_noticed(artefact, tmp_path):
    path = tmp_path / "ranker.pt2"
    weights = "data/weights/weight_0"
    forged(artefact, path, {weights: lambda content: (np.frombuffer(content, np.float32) * 1.01).tobytes()})
    with pytest.raises(ExportError, match="Do not serve it"):
        check(path)


def test_the_file_names_no_place_of_the_machine_that_wrote_it(artefact):
    with zipfile.ZipFile(artefact) as archive:
        assert not [entry.filename for entry in archive.infolist() if b".py" in archive.read(entry)]
