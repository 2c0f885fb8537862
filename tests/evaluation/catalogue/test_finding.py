"""Which held-out items a user has met before."""

import numpy as np
import pytest

from rankkit.data.interactions.audit import known_targets
from rankkit.evaluation.catalogue.finding import held_in
from tests.models.recommenders.drawn import drawn_log


@pytest.mark.parametrize("seed", range(5))
def test_held_in_is_a_look_up_pair_by_pair(seed):
    log, asked = drawn_log(seed=seed), drawn_log(n_events=150, seed=seed + 50)
    asked = asked.keep(asked.items < log.n_items)
    met = set(zip(log.users.tolist(), log.items.tolist(), strict=True))
    n_users = min(log.n_users, asked.n_users)
    log, asked = log[:n_users], asked[:n_users]
    pairs = zip(asked.users.tolist(), asked.items.tolist(), strict=True)
    assert held_in(log, asked).tolist() == [pair in met for pair in pairs]


def test_it_is_what_the_audit_counts():
    log = drawn_log()
    random = np.random.default_rng(0)
    one, other = log.keep(random.random(log.n_events) < 0.6), log.keep(random.random(log.n_events) < 0.6)
    assert np.array_equal(held_in(one, other), known_targets(one, other))
    nothing = log.keep(np.zeros(log.n_events, bool))
    assert not held_in(nothing, log).any()
    assert held_in(log, nothing).tolist() == []
