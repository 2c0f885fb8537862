import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.clicks import CascadeModel, DependentClickModel, PositionBasedModel
from rankkit.errors import ConfigError, DataError
from tests.oracles import clicks as oracle

ATTRACTION = [0.1, 1.0, 0.4, 0.0, 0.7]
EYE_TRACKING = (0.68, 0.61, 0.48, 0.34, 0.28)
MODELS = [
    (PositionBasedModel(), oracle.position_based_outcomes, [1 / r for r in range(1, 6)]),
    (PositionBasedModel(eta=0.5), oracle.position_based_outcomes, [r**-0.5 for r in range(1, 6)]),
    (
        PositionBasedModel(eta=2, examination=EYE_TRACKING),
        oracle.position_based_outcomes,
        [rho**2 for rho in EYE_TRACKING],
    ),
    (CascadeModel(), oracle.dependent_click_outcomes, [0.0] * 5),
    (DependentClickModel(continuation=0.6), oracle.dependent_click_outcomes, [0.6] * 5),
    (
        DependentClickModel(continuation=(0.9, 0.5, 0.4, 0.3, 0.2, 0.1)),
        oracle.dependent_click_outcomes,
        [0.9, 0.5, 0.4, 0.3, 0.2],
    ),
]
every_model = pytest.mark.parametrize(("model", "outcomes", "parameters"), MODELS)


@every_model
def test_click_probabilities_are_those_of_a_walk_down_the_list(model, outcomes, parameters):
    expected = oracle.marginals(outcomes(ATTRACTION, parameters))
    np.testing.assert_allclose(model.click_probabilities(ATTRACTION), expected, atol=1e-12)


@every_model
def test_each_outcome_is_drawn_as_often_as_it_is_likely(model, outcomes, parameters):
    n_sessions = 40_000
    clicks = model.sample(np.broadcast_to(ATTRACTION, (n_sessions, 5)), np.random.default_rng(7))
    expected = outcomes(ATTRACTION, parameters)
    counts = {}
    for session in map(tuple, clicks.astype(int).tolist()):
        counts[session] = counts.get(session, 0) + 1
    assert sum(expected.values()) == pytest.approx(1)
    for session in counts.keys() | expected.keys():
        chance = expected.get(session, 0.0)
        # Five standard deviations; what cannot happen must not.
        bound = 5 * math.sqrt(n_sessions * chance * (1 - chance))
        assert abs(counts.get(session, 0) - n_sessions * chance) <= bound + 1e-6 * (chance > 0)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=4), st.floats(0, 1))
@settings(max_examples=50, deadline=None)
def test_dependent_clicks_with_any_numbers(attraction, continuation):
    outcomes = oracle.dependent_click_outcomes(attraction, [continuation] * len(attraction))
    found = DependentClickModel(continuation).click_probabilities(attraction)
    np.testing.assert_allclose(found, oracle.marginals(outcomes), atol=1e-12)


def test_a_dependent_click_model_that_never_goes_on_is_the_cascade():
    lists = np.random.default_rng(0).random((500, 6))
    never = DependentClickModel(continuation=0.0)
    np.testing.assert_array_equal(
        never.sample(lists, np.random.default_rng(1)), CascadeModel().sample(lists, np.random.default_rng(1))
    )
    np.testing.assert_array_equal(never.click_probabilities(lists), CascadeModel().click_probabilities(lists))
    assert (CascadeModel().sample(lists, np.random.default_rng(1)).sum(axis=1) <= 1).all()


def test_one_that_always_goes_on_looks_at_everything():
    np.testing.assert_allclose(DependentClickModel(continuation=1.0).click_probabilities(ATTRACTION), ATTRACTION)
    np.testing.assert_allclose(PositionBasedModel(eta=0.0).click_probabilities(ATTRACTION), ATTRACTION)


def test_lists_of_any_leading_axes_and_of_no_documents():
    for model, _, _ in MODELS:
        assert model.click_probabilities(np.full((2, 3, 4), 0.5)).shape == (2, 3, 4)
        assert model.sample(np.zeros((2, 0)), np.random.default_rng(0)).shape == (2, 0)
        assert not model.sample(np.zeros((50, 4)), np.random.default_rng(0)).any()


def test_what_cannot_be_is_refused():
    with pytest.raises(ConfigError, match="expected eta of at least 0; got -1"):
        PositionBasedModel(eta=-1)
    for examination in [(), (0.5, 0.0), (1.5,), (np.nan,)]:
        with pytest.raises(ConfigError, match="expected examination as probabilities above 0"):
            PositionBasedModel(examination=examination)
    with pytest.raises(ConfigError, match=r"at most 2 documents.*got 3"):
        PositionBasedModel(examination=(1.0, 0.5)).propensities(3)
    for continuation in [-0.1, 1.1, (0.5, 2.0), np.nan]:
        with pytest.raises(ConfigError, match="expected continuation as a probability"):
            DependentClickModel(continuation=continuation)
    with pytest.raises(ConfigError, match=r"at most 1 documents.*got 2"):
        DependentClickModel(continuation=(0.5,)).click_probabilities([0.1, 0.1])
    for model, _, _ in MODELS:
        for attraction in ([0.5, 1.5], [-0.1], [np.nan], 0.5):
            with pytest.raises(DataError, match="expected the attraction of documents as probabilities"):
                model.click_probabilities(attraction)
