"""How many connections there may be, and which one gives way."""

import resource

import pytest

from rankkit.errors import ConfigError
from rankkit.serving.http import house
from rankkit.serving.http.house import House, connection_limit


class Guest:
    def __init__(self):
        self.gave_way = False

    def give_way(self):
        self.gave_way = True


@pytest.fixture
def clock(monkeypatch):
    """Seconds that a test sets."""
    seconds = [0.0]
    monkeypatch.setattr(house.time, "monotonic", lambda: seconds[0])
    return seconds


def guests(number):
    return [Guest() for _ in range(number)]


def test_who_has_been_quiet_for_longest_gives_way(clock):
    full = House(2, reserve=1)
    first, second, third = guests(3)
    for guest in (first, second):
        assert full.enter(guest)
        full.quiet(guest)
        clock[0] += 1
    full.busy(first)
    assert full.enter(third)
    assert [guest.gave_way for guest in (first, second, third)] == [False, True, False]
    assert (full.n_inside, full.n_turned_away, full.is_full) == (2, 1, False)


def test_who_has_only_come_does_not_give_way(clock):
    full = House(1, reserve=1)
    first, second = guests(2)
    full.enter(first)
    full.quiet(first)
    clock[0] += 0.1
    assert full.enter(second)
    assert not first.gave_way
    assert full.is_full


def test_beyond_the_reserve_nobody_is_let_in(clock):
    full = House(1, reserve=1)
    first, second, third = guests(3)
    assert [full.enter(guest) for guest in (first, second, third)] == [True, True, False]
    assert full.n_inside == 2
    full.leave(first)
    assert full.enter(third)


def test_who_was_turned_away_is_not_remembered(clock):
    full = House(1, reserve=0)
    first, second, third = guests(3)
    full.enter(first)
    assert not full.enter(second)
    full.quiet(second)
    clock[0] += 1
    assert not full.enter(third)
    assert not second.gave_way


def test_the_limit_is_well_below_that_of_files(monkeypatch):
    for files, limit in ((1024, 480), (20_000, 1000), (10, 1)):
        monkeypatch.setattr(resource, "getrlimit", lambda kind, files=files: (files, files))
        assert connection_limit(None) == limit
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1024, 4096))
    assert connection_limit(900) == 900
    with pytest.raises(ConfigError, match="max_connections: expected at most 928, as the process may have 1024 files"):
        connection_limit(1000)
