"""Where a log lies and how it is split."""

import numpy as np
import pytest

import rankkit as rk
from rankkit.errors import ConfigError, DataError, DataWarning
from rankkit.loaders.interactions.folders import write_split
from rankkit.tasks.known import source_from_dict, task_of, task_of_data
from rankkit.tasks.recommendation.splits import LogSource, check_log, few_users, load_split, splits_of, write_facts
from tests.models.recommenders.drawn import drawn_log


@pytest.fixture
def log(tmp_path):
    rk.write_log(drawn_log(n_events=500), tmp_path / "log")
    return tmp_path / "log"


def test_the_source_is_that_of_recommendation():
    source = LogSource("log", by="ratio", valid=0.2)
    assert task_of(source).name == "recommendation"
    assert source_from_dict({**source.reading, "log": "log"}) == source
    assert task_of_data(drawn_log()).name == "recommendation"


def test_without_a_rule_it_is_split_as_the_folder_says_else_by_time(log, tmp_path):
    assert splits_of(LogSource(str(log))).rule.startswith("by time: the latest 0.2 of the events is test, 0.1 before")
    last = rk.split_interactions(rk.read_log(log), "leave_last", n=2)
    write_split(last, log / "split")
    for place in (log, log / "split"):
        found = splits_of(LogSource(str(place)))
        assert (found.rule, found.test.fingerprint) == (last.rule, last.test.fingerprint)
    assert splits_of(LogSource(str(log), by="time", test=0.4)).rule.startswith("by time: the latest 0.4")
    with pytest.raises(ConfigError, match="expected no test for a split that is there"):
        splits_of(LogSource(str(log), test=0.4))
    with pytest.raises(ConfigError, match="expected a log, to split by time; got a split"):
        splits_of(LogSource(str(log / "split"), by="time"))


def test_a_log_without_times_is_split_by_the_last_events(tmp_path):
    (tmp_path / "sequences.txt").write_text("u1 1 2 3 4\nu2 2 3 1 5\n")
    with pytest.warns(DataWarning, match="no times"):
        found = splits_of(LogSource(str(tmp_path / "sequences.txt")))
    assert found.rule == "the last event of each user is test, the one before valid"


def test_paths_may_name_variables(log, monkeypatch):
    monkeypatch.setenv("MY_LOGS", str(log.parent))
    check_log(LogSource("$MY_LOGS/log"))
    with pytest.raises(DataError, match="expected a log; got No such file"):
        check_log(LogSource("$MY_LOGS/none"))


def test_a_comparison_needs_a_part_to_choose_on(log):
    with pytest.raises(DataError, match="expected a validation part"):
        load_split(LogSource(str(log), valid=0.0), "split")
    with pytest.raises(ConfigError, match="expected no n with by='time'"):
        load_split(LogSource(str(log), by="time", n=2), "split")


def test_few_users_have_the_same_few_items_in_each_part(log):
    split = load_split(LogSource(str(log), by="leave_last"), "split")
    train, valid = few_users(split.train, None, {}), few_users(split.valid, None, {})
    assert np.array_equal(train.item_ids, valid.history.item_ids)
    assert train.n_events == split.train[:50].n_events  # there are no more than so many items


def test_what_the_results_know_of_a_split_is_written_once(log, tmp_path):
    split = load_split(LogSource(str(log), by="leave_last"), "split")
    write_facts(split, tmp_path)
    write_facts(split, tmp_path)
    other = load_split(LogSource(str(log), by="time"), "split")
    with pytest.raises(DataError, match="expected the data that this comparison began with"):
        write_facts(other, tmp_path)
