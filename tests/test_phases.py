"""Phases: the time of each, less that of those inside it."""

import contextlib

import pytest

from rankkit.phases import Phases, phase, watched


@pytest.fixture
def clock():
    """Goes on by one second each time it is looked at."""
    return iter(range(1000)).__next__


def test_time_inside_counts_once(clock):
    found = Phases(clock=clock)
    with watched(found):
        with phase("a"), phase("b"):
            with phase("c"):
                pass
            with phase("c"):
                pass
        with phase("a"):
            pass
    assert found.seconds == {"a": 3, "b": 3, "c": 2}


def test_a_phase_that_stays_whole_has_none_inside(clock):
    found = Phases(clock=clock)
    with watched(found):
        with phase("a", whole=True), phase("b"):
            pass
        with phase("b"):
            pass
    assert found.seconds == {"a": 1, "b": 1}


def test_an_error_leaves_phases_as_they_were(clock):
    found = Phases(clock=clock)
    with watched(found):
        with pytest.raises(ValueError, match="x"), phase("a", whole=True):
            raise ValueError("x")
        with phase("b"), phase("c"):
            pass
    assert found.seconds == {"a": 1, "b": 2, "c": 1}


def test_where_nobody_watches_nothing_is_made(clock):
    assert phase("a") is phase("b")
    with watched(Phases(clock=clock)):
        assert phase("a") is not phase("b")
    assert phase("a") is phase("b")


def test_phases_are_marked_in_place_of_counted(clock):
    found, seen = Phases(clock=clock), []
    found.mark = lambda name: contextlib.nullcontext(seen.append(name))
    with watched(found), phase("a"), phase("b"):
        pass
    assert (seen, found.seconds) == (["a", "b"], {})
