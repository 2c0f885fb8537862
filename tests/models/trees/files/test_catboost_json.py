"""Models of CatBoost in JSON: what is read, and what is refused."""

import json

import numpy as np
import pytest

from rankkit.errors import BundleError
from rankkit.models.trees import read_tree_model
from rankkit.models.trees.files.catboost_json import parse_catboost
from tests.models.trees.tree_files import F

NUMBER = {"border": 0.5, "float_feature_index": 0, "split_index": 0, "split_type": "FloatFeature"}
BRAND = {"cat_feature_index": 0, "split_index": 1, "split_type": "OneHotFeature", "value": -7}


def told(*, splits=(NUMBER, BRAND), leaves=(1.0, 2.0, 3.0, 4.0), treatment="AsFalse", value="3", **parts):
    """A model of two splits: the number is column 1, the category column 0."""
    columns = {
        "float_features": [
            {"feature_index": 0, "flat_feature_index": 1, "feature_id": "", "nan_value_treatment": treatment}
        ],
        "categorical_features": [{"feature_index": 0, "flat_feature_index": 0, "feature_id": ""}],
        "cat_features_hash": [{"hash": 2**32 - 7, "value": value}],
    }
    trees = [{"splits": list(splits), "leaf_values": list(leaves)}]
    model = {"features_info": columns, "oblivious_trees": trees, "scale_and_bias": [2.0, [0.5]], "model_info": {}}
    return {**model, **parts}


def test_the_first_split_is_the_lowest_bit_of_a_leaf():
    rows = F([[0, 0.5], [0, 0.6], [3, 0.5], [3, 0.6]])
    np.testing.assert_array_equal(parse_catboost("here", told()).scores(rows), [2.5, 4.5, 6.5, 8.5])


@pytest.mark.parametrize(("treatment", "expected"), [("AsIs", 2.5), ("AsFalse", 2.5), ("AsTrue", 4.5)])
def test_a_missing_number_goes_where_the_file_says(treatment, expected):
    model = parse_catboost("here", told(treatment=treatment))
    assert model.scores(F([[0, np.nan]])).tolist() == [expected]


def test_a_missing_category_is_the_code_below_0():
    scores = parse_catboost("here", told(value="-1")).scores(F([[np.nan, 0], [3, 0], [0, 0]]))
    assert scores.tolist() == [6.5, 2.5, 2.5]


def test_nodes_that_hold_one_another_are_read():
    root = {
        "split": NUMBER,
        "left": {"value": 1.0, "weight": 3},
        "right": {"split": BRAND, "left": {"value": 2.0}, "right": {"value": 3.0}},
    }
    model = told(trees=[root])
    del model["oblivious_trees"]
    rows = F([[3, 0.0], [0, 1.0], [3, 1.0]])
    np.testing.assert_array_equal(parse_catboost("here", model).scores(rows), [2.5, 4.5, 6.5])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scale_and_bias": [1, [0, 0]]}, "one score a document"),
        ({"splits": ({"split_type": "OnlineCtr", "border": 1.0}, BRAND)}, r"OnlineCtr.*one_hot_max_size"),
        ({"value": "red"}, "whole numbers from 0.*'red'"),
        ({"splits": (NUMBER, {**BRAND, "value": 8})}, "pool=train"),
    ],
)
def test_what_cannot_be_scored_is_refused(changed, message):
    with pytest.raises(BundleError, match=message):
        parse_catboost("here", told(**changed))


@pytest.mark.parametrize(
    "changed", [{"leaves": (1.0, 2.0)}, {"leaves": (1.0,) * 8}, {"oblivious_trees": []}, {"scale_and_bias": [1]}]
)
def test_damaged_files_are_refused(changed, tmp_path):
    (tmp_path / "model.json").write_text(json.dumps(told(**changed)))
    with pytest.raises(BundleError, match="got a damaged one"):
        read_tree_model(tmp_path / "model.json")


def test_of_the_binary_form_the_message_says_what_to_do(tmp_path):
    (tmp_path / "model.cbm").write_bytes(b"CBM1\x00\x01")
    with pytest.raises(BundleError, match=r"binary form\. Save it with save_model\('model\.json', format='json'"):
        read_tree_model(tmp_path / "model.cbm")
