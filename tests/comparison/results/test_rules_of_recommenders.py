"""Results of recommenders by other rules of splitting, of ties, of what was seen, of candidates: none in one table."""

import json
import shutil
from dataclasses import asdict, replace

import pytest

import rankkit as rk
from rankkit.comparison import Part, Plan, Rules, System, read_results
from rankkit.errors import ConfigError, DataError
from rankkit.evaluation.catalogue import RECOMMENDER_PROTOCOLS
from rankkit.tasks.recommendation.splits import LogSource, load_split
from tests.models.recommenders.drawn import drawn_log


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    folder = tmp_path_factory.mktemp("log")
    rk.write_log(drawn_log(n_users=30, n_events=300), folder / "log")
    return LogSource(str(folder / "log"), by="leave_last")


@pytest.fixture(scope="module")
def plan(source):
    systems = tuple(System(name, Part(name), kind="recommender") for name in ("popularity", "markov"))
    return Plan(source, systems, "popularity", (0,), rules=Rules(("ndcg@10",)))


@pytest.fixture(scope="module")
def compared(plan, tmp_path_factory):
    return rk.compare(plan, tmp_path_factory.mktemp("compared") / "out", jobs=1)


@pytest.fixture
def outcome(compared):
    """Writes what one run has for its outcome; it is as it was afterwards."""
    path = next((compared.folder / "runs").glob("markov*")) / "outcome.json"
    text = path.read_text()
    yield lambda changes: path.write_text(json.dumps({**json.loads(text), **changes}))
    path.write_text(text)


@pytest.mark.parametrize(
    ("rules", "differing"),
    [
        (replace(RECOMMENDER_PROTOCOLS["rankkit"], ties="expected"), "ties"),
        (replace(RECOMMENDER_PROTOCOLS["rankkit"], seen_targets="candidates"), "seen_targets"),
        (replace(RECOMMENDER_PROTOCOLS["rankkit"], known_only=True), "known_only"),
        (replace(RECOMMENDER_PROTOCOLS["rankkit"], best_order="filled"), "best_order"),
        (RECOMMENDER_PROTOCOLS["recbole"], "name, ties, ideal"),
    ],
)
def test_another_protocol_is_refused(compared, outcome, rules, differing):
    outcome({"protocol": json.loads(json.dumps(asdict(rules)))})
    with pytest.raises(ConfigError, match=r"expected runs under one protocol; got markov.* with another") as raised:
        read_results(compared.folder)
    assert all(name in str(raised.value) for name in differing.split(", "))


@pytest.mark.parametrize("other", [{"by": "ratio"}, {"by": "time"}, {"n": 2}, {"by": "ratio", "order": "random"}])
def test_another_split_is_refused(compared, source, outcome, other):
    outcome({"fingerprints": load_split(replace(source, **other), "split").fingerprints})
    with pytest.raises(DataError, match=r"expected all runs on the same data; got markov.* with other \w+ data"):
        read_results(compared.folder)


def test_a_split_of_another_rule_that_holds_out_the_same_is_another(source):
    """Test parts tell of their rule: what is held out may be the same, what it means is not."""
    log = rk.read_log(source.log)
    test = rk.split_interactions(log, "leave_last").test
    assert test.fingerprint != replace(test, rule="as given").fingerprint


def test_going_on_by_other_rules_mixes_nothing(compared, plan, tmp_path):
    """Of other rules every system is run anew; another split is refused its place."""
    folder = shutil.copytree(compared.folder, tmp_path / "copy")
    other = replace(plan, rules=replace(plan.rules, ties="expected"))
    results = rk.compare(other, folder, jobs=1, resume=True)
    assert {run.outcome["protocol"]["ties"] for run in results.runs} == {"expected"}
    assert len(results.runs) == 2
    with pytest.raises(ConfigError, match="expected the data that this comparison began with; got other data"):
        rk.compare(replace(plan, source=replace(plan.source, by="time")), folder, jobs=1, resume=True)
