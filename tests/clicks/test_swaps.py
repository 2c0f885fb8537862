"""Propensities by swaps of the first document with another."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.errors import ConfigError, DataError
from tests.oracles import clicks as oracle

SHOWN = rk.shown_lists(rk.make_ranking(40, seed=0), np.arange(rk.make_ranking(40, seed=0).n_docs), top_k=6)


@pytest.fixture(scope="module")
def logged():
    sessions = SHOWN.select(np.repeat(np.arange(SHOWN.n_queries), 800))
    swaps = rk.swap_first(sessions, seed=0)
    return rk.simulate_clicks(swaps.lists, rk.PositionBasedModel(), seed=1), swaps


def test_two_documents_change_places_and_no_other():
    swaps = rk.swap_first(SHOWN, max_rank=4, seed=3)
    assert set(swaps.ranks) <= {0, 2, 3, 4}
    assert 5 < swaps.swapped.sum() < 35
    for query, rank, swapped in zip(range(SHOWN.n_queries), swaps.ranks, swaps.swapped, strict=True):
        before, after = (data.features[slice(*data.offsets[query : query + 2])] for data in (SHOWN, swaps.lists))
        order = np.arange(len(before))
        if swapped:
            order[[0, rank - 1]] = rank - 1, 0
        np.testing.assert_array_equal(after, before[order])


def test_a_list_of_one_document_is_left():
    swaps = rk.swap_first(rk.from_arrays([[1.0], [2.0]], [1, 0], ["a", "b"]))
    assert (swaps.ranks.tolist(), swaps.swapped.tolist()) == ([0, 0], [False, False])


def test_known_propensities_are_found_though_the_ranker_shows_the_best_first(logged):
    log, swaps = logged
    found = rk.propensities_by_swaps(log, swaps.ranks, swaps.swapped)
    np.testing.assert_allclose(found, 1 / np.arange(1, 7), rtol=0.12)


def test_it_is_the_ratio_of_the_oracle(logged):
    log, swaps = logged
    lists = [log.labels[slice(*log.offsets[query : query + 2])].tolist() for query in range(2000)]
    sessions = list(zip(lists, swaps.ranks[:2000].tolist(), swaps.swapped[:2000].tolist(), strict=True))
    part = log.select(np.arange(2000))
    found = rk.propensities_by_swaps(part, swaps.ranks[:2000], swaps.swapped[:2000])
    np.testing.assert_allclose(found[1:], [oracle.swap_ratio(sessions, rank) for rank in range(2, 7)], rtol=1e-12)


def test_a_position_that_nobody_tried_has_none():
    log = rk.from_arrays(np.zeros((6, 1)), [1, 0, 1, 1, 0, 0], [0, 0, 0, 1, 1, 1])
    found = rk.propensities_by_swaps(log, [3, 3], [False, True])
    np.testing.assert_array_equal(found, [1, np.nan, 0.5])


@pytest.mark.parametrize(
    ("labels", "ranks", "swapped", "message"),
    [
        (None, [2, 2], [True, False], "clicks as labels"),
        ([1, 0, 1, 0], [2], [True, False], "a rank from 2"),
        ([1, 0, 1, 0], [2, 3], [True, False], "a rank from 2"),
        ([1, 0, 1, 0], [2, 1], [True, False], "a rank from 2"),
        ([1, 0, 1, 0], [2, 2], [1, 0], "True or False"),
        ([1, 0, 1, 0], [2, 2], [True, True], "of one kind"),
        ([0, 1, 0, 1], [2, 2], [True, False], "clicks at the first position"),
    ],
)
def test_what_tells_nothing_is_refused(labels, ranks, swapped, message):
    log = rk.from_arrays(np.zeros((4, 1)), labels, [0, 0, 1, 1])
    with pytest.raises(DataError, match=message):
        rk.propensities_by_swaps(log, ranks, swapped)


def test_a_first_rank_alone_is_no_swap():
    with pytest.raises(ConfigError, match="max_rank of at least 2"):
        rk.swap_first(SHOWN, max_rank=1)
