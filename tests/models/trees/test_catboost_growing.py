"""Trees of CatBoost grown one at a time: Newton steps on slopes, and its own loop on its own objectives."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.errors import ConfigError
from rankkit.models.trees.catboost_growing import CatBoostGrower, load_catboost
from rankkit.models.trees.growing import Rows, rows_of

catboost = pytest.importorskip("catboost", reason="pip install catboost")

TRAIN = rk.make_ranking(60, seed=0)
OPTIONS = {"depth": 4, "random_strength": 1.0, "border_count": 254, "learning_rate": 0.1}


def grower(objective=None, rows=None, **more):
    rows = rows_of(TRAIN, TRAIN.features, None) if rows is None else rows
    options = {**OPTIONS, **({"l2_leaf_reg": 3.0} if objective is None else {})}
    return CatBoostGrower(options, objective, rows, None, 0, **more)


def scores(content):
    return load_catboost(content).predict(TRAIN.features)


@pytest.mark.parametrize("seed", [0, 1])
def test_leaves_are_newton_steps_of_the_slopes_given(seed):
    """-eta sum(g) / (sum(h) + lambda mean(h)) over the documents of each leaf, round after round."""
    given = np.random.default_rng(seed)
    growing, before = grower(), np.zeros(TRAIN.n_docs)
    for n_trees in (1, 2, 3):
        slopes, curvatures = given.normal(size=TRAIN.n_docs), given.uniform(0, 2, TRAIN.n_docs)
        curvatures[given.random(TRAIN.n_docs) < 0.1] = 0
        slopes[curvatures == 0] = 0
        seen = []

        def derive(found, slopes=slopes, curvatures=curvatures, seen=seen):
            seen.append(found.copy())
            return slopes, curvatures

        growing.grow(derive)
        np.testing.assert_allclose(seen[0], before, rtol=0, atol=1e-12)
        model = load_catboost(growing.content(n_trees))
        leaves = model.calc_leaf_indexes(TRAIN.features)[:, -1]
        after = model.predict(TRAIN.features)
        for leaf in np.unique(leaves):
            here = leaves == leaf
            step = -0.1 * slopes[here].sum() / (curvatures[here].sum() + 3 * curvatures.mean())
            np.testing.assert_allclose(after[here] - before[here], step, rtol=1e-5, atol=1e-7)
        before = after


def test_a_slope_without_curvature_is_a_step_that_stays_a_number():
    slopes, curvatures = np.ones(TRAIN.n_docs), np.zeros(TRAIN.n_docs)
    slopes[::2] = -1
    growing = grower()
    assert growing.grow(lambda _: (slopes, curvatures))
    assert np.isfinite(scores(growing.content(1))).all()


def test_without_slopes_there_is_no_tree():
    flat = np.zeros(TRAIN.n_docs)
    assert not grower().grow(lambda _: (flat, flat))


@pytest.mark.parametrize("objective", ["YetiRank", "QueryRMSE", "PairLogit", "LambdaMart"])
def test_its_own_objectives_grow_what_its_own_loop_grows(objective):
    growing = grower(objective)
    for _ in range(6):
        assert growing.grow(None)
    groups = np.repeat(np.arange(TRAIN.n_queries), TRAIN.list_sizes)
    pool = catboost.Pool(TRAIN.features, TRAIN.labels, group_id=groups)
    fixed = {"random_seed": 0, "thread_count": 1, "logging_level": "Silent", "allow_writing_files": False}
    loop = catboost.CatBoost({**OPTIONS, **fixed, "loss_function": objective, "iterations": 6}).fit(pool)
    np.testing.assert_allclose(scores(growing.content(6)), loop.predict(pool), rtol=0, atol=1e-12)
    first = loop.predict(pool, ntree_end=4)
    np.testing.assert_allclose(scores(growing.content(4)), first, rtol=0, atol=1e-12)


@pytest.mark.parametrize("objective", [None, "QueryRMSE"])
def test_it_adds_to_earlier_trees(objective):
    def derive(found):
        return found - TRAIN.labels, np.ones(TRAIN.n_docs)

    slopes = derive if objective is None else None
    first = grower(objective)
    for _ in range(3):
        first.grow(slopes)
    earlier = first.content(3)
    second = grower(objective, earlier=earlier)
    for _ in range(2):
        second.grow(slopes)
    both = load_catboost(second.content(5))
    assert both.tree_count_ == 5
    np.testing.assert_allclose(both.predict(TRAIN.features, ntree_end=3), scores(earlier), rtol=0, atol=1e-12)
    errors = [np.var(TRAIN.labels - found) for found in (scores(earlier), both.predict(TRAIN.features))]
    assert errors[1] < errors[0]


def test_options_that_it_refuses_are_told_of():
    growing = CatBoostGrower(
        {**OPTIONS, "grow_policy": "Depthwise"}, "PairLogitPairwise", rows_of(TRAIN, TRAIN.features, None), None, 0
    )
    with pytest.raises(ConfigError, match=r"expected options that it grows trees with; got its error .*Change them"):
        growing.grow(None)


def test_categories_of_too_many_values_are_refused():
    n_docs = 65_600
    rows = Rows(
        np.arange(n_docs, dtype=np.float32)[:, None], np.zeros(n_docs, np.float32), np.full(656, 100), None, [0]
    )
    with pytest.raises(ConfigError, match="65,600 in feature 0"):
        grower(rows=rows)
