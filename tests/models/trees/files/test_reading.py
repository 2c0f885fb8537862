"""Files of LightGBM and XGBoost: read whole, or one error that says what is wrong with them."""

import json

import numpy as np
import pytest

from rankkit.errors import BundleError, DataWarning
from rankkit.models.trees import read_tree_model
from rankkit.models.trees.files.ubjson import read_ubjson
from rankkit.models.trees.model import float32_below
from tests.models.trees.tree_files import SHAPE, F, grown, trained, xgboost_model


def test_a_logistic_objective_keeps_its_base_as_a_probability(tmp_path):
    path = tmp_path / "model.json"
    model = xgboost_model(objective={"name": "binary:logistic"}, learner_model_param={**SHAPE, "base_score": "[8E-1]"})
    path.write_text(json.dumps(model))
    assert read_tree_model(path).base == pytest.approx(np.log(4))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (xgboost_model(gradient_booster={"name": "gblinear"}), "expected the booster gbtree or dart; got 'gblinear'"),
        (xgboost_model({"split_type": [1, 0, 0]}), "splits by category without their categories"),
        (xgboost_model({"tree_param": {"num_nodes": "5"}}), "3 nodes in tree 0, which tells of 5"),
        ({"format_version": 1}, "expected the folder of a saved model; got a file in it"),
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
        ([], "a text file of LightGBM, a JSON or UBJSON file of XGBoost, or a JSON file of CatBoost"),
    ],
)
def test_models_of_xgboost_that_are_no_sums_of_trees_are_refused(model, message, tmp_path):
    path = tmp_path / "model.json"
    path.write_text(json.dumps(model))
    with pytest.raises(BundleError, match=message):
        read_tree_model(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("decision_type=2", "decision_type=3", "damaged"),
        ("Tree=3", "Tree=4", "where tree 3 belongs"),
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
    with pytest.raises(BundleError, match=message):
        read_tree_model(path)


def test_a_model_that_is_cut_off_after_some_trees_is_refused(tmp_path):
    text, _ = trained("lightgbm", missing=False)
    path = tmp_path / "model.txt"
    some = text.partition("Tree=7\n")[0]
    path.write_text(some)
    with pytest.raises(BundleError, match="no line 'end of trees' behind tree 6"):
        read_tree_model(path)
    path.write_text(some + "end of trees\n")
    with pytest.raises(BundleError, match="7 trees where tree_sizes tells of 15"):
        read_tree_model(path)
    whole = xgboost_model()
    model = whole["learner"]["gradient_booster"]["model"]
    model["gbtree_model_param"] = {"num_trees": "2"}
    path.write_text(json.dumps(whole))
    with pytest.raises(BundleError, match="1 trees where the model tells of 2"):
        read_tree_model(path)


def test_a_constant_first_feature_is_told_of(tmp_path):
    text, _ = trained("lightgbm", missing=False)
    head, _, rest = text.partition("feature_infos=")
    path = tmp_path / "model.txt"
    path.write_text(f"{head}feature_infos=none {rest.partition(' ')[2]}")
    with pytest.warns(DataWarning, match=r"read LETOR text for it with zero_based=True"):
        read_tree_model(path)
    path.write_text(path.read_text().replace("Column_", "name_"))
    assert read_tree_model(path).feature_names[0] == "name_0"


def test_line_ends_of_windows_change_nothing(tmp_path):
    text, predict = trained("lightgbm", missing=False)
    (tmp_path / "model.txt").write_bytes(text.replace("\n", "\r\n").encode())
    rows = np.ones((1, 6), F)
    assert read_tree_model(tmp_path / "model.txt").scores(rows) == predict(rows)


def test_every_cut_of_ubjson_is_an_error(tmp_path):
    path, _, _ = grown("xgboost, ubj", tmp_path)
    content = path.read_bytes()
    read_ubjson(content)
    for n_bytes in np.linspace(2, len(content) - 1, 300).astype(int).tolist():
        path.write_bytes(content[:n_bytes])
        with pytest.raises(BundleError, match="damaged"):
            read_tree_model(path)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"{i\x01ai\xffU\x01bSU\x03\xc3\xbc1i\x01c[TFZ]}", {"a": -1, "b": "ü1", "c": [True, False, None]}),
        (b"{L\0\0\0\0\0\0\0\x01aD\x3f\xf8\0\0\0\0\0\0U\x01b[#i\x02U\x07{}}", {"a": 1.5, "b": [7, {}]}),
        (b"{}", {}),
    ],
)
def test_ubjson_by_hand(content, value):
    assert read_ubjson(content) == value


@pytest.mark.parametrize(
    "content",
    [
        *(b"{U", b"{U\x01a", b"{U\x01a?}", b"{i\xffa", b"{U\x01a[$d", b"{}{}"),
        b"{U\x01a[#L\x7f\0\0\0\0\0\0\0",
        b"{U\x01a" + b"[" * 5000,
    ],
)
def test_damaged_ubjson(content):
    with pytest.raises(ValueError, match=r".+"):
        read_ubjson(content)


@pytest.mark.parametrize("n_bytes", [0, 3, 40, 400, 2000])
@pytest.mark.parametrize("library", ["lightgbm", "xgboost"])
def test_truncated_files_are_errors(library, n_bytes, tmp_path):
    text, _ = trained(library, missing=False)
    (tmp_path / "model").write_text(text[:n_bytes])
    with pytest.raises(BundleError, match=r"model: expected"):
        read_tree_model(tmp_path / "model")


def test_json_nested_too_deeply_is_an_error(tmp_path):
    (tmp_path / "model").write_text('{"learner": ' + "[" * 200_000)
    with pytest.raises(BundleError, match="damaged"):
        read_tree_model(tmp_path / "model")


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
    booster["tree_info"] *= 3
    path.write_text(json.dumps(model))
    with pytest.warns(UserWarning, match=r"takes the first 1 of 3 rounds; all are used"):
        assert len(read_tree_model(path).trees) == 3
