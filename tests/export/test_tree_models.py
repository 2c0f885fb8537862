"""Trees of other libraries, against the libraries themselves, on values that a careless rule sends elsewhere."""

import json
from functools import cache

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.errors import ExportError
from rankkit.export.checking import check
from rankkit.export.exporting import export
from rankkit.export.ltr_trees import splits
from rankkit.export.solr_network import normalised
from rankkit.export.solr_trees import SLACK, tree_params, tree_scores, tree_views
from rankkit.export.targets import find_target
from rankkit.export.tree_models import Tree, TreeModel, float32_below, read_tree_model
from tests.export import engine_schemas as schemas
from tests.oracles import ltr_plugin, solr

F = np.float32
NAMES = [f"feature_{n}" for n in range(6)]


def training_rows(missing):
    """Features that are sparse, whole numbers, tiny, huge, and probabilities down to 1e-39."""
    rng = np.random.default_rng(0)
    rows = rng.normal(size=(1000, 6))
    rows[:, 1] = np.maximum(rows[:, 1], 0)
    rows[:, 2] = np.round(rows[:, 2])
    rows[:, 3] *= 1e-8
    rows[:, 4] *= 1e6
    rows[:, 5] = np.where(rows[:, 5] > 0, np.exp(-90 * rng.random(1000)), 0)
    rows = rows.astype(F)
    labels = np.clip(np.round(rows[:, 0] + rows[:, 1] + (rows[:, 5] > 1e-20) + rows[:, 3] * 1e8), 0, 3)
    if missing:
        rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows, labels


@cache
def trained(library, missing):
    """Text of the model, and what the library itself gives."""
    rows, labels = training_rows(missing)
    if library == "lightgbm":
        import lightgbm

        options = {
            "objective": "lambdarank",
            "num_leaves": 12,
            "min_data_in_leaf": 5,
            "num_threads": 1,
            "verbosity": -1,
        }
        booster = lightgbm.train(options, lightgbm.Dataset(rows, labels, group=[20] * 50), num_boost_round=15)
        return booster.model_to_string(), lambda rows: booster.predict(rows, raw_score=True)
    xgboost = pytest.importorskip("xgboost", reason="pip install xgboost")
    options = {"objective": "rank:ndcg", "max_depth": 4, "nthread": 1, "base_score": 0.25}
    booster = xgboost.train(options, xgboost.DMatrix(rows, labels, group=[20] * 50), num_boost_round=15)
    return bytes(booster.save_raw("json")).decode(), lambda rows: booster.predict(
        xgboost.DMatrix(rows), output_margin=True
    )


def hard_rows(model, missing):
    """Every threshold, its float32 neighbours, what Solr adds, zeros of both signs, subnormal and missing values."""
    rows, _ = training_rows(missing)
    rng = np.random.default_rng(1)
    found = [rows[:200]]
    for feature in range(model.n_features):
        at = np.unique(np.concatenate([tree.threshold[tree.feature == feature] for tree in model.trees]))
        up, down = (np.nextafter(at, F(end)) for end in (np.inf, -np.inf))
        values = np.concatenate((at, up, down, -at, at + SLACK, at - SLACK, F([0, -0.0, 1e-35, -1e-35, 1e-36, 1e-45])))
        values = np.concatenate((values, np.full(5, np.nan, F)))
        block = rows[rng.integers(0, len(rows), len(values))]
        block[:, feature] = values
        found.append(block)
    return np.concatenate(found)


@pytest.fixture(params=[(library, missing) for library in ("lightgbm", "xgboost") for missing in (False, True)])
def model(request, tmp_path):
    """A file, the library's own scoring, and rows that are hard for it."""
    text, predict = trained(*request.param)
    path = tmp_path / ("model.txt" if request.param[0] == "lightgbm" else "model.json")
    path.write_text(text)
    return path, predict, hard_rows(read_tree_model(path), request.param[1])


def test_the_arrays_score_as_the_library_does(model):
    path, predict, rows = model
    np.testing.assert_allclose(read_tree_model(path).scores(rows), predict(rows), rtol=0, atol=1e-9)


@pytest.mark.parametrize("target", ["solr", "elasticsearch", "opensearch"])
def test_a_target_scores_as_the_library_does(target, model, tmp_path):
    path, predict, rows = model
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


SHAPE = {"base_score": "5E-1", "num_class": "0", "num_target": "1", "num_feature": "1"}


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


def xgboost_model(tree=None, **learner):
    """A model of one split at 0 as XGBoost writes it."""
    split = {
        "left_children": [1, -1, -1],
        "right_children": [2, -1, -1],
        "split_indices": [0, 0, 0],
        "split_conditions": [0.0, -1.5, 2.5],
        "default_left": [1, 0, 0],
        "split_type": [0, 0, 0],
        "categories": [],
        "tree_param": {"size_leaf_vector": "1", "num_nodes": "3"},
    }
    booster = {"name": "gbtree", "model": {"trees": [{**split, **(tree or {})}], "tree_info": [0]}}
    parts = {"gradient_booster": booster, "learner_model_param": SHAPE, "objective": {"name": "rank:pairwise"}}
    return {"learner": {**parts, "feature_names": ["x"], **learner}, "version": [2, 1, 0]}


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


def test_a_logistic_objective_keeps_its_base_as_a_probability(tmp_path):
    path = tmp_path / "model.json"
    model = xgboost_model(objective={"name": "binary:logistic"}, learner_model_param={**SHAPE, "base_score": "[8E-1]"})
    path.write_text(json.dumps(model))
    assert read_tree_model(path).base == pytest.approx(np.log(4))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (xgboost_model(gradient_booster={"name": "dart"}), "expected the booster gbtree; got 'dart'"),
        (xgboost_model({"split_type": [1, 0, 0]}), "a split by category"),
        (xgboost_model({"tree_param": {"size_leaf_vector": "3"}}), "got vectors"),
        (xgboost_model(objective={"name": "count:poisson"}), "got 'count:poisson'"),
        (xgboost_model({"left_children": [0, -1, -1]}), "a child or a feature that does not exist"),
        (xgboost_model({"right_children": [9, -1, -1]}), "a child or a feature that does not exist"),
        (xgboost_model({"split_indices": [7, 0, 0]}), "a child or a feature that does not exist"),
        (xgboost_model({"split_indices": [-2, 0, 0]}), "a feature below 0"),
        (xgboost_model({"default_left": [1]}), "lists of different lengths"),
        (xgboost_model({"split_conditions": [0.0, 1.0, float("nan")]}), "a value that is no number"),
        (xgboost_model(feature_names=["a", "b"]), "2 names of 1 features"),
        (xgboost_model(learner_model_param={}), "damaged"),
        (xgboost_model(feature_names=[], learner_model_param={**SHAPE, "num_feature": "10000000000"}), "damaged"),
        ({"learner": 3}, "damaged"),
        ([], "expected a text file of LightGBM or a JSON file of XGBoost"),
    ],
)
def test_models_of_xgboost_that_are_no_sums_of_trees_are_refused(model, message, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model))
    with pytest.raises(ExportError, match=message):
        read_tree_model(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("decision_type=2", "decision_type=3", "a split by category"),
        ("is_linear=0", "is_linear=1", "got linear models"),
        ("num_tree_per_iteration=1", "num_tree_per_iteration=3", "got 3 trees an iteration"),
        ("num_leaves=", "num_leaves=9", "damaged"),
        ("split_feature=", "split_feature=x", "damaged"),
        ("left_child=", "left_child=99", "does not exist"),
        ("leaf_value=", "leaf_value=nan ", "damaged"),
        ("max_feature_idx=5", "max_feature_idx=1", "damaged"),
        ("max_feature_idx=5", "max_feature_idx=5000000000", "damaged"),
    ],
)
def test_models_of_lightgbm_that_are_no_sums_of_trees_are_refused(old, new, message, tmp_path):
    text, _ = trained("lightgbm", missing=False)
    assert old in text
    path = tmp_path / "model.txt"
    path.write_text(text.replace(old, new))
    with pytest.raises(ExportError, match=message):
        read_tree_model(path)


def test_zeros_that_count_as_missing_are_refused(tmp_path):
    import lightgbm

    rows, labels = training_rows(missing=False)
    options = {"objective": "lambdarank", "zero_as_missing": True, "num_leaves": 12, "num_threads": 1, "verbosity": -1}
    booster = lightgbm.train(options, lightgbm.Dataset(rows, labels, group=[20] * 50), num_boost_round=10)
    booster.save_model(tmp_path / "model.txt")
    with pytest.raises(ExportError, match="Train with zero_as_missing=false"):
        read_tree_model(tmp_path / "model.txt")


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


@pytest.mark.parametrize("n_bytes", [0, 3, 40, 400, 2000])
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_truncated_files_are_errors(library, n_bytes, tmp_path):
    text, _ = trained(library, missing=False)
    (tmp_path / "model").write_text(text[:n_bytes])
    with pytest.raises(ExportError, match=r"model: expected"):
        read_tree_model(tmp_path / "model")


def test_json_nested_too_deeply_is_an_error(tmp_path):
    (tmp_path / "model").write_text('{"learner": ' + "[" * 200_000)
    with pytest.raises(ExportError, match="damaged"):
        read_tree_model(tmp_path / "model")


@pytest.mark.parametrize("target", ["onnx", "vespa", "numpy"])
def test_targets_without_trees_refuse_them(target, tmp_path):
    (tmp_path / "model.txt").write_text(trained("lightgbm", missing=False)[0])
    with pytest.raises(ExportError, match=f"^{target}: .*trees"):
        export(tmp_path / "model.txt", target, tmp_path / "out")


def test_the_float32_that_is_not_above():
    values = np.array([0.1, -0.1, 1e-60, -1e-60, 1e300, 16777217.0, 0.5])
    below = float32_below(values)
    assert (below.astype(float) <= values).all()
    with np.errstate(over="ignore"):
        assert (np.nextafter(below, F(np.inf)).astype(float) > values).all()


def test_rounds_after_the_best_one_are_told_of(tmp_path):
    path = tmp_path / "model.json"
    model = xgboost_model(attributes={"best_iteration": "0"})
    booster = model["learner"]["gradient_booster"]["model"]
    booster["gbtree_model_param"] = {"num_parallel_tree": "1"}
    path.write_text(json.dumps(model))
    read_tree_model(path)
    booster["trees"] *= 3
    path.write_text(json.dumps(model))
    with pytest.warns(UserWarning, match=r"takes the first 1 of 3 rounds; all are exported"):
        assert len(read_tree_model(path).trees) == 3
