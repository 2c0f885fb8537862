"""rankkit.export.runtimes.onnx_file, onnx_target, graph and int8: one ONNX file that ONNX Runtime scores alike."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from rankkit.data.synthetic import make_ranking
from rankkit.errors import ConfigError, ExportError
from rankkit.evaluation import evaluate
from rankkit.export import check, export, export_onnx
from rankkit.export.artefacts.install import digest
from rankkit.export.artefacts.manifest import manifest_path, read_manifest, write_manifest
from rankkit.export.runtimes.graph import PADDING_SCORE, ListwiseGraph
from rankkit.export.runtimes.int8 import gate_drop, metric_drop, quantize
from rankkit.export.runtimes.onnx_file import OnnxSession, run_onnx, write_onnx
from rankkit.export.source import scorer_scores
from rankkit.models.scorers import AdditiveScorer, DCNScorer, LinearScorer, MLPScorer, TabMScorer, is_listwise

onnx = pytest.importorskip("onnx", reason="the [export] extra is not installed")
ort = pytest.importorskip("onnxruntime", reason="the [export] extra is not installed")
pytest.importorskip("onnxscript", reason="the [export] extra is not installed")

NAMES = ("bm25", "length", "clicks", "age", "Größe")
TRAIN = replace(make_ranking(20, n_features=5, seed=1), feature_names=NAMES)


def fitted(scorer):
    scorer.transform.fit(TRAIN.features, TRAIN.offsets)
    scorer.feature_names = NAMES
    return scorer.eval()


@pytest.fixture(scope="module")
def pointwise(tmp_path_factory):
    """A scorer, its ONNX file, and what export_onnx() gave back."""
    path = tmp_path_factory.mktemp("pointwise") / "ranker.onnx"
    scorer = fitted(MLPScorer(5, hidden=(8, 8), transform=["log1p+standardize", "piecewise:4"], residual=True, seed=0))
    return scorer, path, export_onnx(scorer, path, data=TRAIN)


@pytest.fixture(scope="module")
def listwise(tmp_path_factory):
    """A scorer that compares documents, in its transform and its context, with a readout, and its ONNX file."""
    path = tmp_path_factory.mktemp("listwise") / "ranker.onnx"
    scorer = fitted(
        MLPScorer(
            5,
            hidden=(8,),
            transform=["query_standardize", "piecewise:3+query_minmax"],
            context="rank+share+gap",
            n_outputs=3,
            seed=0,
        )
    )
    return scorer, path, export(scorer, "onnx", path, data=TRAIN)


@pytest.fixture
def session(listwise):
    return ort.InferenceSession(listwise[1])


def scores_of(session, features, mask):
    return session.run(["score"], {"features": features, "mask": mask})[0]


def own_scores(scorer, features):
    return scorer_scores(scorer, features, np.array([0, len(features)]))


@pytest.mark.parametrize(
    "scorer",
    [
        DCNScorer(5, (8,), rank=2, n_outputs=3, seed=0),
        TabMScorer(5, (8,), n_members=3, seed=0),
        AdditiveScorer(5, (4,), missing_indicators=True, seed=0),
    ],
    ids=lambda scorer: type(scorer).__name__,
)
def test_a_network_of_another_form_scores_alike(scorer, tmp_path):
    manifest = export(fitted(scorer), "onnx", tmp_path / "ranker.onnx", data=TRAIN)
    assert not manifest.listwise
    assert manifest.parity.max_relative < 2e-6


def test_the_file_is_one_file_with_one_input_for_any_number_of_documents(pointwise):
    _, path, manifest = pointwise
    assert sorted(entry.name for entry in path.parent.iterdir()) == ["ranker.onnx", "ranker.onnx.manifest.json"]
    onnx.checker.check_model(str(path), full_check=True)
    session = ort.InferenceSession(path)
    (features,), (score,) = session.get_inputs(), session.get_outputs()
    assert (features.name, features.type, features.shape[1]) == ("features", "tensor(float)", 5)
    assert (score.name, len(score.shape)) == ("score", 1)
    assert isinstance(features.shape[0], str)
    assert manifest.options == {"opset": 18, "int8": False}
    assert onnx.load(str(path)).opset_import[0].version == 18


@pytest.mark.parametrize("n_docs", [1, 2, 3, 7, 100])
def test_any_number_of_documents_is_scored_as_by_the_scorer(pointwise, n_docs):
    scorer, path, _ = pointwise
    features = TRAIN.features[:n_docs].copy()
    features[0, 0] = np.nan
    scores = ort.InferenceSession(path).run(["score"], {"features": features})[0]
    assert scores == pytest.approx(own_scores(scorer, features), abs=1e-6)


@pytest.mark.parametrize("value", [0.0, -0.0, 1e-30, 1e30, -1e30, 3.4e38, np.nan])
def test_values_far_from_training_are_scored_as_by_the_scorer(pointwise, value):
    scorer, path, _ = pointwise
    features = np.full((3, 5), value, np.float32)
    features[1, 2] = 1.0
    offsets = np.array([0, 3])
    assert run_onnx(path, features, offsets, False) == pytest.approx(own_scores(scorer, features), abs=1e-6)


def test_the_gate_has_seen_the_data_and_check_agrees(pointwise, listwise):
    for _, path, manifest in (pointwise, listwise):
        assert manifest.parity.n_docs > TRAIN.n_docs + 400
        assert manifest.parity.max_relative < 2e-6
        assert check(path).passes()
        assert check(path.parent).passes()


def test_the_file_knows_its_features(pointwise):
    found = ort.InferenceSession(pointwise[1]).get_modelmeta().custom_metadata_map
    assert tuple(json.loads(found["rankkit.features"])) == NAMES
    assert found["rankkit.weights_sha256"] == pointwise[2].weights_sha256
    assert json.loads(found["rankkit.scorer"])["name"] == "mlp"


def test_the_file_names_no_place_of_the_machine_that_wrote_it(pointwise, listwise):
    for _, path, _ in (pointwise, listwise):
        assert b".py" not in path.read_bytes()


@pytest.mark.parametrize(("batch", "size"), [(1, 1), (3, 1), (1, 3), (2, 7), (5, 40)])
def test_lists_of_any_size_are_scored_as_by_the_scorer(listwise, session, batch, size):
    scorer = listwise[0]
    features = np.random.default_rng(0).lognormal(size=(batch, size, 5)).astype(np.float32)
    scores = scores_of(session, features, np.ones((batch, size), bool))
    offsets = np.arange(batch + 1) * size
    assert scores.ravel() == pytest.approx(scorer_scores(scorer, features.reshape(-1, 5), offsets), abs=1e-6)


@pytest.mark.parametrize("junk", [0.0, np.nan, np.inf, 1e30])
def test_padding_changes_no_score_wherever_it_stands(listwise, session, junk):
    scorer = listwise[0]
    rng = np.random.default_rng(1)
    mask = np.array([[True, True, True, False], [False, True, False, True], [False] * 4, [True] * 4])
    features = rng.lognormal(size=(4, 4, 5)).astype(np.float32)
    features[~mask] = junk
    scores = scores_of(session, features, mask)
    flat = scorer_scores(scorer, features[mask], np.array([0, 3, 5, 5, 9]))
    assert scores[mask] == pytest.approx(flat, abs=1e-6)
    assert (scores[~mask] == np.float32(PADDING_SCORE)).all()
    wider = np.concatenate([np.full((4, 3, 5), junk, np.float32), features], axis=1)
    wider_mask = np.concatenate([np.zeros((4, 3), bool), mask], axis=1)
    assert scores_of(session, wider, wider_mask)[wider_mask] == pytest.approx(scores[mask], abs=1e-6)


def test_the_order_of_documents_and_of_lists_does_not_matter(session):
    rng = np.random.default_rng(2)
    features, mask = rng.lognormal(size=(3, 9, 5)).astype(np.float32), rng.random((3, 9)) < 0.7
    scores = scores_of(session, features, mask)
    order, lists = rng.permutation(9), rng.permutation(3)
    moved = scores_of(session, features[lists][:, order], mask[lists][:, order])
    assert moved == pytest.approx(scores[lists][:, order], abs=1e-6)


def test_flat_documents_are_padded_and_brought_back(listwise):
    scorer, path, _ = listwise
    wanted = scorer_scores(scorer, TRAIN.features, TRAIN.offsets)
    assert OnnxSession(path).scores(TRAIN.features, TRAIN.offsets, True) == pytest.approx(wanted, abs=1e-6)


def test_the_traced_module_itself_takes_lists_without_documents(listwise):
    graph = ListwiseGraph(listwise[0])
    scores = graph(torch.full((2, 3, 5), torch.nan), torch.zeros(2, 3, dtype=torch.bool))
    assert (scores == PADDING_SCORE).all()


def test_which_scorers_compare_documents():
    assert not is_listwise(LinearScorer(5))
    assert is_listwise(LinearScorer(5, transform=["none", "log1p+query_minmax"]))


def test_a_scorer_that_compares_documents_has_no_pointwise_form(listwise, tmp_path):
    with pytest.raises(ExportError, match="looks at one document at a time"):
        write_onnx(listwise[0], tmp_path / "ranker.onnx", listwise=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("opset", [11, 17, 24, "18"])
def test_other_opsets_are_refused_at_once(opset, tmp_path):
    with pytest.raises(ConfigError, match="opset: expected 18 to 23"):
        export_onnx(fitted(LinearScorer(5)), tmp_path / "ranker.onnx", opset=opset)


def test_a_missing_library_is_named_with_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match=r"onnx: expected it to be installed.*rankkit-torch\[export\]"):
        write_onnx(fitted(LinearScorer(5)), tmp_path / "ranker.onnx")


def test_features_of_another_width_are_an_export_error(pointwise):
    with pytest.raises(ExportError, match="expected an ONNX file that takes features"):
        run_onnx(pointwise[1], np.zeros((2, 4), np.float32), np.array([0, 2]), False)


@pytest.mark.parametrize("content", [b"", b"not onnx", None], ids=["empty", "text", "cut off"])
def test_a_file_that_is_not_the_one_exported_is_never_served(pointwise, content, tmp_path):
    path = tmp_path / "ranker.onnx"
    original = pointwise[1].read_bytes()
    path.write_bytes(original[: len(original) // 2] if content is None else content)
    manifest = read_manifest(manifest_path(pointwise[1]))
    write_manifest(manifest, manifest_path(path))
    with pytest.raises(ExportError, match="damaged or was changed"):
        check(path)
    write_manifest(replace(manifest, files={path.name: digest(path)}), manifest_path(path))
    with pytest.raises(ExportError, match="expected an ONNX file"):
        check(path)


def test_a_renamed_artefact_is_checked_under_its_new_name(pointwise, tmp_path):
    path = tmp_path / "other.onnx"
    path.write_bytes(pointwise[1].read_bytes())
    manifest_path(path).write_bytes(manifest_path(pointwise[1]).read_bytes())
    assert check(path).passes()


def test_a_file_that_is_no_artefact_is_not_replaced(tmp_path):
    (tmp_path / "ranker.onnx").write_text("somebody else's")
    with pytest.raises(ConfigError, match="which is or holds something else"):
        export_onnx(fitted(LinearScorer(5)), tmp_path)
    assert (tmp_path / "ranker.onnx").read_text() == "somebody else's"


def test_int8_rounds_a_little_and_the_metric_says_how_much(pointwise, tmp_path):
    scorer, path, _ = pointwise
    quantize(path, tmp_path / "int8.onnx")
    assert [entry.name for entry in tmp_path.iterdir()] == ["int8.onnx"]
    assert "MatMulInteger" in {node.op_type for node in onnx.load(str(tmp_path / "int8.onnx")).graph.node}
    before = scorer_scores(scorer, TRAIN.features, TRAIN.offsets)
    after = run_onnx(tmp_path / "int8.onnx", TRAIN.features, TRAIN.offsets, False)
    assert 1e-5 < np.abs(after - before).max() < 0.1 * np.ptp(before)
    drop = metric_drop(before, after, TRAIN, "ndcg", 0.05)
    assert drop["before"] == evaluate(scorer, TRAIN, ["ndcg"]).means["ndcg"]
    gate_drop(drop)
    with pytest.raises(ExportError, match=r"int8: expected ndcg to drop by at most 0\.05"):
        gate_drop(metric_drop(TRAIN.labels, -TRAIN.labels, TRAIN, "ndcg", 0.05))


@pytest.mark.slow
def test_int8_is_written_if_the_metric_holds_and_only_then(tmp_path):
    scorer = fitted(MLPScorer(5, hidden=(16,), transform="standardize", seed=0))
    manifest = export(scorer, "onnx", tmp_path / "small", int8=True, data=TRAIN, metric="ndcg", max_drop=0.1)
    path = tmp_path / "small" / "ranker.onnx"
    drop = manifest.metric_drop
    assert drop["metric"] == "ndcg"
    assert drop["before"] - drop["after"] <= 0.1
    assert manifest.parity.max_difference > 1e-5  # rounded, and the manifest says by how much
    assert check(path).passes()
    before = path.read_bytes()
    with pytest.raises(ExportError, match="int8: expected ndcg to drop by at most -1"):
        export(scorer, "onnx", tmp_path / "small", int8=True, data=TRAIN, metric="ndcg", max_drop=-1)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 2


@pytest.mark.slow
@pytest.mark.parametrize("opset", range(18, 24))
@pytest.mark.parametrize("transform", ["quantile", "query_minmax"])
def test_every_opset_scores_alike(opset, transform, tmp_path):
    manifest = export_onnx(fitted(MLPScorer(5, hidden=(4,), transform=transform)), tmp_path / "r.onnx", opset=opset)
    assert manifest.parity.passes()
    assert onnx.load(str(tmp_path / "r.onnx")).opset_import[0].version == opset
