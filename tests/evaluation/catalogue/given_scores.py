"""Users with given scores of every item, on which six packages were measured (experiments/recommendation/peers)."""

from pathlib import Path

import numpy as np

from rankkit.data.interactions import Interactions, Split
from rankkit.evaluation.catalogue import evaluate_scored

CASE = Path(__file__).with_name("given_scores.json")
N_USERS, N_ITEMS = 14, 30
SPARE, UNKNOWN, REPEATING, BUSY, MEETS_NEW = 13, 12, 3, 5, 4


def case():
    """Events to learn from and to find, ``[user, item]``, and scores: no two of a user are equal.

    A user without history, an item without an event before, a held-out item of the user's own history, and a user with
    more items to be found than the lesser k: what tools treat in ways of their own.
    """
    random = np.random.default_rng(20)
    train, test = [], []
    for user in range(N_USERS - 2):
        drawn = random.permutation(N_ITEMS - 1)  # the last item has no event before
        n_met, n_held_out = 4 + user % 4, 6 if user == BUSY else 1 + user % 3
        train += [[user, int(item)] for item in sorted(drawn[:n_met])]
        test += [[user, int(item)] for item in sorted(drawn[n_met : n_met + n_held_out])]
    again = next(item for user, item in train if user == REPEATING)
    test.append([REPEATING, again])
    test += [[MEETS_NEW, N_ITEMS - 1], [UNKNOWN, 2], [UNKNOWN, 7]]
    scores = random.permutation(N_USERS * N_ITEMS).reshape(N_USERS, N_ITEMS) / 100
    for user, item in test[::2]:  # half of what is to be found stands high
        scores[user, item] += 3
    scores[REPEATING, again] += 6
    return {"train": train, "test": sorted(test), "scores": scores.round(2).tolist(), "spare_user": SPARE}


def log_of(events):
    """Events as a log on all users and items."""
    users, items = np.array(events).T
    offsets = np.concatenate([[0], np.cumsum(np.bincount(users, minlength=N_USERS))])
    return Interactions(offsets, items.astype(np.int32), np.arange(N_USERS), np.arange(N_ITEMS))


def split_of(held):
    """The case as a split."""
    return Split("test", log_of(held["train"]), log_of(held["test"]), "as given")


def measured_here(held, metrics, protocol):
    """The means of metrics by a protocol."""
    table = np.array(held["scores"], np.float32)
    return evaluate_scored(
        lambda histories: table[histories.user_ids], split_of(held), metrics, protocol=protocol
    ).means
