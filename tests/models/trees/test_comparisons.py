"""Trees as comparisons alone, scored beside the trees that they are made of."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.models.trees import TreeModel, read_tree_model
from rankkit.models.trees.comparisons import as_comparisons, n_comparisons
from rankkit.models.trees.model import Tree
from tests.models.trees.tree_files import KINDS, grown, hard_rows

F = np.float32
NUMBERS = F([0, 1e-35, 1e-36, 1e-34, 0.5, 0.99, 1, 1.5, 2, 3, 31, 32, 63.5, 2**24, 2**24 + 2, 2**30, 1e30, np.inf])
HARD = np.unique(np.concatenate((NUMBERS, -NUMBERS, *(np.nextafter(NUMBERS, F(end)) for end in (-np.inf, np.inf)))))
EVERY = np.append(HARD, F(np.nan))[:, None]


def model_of(*trees):
    return TreeModel("lightgbm", "lambdarank", trees, base=0.0, n_features=1, feature_names=None)


def stump(*, threshold=0.0, missing_left=False, zero_is_missing=None, categories=None):
    """One split, 1 on the left and 2 on the right."""
    return Tree(
        feature=np.array([0, -1, -1]),
        threshold=F([threshold, 0, 0]),
        missing_left=np.array([missing_left, False, False]),
        left=np.array([1, 0, 0]),
        right=np.array([2, 0, 0]),
        value=np.array([0, 1.0, 2.0]),
        zero_is_missing=None if zero_is_missing is None else np.array([zero_is_missing, False, False]),
        categories={} if categories is None else {0: np.array(categories, np.int64)},
    )


def check_same(tree):
    plain = as_comparisons(tree)
    assert not plain.categories
    assert plain.zero_is_missing is None
    np.testing.assert_array_equal(model_of(plain).scores(EVERY), model_of(tree).scores(EVERY))


CATEGORIES = st.lists(st.sampled_from([0, 1, 2, 3, 4, 30, 31, 32, 63, 2**24 - 1, 2**24, 2**24 + 1, 2**24 + 2]))


@settings(max_examples=60, deadline=None)
@given(categories=CATEGORIES, missing_left=st.booleans())
def test_any_set_of_categories_takes_the_same_values(categories, missing_left):
    check_same(stump(categories=sorted(set(categories)), missing_left=missing_left))


@pytest.mark.parametrize("missing_left", [False, True])
@pytest.mark.parametrize("threshold", [-1, np.nextafter(F(-1e-35), F(-1)), 1e-35, 0.5, 3, np.inf, -np.inf])
def test_zeros_that_count_as_missing_go_where_missing_values_go(threshold, missing_left):
    check_same(stump(threshold=threshold, missing_left=missing_left, zero_is_missing=True))


def test_neighbouring_categories_take_two_comparisons_together():
    assert n_comparisons(stump(categories=[3, 4, 5, 9])).tolist() == [4, 0, 0]
    assert n_comparisons(stump(threshold=2.0)).tolist() == [1, 0, 0]


@pytest.mark.parametrize("kind", KINDS)
def test_trees_of_the_libraries_score_as_before(kind, tmp_path):
    path, _, rows = grown(kind, tmp_path)
    model = read_tree_model(path)
    rows = np.concatenate((rows, hard_rows(model, missing=True)))
    plain = replace(model, trees=tuple(map(as_comparisons, model.trees)))
    np.testing.assert_array_equal(plain.scores(rows), model.scores(rows))
    assert any(map(np.any, (n_comparisons(tree) > 1 for tree in model.trees))) == (
        "categories" in kind or "zero" in kind
    )
