"""New events for a recommender that has learnt."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.data.interactions import Interactions
from rankkit.data.interactions.joining import on_shared_ids
from rankkit.errors import DataError
from rankkit.tasks.recommendation.updating import update
from tests.models.recommenders.drawn import MODELS, drawn_log


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_an_update_is_learning_from_all_events(make):
    old, new = drawn_log(), drawn_log(n_users=50, n_events=60, seed=3)
    model = make().learn(old)
    how = update(model, new)
    whole = make().learn(on_shared_ids([old, new])[0])
    tolerance = 1e-4 if how == "without solving again" else 1e-6
    users = whole.log.user_ids
    for one, other in zip(model.scores(users), whole.scores(users), strict=True):
        places = model.log.item_positions(whole.log.item_ids)
        np.testing.assert_allclose(one[:, places], other, rtol=tolerance, atol=tolerance)
    assert (how == "without solving again") == isinstance(model, rk.EASE)


def test_items_that_are_new_are_learnt_with_all():
    model = rk.EASE(l2=5.0).learn(drawn_log())
    new = Interactions.from_events([0, 1], [777, 777], times=[900, 901], values=[3, 4])
    assert update(model, new) == "from all events at once"
    assert model.log.item_positions([777])[0] >= 0
    assert model.options["l2"] == 5.0


def test_what_was_chosen_is_kept():
    model = rk.Markov()
    chosen = model.learn(drawn_log(), None, lambda: model.smoothing - model.decay)
    assert chosen == {"decay": 0.5, "smoothing": 100.0}
    update(model, drawn_log(n_events=20, seed=4))
    assert {name: model.options[name] for name in chosen} == chosen


def test_no_events_are_refused():
    with pytest.raises(DataError, match="expected new events; got none"):
        update(rk.Popularity().learn(drawn_log()), Interactions.from_events([], []))
