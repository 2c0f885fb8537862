"""Propensities by regression-EM."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

import rankkit as rk
from rankkit.clicks.expectation import chances_after
from rankkit.errors import ConfigError, DataError
from tests.oracles import clicks as oracle

THETA = 1 / np.arange(1, 6)
CHANCES = np.array([0.1, 0.4, 0.8])


def logged(n_sessions, seed=0):
    """Documents of three kinds, which the only feature tells, better ones higher up more often than not."""
    rng = np.random.default_rng(seed)
    kinds = rng.integers(0, 3, (n_sessions, 5))
    order = np.argsort(-(kinds + rng.normal(0, 1.5, kinds.shape)), axis=1)
    kinds = np.take_along_axis(kinds, order, axis=1)
    clicks = rng.random(kinds.shape) < THETA * CHANCES[kinds]
    qids = np.repeat(np.arange(n_sessions), 5)
    return rk.from_arrays(kinds.reshape(-1, 1).astype(np.float32), clicks.ravel(), qids), kinds, clicks


def test_chances_are_those_of_all_cases():
    for click, seen, attraction in itertools.product((0, 1), (0.2, 0.7), (0.1, 0.9)):
        found = chances_after(*(np.array([float(value)]) for value in (click, seen, attraction)))
        np.testing.assert_allclose(np.ravel(found), oracle.hidden_given_click(click, seen, attraction), rtol=1e-12)


def test_known_propensities_are_found_where_clicks_alone_mislead():
    shown, kinds, _ = logged(300)
    model = rk.PositionBasedModel(examination=THETA.tolist())
    log = rk.simulate_clicks(shown, model, n_sessions=500, summed=True, attraction=CHANCES[kinds.ravel()], seed=2)
    found = rk.propensities_by_em(log, n_rounds=20, n_trees=40)
    np.testing.assert_allclose(found, THETA, rtol=0.03)
    naive = np.bincount(np.tile(np.arange(5), 300), log.labels)
    assert (np.abs(naive / naive[0] - THETA)[1:] > 3 * np.abs(found - THETA)[1:]).all()


def test_it_goes_the_way_of_the_oracle():
    log, kinds, clicks = logged(300, seed=1)
    rows = [
        (place % 5, kind, int(click)) for place, (kind, click) in enumerate(zip(kinds.flat, clicks.flat, strict=True))
    ]
    expected = oracle.em_of_kinds(rows, 5, n_rounds=8)
    np.testing.assert_allclose(rk.propensities_by_em(log, n_rounds=8, n_trees=100), expected, rtol=0.02)


@pytest.mark.parametrize("options", [{"n_rounds": 0}, {"n_trees": 0}, {"n_rounds": 1.5}, {"n_trees": True}])
def test_numbers_that_are_no_count_are_refused(options):
    with pytest.raises(ConfigError, match=f"propensities_by_em: {next(iter(options))}"):
        rk.propensities_by_em(logged(5)[0], **options)


@pytest.mark.parametrize("labels", [None, [0, 0, 0], [0, 1, 2]])
def test_logs_without_clicks_are_refused(labels):
    with pytest.raises(DataError, match="clicks as labels from 0 to 1"):
        rk.propensities_by_em(rk.from_arrays(np.zeros((3, 1)), labels, [0, 0, 0]))


def test_what_was_never_clicked_is_known_for_nothing():
    """A chance of next to 0 would give the first click there in another log a weight of a million."""
    log, _, clicks = logged(100)
    clicks[:, 3] = False
    found = rk.propensities_by_em(replace(log, labels=clicks.ravel().astype(np.float32)), n_rounds=3, n_trees=5)
    assert found[3] == 0
    assert (found[[0, 1, 2, 4]] > 0.01).all()
    clicks[:, 0] = False
    with pytest.raises(DataError, match="clicks at the first position; got none"):
        rk.propensities_by_em(replace(log, labels=clicks.ravel().astype(np.float32)))


def test_a_feature_that_is_missing_everywhere_says_nothing():
    log, _, _ = logged(100)
    both = np.column_stack((log.features, np.full(log.n_docs, np.nan, np.float32)))
    options = {"n_rounds": 3, "n_trees": 5}
    with_it = rk.propensities_by_em(replace(log, features=both), **options)
    np.testing.assert_array_equal(with_it, rk.propensities_by_em(log, **options))
