"""Interactions: grouped, sorted by time and row, sliced; what does not fit together is refused."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rankkit.data.interactions import Interactions, with_at_least
from rankkit.data.interactions.log import coded
from rankkit.data.text_ids import TextIds
from rankkit.errors import DataError

EVENTS = st.lists(st.tuples(st.integers(-3, 4), st.integers(0, 5), st.integers(0, 3)), min_size=1, max_size=30)


@settings(max_examples=80, deadline=None)
@given(EVENTS)
def test_events_stand_by_user_time_and_row(events):
    users, items, times = (list(column) for column in zip(*events, strict=True))
    log = Interactions.from_events(users, items, times=times, values=range(len(events)))
    met = list(dict.fromkeys(users))
    assert log.user_ids.tolist() == met
    for place, user in enumerate(met):
        rows = sorted((row for row in range(len(events)) if users[row] == user), key=lambda row: times[row])
        part = log[place]
        assert part.values.tolist() == rows
        assert part.item_ids[part.items].tolist() == [items[row] for row in rows]
        assert part.times.tolist() == [times[row] for row in rows]


def test_equal_times_keep_the_order_of_the_input_whatever_the_ids():
    log = Interactions.from_events(["u"] * 3, [9, 1, 5], times=[7, 7, 7])
    assert log.item_ids[log.items].tolist() == [9, 1, 5]


@pytest.mark.parametrize("ids", [["b", "a", "b"], [2**40, 5, 2**40], [-5, 7, -5]])
def test_ids_are_numbered_as_they_are_met(ids):
    log = Interactions.from_events(ids, ids)
    assert log.user_ids.tolist() == [ids[0], ids[1]]
    assert log.items.tolist() == [0, 0, 1]
    assert log.user_positions([ids[1], ids[0]]).tolist() == [1, 0]


def test_text_ids_are_never_of_fixed_width():
    log = Interactions.from_events(["a", "b" * 1000], ["x", "y"])
    assert isinstance(log.user_ids, TextIds)
    assert log.user_ids.nbytes < 1100


def test_a_slice_copies_no_events():
    log = Interactions.from_events([0, 0, 1, 2], [0, 1, 0, 1], times=[1, 2, 3, 4])
    part = log[1:]
    assert np.shares_memory(part.items, log.items)
    assert (part.n_users, part.n_events, part.n_items) == (2, 2, 2)
    assert log[-1].user_ids.tolist() == [2]
    assert log[[2, 0]].user_ids.tolist() == log.select(np.array([2, 0])).user_ids.tolist() == [2, 0]
    assert log[::-1].items.tolist() == [1, 0, 0, 1]


def test_keep_leaves_users_and_items_that_have_no_event_left():
    log = Interactions.from_events([0, 1], [0, 1]).keep(np.array([False, True]))
    assert (log.n_users, log.n_items, log.sizes.tolist(), log.item_counts.tolist()) == (2, 2, [0, 1], [0, 1])


def test_repeats_are_later_or_earlier_events_of_the_same_pair():
    log = Interactions.from_events([0, 0, 1, 0], ["x", "y", "x", "x"])
    assert log.repeats().tolist() == [False, False, True, False]
    assert log.repeats(from_the_last=True).tolist() == [True, False, False, False]


def test_matrix_is_binary_counts_or_the_last_value():
    log = Interactions.from_events([0, 0, 1], [0, 0, 1], times=[2, 1, 3], values=[5, 3, 1])
    assert log.matrix().toarray().tolist() == [[1, 0], [0, 1]]
    assert log.matrix("counts").toarray().tolist() == [[2, 0], [0, 1]]
    assert log.matrix("values").toarray().tolist() == [[5, 0], [0, 1]]
    with pytest.raises(DataError, match="expected kind"):
        log.matrix("other")
    with pytest.raises(DataError, match="expected events with values"):
        replace(log, values=None).matrix("values")


def test_fingerprints_are_equal_for_equal_logs_alone():
    log = Interactions.from_events([0, 1], ["a", "b"], times=[1, 2])
    assert log.fingerprint == Interactions.from_events([0, 1], ["a", "b"], times=[1, 2]).fingerprint
    others = [replace(log, times=None), log.keep(np.array([True, False])), replace(log, item_ids=["a", "c"])]
    assert len({log.fingerprint, *(other.fingerprint for other in others)}) == 4


def test_pandas_and_repr():
    log = Interactions.from_events(["b", "a"], [3, 3], times=[1, 2], values=[0.5, 1])
    assert log.to_pandas().to_dict("list") == {"user": ["b", "a"], "item": [3, 3], "time": [1, 2], "value": [0.5, 1.0]}
    assert repr(log) == "Interactions(2 users, 1 item, 2 events, times 1..2, values 0.5..1)"


@pytest.mark.parametrize("per_second", [1, 10**3, 10**6, 10**9])
def test_days_are_shown_of_times_from_1970_in_any_unit(per_second):
    times = np.array([1_700_000_000, 2_700_000_000]) * per_second
    unit = {1: "seconds", 10**3: "milliseconds", 10**6: "microseconds", 10**9: "nanoseconds"}[per_second]
    shown = f"times {times[0]}..{times[1]} (2023-11-14..2055-07-24, in {unit} from 1970)"
    assert shown in repr(Interactions.from_events([0, 1], [0, 1], times=times))
    # A day outside of what is likely says that the unit is another.
    assert "1970" not in repr(Interactions.from_events([0, 1], [0, 1], times=[*times[:1], 5 * 10**18]))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"offsets": np.array([0, 3])}, "offsets that rise"),
        ({"offsets": np.array([0, 2], np.int32)}, "int64 offsets"),
        ({"items": np.array([0, 2], np.int32)}, "positions below 2"),
        ({"items": np.array([0, 1])}, "int32 positions"),
        ({"user_ids": [1, 2]}, "1 user_ids"),
        ({"user_ids": [1.5]}, "whole numbers or text"),
        ({"times": np.array([2, 1])}, "never fall"),
        ({"times": np.array([1])}, "times as int64"),
        ({"values": np.array([1.0, 2.0])}, "values as float32"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(changes, message):
    log = Interactions.from_events([0, 0], [0, 1], times=[1, 2], values=[1, 2])
    with pytest.raises(DataError, match=message):
        replace(log, **changes)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"items": [1]}, "expected 2 items"),
        ({"times": [1.5, 2]}, "times as whole numbers"),
        ({"values": [1, float("nan")]}, "values as finite numbers"),
        ({"users": [1, None]}, "users as whole numbers or text"),
    ],
)
def test_columns_that_are_none_are_refused(columns, message):
    with pytest.raises(DataError, match=message):
        Interactions.from_events(**{"users": [0, 1], "items": [0, 1], **columns})


def test_times_may_fall_from_one_user_to_the_next():
    assert Interactions.from_events([0, 1], [0, 0], times=[5, 1]).times.tolist() == [5, 1]


def test_no_events_are_a_log():
    log = Interactions.from_events([], [])
    assert (log.n_users, log.n_items, log.n_events) == (0, 0, 0)


@settings(max_examples=50, deadline=None)
@given(EVENTS, st.integers(1, 3))
def test_a_core_is_what_is_left_when_nothing_more_goes(events, n):
    users, items, _ = (list(column) for column in zip(*events, strict=True))
    pairs = list(zip(users, items, strict=True))
    while True:
        kept = [
            (user, item)
            for user, item in pairs
            if sum(one == user for one, _ in pairs) >= n and sum(one == item for _, one in pairs) >= n
        ]
        if kept == pairs:
            break
        pairs = kept
    core = with_at_least(Interactions.from_events(users, items), n)
    found = zip(core.user_ids[core.users].tolist(), core.item_ids[core.items].tolist(), strict=True)
    assert sorted(found) == sorted(pairs)
    assert (core.item_counts >= n).all()


@pytest.mark.parametrize("ids", [np.array([5, 2**62, 5]), np.array([5, 6, 5])])
def test_codes_do_not_depend_on_how_far_ids_lie_apart(ids):
    codes, different = coded(ids)
    assert codes.tolist() == [0, 1, 0]
    assert different.tolist() == ids[:2].tolist()
