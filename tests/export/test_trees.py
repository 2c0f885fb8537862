"""Trees in search engines, against the libraries that grew them, on values that a careless rule sends elsewhere."""

import json

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ExportError
from rankkit.export.checking import check
from rankkit.export.exporting import export
from rankkit.export.search_engines.ltr_trees import splits
from rankkit.export.search_engines.solr_network import normalised
from rankkit.export.search_engines.solr_trees import tree_params, tree_scores, tree_views
from rankkit.export.targets import find_target
from rankkit.models.trees import TreeModel, read_tree_model
from rankkit.models.trees.model import Tree
from tests.export import engine_schemas as schemas
from tests.models.trees.tree_files import grown, hard_rows, trained, training_rows, written, xgboost_model
from tests.oracles import ltr_plugin, solr

F = np.float32
NAMES = [f"feature_{n}" for n in range(1, 7)]


@pytest.fixture(
    params=[(library, missing) for library in ("lightgbm", "xgboost", "catboost") for missing in (False, True)]
)
def model(request, tmp_path):
    """A file, the library's own scoring, and rows that are hard for it."""
    text, predict = trained(*request.param)
    path = tmp_path / ("model.txt" if request.param[0] == "lightgbm" else "model.json")
    path.write_text(text)
    return path, predict, hard_rows(read_tree_model(path), request.param[1])


@pytest.mark.parametrize("target", ["solr", "elasticsearch", "opensearch"])
def test_a_target_scores_as_the_library_does(target, model, tmp_path):
    path, predict, rows = model
    if target == "solr" and _sends_only_missing_left(path):
        pytest.skip("a feature with a tiny threshold and the lowest number as another: refused, below")
    manifest = export(path, target, tmp_path / "out")
    assert check(tmp_path / "out").inversions == 0
    found = find_target(target).replay(tmp_path / "out", manifest, rows, np.array([0, len(rows)]))
    np.testing.assert_allclose(found, predict(rows), rtol=0, atol=1e-6)
    few = rows[:: len(rows) // 150]
    documents = [{name: value for name, value in zip(NAMES, row, strict=True) if not np.isnan(value)} for row in few]
    names = ("model.json", "features.json" if target == "solr" else "featureset.json")
    first, second = ((tmp_path / "out" / name).read_text() for name in names)
    if target == "solr":
        jsonschema.validate(solr.load(first), schemas.SOLR_MODEL)
        jsonschema.validate(solr.load(second), schemas.SOLR_FEATURES)
        emulated = solr.scores(first, second, documents)
    else:
        jsonschema.validate(json.loads(first), schemas.PLUGIN_MODEL)
        jsonschema.validate(json.loads(second), schemas.FEATURE_SET)
        emulated = ltr_plugin.scores(second, first, documents)
    np.testing.assert_allclose(emulated, predict(few), rtol=0, atol=1e-6)


def _sends_only_missing_left(path):
    return any((tree.threshold == np.finfo(F).min).any() for tree in read_tree_model(path).trees)


def test_a_tiny_threshold_beside_one_that_only_missing_values_pass_is_refused_by_solr(tmp_path):
    catboost = pytest.importorskip("catboost", reason="pip install catboost")
    rows, labels = training_rows(missing=True)
    path = tmp_path / "model.json"
    for scales in ((1, 1, 1, 1, 1, 1), (1, 1, 1, 2**30, 1, 0)):
        scaled = rows * F(scales)
        pool = catboost.Pool(scaled, labels, group_id=np.repeat(np.arange(50), 20))
        options = {"loss_function": "QueryRMSE", "depth": 4, "iterations": 15, "learning_rate": 0.3, "random_seed": 0}
        fixed = {"thread_count": 1, "logging_level": "Silent", "allow_writing_files": False}
        model = catboost.CatBoost({**options, **fixed}).fit(pool)
        path.write_text(written(model, pool))
        assert _sends_only_missing_left(path)
        if scales[3] == 1:
            with pytest.raises(ExportError, match=r"solr: expected thresholds .* -3.40282e\+38 to .* Rescale"):
                export(path, "solr", tmp_path / "none")
            continue
        manifest = export(path, "solr", tmp_path / "out")
        found = find_target("solr").replay(tmp_path / "out", manifest, scaled, np.array([0, len(rows)]))
        np.testing.assert_allclose(found, model.predict(scaled), rtol=0, atol=1e-6)


def test_positive_scores_are_shifted_and_the_manifest_says_by_what(model, tmp_path):
    path, predict, rows = model
    manifest = export(path, "elasticsearch", tmp_path / "out", positive=True)
    found = find_target("elasticsearch").replay(tmp_path / "out", manifest, rows, np.array([0, len(rows)]))
    assert predict(rows).min() < 0 <= found.min()
    np.testing.assert_allclose(manifest.score_map.ranker_scores(found), predict(rows), rtol=0, atol=2e-6)


def test_names_of_the_library_are_kept(tmp_path):
    text, _ = trained("lightgbm", missing=False)
    path = tmp_path / "model.txt"
    path.write_text(text.replace("Column_0 Column_1 Column_2 Column_3 Column_4 Column_5", "a b c d e f"))
    assert export(path, "solr", tmp_path / "out").feature_names == tuple("abcdef")


def test_a_threshold_that_no_float32_is_above_is_refused():
    with pytest.raises(ExportError, match=r"expected thresholds below .* for the feature 'x'"):
        splits("elasticsearch", stumps([np.finfo(F).max]), ["x"], positive=False)


def stumps(thresholds):
    """A model of one split for each threshold on the only feature."""
    trees = tuple(
        Tree(
            feature=np.array([0, -1, -1]),
            threshold=F([threshold, 0, 0]),
            missing_left=np.array([False, False, False]),
            left=np.array([1, 0, 0]),
            right=np.array([2, 0, 0]),
            value=np.array([0, 2.0**number, 0]),
        )
        for number, threshold in enumerate(thresholds)
    )
    return TreeModel("lightgbm", "lambdarank", trees, base=0.0, n_features=1, feature_names=None)


numbers = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=150, deadline=None)
@given(thresholds=st.lists(numbers, min_size=1, max_size=4), values=st.lists(numbers, max_size=4))
def test_any_thresholds_split_any_values_the_same_in_solr_or_are_refused(thresholds, values):
    model = stumps(thresholds)
    at = F(thresholds)
    with np.errstate(over="ignore"):
        near = [np.nextafter(at, F(end)) for end in (np.inf, -np.inf)]
        values = np.concatenate((at, *near, F(values), F([0, np.inf, -np.inf, 1e-45, -1e-45])))
    sizes = np.abs(at[at != 0])
    try:
        views = tree_views(model, ["x"])
    except ExportError:
        # Only where thresholds beside 0 and huge ones meet in one feature.
        assert sizes.max() / F(1e30) > sizes.min()
        return
    features = [{"name": "x", "norm": views[0].normalizer()}]
    with np.errstate(over="ignore", invalid="ignore"):
        inputs = normalised(features, values[:, None])
    np.testing.assert_array_equal(
        tree_scores(tree_params(model, ["x"], views), ["x"], inputs), model.scores(values[:, None])
    )


def test_a_split_at_0_by_hand(tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(xgboost_model()))
    rows = F([[-1e-45], [-0.0], [0.0], [1e-45], [-1], [1], [np.nan]])
    expected = F([-1, 3, 3, 3, -1, 3, -1])
    np.testing.assert_array_equal(read_tree_model(path).scores(rows), expected)
    for target in ("solr", "elasticsearch"):
        manifest = export(path, target, tmp_path / target)
        found = find_target(target).replay(tmp_path / target, manifest, rows, np.array([0, 7]))
        np.testing.assert_array_equal(found, expected)
    # Solr cannot split between 0 and the float32 below, but it can on the other side of 0 where the sign is turned.
    norm = json.loads((tmp_path / "solr" / "model.json").read_text())["features"][0]["norm"]
    assert norm == {"class": "org.apache.solr.ltr.norm.MinMaxNormalizer", "params": {"min": "0.0", "max": "-1.0"}}


def test_lightgbm_takes_values_beside_0_for_0(tmp_path):
    import lightgbm

    rows = np.tile(F([[-1], [0], [1]]), (100, 1))
    options = {"objective": "lambdarank", "num_leaves": 3, "min_data_in_leaf": 5, "num_threads": 1, "verbosity": -1}
    data = lightgbm.Dataset(rows, np.tile([0, 2, 1], 100), group=[30] * 10)
    booster = lightgbm.train(options, data, num_boost_round=3)
    booster.save_model(tmp_path / "model.txt")
    assert "e-35" in (tmp_path / "model.txt").read_text()
    beside = F([[0], [-0.0], [1e-35], [-1e-35], [1e-36], [-1e-36], [1.1e-35], [-1.1e-35], [1], [-1], [np.nan]])
    wanted = booster.predict(beside, raw_score=True)
    assert wanted[3] == wanted[0] != wanted[7]
    np.testing.assert_array_equal(read_tree_model(tmp_path / "model.txt").scores(beside), wanted)
    for target in ("solr", "elasticsearch"):
        manifest = export(tmp_path / "model.txt", target, tmp_path / target)
        found = find_target(target).replay(tmp_path / target, manifest, beside, np.array([0, len(beside)]))
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6)


@pytest.mark.parametrize("target", ["torch", "vespa", "numpy"])
def test_targets_without_trees_refuse_them(target, tmp_path):
    (tmp_path / "model.txt").write_text(trained("lightgbm", missing=False)[0])
    with pytest.raises(ExportError, match=f"^{target}: .*trees"):
        export(tmp_path / "model.txt", target, tmp_path / "out")


@pytest.mark.parametrize(
    ("kind", "message"),
    [("lightgbm, zero is missing", "zero_as_missing=false"), ("lightgbm, categories", "a split by category")],
)
def test_splits_that_no_engine_has_are_refused(kind, message, tmp_path):
    path, _, _ = grown(kind, tmp_path)
    for target in ("solr", "elasticsearch"):
        with pytest.raises(ExportError, match=rf"^{target}: expected .*{message}"):
            export(path, target, tmp_path / "out")
