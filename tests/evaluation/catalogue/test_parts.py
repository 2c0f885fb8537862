"""Warm and cold apart, against evaluating each part alone."""

from dataclasses import replace

import numpy as np
import pytest

import rankkit as rk
from rankkit.data.interactions import split_interactions
from rankkit.models.recommenders import EASE, Markov, Popularity
from tests.models.recommenders.drawn import drawn_log

pytestmark = pytest.mark.filterwarnings("ignore::rankkit.errors.DataWarning")
ASKED = ["ndcg@10", "recall@3", "mrr"]


def late_split():
    """A split by time whose test part has users and items that come late."""
    log = drawn_log(n_users=60, n_events=300, seed=4)
    splits = split_interactions(log, "time", test=0.3)
    late = (splits.train.users < 50) & (splits.train.items < log.n_items - 6)
    train = splits.train.keep(late)
    return replace(splits.test, history=train)


def test_users_are_the_means_over_them_alone():
    test = late_split()
    report = rk.evaluate(EASE(5.0).learn(test.history), test, ASKED, block_rows=7)
    parts = {part.name: part for part in report.parts}
    is_seen = test.history.sizes[test.users] > 0
    assert not is_seen.all()
    for name, kept in (("users seen in training", is_seen), ("users not seen", ~is_seen)):
        assert parts[name].n == kept.sum()
        for metric in ASKED:
            expected = report.accuracy.counted(metric)[kept].mean()
            assert parts[name].means[metric] == pytest.approx(expected, abs=1e-12)


def test_items_are_what_the_catalogue_without_the_others_gives():
    test = late_split()
    model = Popularity().learn(test.history)
    parts = {part.name: part for part in rk.evaluate(model, test, ASKED, block_rows=9).parts}
    is_cold = test.is_cold_item[test.targets.items]
    assert is_cold.any()
    assert not is_cold.all()
    for name, kept in (("held-out items seen in training", ~is_cold), ("held-out items not seen", is_cold)):
        values = []
        for user in test.users:
            own = test.targets[user].items[kept[test.targets.users == user]]
            others = np.setdiff1d(test.targets[user].items, own)
            own = np.setdiff1d(own, test.history[user].items)
            if not len(own):
                continue
            within = np.setdiff1d(np.arange(test.history.n_items), others)
            alone = replace(
                test, targets=test.targets.keep((test.targets.users == user) & np.isin(test.targets.items, own))
            )
            found = rk.evaluate(model, alone, ASKED, within=test.history.item_ids[within]).means
            values.append([found[metric] for metric in ASKED])
        assert list(parts[name].means.values()) == pytest.approx(np.mean(values, axis=0).tolist(), abs=1e-12)
    left = {(user, item) for user, item in zip(test.targets.users, test.targets.items, strict=True)}
    left -= {(user, item) for user, item in zip(test.history.users, test.history.items, strict=True)}
    assert parts["held-out items not seen"].n == sum(test.is_cold_item[item] for _, item in left)
    assert parts["held-out items seen in training"].n == sum(not test.is_cold_item[item] for _, item in left)


def test_seen_is_what_was_learnt_from_not_what_came_before():
    log = drawn_log(n_users=60, n_events=500, seed=4)
    train, _, test = split_interactions(log, "time", valid=0.6, test=0.2)
    new = (train.sizes == 0) & (test.history.sizes > 0) & (test.targets.sizes > 0)
    assert new.any()
    report = rk.evaluate(Markov().learn(train), test, ASKED)
    unseen = next(part.n for part in report.parts if part.name == "users not seen")
    assert unseen == (train.sizes[test.users] == 0).sum()
    whole = rk.evaluate(Markov().learn(test.history), test, ASKED)
    assert all(part.n < unseen for part in whole.parts if part.name == "users not seen")


def test_they_are_printed_and_written_where_there_are_any():
    test = late_split()
    report = rk.evaluate(EASE(5.0).learn(test.history), test, ASKED)
    lines = str(report).splitlines()
    at = next(place for place, line in enumerate(lines) if line.split() == ["of", *ASKED])
    row = lines[at + 2]
    assert row.startswith("users not seen")
    assert row.split()[-3:] == [f"{mean:.4f}" for mean in report.parts[1].means.values()]
    assert [part["name"] for part in report.to_dict()["parts"]] == [part.name for part in report.parts]
    warm = split_interactions(drawn_log(), "leave_last").test
    assert rk.evaluate(EASE(5.0).learn(warm.history), warm, ASKED).parts == ()
    by_implicit = rk.evaluate(EASE(5.0).learn(test.history), test, ["precision@5"], protocol="implicit")
    assert by_implicit.parts == ()  # of all users together
