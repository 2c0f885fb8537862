"""Splits: which events are learnt from, which are held out; nothing of a later part stands in an earlier one."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.data.interactions import Interactions, audit_split, rolling_splits, split_interactions
from rankkit.data.interactions.joining import on_shared_ids
from rankkit.errors import ConfigError, DataError


def drawn(n_users=20, n_items=15, n_events=300, seed=0, times=True):
    random = np.random.default_rng(seed)
    columns = random.integers(0, n_users, n_events), random.integers(0, n_items, n_events)
    return Interactions.from_events(*columns, times=random.integers(0, 100, n_events) if times else None)


def events(log):
    """Every event as a tuple, to be counted."""
    return sorted(zip(log.users.tolist(), log.items.tolist(), log.times.tolist(), strict=True))


WAYS = [
    {"by": "time", "valid": 0.1, "test": 0.2},
    {"by": "time"},
    {"by": "leave_last"},
    {"by": "leave_last", "n": 2},
    {"by": "leave_last", "valid": 0},
    {"by": "ratio", "valid": 0.1, "test": 0.2},
    {"by": "ratio", "valid": 0.1, "test": 0.2, "order": "random", "seed": 3},
]


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_parts_are_the_whole_and_share_ids(way):
    log = drawn()
    train, valid, test = splits = split_interactions(log, **way)
    parts = [train, *([] if valid is None else [valid.targets]), test.targets]
    assert sorted(event for part in parts for event in events(part)) == events(log)
    assert events(test.history) == sorted(event for part in parts[:-1] for event in events(part))
    assert valid is None or valid.history is train
    for part in parts:
        assert part.user_ids is log.user_ids
        assert part.item_ids is log.item_ids
    assert str(splits.test.targets.n_events) in repr(splits)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000))
def test_by_time_every_training_event_is_before_every_test_event(seed):
    splits = split_interactions(drawn(seed=seed), "time", valid=0.1, test=0.2)
    assert splits.train.times.max() < splits.valid.targets.times.min()
    assert splits.valid.targets.times.max() < splits.test.targets.times.min()
    assert audit_split(splits).later_share == 0


def test_the_last_events_of_each_user_are_held_out():
    log = Interactions.from_events(list("aaaabb"), list("wxyzwx"), times=[1, 2, 3, 4, 5, 6])
    splits = split_interactions(log, "leave_last")
    assert log.item_ids[splits.test.targets.items].tolist() == ["z"]
    assert log.item_ids[splits.valid.targets.items].tolist() == ["y"]
    assert splits.train[1].n_events == 2
    assert splits.remarks == ("1 of 2 users have at most 2 events: all are training.",)
    assert splits.test.users.tolist() == [0]


@pytest.mark.parametrize("way", [way for way in WAYS if way.get("order") != "random"], ids=str)
def test_other_items_in_tested_events_change_nothing_before(way):
    log = drawn()
    first = split_interactions(log, **way)
    before = events(first.test.history)
    is_tested = np.ones(log.n_events, bool)
    for place, event in enumerate(zip(log.users.tolist(), log.items.tolist(), log.times.tolist(), strict=True)):
        if event in before:  # of equal events the first ones are those before
            before.remove(event)
            is_tested[place] = False
    changed = np.where(is_tested, (log.items + 1) % log.n_items, log.items).astype(np.int32)
    other = Interactions(log.offsets, changed, log.user_ids, log.item_ids, log.times)
    assert is_tested.sum() == first.test.targets.n_events
    assert split_interactions(other, **way).test.history.fingerprint == first.test.history.fingerprint


def test_windows_follow_each_other():
    windows = rolling_splits(drawn(), 3, share=0.2)
    for one, other in itertools.pairwise(windows):
        assert one.test.targets.times.max() < other.test.targets.times.min()
        assert events(other.train) == sorted(events(one.train) + events(one.test.targets))


def test_given_files_share_the_ids_of_both():
    train = Interactions.from_events(["a", "b"], [1, 2], times=[5, 6])
    test = Interactions.from_events(["b", "c"], [3, 1], times=[1, 9])
    splits = split_interactions(train, "given", test=test)
    assert splits.test.history.user_ids.tolist() == ["a", "b", "c"]
    assert splits.test.history.item_ids.tolist() == [1, 2, 3]
    assert splits.test.targets.sizes.tolist() == [0, 1, 1]
    assert splits.test.is_cold_user.tolist() == [False, False, True]
    assert splits.test.is_cold_item.tolist() == [False, False, True]


def test_joined_logs_need_the_same_columns():
    log = Interactions.from_events([0], [0])
    with pytest.raises(DataError, match="times in each log"):
        on_shared_ids([log, Interactions.from_events([0], [0], times=[1])])


@pytest.mark.parametrize(
    ("way", "error", "message"),
    [
        ({"by": "last"}, ConfigError, "expected by to be one of"),
        ({"by": "time", "test": 1.5}, ConfigError, "expected shares"),
        ({"by": "time", "test": "0.2"}, ConfigError, "expected shares .*; got valid=0.0, test='0.2'"),
        ({"by": "time", "order": "random"}, ConfigError, "order='time'"),
        ({"by": "leave_last", "test": 0.2}, ConfigError, "Pass n alone"),
        ({"by": "leave_last", "n": 100}, DataError, "expected events in each part"),
        ({"by": "given"}, ConfigError, "expected logs"),
        ({"by": "ratio", "test": drawn()}, ConfigError, "by='given'"),
    ],
)
def test_what_cannot_be_split_is_refused(way, error, message):
    with pytest.raises(error, match=message):
        split_interactions(drawn(), **way)


def test_no_times_cannot_be_split_by_time():
    with pytest.raises(DataError, match="expected events with times"):
        split_interactions(drawn(times=False), "time")
    with pytest.raises(ConfigError, match="Take fewer"):
        rolling_splits(drawn(), 10, share=0.1)


def test_an_audit_counts_what_a_loop_counts():
    log = drawn(n_users=6, n_events=60, seed=4)
    splits = split_interactions(log, "leave_last")
    found, test = audit_split(splits), splits.test
    shares, tied = [], 0
    for user in test.users:
        first = test.targets[int(user)].times[0]
        shares.append(np.mean([time > first for time in test.history.times]))
        tied += int(test.history[int(user)].times[-1] == first)
    assert found.later_share == pytest.approx(np.mean(shares), abs=1e-12)
    assert found.n_tied_users == tied
    known = [item in test.history[int(user)].items for user in test.users for item in test.targets[int(user)].items]
    assert found.n_known == sum(known)
    assert "later events" in str(found)
    assert found.to_dict()["n_test"] == 6
    assert repr(found).startswith("SplitAudit(6 test events")


def test_an_audit_is_of_a_split():
    with pytest.raises(DataError, match="audit_split: expected Splits; got Interactions"):
        audit_split(drawn())


def test_an_audit_without_times_says_so():
    found = audit_split(split_interactions(drawn(times=False), "leave_last"))
    assert found.later_share is None
    assert "the log has no times" in str(found)
