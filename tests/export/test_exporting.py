"""rankkit.export.exporting and rankkit.export.checking: proven before it is put in place, and again by check()."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch

from rankkit import bundle
from rankkit.bundle.model_json import read_model_json
from rankkit.data.columns.kinds import text
from rankkit.data.columns.row_encoder import RowEncoder
from rankkit.data.synthetic import make_ranking
from rankkit.errors import BundleError, ConfigError, DataError, DataWarning, DiskError, ExportError, RankkitError
from rankkit.evaluation import predict
from rankkit.export import TARGETS, check, export
from rankkit.export.artefacts.install import digest
from rankkit.export.artefacts.manifest import manifest_path, read_manifest
from rankkit.export.runtimes import numpy_file
from rankkit.export.target import check_options
from rankkit.export.targets import find_target
from rankkit.files import atomic
from rankkit.loaders.tables.tabular import from_pandas
from rankkit.models.scorers import LinearScorer, MLPScorer

TRAIN = make_ranking(20, n_features=4, seed=1)
NAMES = ("bm25", "length", "clicks", "age")


def ranker(seed=0):
    scorer = MLPScorer(4, hidden=(6,), transform="log1p+standardize", seed=seed)
    scorer.transform.fit(TRAIN.features, TRAIN.offsets)
    scorer.feature_names = NAMES
    return scorer


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("saved")
    bundle.save(ranker(), folder, objective="ranknet", metrics=["map"], data_fingerprint="abc", split="fold 1")
    return folder


@pytest.fixture(scope="module")
def artefact(saved, tmp_path_factory):
    out = tmp_path_factory.mktemp("artefact") / "out"
    export(saved, "numpy", out)
    return out


@pytest.fixture
def copy(artefact, tmp_path):
    return shutil.copytree(artefact, tmp_path / "copy")


def test_the_manifest_tells_where_the_ranker_came_from(saved, artefact):
    manifest = read_manifest(artefact / "manifest.json")
    model = read_model_json(saved)
    assert manifest.target == "numpy"
    assert manifest.scorer["name"] == "mlp"
    assert manifest.scorer["options"] == model["scorer"]["options"]
    assert manifest.feature_names == NAMES
    assert [feature.letor_index for feature in manifest.features] == [1, 2, 3, 4]
    assert manifest.transform == "log1p+standardize"
    assert manifest.objective == {"name": "ranknet", "options": {}}
    assert manifest.protocol == {"metrics": ["map"], "split": "fold 1"}
    assert manifest.data_fingerprint == "abc"
    assert manifest.weights_sha256 == model["weights_sha256"]
    assert manifest.versions["torch"] == torch.__version__
    assert manifest.versions["saved_with_rankkit"] == model["versions"]["rankkit"]
    assert not manifest.listwise
    assert manifest.files == {name: digest(artefact / name) for name in ("ranker.npz", "ranker.py")}
    assert manifest.parity.passes()


def test_sample_rows_have_the_scores_of_the_ranker(saved, artefact):
    samples = read_manifest(artefact / "manifest.json").samples
    scores = bundle.load(saved)(torch.from_numpy(samples.features), torch.from_numpy(samples.offsets))
    assert scores.detach().numpy() == pytest.approx(samples.scores, abs=1e-6)
    assert check(artefact).passes()


def test_a_scorer_in_memory_gives_the_same_artefact_and_is_left_alone(saved, artefact, tmp_path):
    scorer = ranker().train()
    before = {name: value.clone() for name, value in scorer.state_dict().items()}
    manifest = export(scorer, "numpy", tmp_path / "out")
    assert scorer.training
    assert all(torch.equal(value, before[name]) for name, value in scorer.state_dict().items())
    assert manifest.weights_sha256 == read_manifest(artefact / "manifest.json").weights_sha256
    assert (manifest.objective, manifest.protocol, manifest.data_fingerprint) == (None, None, None)
    assert np.array_equal(
        manifest.samples.scores.astype(np.float32),
        read_manifest(artefact / "manifest.json").samples.scores.astype(np.float32),
    )


def test_data_is_compared_as_well(tmp_path):
    few = export(ranker(), "numpy", tmp_path / "few").parity.n_docs
    with pytest.warns(DataWarning, match="features matched by number: the data has no names"):
        more = export(ranker(), "numpy", tmp_path / "more", data=TRAIN)
    assert more.parity.n_docs == few + TRAIN.n_docs
    with pytest.raises(DataError, match="expected 4 features"):
        export(ranker(), "numpy", tmp_path / "other", data=make_ranking(3, n_features=5))


def wrong_by(difference):
    replay = numpy_file.NumpyTarget.replay

    def replayed(self, folder, manifest, features, offsets):
        return replay(self, folder, manifest, features, offsets) + difference(len(features))

    return replayed


def test_an_artefact_that_scores_otherwise_is_not_written(artefact, tmp_path, monkeypatch):
    old = shutil.copytree(artefact, tmp_path / "out")
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    monkeypatch.setattr(numpy_file.NumpyTarget, "replay", wrong_by(lambda n_docs: np.linspace(0, 1e-3, n_docs)))
    with pytest.raises(ExportError, match=r"inversions over .* Nothing was written"):
        export(ranker(seed=1), "numpy", old)
    with pytest.raises(ExportError, match="Do not serve it"):
        check(old)
    assert {path.name: path.read_bytes() for path in old.iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_artefact_is_replaced_whole(copy):
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "ranker.pyc").write_text("left by an import")
    export(ranker(seed=1), "numpy", copy)
    assert check(copy).passes()
    assert sorted(path.name for path in copy.iterdir()) == ["manifest.json", "ranker.npz", "ranker.py"]
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]


def test_the_permissions_are_those_of_a_new_folder(artefact, tmp_path):
    (tmp_path / "plain").mkdir()
    export(ranker(), "numpy", tmp_path / "out")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_what_is_no_artefact_is_not_replaced(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="which is or holds something else"):
        export(ranker(), "numpy", tmp_path)
    with pytest.raises(DiskError, match="got a file where a folder has to be"):
        export(ranker(), "numpy", tmp_path / "thesis.txt")
    (tmp_path / "manifest.json").write_text('{"name": "a web page"}')
    with pytest.raises(ConfigError, match="which is or holds something else"):
        export(ranker(), "numpy", tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["manifest.json", "thesis.txt"]
    (tmp_path / "empty").mkdir()
    export(ranker(), "numpy", tmp_path / "empty")
    assert check(tmp_path / "empty").passes()


def test_a_file_put_beside_an_artefact_is_not_lost(copy):
    (copy / "notes.txt").write_text("how this was tuned")
    with pytest.raises(ConfigError, match="which is or holds something else"):
        export(ranker(seed=1), "numpy", copy)
    assert (copy / "notes.txt").read_text() == "how this was tuned"
    assert check(copy).passes()


def test_what_cannot_be_exported_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"Did you mean \'numpy\'\?"):
        export(ranker(), "nunpy", tmp_path / "out")
    with pytest.raises(ExportError, match="has seen no training rows"):
        export(MLPScorer(4, hidden=(6,)), "numpy", tmp_path / "out")
    with pytest.raises(ExportError, match=r"got Linear\. Export your own module"):
        export(torch.nn.Linear(3, 1), "numpy", tmp_path / "out")
    with pytest.raises(ExportError, match=r"got SimpleNamespace\. Export its scorer_"):
        export(SimpleNamespace(scorer_=ranker()), "numpy", tmp_path / "out")
    with pytest.raises(BundleError):
        export(tmp_path / "none", "numpy", tmp_path / "out")
    with pytest.raises(ConfigError, match="expected labelled data"):
        export(ranker(), "onnx", tmp_path / "out", int8=True)
    with pytest.raises(ConfigError, match="expected the target onnx, which alone has it; got 'numpy'"):
        export(ranker(), "numpy", tmp_path / "out", int8=True)
    with pytest.raises(ConfigError, match="metric: expected int8 with it"):
        export(ranker(), "numpy", tmp_path / "out", metric="ndcg@10")
    twice = ranker()
    twice.feature_names = ("a", "a", "b", "c")
    with pytest.raises(ExportError, match="names that differ"):
        export(twice, "numpy", tmp_path / "out")
    assert not list(tmp_path.iterdir())


def test_weights_that_give_no_number_are_not_exported(tmp_path):
    scorer = ranker()
    with torch.no_grad():
        scorer.output.weight[0, 0] = torch.nan
    with pytest.raises(ExportError, match="expected finite scores of the ranker"):
        export(scorer, "numpy", tmp_path / "out")


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_every_target_says_what_it_is(name):
    target = TARGETS[name]()
    assert target.name == name
    assert target.suffix is None or target.suffix.startswith(".")
    assert target.missing_default is None or np.isfinite(target.missing_default)


def test_options_that_a_target_does_not_have_are_named():
    with pytest.raises(ConfigError, match=r"Did you mean \'opset\'\?"):
        check_options("onnx", {"ospet": 18}, ("opset", "int8"))


@pytest.mark.parametrize("name", ["ranker.npz", "ranker.py"])
def test_a_file_that_changed_or_is_gone_is_named(name, copy):
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ExportError, match=f"{name}: expected the file that was exported"):
        check(copy)
    (copy / name).write_bytes(content[:10])
    with pytest.raises(ExportError, match=f"{name}: expected the file that was exported"):
        check(copy)
    (copy / name).unlink()
    with pytest.raises(ExportError, match=f"{name}: expected the file that the manifest lists; got none"):
        check(copy)


def test_sample_scores_are_compared(copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["samples"]["scores"][3] += 1e-3
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ExportError, match="Do not serve it"):
        check(copy)


@pytest.mark.parametrize("name", ["../ranker.py", "/etc/passwd", "a/../../ranker.py", "", "c:x", "a\\b"])
def test_files_outside_the_artefact_are_not_opened(name, copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    manifest["files"] = {name: "0" * 64}
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ExportError, match="names of files inside the artefact"):
        check(copy)


def test_links_are_not_followed(copy):
    (copy / "ranker.npz").rename(copy.parent / "elsewhere")
    (copy / "ranker.npz").symlink_to(copy.parent / "elsewhere")
    with pytest.raises(ExportError, match="got none"):
        check(copy)


def test_what_is_no_artefact_is_not_checked(saved, copy, tmp_path):
    with pytest.raises(ExportError, match="got nothing there"):
        check(tmp_path / "none")
    with pytest.raises(ExportError, match="got none in that folder"):
        check(saved)
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "target": "lucene"}))
    with pytest.raises(ExportError, match=r"got 'lucene'\. Install a newer rankkit"):
        check(copy)
    (copy / "manifest.json").write_text(json.dumps({**manifest, "target": "onnx"}))
    with pytest.raises(ExportError, match="expected one file for onnx; got 2"):
        check(copy)


def test_a_link_to_an_artefact_is_followed(artefact, tmp_path):
    old = shutil.copytree(artefact, tmp_path / "version_1")
    (tmp_path / "current").symlink_to("version_1")
    manifest = export(ranker(seed=1), "numpy", tmp_path / "current")
    assert read_manifest(old / "manifest.json").weights_sha256 == manifest.weights_sha256
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "version_1"]
    assert (tmp_path / "current").is_symlink()


def test_what_a_killed_export_left_is_taken_away(tmp_path):
    (tmp_path / f".out.{os.getpid()}-{atomic._machine()}0123456701234567.partial").mkdir()
    export(ranker(), "numpy", tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_places_where_nothing_can_be_put_are_named(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.raises(DiskError, match=r"out: expected to write it; got a file where a folder has to be"):
        export(ranker(), "numpy", tmp_path / "file" / "out")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for name in (".", ".."):
        with pytest.raises(ConfigError, match="--out: expected a"):
            export(ranker(), "numpy", name)


@pytest.mark.parametrize("max_drop", ["0.1", None, float("nan"), float("inf")])
def test_a_drop_that_is_no_limit_is_refused(max_drop, tmp_path):
    with pytest.raises(ConfigError, match="max_drop: expected a finite number"):
        export(ranker(), "numpy", tmp_path / "out", max_drop=max_drop)


def test_a_file_is_left_alone_if_another_ranker_cannot_take_its_place(tmp_path):
    out = tmp_path / "ranker.pt2"
    export(ranker(), "torch", out)
    before = out.read_bytes()
    bundle.save(ranker(seed=1), tmp_path / "saved")
    model = json.loads((tmp_path / "saved" / "model.json").read_text())
    (tmp_path / "saved" / "model.json").write_text(json.dumps({**model, "about": {"ndcg": float("nan")}}))
    with pytest.raises(BundleError, match="NaN is no number of JSON"):
        export(tmp_path / "saved", "torch", out)
    assert out.read_bytes() == before
    assert check(out).passes()


def test_the_manifest_itself_may_be_named(artefact):
    assert check(artefact / "manifest.json").passes()


@pytest.mark.parametrize("target", ["triton", "kserve", "vespa", "solr", "elasticsearch"])
def test_a_manifest_of_another_target_is_an_export_error(target, copy):
    manifest = json.loads((copy / "manifest.json").read_text())
    (copy / "manifest.json").write_text(json.dumps({**manifest, "target": target}))
    with pytest.raises(ExportError):
        check(copy)


ROWS = [
    {
        "x": 1.5,
        "brand": "oak",
        "day": "2026-03-01T12:00",
        "tags": ["new", "eco"],
        "image": [1.0, 2.0],
        "title": "a chair",
    },
    {"x": None, "brand": "elm", "day": None, "tags": None, "image": None, "title": None},
    {"x": 2.5, "brand": None, "day": "2026-03-02", "tags": ["eco"], "image": [0.5, 3.0], "title": "the desk"},
    {"x": -1.0, "brand": "ash", "day": "2026-03-05", "tags": [], "image": [0.5, -3.0], "title": "a lamp"},
]
NEW_ROWS = [{**ROWS[0], "brand": "yew", "tags": ["unheard", "new"]}, {**ROWS[1], "x": 3.0}, {**ROWS[2], "brand": "ash"}]


def of_columns(made, **options):
    frame = pd.DataFrame(ROWS).assign(qid=1, label=[0, 1, 2, 1])
    kinds = {"brand": "category", "day": "time", "tags": "bag", "title": text(4)}
    train = from_pandas(frame, columns=kinds)
    scorer = made.for_data(train, min_count=1, seed=0, **options)
    scorer.transform.fit(train.features, train.offsets)
    with torch.no_grad():
        for weights in scorer.parameters():
            weights += torch.linspace(-0.5, 0.5, weights.numel()).reshape(weights.shape)
    return scorer, train


@pytest.mark.parametrize("target", ["onnx", "torch", "numpy"])
@pytest.mark.parametrize(
    ("made", "options"),
    [
        (MLPScorer, {"hidden": (5,), "missing_indicators": True}),
        (LinearScorer, {}),
        (LinearScorer, {"n_outputs": 3}),
        (MLPScorer, {"hidden": (5,), "transform": ["piecewise:3", "query_standardize"]}),
    ],
    ids=["mlp", "linear", "grades", "queries"],
)
def test_columns_of_every_kind_go_out_as_codes_and_a_schema(target, made, options, tmp_path):
    scorer, train = of_columns(made, **options)
    bundle.save(scorer, tmp_path / "bundle")
    out = tmp_path / {"onnx": "ranker.onnx", "torch": "ranker.pt2", "numpy": "ranker"}[target]
    manifest = export(tmp_path / "bundle", target, out, data=train)
    assert manifest.parity.max_relative < 5e-6
    assert check(out).inversions == 0
    written = json.loads(manifest_path(out).read_text())
    assert written["schema"] == scorer.schema.to_dict()
    assert "schema" not in written["scorer"]["options"]
    samples = manifest.samples.features[:, scorer.schema.spans["brand"]]
    assert {0.0, 1.0, 2.0, 3.0} <= set(samples[~np.isnan(samples)])  # the last of them unseen
    assert np.isnan(samples).any()

    features = RowEncoder(written["schema"]).encode(NEW_ROWS)
    new = pd.DataFrame(NEW_ROWS).assign(qid=1, more=0)
    with pytest.warns(DataWarning, match=r"left out: more"):
        expected = predict(scorer, new[sorted(new.columns)])
    read = read_manifest(manifest_path(out))
    assert read.schema == scorer.schema.to_dict()
    folder = out if out.is_dir() else out.parent
    named = read if out.is_dir() else replace(read, files={out.name: next(iter(read.files.values()))})
    scores = find_target(target).replay(folder, named, features, np.array([0, len(features)]))
    np.testing.assert_allclose(scores, expected, atol=1e-6)


def test_the_numpy_form_makes_features_of_rows_without_rankkit(tmp_path):
    scorer, _ = of_columns(MLPScorer, hidden=(5,))
    export(scorer, "numpy", tmp_path / "out")
    program = """
import sys, json
for name in ("torch", "rankkit", "scipy", "pandas", "pyarrow", "sklearn"):
    sys.modules[name] = None
from encoder import RowEncoder
from ranker import score
encoder = RowEncoder(json.load(open("schema.json")))
print(json.dumps(score(encoder.encode(json.loads(sys.argv[1]))).tolist()))
"""
    command = [sys.executable, "-c", program, json.dumps(NEW_ROWS)]
    found = subprocess.run(command, cwd=tmp_path / "out", check=True, env={}, capture_output=True, text=True).stdout
    expected = predict(scorer, pd.DataFrame(NEW_ROWS))
    np.testing.assert_allclose(json.loads(found), expected, atol=1e-6)


def test_a_schema_of_other_features_is_a_damaged_manifest(tmp_path):
    scorer, _ = of_columns(LinearScorer)
    export(scorer, "numpy", tmp_path / "out")
    path = manifest_path(tmp_path / "out")
    written = json.loads(path.read_text())
    for columns in (written["schema"]["columns"][:-1], [{"kind": "number"}], 3):
        path.write_text(json.dumps({**written, "schema": {"version": 1, "columns": columns}}))
        with pytest.raises(RankkitError):
            check(tmp_path / "out")
